#!/bin/busybox sh
# /init of the guest: loads VFIO, then runs the steps of weir.steps= in order and prints "RC <step> <exit code>" for each.
# NICs are at 0000:00:10.0 and on, in the order in which the host serves them.
B=/bin/busybox
$B mount -t devtmpfs dev /dev; $B mount -t proc proc /proc; $B mount -t sysfs sys /sys; $B mount -t tmpfs tmp /tmp
export NO_COLOR=1
up() { read -r uptime _ < /proc/uptime; echo "UP $uptime $1"; }
up init
steps= window=
for word in $($B cat /proc/cmdline); do
  case $word in
    weir.steps=*) steps=${word#weir.steps=} ;;
    weir.window=*) window=${word#weir.window=} ;;
  esac
done
for module in $($B cat /lib/order); do $B insmod "/lib/$module.ko" || echo "insmod $module failed"; done

replay() { # replay ADDRESS OPTION...: the records' hash, for the host to compare
  address=$1; shift
  weir replay --window "$window" --device "$address" "$@" > /tmp/records; code=$?
  echo "RECORDS $($B wc -l < /tmp/records) $($B sha256sum < /tmp/records)"
  return $code
}

seen() { # seen TEXT: within 20 s it is in the driver's output
  for _ in $($B seq 200); do
    $B grep -q "$1" /tmp/out && return
    $B usleep 100000
  done
  return 1
}

removal() { # The host ends the NIC's process when it sees the mark.
  weir replay --window "$window" --device 0000:00:13.0 > /tmp/out 2>&1 &
  seen 'the NIC was brought up' || { $B cat /tmp/out; return 1; }
  $B sleep 1
  $B grep 'error' /tmp/out && return 1
  echo "REMOVE NOW"
  read -r before _ < /proc/uptime
  seen 'NIC is gone'
  read -r after _ < /proc/uptime
  $B cat /tmp/out
  echo "GONE after $before until $after"
  # The host needs a part of that to notice the mark.
  $B grep -q 'weir: error: the NIC is gone' /tmp/out && $B awk "BEGIN { exit !($after - $before < 2) }"
}

IFS=,
for step in $steps; do
  unset IFS
  case $step in
    list) weir nic list --all ;;
    unbound) weir nic selftest --device 0000:00:10.0 ;;
    bind) for slot in 10 11 12 13; do weir nic bind "0000:00:$slot.0" || break; done ;;
    bind-one) weir nic bind 0000:00:10.0 ;;
    ready) weir nic list ;;
    selftest) weir nic selftest --device 0000:00:10.0 ;;
    one-vector) weir nic selftest --device 0000:00:10.0 --vectors 1 --no-huge-pages ;;
    huge) echo 48 > /proc/sys/vm/nr_hugepages; replay 0000:00:11.0 ;;
    small) echo 0 > /proc/sys/vm/nr_hugepages; replay 0000:00:12.0 --vectors 1 ;;
    removal) removal ;;
    *) echo "no step $step"; false ;;
  esac
  echo "RC $step $?"
  up "$step"
done
$B dmesg | $B grep -i -E 'DMAR:.*fault|WARN|BUG' | $B tail -20
up end
$B poweroff -f
