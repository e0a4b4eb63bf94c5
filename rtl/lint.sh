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
            verilator_bin --lint-only -Wall $2 --top-module "$module" -Irtl rtl/lint.vlt rtl/weir_abi_pkg.sv rtl/weir_pkg.sv \
                rtl/weir_regs_pkg.sv "$file"
        done
    )
}

# Parameters that no such module can have: elaboration must fail, with the module's own words.
impossible() { # the Verilator to use
    (
        WEIR_VERILATOR=$1
        . rtl/env.sh
        while read -r module parameters; do
            case $module in '' | '#'*) continue ;; esac
            said=$(verilator_bin --lint-only --top-module "$module" $parameters -Irtl rtl/lint.vlt rtl/weir_abi_pkg.sv rtl/weir_pkg.sv \
                rtl/weir_regs_pkg.sv "rtl/$module.sv" 2>&1) && {
                echo "$module $parameters elaborates, expected an error" >&2
                exit 1
            }
            case $said in
            *"$module: "*expected*) ;;
            *)
                echo "$module $parameters: expected the module to say what it wants, found: $said" >&2
                exit 1
                ;;
            esac
        done <rtl/impossible.txt
        echo "rtl-lint: every row of rtl/impossible.txt is refused"
    )
}

lint wheel --quiet-stats
impossible wheel
lint debian ""
impossible debian
(
    . rtl/env.sh
    echo "rtl-lint: verible"
    verible-verilog-lint --rules_config rtl/verible.rules $(ls rtl/weir_*.sv rtl/formal/*.sv 2>/dev/null | grep -v rtl/weir_regs)
)
