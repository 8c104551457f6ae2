#!/bin/sh
# Installs the distribution's packages that weir needs: Debian 12 and 13, Ubuntu 24.04.
#
#   sh tests/setup.sh build    to build weir and to run the demo
#   sh tests/setup.sh test     also what the tests and the static analysis need (the default)
#   sh tests/setup.sh cross    what cross/build.sh needs to build and test for another machine
#   sh tests/setup.sh static   what cross/static.sh needs to build a program with its libraries in it
#   sh tests/setup.sh roots    what makes the minimal roots of cross/ and runs programs in them
#   sh tests/setup.sh list     only says which of all these are not installed
#
# As root or with sudo. Takes packages from wherever apt is set up to take them. When everything is
# there already it touches nothing and needs neither rights nor a network.
set -eu

# a|b: any of them will do; the first is installed if none is there.
build_packages="
  g++ cmake ninja-build ccache pkg-config ca-certificates
  libpaho-mqttpp-dev libpaho-mqtt-dev libssl-dev librdkafka-dev libsqlite3-dev zlib1g-dev
  libboost-dev libtomlplusplus-dev libsimdjson-dev rapidjson-dev libexpected-dev
  libspdlog-dev libfmt-dev libcli11-dev prometheus-cpp-dev catch2
  mosquitto tzdata"
test_packages="
  maven default-jre-headless|openjdk-17-jre-headless|openjdk-21-jre-headless
  clang clang-tidy clang-format libclang-rt-dev|libclang-rt-14-dev
  git kcat openssl python3 strace systemd"
cross_packages="
  clang lld llvm cmake ninja-build ccache pkg-config ca-certificates qemu-user dpkg-dev
  lintian python3 mosquitto kcat tzdata"
static_packages="
  clang lld lld-19 llvm cmake ninja-build ccache pkg-config ca-certificates dpkg-dev make tcl"

roots_packages="debootstrap qemu-user-static mosquitto kcat python3"

die() {
  echo "setup: $*" >&2
  exit 1
}

# Prints the packages of the arguments that are not installed.
missing() {
  # shellcheck disable=SC2046 # one word a package is what is wanted
  installed=$(dpkg-query -W -f '${db:Status-Abbrev}${binary:Package}\n' \
    $(echo "$@" | tr '|' ' ') 2>/dev/null | sed -n 's/^ii *\([^:]*\).*/\1/p')
  for wanted in "$@"; do
    found=
    for name in $(echo "$wanted" | tr '|' ' '); do
      case "
$installed
" in *"
$name
"*) found=yes ;; esac
    done
    [ -n "$found" ] || echo "${wanted%%|*}"
  done
}

# Runs a command as root.
as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# The packages of brokers start their services when they are installed. weir starts its own on free
# ports, and nobody asked for one that listens on 1883: policy-rc.d, which Debian's packages ask
# before they start anything, says no to mosquitto for as long as the installation takes. One that
# is there already (containers have it) is left alone.
policy=/usr/sbin/policy-rc.d
hold_services_back() {
  [ -e "$policy" ] && return
  as_root sh -c "printf '%s\n' '#!/bin/sh' '# of tests/setup.sh of weir, for one installation' \
    'case \$1 in mosquitto*) exit 101 ;; esac' >$policy && chmod 755 $policy"
  trap 'as_root rm -f "$policy"' EXIT
  trap 'exit 130' INT TERM
}

install() {
  command -v apt-get >/dev/null || die "no apt-get here; install by hand: $*"
  [ "$(id -u)" = 0 ] || command -v sudo >/dev/null || die "needs root or sudo to install: $*"
  log=$(mktemp)
  hold_services_back
  echo "setup: installing $# packages and what they need; this takes a few minutes" >&2
  set -- -y --no-install-recommends -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@"
  if ! { as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q &&
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q "$@"; } >"$log" 2>&1; then
    tail -n 30 "$log" >&2
    die "apt-get failed; its whole output is in $log"
  fi
  rm -f "$log"
}

case ${1:-test} in
  build) wanted=$build_packages ;;
  cross) wanted=$cross_packages ;;
  static) wanted=$static_packages ;;
  roots) wanted=$roots_packages ;;
  test | list) wanted="$build_packages $test_packages" ;;
  *) die "usage: sh tests/setup.sh [build|test|cross|static|roots|list]" ;;
esac
command -v dpkg-query >/dev/null ||
  die "no dpkg here; install the equivalents of:" "$(echo "$wanted" | tr -s '\n ' ' ')"

# shellcheck disable=SC2086 # one word a package is what is wanted
needed=$(missing $wanted)
if [ "${1:-test}" = list ]; then
  echo "$needed"
  exit
fi
[ -z "$needed" ] && exit

# shellcheck disable=SC2086
install $needed
case $needed in *mosquitto*)
  # Enabled by its package, it would start at the next boot.
  if [ -d /run/systemd/system ]; then
    as_root systemctl disable --quiet mosquitto.service
    echo "setup: mosquitto's own service is neither started nor enabled; weir starts its own" >&2
  fi
  ;;
esac
