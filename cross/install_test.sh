#!/bin/sh
# Installs a package of weir on a fresh machine: a minimal root of the package's architecture and of
# RELEASE (trixie), or of this machine's, made once in build/root-ARCHITECTURE or
# build/root-RELEASE-ARCHITECTURE; under qemu if it is another architecture than this machine's. There
# the package is installed with what it depends on, runs, takes readings from the distribution's
# mosquitto to a mock Kafka (cross/through_root.py, which needs the test programs of build/dev, or of
# WEIR_BUILD_DIR), is upgraded, removed and purged. As root.
#
#   sh cross/install_test.sh build/release/weir_VERSION_amd64.deb [RELEASE]
set -eu
package=$(realpath "${1:?usage: sh cross/install_test.sh PACKAGE [RELEASE]}")
release=${2:-}
cd "$(dirname "$0")/.."

architecture=$(dpkg-deb --field "$package" Architecture)
root=$PWD/build/root-${release:+$release-}$architecture
sh cross/root.sh "$root" "" "$release" "$architecture"
cp "$package" "$root/tmp/weir.deb"

# Runs the script that it reads in the root.
inside() {
  {
    cat <<'SCRIPT'
fails() {
  echo "install: $*" >&2
  exit 1
}
export DEBIAN_FRONTEND=noninteractive
SCRIPT
    cat
  } >"$root/tmp/script"
  sh cross/chroot.sh "$root" /bin/sh -eu /tmp/script </dev/null
}
# The next run begins with nothing of what this one installed: neither weir nor a library.
cleaned() {
  echo 'apt-get purge -q -y --auto-remove weir mosquitto openssl >/tmp/log 2>&1 || :' | inside
}
trap cleaned EXIT

inside <<'SCRIPT'
apt-get update -q >/tmp/log 2>&1
apt-get install -q -y --no-install-recommends /tmp/weir.deb >>/tmp/log 2>&1 </dev/null || {
  tail -n 20 /tmp/log >&2
  fails "it does not install"
}
weir version
weir check -c /etc/weir/weir.toml >/dev/null || fails "the sample is no configuration"
echo "ok: installed, the sample is a configuration"

printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d
apt-get install -q -y --no-install-recommends mosquitto openssl >/tmp/log 2>&1 ||
  fails "no mosquitto: $(cat /tmp/log)"
rm /usr/sbin/policy-rc.d
SCRIPT
python3 cross/through_root.py "$root"

inside <<'SCRIPT'
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
