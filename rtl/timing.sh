#!/bin/sh
# Writes the tables of docs/timing.md anew: rtl/timing.sh WEIR FILE...
#
# WEIR is a weir that was built with `--features rtl`; what stands above the tables stays.
set -eu
weir=$1
shift
page=$(dirname "$0")/../docs/timing.md
tables=$(mktemp)
trap 'rm -f "$tables"' EXIT
"$weir" lockstep --timing --quiet "$@" >"$tables"
{ sed '/^| trace /,$d' "$page"; cat "$tables"; } >"$page.new"
mv "$page.new" "$page"
