# User data: the functions that user-data.awk calls.
default=cloud-user
# Passwords over ssh are refused unless ssh_pwauth says otherwise.
ssh_flags=-s

set_hostname() {
  echo "$1" >/proc/sys/kernel/hostname
  echo "127.0.0.1 localhost $1" >/etc/hosts
}

run_command() {
  sh -c "$1" >>/var/log/user-data.log 2>&1
}

run_arguments() {
  "$@" >>/var/log/user-data.log 2>&1
}

# Home directory of an account in `home`.
home_of() {
  home=''
  while IFS=: read -r name x id group rest_name directory shell; do
    [ "$name" != "$1" ] || home=$directory uid=$id
  done </etc/passwd
}

account() {
  case $1 in *[!a-z0-9_.-]* | -* | '') return ;; esac
  home_of "$1"
  [ -z "$home" ] || return
  next=$((${next:-1000} + 1))
  echo "$1:x:$next:$next::/home/$1:/bin/sh" >>/etc/passwd
  echo "$1:x:$next:" >>/etc/group
  echo "$1:*:19000:0:99999:7:::" >>/etc/shadow
  mkdir -p "/home/$1"
  chown "$next:$next" "/home/$1"
}

default_user() {
  default=$1
}

# authorized_key USER KEY; without user: the default user and root.
authorized_key() {
  if [ -z "$1" ]; then
    account "$default"
    authorized_key root "$2"
    authorized_key "$default" "$2"
    return
  fi
  home_of "$1"
  [ -n "$home" ] || return
  mkdir -p "$home/.ssh"
  echo "$2" >>"$home/.ssh/authorized_keys"
  chmod 700 "$home/.ssh"
  chmod 600 "$home/.ssh/authorized_keys"
  chown -R "$uid:$uid" "$home/.ssh"
}

password_hash() {
  while IFS= read -r line; do
    case $line in
      "$1":*) echo "$1:$2:19000:0:99999:7:::" ;;
      *) echo "$line" ;;
    esac
  done </etc/shadow >/etc/shadow.next
  chmod 600 /etc/shadow.next
  mv /etc/shadow.next /etc/shadow
}

# password_of USER PASSWORD; without user: the default user and root.
password_of() {
  hash=$(echo "$2" | mkpasswd -m sha512 -P 0)
  if [ -z "$1" ]; then
    account "$default"
    password_hash root "$hash"
    password_hash "$default" "$hash"
  else
    password_hash "$1" "$hash"
  fi
}

ssh_passwords() {
  ssh_flags=''
}

# file PATH MODE ENCODING APPEND CONTENT
file() {
  mkdir -p "${1%/*}"
  [ "$4" = 1 ] || : >"$1"
  case $3 in
    b64 | base64) printf %s "$5" | base64 -d >>"$1" ;;
    gz* | *gzip*) printf %s "$5" | base64 -d | gunzip >>"$1" ;;
    *) printf %s "$5" >>"$1" ;;
  esac
  [ -z "$2" ] || chmod "$2" "$1"
}

# Logins are possible from here; what follows may take long.
accounts_done() {
  [ -z "$ssh_started" ] || return
  ssh_started=1
  dropbear -R $ssh_flags
  stamp ssh
}

apply_user_data() {
  [ -n "$seed_user" ] || find_seed
  [ -s "$seed_user" ] || return
  read -r first <"$seed_user"
  case $first in
    '#!'*)
      cp "$seed_user" /run/user-data
      chmod 700 /run/user-data
      (/run/user-data >>/var/log/user-data.log 2>&1; stamp script) &
      ;;
    *)
      cd /lib/guest
      eval "$(awk -v only=boot -f yaml.awk -f plan.awk -f user-data.awk "$seed_user")"
      eval "$(awk -f yaml.awk -f plan.awk -f user-data.awk "$seed_user")"
      cd /
      ;;
  esac
}

# The seed was mounted by another process.
find_seed() {
  for seed_user in /seed/user-data /seed/openstack/latest/user_data; do
    [ ! -e "$seed_user" ] || return
  done
}
