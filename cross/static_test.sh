#!/bin/sh
# Runs a program that is made for several releases in a minimal root of each: Debian 12 and 13,
# unless they are named; one for ARM in roots of its architecture, under qemu. As root.
#
#   sh cross/static_test.sh build/static/weir [RELEASE...]
#
# In each root it says its version, checks the sample configuration, and takes readings from that
# release's mosquitto to a mock Kafka (cross/through_root.py, which needs the test programs of
# build/dev, or of WEIR_BUILD_DIR).
set -eu
program=$(realpath "${1:?usage: sh cross/static_test.sh PROGRAM [RELEASE...]}")
shift
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- bookworm trixie

case $(readelf --file-header "$program" | sed -n 's/^ *Machine: *//p') in
  *X86-64) architecture=amd64 ;;
  AArch64) architecture=arm64 ;;
  ARM) architecture=armhf ;;
  *)
    echo "static: $program is for another machine than amd64, arm64 and armhf" >&2
    exit 1
    ;;
esac

for release in "$@"; do
  root=$PWD/build/root-$release-$architecture
  sh cross/root.sh "$root" mosquitto,openssl "$release" "$architecture"
  cp "$program" "$root/opt/weir"
  cp config/weir.toml "$root/opt/weir.toml"
  sh cross/chroot.sh "$root" /opt/weir version
  sh cross/chroot.sh "$root" /opt/weir check -c /opt/weir.toml >/dev/null || {
    echo "static: the sample is no configuration on $release" >&2
    exit 1
  }
  echo "ok: $release: the sample is a configuration"
  python3 cross/through_root.py "$root" /opt/weir
done
