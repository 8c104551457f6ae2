#!/bin/sh
# Strips build/TARGET/runtime/weir into build/TARGET/weir, says how large it is and writes the line
# of TARGET in cross/SIZES.md anew.
#
#   sh cross/sizes.sh TARGET...
#
# Exit status: 1 if one is larger than 3 MB, or 9.5 MB with its libraries in it (cross/static.sh).
set -eu
cd "$(dirname "$0")/.."

table=cross/SIZES.md

for target in "$@"; do
  case $target in
    static*) bound=9500000 ;;
    *) bound=3000000 ;;
  esac
  program=build/$target/runtime/weir
  stripped=build/$target/weir
  llvm-strip --strip-all -o "$stripped" "$program"
  size=$(stat -c %s "$stripped")
  parts=$(llvm-size "$stripped" | awk 'NR == 2 { print $1 " | " $2 " | " $3 }')
  line="| $target | $size | $parts |"
  sed -i "/^| $target | [0-9]* |/d; 0,/^|---/{/^|---/a $line
}" "$table"
  echo "$stripped: $size bytes, stripped (bound $bound)"
  [ "$size" -le "$bound" ]
done
