# With yaml.awk and plan.awk: turns NoCloud network configuration (version 1 or 2) into calls of the functions in
# network.sh. -v nics="eth0=02:…,eth1=02:…" names the cards. Values that are no addresses, names or numbers are left out.

function plain(value) {
  return value ~ /^[A-Za-z0-9_.:\/%-]+$/
}

function emit(verb, a, b, c, d,    line) {
  line = verb " " a
  if (!plain(a)) return
  if (b != "") { if (!plain(b)) return; line = line " " b }
  if (c != "") { if (!plain(c)) return; line = line " " c }
  if (d != "") { if (!plain(d)) return; line = line " " d }
  call(line)
}

# The card with a MAC address, else the one with a name.
function card(mac, name,    i) {
  mac = tolower(mac)
  for (i = 1; i <= cards; i++) if (mac != "" && mac_of[i] == mac) return name_at[i]
  if (mac != "") return ""
  for (i = 1; i <= cards; i++) if (name_at[i] == name) return name
  return ""
}

# 255.255.255.0 -> 24
function prefix(mask,    parts, i, n, bits, octet) {
  if (mask !~ /\./) return mask
  n = split(mask, parts, ".")
  bits = 0
  for (i = 1; i <= n; i++) for (octet = parts[i] + 0; octet > 0; octet = (octet * 2) % 256) bits++
  return bits
}

function rename(from, to,    i) {
  if (to == "" || to == from || !plain(to) || length(to) > 15) return from
  emit("rename", from, to)
  for (i = 1; i <= cards; i++) if (name_at[i] == from) name_at[i] = to
  return to
}

function route_target(to) {
  return to == "0.0.0.0/0" || to == "::/0" || to == "" ? "default" : to
}

function addresses(path, nic,    i, item) {
  for (i = 0; i < size[path] + 0; i++) {
    item = (path "/" i) in doc ? doc[path "/" i] : name_of(child[path "/" i, 0])
    emit("address", nic, item ~ /\// ? item : item (item ~ /:/ ? "/128" : "/32"))
  }
}

function names(path, verb,    i) {
  for (i = 0; i < size[path] + 0; i++) emit(verb, doc[path "/" i])
  if (path in doc && doc[path] != "") emit(verb, doc[path])
}

function v2_device(path, nic,    i, r) {
  done[nic] = 1
  if ((path "/macaddress") in doc) emit("mac", nic, doc[path "/macaddress"])
  if ((path "/mtu") in doc) emit("mtu", nic, doc[path "/mtu"])
  if ((path "/accept-ra") in doc && !truthy(doc[path "/accept-ra"])) emit("no_ra", nic)
  addresses(path "/addresses", nic)
  if (doc[path "/gateway4"] != "") emit("route", nic, "default", doc[path "/gateway4"])
  if (doc[path "/gateway6"] != "") emit("route", nic, "default", doc[path "/gateway6"])
  for (i = 0; i < size[path "/routes"] + 0; i++) {
    r = path "/routes/" i
    emit("route", nic, route_target(doc[r "/to"]), doc[r "/via"] == "" ? "-" : doc[r "/via"], doc[r "/metric"])
  }
  names(path "/nameservers/addresses", "dns")
  names(path "/nameservers/search", "search")
  if (truthy(doc[path "/dhcp6"])) emit("dhcp6", nic)
  if (truthy(doc[path "/dhcp4"])) emit("dhcp4", nic)
}

function version2(    i, id, path, nic) {
  for (i = 0; i < size["/ethernets"] + 0; i++) {
    id = child["/ethernets", i]
    path = "/ethernets/" id
    nic = card(doc[path "/match/macaddress"], (path "/match/name") in doc ? doc[path "/match/name"] : name_of(id))
    if (nic == "") { emit("absent", name_of(id)); continue }
    nic = rename(nic, doc[path "/set-name"])
    v2_device(path, nic)
  }
  for (i = 0; i < size["/vlans"] + 0; i++) {
    id = child["/vlans", i]
    path = "/vlans/" id
    emit("vlan", name_of(id), doc[path "/link"], doc[path "/id"])
    v2_device(path, name_of(id))
  }
}

function v1_subnet(path, nic,    type, address, i, r) {
  type = doc[path "/type"]
  if (type ~ /^dhcp4?$/) { emit("dhcp4", nic); return }
  if (type ~ /^(dhcp6|ipv6_(dhcpv6-stateful|dhcpv6-stateless|slaac))$/) { emit("dhcp6", nic); return }
  if (type !~ /^static6?$/) return
  address = doc[path "/address"]
  if (address !~ /\//) address = address "/" (doc[path "/netmask"] == "" ? (address ~ /:/ ? 64 : 24) : prefix(doc[path "/netmask"]))
  emit("address", nic, address)
  if (doc[path "/gateway"] != "") emit("route", nic, "default", doc[path "/gateway"])
  names(path "/dns_nameservers", "dns")
  names(path "/dns_search", "search")
  for (i = 0; i < size[path "/routes"] + 0; i++) {
    r = path "/routes/" i
    emit("route", nic, v1_target(r), doc[r "/gateway"], doc[r "/metric"])
  }
}

function v1_target(path,    to, mask) {
  to = doc[path "/destination"] != "" ? doc[path "/destination"] : doc[path "/network"]
  mask = doc[path "/netmask"] != "" ? doc[path "/netmask"] : doc[path "/prefix"]
  if (to !~ /\// && mask != "") to = to "/" prefix(mask)
  return route_target(to)
}

function version1(    i, path, type, nic, j) {
  for (i = 0; i < size["/config"] + 0; i++) {
    path = "/config/" i
    type = doc[path "/type"]
    if (type == "nameserver") {
      names(path "/address", "dns")
      names(path "/search", "search")
    } else if (type == "route") {
      emit("route", "-", v1_target(path), doc[path "/gateway"], doc[path "/metric"])
    } else if (type == "physical" || type == "vlan") {
      nic = doc[path "/name"]
      if (type == "vlan") emit("vlan", nic, doc[path "/vlan_link"], doc[path "/vlan_id"])
      else {
        nic = card(doc[path "/mac_address"], nic)
        if (nic == "") { emit("absent", doc[path "/name"]); continue }
        nic = rename(nic, doc[path "/name"])
      }
      done[nic] = 1
      if (doc[path "/mtu"] != "") emit("mtu", nic, doc[path "/mtu"])
      for (j = 0; j < size[path "/subnets"] + 0; j++) v1_subnet(path "/subnets/" j, nic)
    }
  }
}

END {
  cards = split(nics, pair, ",")
  for (i = 1; i <= cards; i++) {
    split(pair[i], half, "=")
    name_at[i] = half[1]
    mac_of[i] = tolower(half[2])
  }
  parse_yaml()
  index_document()
  if (doc["/version"] == 1 || ("/config" in size)) version1()
  else version2()
  # A card the configuration does not name gets what images with NetworkManager give it: DHCP, and what routers advertise.
  for (i = 1; i <= cards; i++) if (!(name_at[i] in done)) {
    emit("dhcp4", name_at[i])
    emit("dhcp6", name_at[i])
  }
}
