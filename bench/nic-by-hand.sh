#!/bin/sh
# The network of one virtual machine by hand, in the node's namespace this is started in.
#   nic-by-hand.sh masquerade|bridge links|rules|switch|dhcp SANDBOX DIRECTORY
# Each word after `links` adds to what the word before it makes.
set -eu
shape=$1 depth=$2 ns=$3 dir=$4

if [ "$shape" = masquerade ]; then
  mtu=1400 nic=tap0 bridge=k6t-eth0
  ip -batch - <<END
netns add $ns
link add name pbhand0 mtu 1400 type veth peer name eth0 netns $ns mtu 1400 address 0a:58:0a:80:00:05
link set dev pbhand0 up
END
  ip -n "$ns" -batch - <<END
link set dev lo up
link set dev eth0 up
addr add 10.128.0.5/23 dev eth0
route add default via 10.128.0.1
route add 172.30.0.0/16 via 10.128.0.1
link add name $bridge address 02:00:00:00:00:00 mtu $mtu type bridge
tuntap add dev $nic mode tap user 107
link set dev $nic mtu $mtu master $bridge addrgenmode none up
link set dev $bridge up
addr add 10.0.2.1/24 dev $bridge
END
else
  mtu=1500 nic=tap03b731d2111 bridge=k6t-03b731d2111
  ip -batch - <<END
netns add $ns
link add name pbhand0 mtu 1400 type veth peer name eth0 netns $ns mtu 1400 address 0a:58:0a:80:00:05
link set dev pbhand0 up
link add name pbhand1 mtu 1500 type veth peer name 03b731d2111-nic netns $ns mtu 1500 address 1a:d4:91:53:72:f5
link set dev pbhand1 up
END
  ip -n "$ns" -batch - <<END
link set dev lo up
link set dev eth0 up
addr add 10.128.0.5/23 dev eth0
route add default via 10.128.0.1
route add 172.30.0.0/16 via 10.128.0.1
link add name $bridge address 1a:d4:91:53:72:f5 mtu $mtu type bridge
link set dev 03b731d2111-nic master $bridge addrgenmode none up
link set dev 03b731d2111-nic type bridge_slave learning off
tuntap add dev $nic mode tap user 107
link set dev $nic mtu $mtu master $bridge addrgenmode none up
link add name pod03b731d2111 address 02:86:5e:00:00:14 mtu $mtu type ${DUMMY:-dummy}
link set dev pod03b731d2111 arp off
link set dev $bridge up
END
fi
[ "$depth" != links ] || exit 0

off="tx off tso off gso off gro off"
ip netns exec "$ns" ethtool -K eth0 $off >"$dir/ethtool.log"
[ "$shape" = masquerade ] || ip netns exec "$ns" ethtool -K 03b731d2111-nic $off >"$dir/ethtool.log"
calls="net.bridge.bridge-nf-call-arptables=0 net.bridge.bridge-nf-call-ip6tables=0 net.bridge.bridge-nf-call-iptables=0"
if [ "$shape" = masquerade ]; then
  ip netns exec "$ns" sysctl -q -w ${BRIDGE_NETFILTER:+$calls} \
    net.ipv4.ip_forward=1 net.ipv4.conf.k6t-eth0.route_localnet=1
  ip netns exec "$ns" nft -f - <<END
table ip nat {
  chain prerouting { type nat hook prerouting priority -100; iifname "eth0" counter jump KUBEVIRT_PREINBOUND; }
  chain input { type nat hook input priority 100; }
  chain output { type nat hook output priority -100; ip daddr 127.0.0.1 tcp dport 80 counter dnat to 10.0.2.2; }
  chain postrouting {
    type nat hook postrouting priority 100
    ip saddr 10.0.2.2 counter masquerade
    oifname "k6t-eth0" counter jump KUBEVIRT_POSTINBOUND
  }
  chain KUBEVIRT_PREINBOUND {
    tcp dport { 49152, 49153 } counter drop
    tcp dport 80 counter dnat to 10.0.2.2
  }
  chain KUBEVIRT_POSTINBOUND { ip saddr 127.0.0.1 tcp dport 80 counter snat to 10.0.2.1; }
}
END
else
  [ -z "${BRIDGE_NETFILTER:-}" ] || ip netns exec "$ns" sysctl -q -w $calls
  ip netns exec "$ns" nft -f - <<END
table bridge patchbay-macspoof {
  chain prerouting {
    type filter hook prerouting priority -300
    iifname "tap03b731d2111" ether saddr != 02:86:5e:00:00:14 drop
  }
}
END
fi
[ "$depth" != rules ] || exit 0

if [ "$shape" = masquerade ]; then
  ovs-vsctl --db="$OVS_DB" add-port br-int pbhand0 -- set interface pbhand0 external_ids:iface-id=demo_vm-a
else
  ovs-vsctl --db="$OVS_DB" add-port br-int pbhand0 -- set interface pbhand0 external_ids:iface-id=demo_vm-a \
    -- add-port br1 pbhand1 tag=100 vlan_mode=access
  printf '%s\n' \
    'priority=101,in_port=pbhand1,dl_src=02:86:5e:00:00:14,actions=NORMAL' \
    'priority=100,in_port=pbhand1,actions=drop' | ovs-ofctl add-flows "unix:$dir/br1.mgmt" -
fi
[ "$depth" != switch ] || exit 0

ip netns exec "$ns" dnsmasq --conf-file=/dev/null --port=0 --no-hosts --no-resolv --user=nobody --group=nogroup \
  --interface=$bridge --bind-interfaces --dhcp-authoritative --no-ping --dhcp-rapid-commit \
  --dhcp-range=10.0.2.2,10.0.2.2,255.255.255.0,infinite --dhcp-option-force=26,1400 \
  --pid-file="$dir/dnsmasq.pid" --dhcp-leasefile="$dir/leases"
