#!/bin/sh
# Makes a minimal root of this distribution and of this machine's architecture, once. As root.
#
#   sh cross/root.sh DIRECTORY [PACKAGE,PACKAGE... [RELEASE]]
#
# RELEASE: another one than the one that runs here, by its name (trixie), from the same mirror.
set -eu
root=${1:?usage: sh cross/root.sh DIRECTORY [PACKAGE,PACKAGE... [RELEASE]]}
include=${2:-}
release=${3:-$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)}

if [ ! -e "$root/.made" ]; then
  rm -rf "$root"
  # shellcheck disable=SC2016 # a field of apt's
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | head -n 1)
  debootstrap --variant=minbase ${include:+"--include=$include"} "$release" "$root" "$mirror" \
    >"$root.log" 2>&1 || {
    tail -n 20 "$root.log" >&2
    exit 1
  }
  echo '127.0.0.1 localhost' >"$root/etc/hosts"
  touch "$root/.made"
fi
cp /etc/resolv.conf "$root/etc/resolv.conf"
