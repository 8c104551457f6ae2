#!/bin/sh
# clang-tidy over the product's sources with the checks of .clang-tidy, two files at a time.
#   sh tests/tidy/clang_tidy.sh [FILE...]      default: every .cpp outside tests/
set -eu
cd "$(dirname "$0")/../.."
[ -f build/dev/compile_commands.json ] || cmake --preset dev >/dev/null

if [ $# -gt 0 ]; then
  printf '%s\0' "$@"
else
  git ls-files -z '*.cpp' ':!tests/'
fi | # on stderr are only counts of suppressed warnings
  xargs -0 -r -n 1 -P "$(nproc)" clang-tidy -p build/dev --quiet 2>/dev/null
echo "clang-tidy: no findings"
