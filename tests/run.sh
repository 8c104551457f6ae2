#!/bin/sh
# Installs what is needed, builds weir and runs every test; ends with CTest's summary.
#
#   sh tests/run.sh            everything
#   sh tests/run.sh -R mqtt    only the tests whose name matches; any option of ctest
#
# Exit status: 0 when every test passed.
set -eu
cd "$(dirname "$0")/.."

sh tests/setup.sh test
preset=${WEIR_PRESET:-dev}
cmake --preset "$preset" >/dev/null
cmake --build --preset "$preset"
exec ctest --preset "$preset" -j "$(nproc)" "$@"
