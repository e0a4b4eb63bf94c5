#!/bin/bash
# run.sh WORK HOST_WEIR GUEST_WEIR: the shipped program on the kernel's VFIO, with no hardware.
#
# Boots a stock Debian kernel in QEMU (software emulation: no KVM, no root) behind an emulated Intel IOMMU, attaches NICs that
# HOST_WEIR serves, and runs GUEST_WEIR, which is static, inside: see init.sh for the steps. QEMU and the kernel come from the
# Debian mirror that this machine is configured with, once, into WORK.
#
# Needs ca-certificates, debian-archive-keyring, binutils, python3 and xz-utils. `STEPS=main` runs only the first boot.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mkdir -p "$1" && cd "$1" && pwd); host=$(realpath "$2"); guest=$(realpath "$3")
boots=${BOOTS:-main,no-iommu,no-caching-mode,private-memory}
key=/usr/share/keyrings/debian-archive-keyring.gpg
start=$(date +%s)
say() { printf '%4ds %s\n' $(($(date +%s) - start)) "$*"; }
servers=()
trap 'kill "${servers[@]}" 2>/dev/null || :' EXIT

mirror() {
  local lists=()
  shopt -s nullglob
  lists=(/etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources)
  shopt -u nullglob
  cat "${lists[@]}" 2>/dev/null | awk '/^URIs:/ && /debian\/?$/ {print $2; exit}
    /^deb / && /debian / {for (i = 2; i <= NF; i++) if ($i ~ /:\/\//) {print $i; exit}}'
}
apt_state() { # apt_state NAME SUITE...: a private state of apt; its options end up in $apt
  local dir=$work/apt-$1 url; shift
  url=${DEBIAN_MIRROR:-$(mirror)}
  mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial"; : > "$dir/status"
  for suite; do echo "deb [arch=amd64 signed-by=$key] $url $suite main"; done > "$dir/sources.list"
  apt=(-q -o "Dir::State=$dir" -o "Dir::State::lists=$dir/lists" -o "Dir::State::status=$dir/status" -o "Dir::Cache=$dir/cache"
    -o "Dir::Etc::sourcelist=$dir/sources.list" -o Dir::Etc::sourceparts=/dev/null -o Dir::Etc::preferencesparts=/dev/null
    -o APT::Install-Recommends=0 -o "APT::Sandbox::User=$(id -un)")
  apt-get "${apt[@]}" update >> "$work/log" 2>&1
}
get_qemu() {
  apt_state qemu trixie trixie-backports
  apt-get "${apt[@]}" -y --download-only -t trixie-backports install qemu-system-x86 >> "$work/log" 2>&1
  mkdir -p "$work/root"
  for deb in "$work"/apt-qemu/cache/archives/*.deb; do dpkg -x "$deb" "$work/root"; done
  local lib=$work/root/usr/lib/x86_64-linux-gnu
  printf '#!/bin/sh\nexport QEMU_MODULE_DIR=%s/qemu\nexec %s --library-path %s %s -L %s -L %s "$@"\n' "$lib" \
    "$work/root/usr/lib64/ld-linux-x86-64.so.2" "$lib" "$work/root/usr/bin/qemu-system-x86_64" \
    "$work/root/usr/share/qemu" "$work/root/usr/share/seabios" > "$work/qemu.tmp"
  chmod +x "$work/qemu.tmp"; rm -f "$work"/apt-qemu/cache/archives/*.deb
  mv "$work/qemu.tmp" "$work/qemu-system-x86_64"
  say "QEMU: $("$work/qemu-system-x86_64" --version | head -1)"
}
get_kernel() {
  apt_state kernel bookworm
  local kernel
  kernel=$(apt-cache "${apt[@]}" depends linux-image-cloud-amd64 | awk '/Depends: linux-image/ {print $2; exit}')
  (cd "$work" && rm -rf kernel.tmp busybox && apt-get "${apt[@]}" download "$kernel" busybox-static >> log 2>&1 &&
    dpkg -x linux-image-*.deb kernel.tmp && dpkg -x busybox-static_*.deb busybox && rm -f ./*.deb && mv kernel.tmp kernel)
  say "kernel: $kernel"
}

if [ ! -x "$work/qemu-system-x86_64" ]; then
  get_qemu || { say "NOT TESTED: QEMU 10.1 or later with vfio-user-pci cannot be had from the mirror; see $work/log"; exit 1; }
fi
[ -d "$work/kernel" ] || get_kernel
vmlinuz=$(ls "$work"/kernel/boot/vmlinuz-*); busybox=$(find "$work/busybox" -path '*bin/busybox' -type f)
strip -o "$work/weir" "$guest"
python3 "$here/initrd.py" "$work/initrd.img" "$work/kernel" "$here/init.sh" "$busybox" "weir=$work/weir"

# Two captures' windows of traffic, and what a replay in one process makes of it.
window=2s
"$host" generate -q --packets 5k --flows 500 --pps 1k "$work/traffic.pcap"
"$host" replay -q --window "$window" "$work/traffic.pcap" > "$work/expected"
expected="RECORDS $(wc -l < "$work/expected") $(sha256sum < "$work/expected")"
say "expected: $expected"

serve() { # serve NUMBER OPTION...: a NIC; its process ends up last in servers
  local socket=$work/nic$1.sock; shift
  rm -f "$socket"
  "$host" nic serve --socket "$socket" "$@" > "${socket%.sock}.log" 2>&1 &
  servers+=($!); disown
  for _ in $(seq 100); do [ -S "$socket" ] && return; sleep 0.05; done
  say "no NIC at $socket:"; cat "${socket%.sock}.log"; exit 1
}
boot() { # boot NICS IOMMU MEMORY STEPS: the console ends up in console.log
  local devices=() slot
  for slot in $(seq 0 $(($1 - 1))); do
    # The message time-out must outlive a slow model.
    devices+=(-device "{\"driver\":\"vfio-user-pci\",\"addr\":\"0x1$slot\",\"x-msg-timeout\":60000,\"socket\":{\"type\":\"unix\",\"path\":\"$work/nic$slot.sock\"}}")
  done
  rm -f "$work/console.log"
  # The IOMMU must come before the NICs.
  local iommu=(); [ -z "$2" ] || iommu=(-device "intel-iommu,intremap=on,$2")
  timeout "${GUEST_TIMEOUT_S:-150}" "$work/qemu-system-x86_64" -accel tcg -machine q35,memory-backend=mem -cpu max -m 512 -smp 1 \
    -object "memory-backend-memfd,id=mem,size=512M,share=$3" -display none -nodefaults -no-reboot -monitor none \
    -serial "file:$work/console.log" -kernel "$vmlinuz" -initrd "$work/initrd.img" \
    -append "console=ttyS0 intel_iommu=on no_timer_check panic=-1 quiet weir.steps=$4 weir.window=$window" \
    "${iommu[@]}" "${devices[@]}" < /dev/null > "$work/qemu.log" 2>&1 &
  local machine=$!; disown
  # A guest whose NIC was removed takes a minute to power off: the machine is not needed any more.
  while sleep 0.1; do
    grep -aq '^UP .* end' "$work/console.log" 2>/dev/null && break
    kill -0 "$machine" 2>/dev/null || { say "QEMU has ended: $(grep -am1 -iE 'error:|requires' "$work/qemu.log" || :)"; break; }
  done
  sleep 0.2; kill "$machine" 2>/dev/null || :
  while kill -0 "$machine" 2>/dev/null; do sleep 0.1; done
}
remove_when_asked() { # remove_when_asked PROCESS: ends a NIC when the guest is ready for it
  while sleep 0.05; do
    grep -aq '^REMOVE NOW' "$work/console.log" 2>/dev/null && { kill -9 "$1"; return; }
  done
}
failed=0
wanted() { # wanted WHAT PATTERN: the console has such a line
  if tr -d '\r' < "$work/console.log" | grep -aqE "$2"; then say "ok: $1"; else say "FAILED: $1: no line like /$2/"; failed=1; fi
}
over() { # over BOOT: what it all came to
  kill "${servers[@]}" 2>/dev/null || :; servers=()
  cp "$work/console.log" "$work/console-$1.log" 2>/dev/null || :
  if [ "$failed" = 1 ]; then say "boot $1: the console ends:"; tail -60 "$work/console.log"; exit 1; fi
}

for name in ${boots//,/ }; do
  say "boot $name"
  case $name in
    main)
      serve 0 --traffic packets=0 --speed 1
      serve 1 --pcap "$work/traffic.pcap" --speed host
      serve 2 --pcap "$work/traffic.pcap" --speed host
      serve 3 --traffic packets=100M,pps=1k --speed 1
      remove_when_asked "${servers[3]}" & watcher=$!
      boot 4 caching-mode=on on list,unbound,bind,ready,selftest,one-vector,huge,small,removal
      kill "$watcher" 2>/dev/null || :
      wanted 'a NIC that is not bound is refused, with the commands that bind it' '^weir: error: 0000:00:10.0 is bound to no driver'
      wanted 'four NICs are bound by weir nic bind' '^RC bind 0'
      wanted 'the suite passes on VFIO' '^RC selftest 0'
      wanted 'the suite passes with one vector and pages of 4 KiB' '^RC one-vector 0'
      wanted 'replay in huge pages' '^RC huge 0'
      wanted 'replay in pages of 4 KiB, with one vector' '^RC small 0'
      same=$(tr -d '\r' < "$work/console.log" | grep -acF "$expected" || :)
      if [ "$same" = 2 ]; then say 'ok: both replays gave the records of a replay in one process, byte for byte'
      else say "FAILED: $same of 2 replays gave the expected records"; failed=1; fi
      wanted 'huge pages were used' '^host memory for the NIC: [1-9][0-9]* MiB in huge pages'
      wanted 'pages of 4 KiB were used' '^host memory for the NIC: 0 MiB in huge pages'
      wanted 'a removal ends the driver with a clear error' '^RC removal 0'
      ;;
    no-iommu) # Negative control.
      serve 0 --traffic packets=0 --speed 1
      boot 1 '' on list,unbound
      wanted 'without an IOMMU the NIC is refused, and that is said' '^weir: error: 0000:00:10.0 has no IOMMU group'
      wanted 'without an IOMMU the step fails' '^RC unbound [1-9]'
      ;;
    no-caching-mode) # Negative control: QEMU would not learn what is mapped, and refuses.
      serve 0 --traffic packets=0 --speed 1
      boot 1 caching-mode=off on bind-one,selftest
      cat "$work/qemu.log" >> "$work/console.log"
      wanted 'without caching mode QEMU refuses, or the suite fails' 'requires caching mode|^RC selftest [1-9]'
      ;;
    private-memory) # Negative control: what the NIC writes, the guest does not see.
      serve 0 --traffic packets=0 --speed 1
      boot 1 caching-mode=on off bind-one,selftest
      wanted 'with private memory no DMA arrives, and the suite fails' '^RC selftest [1-9]'
      ;;
    *) say "no boot $name"; exit 2 ;;
  esac
  over "$name"
done
say 'all passed'
