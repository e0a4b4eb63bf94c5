#!/bin/sh
# Runs model and RTL side by side: rtl/lockstep.sh CARGO OPTIONS..., with what rtl/env.sh sets
#
# The options are those that cargo builds everything with.
#
# The example with the program, then every test of tests/tests/lockstep*.rs. As long as there is none, the
# public captures instead, which are not in this repository: WEIR_CAPTURES says where they are.
set -eu
cd "$(dirname "$0")/.."
cargo=$1
shift
slots=${WEIR_RTL_SLOTS_LOG2:-17}
$cargo build "$@" --bin weir
weir=${CARGO_TARGET_DIR:-target}/release/weir

lockstep() { # a capture; one that is damaged is compared up to there
    said=0
    "$weir" lockstep --slots-log2 "$slots" "$1" >"$output" 2>&1 || said=$?
    if [ $said != 0 ] && [ $said != 3 ]; then
        cat "$output" >&2
        echo "lockstep: $1: weir left with $said, expected 0, or 3 of a damaged capture" >&2
        exit 1
    fi
    if [ $said = 3 ]; then
        echo "lockstep: ${1##*/}: damaged, and no difference up to there"
    else
        echo "lockstep: ${1##*/}: $(tail -n 1 "$output")"
    fi
}

output=$(mktemp)
trap 'rm -f "$output"' EXIT
lockstep examples/small.pcap
if ls tests/tests/lockstep*.rs >/dev/null 2>&1; then
    $cargo test "$@" --test 'lockstep*'
    exit
fi
captures=${WEIR_CAPTURES:-../shared/data/pcaps}
if ! [ -d "$captures" ]; then
    echo "lockstep: NO CAPTURES in $captures: only the example was compared" >&2
    exit
fi
for capture in "$captures"/*.pcap "$captures"/*.pcapng; do
    lockstep "$capture"
done
