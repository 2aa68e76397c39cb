# Network configuration: the functions that network.awk calls.

rename() {
  ip link set "$1" down
  ip link set "$1" name "$2"
  ip link set "$2" up
}

mac() {
  ip link set "$1" down
  ip link set "$1" address "$2"
  ip link set "$1" up
}

mtu() {
  ip link set "$1" mtu "$2"
}

vlan() {
  modprobe 8021q
  ip link add link "$2" name "$1" type vlan id "$3"
  ip link set "$1" up
}

address() {
  case $2 in
    *:*) ip -6 addr add "$2" dev "$1" ;;
    *) ip addr add "$2" broadcast + dev "$1" ;;
  esac
}

# route CARD TARGET GATEWAY [METRIC]; "-" as card: whichever reaches the gateway; "-" as gateway: on the link.
route() {
  family=''
  # What a router advertises has metric 1024: what is configured comes first, and is no duplicate of it.
  case $2$3 in *:*) family=-6 && set -- "$1" "$2" "$3" "${4:-100}" ;; esac
  set -- "$@" ''
  ip $family route add "$2" ${3:+$([ "$3" = - ] || echo "via $3")} ${1:+$([ "$1" = - ] || echo "dev $1")} ${4:+metric $4}
}

dns() {
  echo "nameserver $1" >>/etc/resolv.conf
}

search() {
  echo "search $1" >>/etc/resolv.conf
}

no_ra() {
  echo 0 >"/proc/sys/net/ipv6/conf/$1/accept_ra"
}

# Addresses and routes of router advertisements, and DHCPv6 where these say so. It stays and listens.
dhcp6() {
  dhcpcd -6 -B -q -f /lib/guest/dhcpcd.conf "$1" >/dev/null 2>&1 &
}

# The first DISCOVER leaves at once; then one a second, in bursts of 8 every 20 s on networks without a server.
dhcp4() {
  udhcpc -f -i "$1" -t 8 -T 1 -A 20 -S -O 26 -O 121 -x "hostname:$hostname" -s /lib/guest/dhcp >/dev/null 2>&1 &
}

absent() {
  echo "network-config names $1, which is no network card of this machine" >/dev/console
}

# The name in meta-data: a YAML line, or one of a JSON object.
read_hostname() {
  hostname=guest
  [ -n "$seed_meta" ] || return
  while IFS=': ,' read -r key value rest; do
    case $key in
      local-hostname | '"local-hostname"') hostname=${value#\"} hostname=${hostname%\"} ;;
    esac
  done <"$seed_meta"
}

configure_network() {
  read_hostname
  echo "$hostname" >/proc/sys/kernel/hostname
  find_cards
  if [ -n "$seed_network" ]; then
    cd /lib/guest
    eval "$(awk -v nics="$cards" -f yaml.awk -f plan.awk -f network.awk "$seed_network")"
    cd /
  else
    IFS=,
    for card in $cards; do
      dhcp4 "${card%%=*}"
      dhcp6 "${card%%=*}"
    done
    unset IFS
  fi
}
