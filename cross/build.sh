#!/bin/sh
# From nothing to a tested weir for another machine: installs what is needed, makes the sysroot,
# builds, runs the tests under qemu, strips the program, says how large it is, and packs it.
#
#   sh cross/build.sh arm64|armhf|riscv64 [ctest's options]
#   sh cross/build.sh arm64|armhf|riscv64 --tests-only
#
# The program is build/TARGET/weir, the package build/TARGET/weir_VERSION_TARGET.deb. Exit status:
# 0 when every test passed and the program is no larger than 3 MB.
#
# --tests-only: unit tests, scenarios, and that results are the same bytes as on x86-64; neither
# program nor package. Several files are compiled as one, and random tests go round a tenth as often,
# as under the sanitizers: for .ci/run.
set -eu
cd "$(dirname "$0")/.."

target=${1:-}
case $target in
  arm64 | armhf | riscv64) shift ;;
  *)
    echo "usage: sh cross/build.sh arm64|armhf|riscv64 [ctest's options]" >&2
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

if [ "${1:-}" = --tests-only ]; then
  preset=$target-tests
  folders="config operators firmware-bridge store runtime"
  programs=weir
  for folder in $folders; do programs="$programs ${folder#firmware-}_test"; done
  step "build"
  cmake --preset "$preset" >/dev/null
  # shellcheck disable=SC2086 # one word a program
  cmake --build --preset "$preset" -j "$(nproc)" --target $programs
  step "tests under qemu"
  ctest --preset "$preset" -j "$(nproc)" \
    -R "^($(echo "$folders" | tr ' ' '|')):|results are the same bytes on every machine"
  step "done"
  exit
fi

step "build"
cmake --preset "$target" >/dev/null
cmake --build --preset "$target" -j "$(nproc)"
step "tests under qemu"
ctest --preset "$target" -j "$(nproc)" "$@"
step "size"
sh cross/sizes.sh "$target"
step "package"
cpack --config "build/$target/CPackConfig.cmake"
lintian --allow-root --fail-on error build/"$target"/weir_*_"$target".deb
step "done"
