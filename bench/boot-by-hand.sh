#!/bin/sh
# The same guest as `bench/boot.ts` creates through the API, started by hand: namespace, bridge, tap, DHCP, QEMU.
#   boot-by-hand.sh start NAME DIRECTORY   needs KERNEL, INITRD, APPEND and MEMORY (MiB) in the environment
#   boot-by-hand.sh stop NAME DIRECTORY
set -eu
action=$1 ns=$2 dir=$3

if [ "$action" = stop ]; then
  [ ! -f "$dir/qemu.pid" ] || kill -9 "$(cat "$dir/qemu.pid")" || true
  [ ! -f "$dir/dnsmasq.pid" ] || kill "$(cat "$dir/dnsmasq.pid")" || true
  ip netns del "$ns" || true
  rm -f "$dir"/*
  exit
fi

ip netns add "$ns"
ip -n "$ns" link set lo up
ip -n "$ns" link add k6t-eth0 address 02:00:00:00:00:00 mtu 1400 type bridge
ip -n "$ns" addr add 10.0.2.1/24 dev k6t-eth0
ip -n "$ns" tuntap add tap0 mode tap
ip -n "$ns" link set tap0 mtu 1400 master k6t-eth0 up
ip -n "$ns" link set k6t-eth0 up

ip netns exec "$ns" dnsmasq --conf-file=/dev/null --port=0 --no-hosts --no-resolv \
  --interface=k6t-eth0 --bind-interfaces --dhcp-authoritative --no-ping --dhcp-rapid-commit \
  --dhcp-range=10.0.2.2,10.0.2.2,255.255.255.0,infinite --dhcp-option-force=26,1400 \
  --pid-file="$dir/dnsmasq.pid" --dhcp-leasefile="$dir/leases"

root_port() { echo "pcie-root-port,id=rp$1,bus=pcie.0,addr=0x2.$(($1 - 1)),chassis=$1,io-reserve=0$2"; }

ip netns exec "$ns" qemu-system-x86_64 \
  -nodefaults -no-user-config -display none -no-shutdown -name by-hand \
  -machine q35,hpet=off,smm=off,vmport=off,smbus=off,sata=off,dump-guest-core=off \
  -accel "$ACCEL" -cpu "$CPU" -smp 1 -m "${MEMORY}M" \
  -sandbox on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny \
  -rtc base=utc -boot strict=on \
  -kernel "$KERNEL" -initrd "$INITRD" -append "$APPEND" \
  -chardev "socket,id=monitor,path=$dir/qmp.sock,server=on,wait=off" -mon chardev=monitor,mode=control \
  -chardev "file,id=serial,path=$dir/serial.log" -serial chardev:serial \
  -device virtio-serial-pci-non-transitional,id=vserial,bus=pcie.0,addr=0x1 \
  -chardev "socket,id=agent,path=$dir/qga.sock,server=on,wait=off" \
  -device virtserialport,bus=vserial.0,nr=1,chardev=agent,name=org.qemu.guest_agent.0 \
  -device "$(root_port 1 ,multifunction=on)" -device "$(root_port 2 '')" -device "$(root_port 3 '')" \
  -device "$(root_port 4 '')" -device "$(root_port 5 '')" \
  -netdev tap,id=net0,ifname=tap0,script=no,downscript=no,vhost=off \
  -device virtio-net-pci-non-transitional,netdev=net0,mac=0a:58:0a:80:00:63,bus=rp1,addr=0x0,host_mtu=1400,romfile= \
  -pidfile "$dir/qemu.pid" >"$dir/qemu.log" 2>&1 &
echo started
