#!/bin/sh
# Builds every fuzzer with clang and runs each for a while, from its corpus in build/asan/fuzz; the
# gate, which stands before everything a hostile broker sends, for a million inputs at least.
#   sh tests/fuzz/run.sh [SECONDS]      default: 20 each
set -eu
cd "$(dirname "$0")/../.."
seconds=${1:-20}

cmake --preset asan >/dev/null
cmake --build --preset asan --target fuzzers

mkdir -p build/asan/fuzz
for program in build/asan/tests/fuzz/fuzz_*; do
  [ -f "$program" ] && [ -x "$program" ] || continue
  name=$(basename "$program")
  corpus=build/asan/fuzz/$name
  mkdir -p "$corpus"
  log=build/asan/fuzz/$name.log
  much="-max_total_time=$seconds"
  [ "$name" != fuzz_mqtt_gate ] || much="-runs=1000000"
  if ! "$program" "$much" -timeout=10 -rss_limit_mb=2048 \
      -artifact_prefix="build/asan/fuzz/$name-" "$corpus" >"$log" 2>&1; then
    tail -n 60 "$log"
    echo "$name: FAILED; the input is build/asan/fuzz/$name-*"
    exit 1
  fi
  echo "$name: $(grep -o 'Done [0-9]* runs' "$log" || tail -n 1 "$log")"
done
