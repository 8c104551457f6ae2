#!/bin/sh
# Installs a package of weir on a fresh machine: a minimal root of this distribution and of this
# machine's architecture, made once in build/root. There the package is installed with what it
# depends on, runs, is upgraded, removed and purged. As root.
#
#   sh cross/install_test.sh build/release/weir_VERSION_amd64.deb
set -eu
package=$(realpath "${1:?usage: sh cross/install_test.sh PACKAGE}")
cd "$(dirname "$0")/.."

root=$PWD/build/root
sh cross/root.sh "$root"
cp "$package" "$root/tmp/weir.deb"

exec chroot "$root" /bin/sh -eu <<'SCRIPT'
fails() {
  echo "install: $*" >&2
  exit 1
}
trap 'dpkg --purge weir >/dev/null 2>&1 || :' EXIT
export DEBIAN_FRONTEND=noninteractive

apt-get update -q >/tmp/log 2>&1
apt-get install -q -y --no-install-recommends /tmp/weir.deb >>/tmp/log 2>&1 </dev/null || {
  tail -n 20 /tmp/log >&2
  fails "it does not install"
}
weir version
weir check -c /etc/weir/weir.toml >/dev/null || fails "the sample is no configuration"
echo "ok: installed, the sample is a configuration"

echo '# mine' >>/etc/weir/weir.toml
mkdir -p /var/lib/weir && touch /var/lib/weir/weir.db
dpkg --install /tmp/weir.deb >/tmp/log 2>&1 </dev/null ||
  fails "it does not upgrade: $(cat /tmp/log)"
[ "$(tail -n 1 /etc/weir/weir.toml)" = '# mine' ] || fails "an upgrade takes the configuration"
[ -e /var/lib/weir/weir.db ] || fails "an upgrade takes the data"
echo "ok: upgraded, configuration and data are there"

dpkg --remove weir >/tmp/log 2>&1 || fails "it can't be removed: $(cat /tmp/log)"
[ -e /etc/weir/weir.toml ] && [ -e /var/lib/weir/weir.db ] || fails "removal takes the data"
[ ! -e /usr/bin/weir ] || fails "removal leaves the program"
echo "ok: removed, configuration and data are there"

dpkg --purge weir >/tmp/log 2>&1 || fails "it can't be purged: $(cat /tmp/log)"
[ ! -e /etc/weir ] && [ ! -e /var/lib/weir ] || fails "a purge leaves something"
echo "ok: purged, nothing is left"
SCRIPT
