#!/bin/sh
# Builds the release and measures weir: each part alone (weir-bench), then the whole between a
# mosquitto and a mock Kafka, beside a bare Paho subscriber in the same run. Writes
# build/bench/results.json and prints a table.
#   sh tests/bench/run.sh [MESSAGES]      default: 300000 for each end-to-end run
set -eu
cd "$(dirname "$0")/../.."

sh tests/setup.sh build
cmake --preset release >/dev/null
cmake --build --preset release --target weir weir-bench weir-mock-kafka weir-kafka-tail bare_subscriber flood
mkdir -p build/bench
rm -rf build/bench/data
build/release/tests/weir-bench build/bench/data >build/bench/parts.json
rm -rf build/bench/data
WEIR_BUILD_DIR=$PWD/build/release python3 tests/bench/end_to_end.py "${1:-300000}" \
  build/bench/parts.json build/bench/results.json
