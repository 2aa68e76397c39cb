# Functions of the early boot.

# Notes how far the boot came, in seconds since the kernel's start: /run/boot-times.
stamp() {
  read -r now idle </proc/uptime
  echo "$now $1" >>/run/boot-times
}

# The guest agent, as soon as its port is there. QEMU tells a port's name a moment after the port itself: asked once, a
# guest in a few would have no agent.
start_agent() {
  tries=0
  while [ "$tries" -lt 500 ]; do
    for port in /sys/class/virtio-ports/*; do
      [ -e "$port/name" ] || continue
      read -r name <"$port/name" || continue
      if [ "$name" = org.qemu.guest_agent.0 ]; then
        stamp agent
        exec qemu-ga -m virtio-serial -p "/dev/${port##*/}" -t /run
      fi
    done
    tries=$((tries + 1))
    usleep 20000
  done
}

# Sets cards to the names and MAC addresses of all network cards, in PCI order: "eth0=02:… eth1=…".
find_cards() {
  cards=''
  for card in /sys/class/net/*; do
    name=${card##*/}
    [ -e "$card/device" ] || continue
    read -r mac <"$card/address"
    cards="${cards:+$cards,}$name=$mac"
  done
}

# Raises every cable at once, so that bridges on the way learn early.
raise_cards() {
  ip link set lo up
  for card in /sys/class/net/*; do
    [ ! -e "$card/device" ] || ip link set "${card##*/}" up
  done
}

# Mounts the NoCloud or config drive volume and points seed_* at its files.
mount_seed() {
  seed_meta='' seed_user='' seed_network=''
  for disk in /sys/block/vd*; do
    [ -e "$disk" ] || continue
    mount -t iso9660 -o ro "/dev/${disk##*/}" /seed 2>/dev/null || continue
    if [ -e /seed/meta-data ]; then
      seed_meta=/seed/meta-data seed_user=/seed/user-data
      [ ! -e /seed/network-config ] || seed_network=/seed/network-config
      return
    elif [ -e /seed/openstack/latest ]; then
      seed_meta=/seed/openstack/latest/meta_data.json seed_user=/seed/openstack/latest/user_data
      [ ! -e /seed/openstack/latest/network_data.json ] ||
        seed_network=/seed/openstack/latest/network_data.json
      return
    fi
    umount /seed
  done
}
