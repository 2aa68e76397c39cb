# The one program with which reachability is measured, in guests (by their agent) and in network namespaces of pods.
# It needs busybox and OpenBSD's netcat, nothing else. Words are data, never script.
#   listen DIR NONCE SECONDS UDP-PORT TCP-PORT…   serves for at most SECONDS
#   probe WIDTH                                   WIDTH at a time, a line each: ID KIND ADDRESS DEVICE BYTES PORT NONCE SECONDS
#   collect DIR                                   datagrams that came, and how many pings this kernel answered
#   look DEVICE…                                  what each has: addresses with their flags, ways out
#   stop DIR
verb=$1
shift
command -v busybox >/dev/null || exit 69

# Counters: field $2 of protocol $1 (IPv4), or $3 (IPv6).
count4() { busybox awk -v p="$1:" -v f="$2" '$1 == p { if (c) { print $c; exit } for (i = 2; i <= NF; i++) if ($i == f) c = i }' /proc/net/snmp; }
count6() { busybox awk -v f="$1" '$1 == f { print $2 }' /proc/net/snmp6 2>/dev/null || echo 0; }
echoes() { echo "echoes $(count4 Icmp InEchos) $(count6 Icmp6InEchos)"; }
pieces() { echo "pieces $(count4 Ip FragCreates) $(count6 Ip6FragCreates)"; }
# Sets url to file $3 at port $2 of address $1. Nothing is forked: under emulation a process costs tens of milliseconds.
set_url() {
  case $1 in *:*) url="http://[$1]:$2/$3" ;; *) url="http://$1:$2/$3" ;; esac
}
# `timeout`, since Debian's static busybox crashes on `wget -T`.
fetch() { busybox timeout "$1" busybox wget -q -O - "$2" 2>/dev/null; }

listens() { busybox grep -q ":$(printf %04X "$1") [0-9A-F]*:0000 0A " /proc/net/tcp /proc/net/tcp6 2>/dev/null; }

# Port $1, nonce $2, process $3. One that lives and listens counts though its own host cuts it off: that is for probes to
# tell. One that could not have the port has ended.
await_server() {
  tries=0 settled=0 state=taken
  while [ "$tries" -lt 100 ] && kill -0 "$3" 2>/dev/null; do
    said=$(fetch 1 "http://127.0.0.1:$1/who")
    [ "$said" != "$2" ] || { state=open; break; }
    [ -z "$said" ] || break
    ! listens "$1" || settled=$((settled + 1))
    [ "$settled" -lt 3 ] || { state=open; break; }
    tries=$((tries + 1))
    busybox usleep 20000
  done
  echo "tcp $1 $state"
}

# Port $1 in each family that this kernel has: what comes before a listener has its port is lost without a word.
await_datagrams() {
  tries=0
  for table in /proc/net/udp /proc/net/udp6; do
    [ -e "$table" ] || continue
    until busybox grep -q ":$(printf %04X "$1") [0-9A-F]*:0000 " "$table"; do
      tries=$((tries + 1))
      [ "$tries" -lt 250 ] || { echo "udp $1 taken"; return; }
      busybox usleep 20000
    done
  done
  echo "udp $1 open"
}

listen() {
  dir=$1 nonce=$2 seconds=$3 udp=$4
  shift 4
  umask 077
  mkdir -p "$dir/www" || exit 1
  echo "$nonce" >"$dir/www/who"
  # 64 lines of 1 KiB: more than one segment can carry, in any size.
  busybox awk -v n="$nonce" 'BEGIN { l = sprintf("%1023s", "."); for (i = 0; i < 64; i++) print l; print n }' >"$dir/www/bulk"
  : >"$dir/udp"
  : >"$dir/pids"
  : >"$dir/servers"
  for port; do
    busybox timeout -s KILL "$seconds" busybox httpd -f -p "$port" -h "$dir/www" >/dev/null 2>&1 </dev/null &
    echo $! >>"$dir/pids"
    echo "tcp $port $!" >>"$dir/servers"
  done
  if command -v nc.openbsd >/dev/null; then
    for family in 4 6; do
      busybox timeout -s KILL "$seconds" nc.openbsd "-$family" -n -d -u -l -k "$udp" >>"$dir/udp" 2>/dev/null </dev/null &
      echo $! >>"$dir/pids"
    done
  else
    echo "udp $udp missing"
  fi
  # Whoever asked may be gone before it says stop.
  (
    busybox sleep "$((seconds + 1))" &
    echo $! >>"$dir/pids"
    wait
    rm -rf "$dir"
  ) >/dev/null 2>&1 </dev/null &
  for port; do
    await_server "$port" "$nonce" "$(busybox sed -n "s/^tcp $port //p" "$dir/servers")"
  done
  ! command -v nc.openbsd >/dev/null || await_datagrams "$udp"
  echoes
}

