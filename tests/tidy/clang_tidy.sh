#!/bin/sh
# clang-tidy over the product's sources with the checks of .clang-tidy.
#   sh tests/tidy/clang_tidy.sh [FILE...]      default: every source of the product
#
# All of them are looked at eight at a time, as one: most of the work is reading the headers. The
# analyzer takes what is included for code of ours only when it is told to, and follows fewer paths
# of a long function than it would.
set -eu
cd "$(dirname "$0")/../.."

cmake --preset tidy >/dev/null
if [ $# -gt 0 ]; then
  commands=build/dev
  [ -f build/dev/compile_commands.json ] || cmake --preset dev >/dev/null
  printf '%s\0' "$@"
else
  commands=build/tidy
  sed -n 's/^ *"file": "\(.*\)",*$/\1/p' build/tidy/compile_commands.json | tr '\n' '\0'
fi | # on stderr are only counts of suppressed warnings
  xargs -0 -r -n 1 -P "$(nproc)" clang-tidy -p "$commands" --quiet \
    --checks=-bugprone-suspicious-include --extra-arg=-Xclang \
    --extra-arg=-analyzer-opt-analyze-headers --extra-arg=-Xclang \
    --extra-arg=-analyzer-config --extra-arg=-Xclang --extra-arg=max-nodes=20000 2>/dev/null
echo "clang-tidy: no findings"
