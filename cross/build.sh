#!/bin/sh
# From nothing to a tested weir for another machine: installs what is needed, makes the sysroot,
# builds, runs the tests under qemu, strips the program, says how large it is, and packs it.
#
#   sh cross/build.sh arm64|armhf [ctest's options]
#
# The program is build/TARGET/weir, the package build/TARGET/weir_VERSION_TARGET.deb. Exit status:
# 0 when every test passed and the program is no larger than 3 MB.
set -eu
cd "$(dirname "$0")/.."

target=${1:-}
case $target in
  arm64 | armhf) shift ;;
  *)
    echo "usage: sh cross/build.sh arm64|armhf [ctest's options]" >&2
    exit 64
    ;;
esac

started=$(date +%s)
step() {
  echo "=== $target: $1 ($(($(date +%s) - started)) s)"
}

step "packages of this machine"
sh tests/setup.sh cross
step "sysroot"
sh cross/sysroot.sh "$target"
step "build"
cmake --preset "$target" >/dev/null
cmake --build --preset "$target" -j "$(nproc)"
step "tests under qemu"
ctest --preset "$target" -j "$(nproc)" "$@"
step "size"
sh cross/sizes.sh "$target"
step "package"
cpack --config "build/$target/CPackConfig.cmake"
step "done"
