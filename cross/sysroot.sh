#!/bin/sh
# Makes build/sysroot/TARGET: headers and libraries of another architecture, out of the packages of
# the distribution that runs here, or of another one.
#
#   sh cross/sysroot.sh amd64|arm64|armhf|riscv64 [static]
#
# static: build/sysroot/TARGET-static, where a linker finds archives only, but for libc. The libraries
# of which the distribution has no archive, or none that can be linked, or a large one, are there as
# the sources of its packages, in usr/src, patched as it patches them.
#
# Packages come from wherever apt is set up to take them, through private directories of apt: it
# needs no rights, and dpkg learns of no foreign architecture. One that is complete is left alone;
# what was begun and not finished is made anew.
#
# WEIR_SYSROOT_APT=FILE takes them from the sources of FILE instead, a .sources or .list as apt reads
# it: for a target whose release is another (Raspberry Pi OS on an Ubuntu), or that is on other mirrors
# than this machine's.
#
# An index that can't be fetched or does not have the hash that is signed for it ends the script.
# With WEIR_SYSROOT_PARTIAL=1 it goes on without that index, and says so: what it does take is as
# verified as ever, but may lack the latest updates. The next run without the variable makes such a
# sysroot anew.
set -eu
cd "$(dirname "$0")/.."

die() {
  echo "sysroot: $*" >&2
  exit 1
}

usage="usage: sh cross/sysroot.sh amd64|arm64|armhf|riscv64 [static]"
target=${1:-}
case $target in
  amd64 | arm64 | armhf | riscv64) ;;
  *) die "$usage" ;;
esac
static=${2:-}

# The target's side of what tests/setup.sh installs to build weir.
packages="libc6-dev libpaho-mqtt-dev libssl-dev libsqlite3-dev zlib1g-dev libboost-dev
  libtomlplusplus-dev rapidjson-dev libexpected-dev libcli11-dev"
sources=
case $static in
  "")
    packages="$packages libpaho-mqttpp-dev librdkafka-dev libsimdjson-dev libspdlog-dev libfmt-dev
      prometheus-cpp-dev catch2"
    ;;
  static)
    packages="$packages liblz4-dev libzstd-dev"
    sources="sqlite3 fmtlib spdlog simdjson prometheus-cpp paho.mqtt.cpp librdkafka"
    ;;
  *) die "$usage" ;;
esac

apt=${WEIR_SYSROOT_APT:-}
case $apt in
  "") ;;
  *.sources | *.list) [ -r "$apt" ] || die "WEIR_SYSROOT_APT: can't read $apt" ;;
  *) die "WEIR_SYSROOT_APT: the name of a file of apt ends in .sources or .list, not $apt" ;;
esac

sysroot=$PWD/build/sysroot/$target${static:+-static}
# What made it: a change of this file, or of where packages come from, makes it anew.
wanted=$(cat cross/sysroot.sh ${apt:+"$apt"} | cksum)
made=$(cat "$sysroot/.made" 2>/dev/null) || made=
[ "$made" = "$wanted" ] && exit
[ -n "${WEIR_SYSROOT_PARTIAL:-}" ] && [ "$made" = "$wanted partial" ] && exit

work=$sysroot.new
rm -rf "$work"
mkdir -p "$work/apt/lists/partial" "$work/apt/archives/partial" "$work/root/usr/src"
: >"$work/apt/status"
# Where this machine's apt takes packages from, or who was told to.
from=$work/apt/from
if [ -n "$apt" ]; then
  mkdir "$from"
  cp "$apt" "$from"
else
  cp -R /etc/apt/sources.list.d "$from"
  [ ! -e /etc/apt/sources.list ] || cp /etc/apt/sources.list "$from/machine.list"
fi
if [ -n "$sources" ]; then
  find "$from" -name '*.sources' -exec sed -i 's/^Types:.*/Types: deb deb-src/' {} +
  find "$from" -name '*.list' -exec sed -i '/^deb-src /d; s/^deb \(.*\)/&\ndeb-src \1/' {} +
fi

# Runs apt's COMMAND for the target, as if nothing were installed; its output is in apt/log.
private() {
  command=$1
  shift
  "$command" -q -o APT::Architecture="$target" -o APT::Architectures="$target" \
    -o APT::Sandbox::User="$(id -un)" -o APT::Install-Recommends=false \
    -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$from" \
    -o Dir::State="$work/apt" -o Dir::State::status="$work/apt/status" -o Dir::Cache="$work/apt" \
    -o APT::Update::Post-Invoke= -o Debug::NoLocking=true "$@" >"$work/apt/log" 2>&1
}

failed() {
  tail -n 20 "$work/apt/log" >&2
  die "$* failed; its whole output is in $work/apt/log"
}

# Of everything but libc a linker shall find the archive, or nothing.
keep_archives_only() {
  find "$1/usr/lib" ! -type d -name '*.so*' ! -name 'libc.so*' ! -name 'libm.so*' ! -name 'libmvec.so*' \
    ! -name 'ld-linux*.so*' -exec rm {} +
}

echo "sysroot: downloading packages for $target" >&2
if ! private apt-get update; then
  [ -n "${WEIR_SYSROOT_PARTIAL:-}" ] || failed "apt-get update"
  echo "sysroot: goes on without these indexes, and may lack updates:" >&2
  grep '^E: Failed' "$work/apt/log" >&2
  wanted="$wanted partial"
fi
# The C++ library's headers are in a package of the compiler's version.
private apt-cache depends g++ || :
gcc=$(sed -n 's/.*Depends: g++-\([0-9]*\)$/\1/p' "$work/apt/log")
[ -n "$gcc" ] || die "there is no g++ for $target where apt takes packages from; see WEIR_SYSROOT_APT in cross/README.md"
# shellcheck disable=SC2086 # one word a package is what is wanted
private apt-get install -y --download-only $packages "libstdc++-$gcc-dev" ||
  failed "the download"
if [ -n "$sources" ]; then
  # shellcheck disable=SC2086
  (cd "$work/root/usr/src" && private apt-get source --only-source $sources) ||
    failed "the download of the sources"
fi

set -- "$work"/apt/archives/*.deb
echo "sysroot: unpacking $# packages" >&2
# As on an installed system of today; packages may still say /lib.
for directory in bin lib sbin; do
  mkdir "$work/root/usr/$directory"
  ln -s "usr/$directory" "$work/root/$directory"
done
mkdir "$work/root/DEBIAN"
for package in "$@"; do
  # Which package a library is of, for dpkg-shlibdeps.
  for list in shlibs symbols; do
    dpkg-deb --info "$package" "$list" >>"$work/root/DEBIAN/$list" 2>/dev/null || :
  done
  dpkg-deb --fsys-tarfile "$package" | tar -x -C "$work/root" --keep-directory-symlink \
    --no-same-owner --exclude='./usr/share/doc*' --exclude='./usr/share/man' \
    --exclude='./usr/share/locale' --exclude='./etc' --exclude='./var' --exclude='./dev' \
    --exclude='./usr/bin/?*' --exclude='./usr/sbin/?*'
done
find "$work/root" -type l -lname '/*' | while read -r link; do
  ln -srfn "$work/root$(readlink "$link")" "$link"
done
[ -z "$static" ] || keep_archives_only "$work/root"

echo "$wanted" >"$work/root/.made"
rm -rf "$sysroot"
mv "$work/root" "$sysroot"
rm -rf "$work"
echo "sysroot: $sysroot, $(du -sm "$sysroot" | cut -f1) MB" >&2
