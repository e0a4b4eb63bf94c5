#!/bin/sh
# Lints every module of the RTL by itself: rtl/lint.sh FOLDER-OF-THE-TOOLS
#
# Warnings are errors. The only exceptions are those of rtl/lint.vlt, for files that are generated.
set -eu
cd "$(dirname "$0")/.."
export WEIR_RTL_VENV="$1"

modules() {
    for file in rtl/weir_*.sv; do
        case $file in
        *_pkg.sv) ;;
        *) echo "$file" ;;
        esac
    done
}

lint() { # the Verilator to use, and options that only it knows
    (
        WEIR_VERILATOR=$1
        . rtl/env.sh
        echo "rtl-lint: $(verilator_bin --version) on $(modules | wc -l) modules"
        for file in $(modules); do
            module=$(basename "$file" .sv)
            verilator_bin --lint-only -Wall $2 --top-module "$module" -Irtl rtl/lint.vlt rtl/weir_abi_pkg.sv \
                rtl/weir_regs_pkg.sv "$file"
        done
    )
}

lint wheel --quiet-stats
lint debian ""
(
    . rtl/env.sh
    echo "rtl-lint: verible"
    verible-verilog-lint --rules_config rtl/verible.rules $(ls rtl/weir_*.sv rtl/formal/*.sv 2>/dev/null | grep -v rtl/weir_regs)
)
