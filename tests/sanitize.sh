#!/bin/sh
# The unit tests under sanitizers: sh tests/sanitize.sh asan|tsan [ctest options]
# Tests that start a JVM or other programs of ours as processes are left to tests/run.sh.
set -eu
cd "$(dirname "$0")/.."
preset=${1:?asan or tsan}
shift

cmake --preset "$preset" >/dev/null
cmake --build --preset "$preset"
export ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
export TSAN_OPTIONS="halt_on_error=1:second_deadlock_stack=1:suppressions=$PWD/tests/tsan.supp"
exec ctest --preset "$preset" -j "$(nproc)" -LE "process|tidy" "$@"
