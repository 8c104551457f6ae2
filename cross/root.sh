#!/bin/sh
# Makes a minimal root of a Debian, once. As root.
#
#   sh cross/root.sh DIRECTORY [PACKAGE,PACKAGE... [RELEASE [ARCHITECTURE]]]
#
# RELEASE and ARCHITECTURE: others than those of this machine, by their names (trixie, arm64), from
# the same mirror. cross/chroot.sh runs what is in it.
set -eu
usage="usage: sh cross/root.sh DIRECTORY [PACKAGE,PACKAGE... [RELEASE [ARCHITECTURE]]]"
root=$(realpath -m "${1:?$usage}")
include=${2:-}
release=${3:-$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)}
native=$(dpkg --print-architecture)
architecture=${4:-$native}
cd "$(dirname "$0")/.."

made() {
  # shellcheck disable=SC2016 # a field of apt's
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | head -n 1)
  set -- --variant=minbase --arch="$architecture" ${include:+"--include=$include"} "$release" \
    "$root" "$mirror"
  if [ "$architecture" = "$native" ]; then
    debootstrap "$@"
    return
  fi
  debootstrap --foreign "$@" || return
  echo "$architecture" >"$root/.architecture"
  # It looks for devices of its own otherwise, which a user namespace may not make.
  sh cross/chroot.sh "$root" env container=lxc /debootstrap/debootstrap --second-stage
}

if [ ! -e "$root/.made" ]; then
  sh tests/setup.sh roots
  echo "root: making $root, some minutes if it is of another architecture" >&2
  rm -rf "$root"
  made >"$root.log" 2>&1 || {
    tail -n 20 "$root.log" >&2
    exit 1
  }
  echo "$architecture" >"$root/.architecture"
  echo '127.0.0.1 localhost' >"$root/etc/hosts"
  touch "$root/.made"
fi
cp /etc/resolv.conf "$root/etc/resolv.conf"
