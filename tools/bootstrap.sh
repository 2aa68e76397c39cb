#!/bin/sh
# Installs what a fresh Debian 12 machine lacks: npm packages of the lock file, and Debian packages.
# Runs before any TypeScript can, so it is plain sh. A second run finds everything there and costs a few milliseconds.
set -eu
cd "$(dirname "$0")/.."

note() { printf '%s\n' "$*" >&2; }

# npm packages, when the lock file is newer than what is installed
stamp=node_modules/.patchbay-lock
if ! cmp -s package-lock.json "$stamp" 2>/dev/null; then
  note 'installing npm packages …'
  # Not `npm ci`: it refuses a lock file that lacks other platforms' optional packages, which some mirrors do not carry.
  npm install --no-save --no-audit --no-fund --loglevel=error >&2
  cp package-lock.json "$stamp"
fi

# Debian packages: the words of deploy/debian-packages.txt that dpkg does not have
wanted=$(sed -e 's/#.*//' deploy/debian-packages.txt)
missing=''
installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' 2>/dev/null || true)
for package in $wanted; do
  case "
$installed
" in
    *"
$package installed
"*) ;;
    *) missing="$missing $package" ;;
  esac
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ]; then
  note "patchbay needs these Debian packages:$missing"
  note "install them as root: apt-get install --no-install-recommends$missing"
  exit 1
fi
note "installing Debian packages:$missing …"
# Patchbay starts its own daemons; the packages' services must not start beside them.
policy=/usr/sbin/policy-rc.d
made_policy=''
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
  made_policy=yes
fi
trap '[ -z "$made_policy" ] || rm -f "$policy"' EXIT
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
# The linux-image package is wanted for its files only; -y with no new boot configuration.
if ! { apt-get update -q && apt-get install -y -q --no-install-recommends $missing; } >"$log" 2>&1; then
  cat "$log" >&2
  note 'apt-get failed: mend what it says above, then run this command again'
  exit 1
fi
rm -f "$log"
