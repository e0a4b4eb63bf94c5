#!/bin/sh
# Runs model and RTL side by side: rtl/lockstep.sh CARGO OPTIONS..., with what rtl/env.sh sets
#
# The options are those that cargo builds everything with.
#
# The example with the program, the cases of the specification, then every test of tests/tests/lockstep*.rs. They
# look for the public captures, which are not in this repository, where WEIR_CAPTURES says.
set -eu
cd "$(dirname "$0")/.."
cargo=$1
shift
$cargo build "$@" --bin weir
"${CARGO_TARGET_DIR:-target}/debug/weir" lockstep --slots-log2 "${WEIR_RTL_SLOTS_LOG2:-17}" examples/small.pcap
WEIR_TEST_NIC=lockstep $cargo test "$@" --test verdict_cases --test golden --test topologies
$cargo test "$@" --test 'lockstep*'
