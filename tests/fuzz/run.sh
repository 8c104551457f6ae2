#!/bin/sh
# Builds every fuzzer with clang and runs each for a while, from its corpus in build/asan/fuzz; the
# gate, which stands before everything a hostile broker sends, for a million inputs at least.
#   sh tests/fuzz/run.sh [SECONDS]      default: 20 each
set -eu
cd "$(dirname "$0")/../.."
seconds=${1:-20}

cmake --preset asan >/dev/null
cmake --build --preset asan --target fuzzers

# fuzz PROGRAM: says how many inputs it took, or what it found.
fuzz() {
  name=$(basename "$1")
  corpus=build/asan/fuzz/$name
  mkdir -p "$corpus"
  log=build/asan/fuzz/$name.log
  much="-max_total_time=$seconds"
  [ "$name" != fuzz_mqtt_gate ] || much="-runs=1000000"
  if ! "$1" "$much" -timeout=10 -rss_limit_mb=2048 \
      -artifact_prefix="build/asan/fuzz/$name-" "$corpus" >"$log" 2>&1; then
    tail -n 60 "$log"
    echo "$name: FAILED; the input is build/asan/fuzz/$name-*"
    return 1
  fi
  echo "$name: $(grep -o 'Done [0-9]* runs' "$log" || tail -n 1 "$log")"
}

# The gate takes about as long as the others together.
fuzz build/asan/tests/fuzz/fuzz_mqtt_gate &
gate=$! failed=''
for program in build/asan/tests/fuzz/fuzz_*; do
  [ -f "$program" ] && [ -x "$program" ] || continue
  [ "${program##*/}" = fuzz_mqtt_gate ] || fuzz "$program" || failed=yes
done
wait "$gate" || failed=yes
[ -z "$failed" ]
