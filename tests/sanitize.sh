#!/bin/sh
# The unit tests under sanitizers: sh tests/sanitize.sh asan|tsan [ctest options]
# The thread sanitizer looks at the floors that have threads. Tests that start a JVM or other
# programs of ours as processes are left to tests/run.sh.
set -eu
cd "$(dirname "$0")/.."
preset=${1:?asan or tsan}
shift

folders="firmware-bridge store runtime"
[ "$preset" = tsan ] || folders="config operators $folders"
targets=
for folder in $folders; do targets="$targets ${folder#firmware-}_test"; done

cmake --preset "$preset" >/dev/null
# shellcheck disable=SC2086 # one word a target
cmake --build --preset "$preset" --target $targets
export ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
export TSAN_OPTIONS="halt_on_error=1:second_deadlock_stack=1:suppressions=$PWD/tests/tsan.supp"
exec ctest --preset "$preset" -j "$(nproc)" -LE "process|tidy" \
  -R "^($(echo "$folders" | tr ' ' '|')):" "$@"
