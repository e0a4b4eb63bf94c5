#!/bin/sh
# Lints every module of the RTL by itself, or those that are named: rtl/lint.sh FOLDER-OF-THE-TOOLS [MODULE...]
#
# Warnings are errors. The only exceptions are those of rtl/lint.vlt: packages, and what is generated.
set -eu
cd "$(dirname "$0")/.."
export WEIR_RTL_VENV="$1"
shift
if [ $# = 0 ]; then
    set -- $(ls rtl | sed -n '/_pkg\.sv$/d; s/\.sv$//p')
fi
modules=$*
packages="rtl/weir_abi_pkg.sv rtl/weir_regs_pkg.sv rtl/weir_pkg.sv"

lint() { # the Verilator to use, and options that only it knows
    (
        WEIR_VERILATOR=$1
        . rtl/env.sh
        echo "rtl-lint: $(verilator_bin --version) on $(echo $modules | wc -w) modules"
        for module in $modules; do
            verilator_bin --lint-only -Wall $2 --top-module "$module" -Irtl rtl/lint.vlt $packages "rtl/$module.sv"
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
            said=$(verilator_bin --lint-only --top-module "$module" $parameters -Irtl rtl/lint.vlt $packages \
                "rtl/$module.sv" 2>&1) && {
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
    verible-verilog-lint --rules_config rtl/verible.rules \
        $(ls rtl/*.sv rtl/formal/*.sv rtl/sim/bench/*.sv | grep -v rtl/weir_regs)
)