# One packet a try, a second's wait each. Device "-": whichever the routes choose.
probe_ping() {
  left=$6 device=${3#-}
  while [ "$left" -gt 0 ]; do
    if said=$(busybox ping -c 1 -W 1 ${device:+-I "$device"} -s "$4" "$2" 2>/dev/null); then
      rtt=${said##* = }
      echo "$1 answer ${rtt%%/*}"
      return
    fi
    left=$((left - 1))
  done
  echo "$1 silence"
}

# Of the transfer, lines are counted: 64 and the nonce.
probe_tcp() {
  set_url "$2" "$4" "$3"
  if [ "$3" = who ]; then
    text=$(fetch "$6" "$url")
  else
    text=$(fetch "$6" "$url" | busybox awk 'END { if (NR == 65) print; else if (NR) print "short" }')
  fi
  case $text in
    "$5") echo "$1 answer" ;;
    '') echo "$1 silence" ;;
    *) echo "$1 other" ;;
  esac
}

# Several copies: the first may be lost while a neighbour is looked for. Its arrival is the target's to tell.
probe_udp() {
  for _ in 1 2 3; do
    echo "$1.$4" | nc.openbsd -n -u -w 1 -q 0 "$2" "$3" >/dev/null 2>&1
    busybox usleep 200000
  done
  echo "$1 sent"
}

probe() {
  pieces
  running=0
  while read -r id kind address device bytes port nonce seconds; do
    case $kind in
      ping) probe_ping "$id" "$address" "$device" "$bytes" "" "$seconds" </dev/null & ;;
      tcp) probe_tcp "$id" "$address" who "$port" "$nonce" "$seconds" </dev/null & ;;
      bulk) probe_tcp "$id" "$address" bulk "$port" "$nonce" "$seconds" </dev/null & ;;
      udp) probe_udp "$id" "$address" "$port" "$nonce" & ;;
    esac
    running=$((running + 1))
    [ $((running % $1)) -ne 0 ] || wait
  done
  wait
  pieces
}

# Addresses: IPv4 as CIDR, IPv6 as 32 digits and the kernel's flags (8 duplicate, 40 tentative).
look() {
  for device; do
    busybox grep -q "^ *$device:" /proc/net/dev || continue
    echo "card $device"
    busybox ip -4 -o addr show dev "$device" 2>/dev/null | busybox awk -v d="$device" '{ for (i = 1; i < NF; i++) if ($i == "inet") print "inet", d, $(i + 1) }'
    busybox awk -v d="$device" '$6 == d && $4 == "00" { print "inet6", d, $1, $5 }' /proc/net/if_inet6 2>/dev/null
    busybox awk -v d="$device" '$1 == d && $2 == "00000000" { print "way", d, 4; exit }' /proc/net/route
    busybox awk -v d="$device" '$10 == d && $1 ~ /^0+$/ && $2 == "00" { print "way", d, 6; exit }' /proc/net/ipv6_route 2>/dev/null
  done
}

stop() {
  [ ! -e "$1/pids" ] || while read -r pid; do kill -9 "$pid" 2>/dev/null; done <"$1/pids"
  rm -rf "$1"
}

case $verb in
  listen) listen "$@" ;;
  probe) probe "$1" ;;
  collect) busybox sed -n 's/^\([0-9]*\.[0-9a-z]*\)$/arrived \1/p' "$1/udp" | busybox sort -u; echoes ;;
  look) look "$@" ;;
  stop) stop "$1" ;;
  *) exit 64 ;;
esac
