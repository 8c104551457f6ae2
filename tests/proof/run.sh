#!/bin/sh
# Proves what weir promises, with real processes: prints its seed and a line a figure.
#
#   sh tests/proof/run.sh [--quick | --part K/N] [--seed N] [--only "N N ..."]
#
# --quick   what CI runs, some minutes; it writes build/proof/report.json. Without it the full
#           counts, hours, which go into tests/proof/report.json.
# --part    an N-th of the full counts; the report adds up the parts of one N.
# --only    these figures; the report keeps what it has of the others.
#
# The page of it: python3 tests/proof/report.py > tests/proof/REPORT.md
# Exit status: 0 when every figure holds.
set -eu
cd "$(dirname "$0")/../.."

quick='' only='' part=1/1 seed=$(date +%s)
while [ $# -gt 0 ]; do
  case $1 in
    --quick) quick=yes ;;
    --only) only=${2:?numbers} && shift ;;
    --part) part=${2:?K/N, such as 1/10} && shift ;;
    --seed) seed=${2:?a number} && shift ;;
    *)
      sed -n '2,/^set/s/^# \{0,1\}//p' tests/proof/run.sh
      exit 64
      ;;
  esac
  shift
done
# Each part draws other faults.
seed=$((seed + (${part%/*} - 1) * 1000003))

sh tests/setup.sh test
preset=${WEIR_PRESET:-dev}
cmake --preset "$preset" >/dev/null
cmake --build --preset "$preset" --target weir weir-simulate-gateway flood fill-outbox \
  bare_subscriber weir-mock-kafka
export WEIR_BUILD_DIR="$PWD/build/$preset"

mkdir -p build/proof
out=$PWD/build/proof
export WEIR_KAFKA_STATE="$out/kafka"
trap 'sh tests/kafka/broker.sh clean "$WEIR_KAFKA_STATE"' EXIT
trap 'exit 130' INT TERM
sh tests/kafka/broker.sh start "$WEIR_KAFKA_STATE" >/dev/null

echo "proof: seed $seed"
rm -f "$out"/*.run
# figure NUMBER NAME COMMAND...: the command writes its JSON to build/proof/NUMBER-NAME.json.
figure() {
  number=$1 name=$2
  shift 2
  case " ${only:-$number} " in *" $number "*) ;; *) return 0 ;; esac
  echo "figure $number, $name:"
  begun=$(date +%s) holds=true
  rm -f "$out/$number-$name.json"
  "$@" --report "$out/$number-$name.json" || holds=false
  echo "{\"seed\": $seed, \"holds\": $holds, \"seconds\": $(($(date +%s) - begun)), $of}" \
    >"$out/$number-$name.run"
}
kills=2000 points=1 cuts=1000000 errors=100000 days=18250 hours=72 damages=10000 lies=100000
outages=500 clocks=10000 acks=100000 budget='' cost='--count 300000 --ratio 0.5'
hour='--minutes 60 --bytes 16'
[ -z "$quick" ] || {
  kills=60 points=10 cuts=20000 errors=3000 days=365 hours=6 damages=300 lies=2000
  outages=10 clocks=100 acks=5000 budget='--budget 150' cost='--count 100000 --ratio 0.6'
  hour='--minutes 5 --bytes 24'
}
for count in kills cuts errors days damages lies outages clocks acks; do
  eval "$count=\$(((\$$count + ${part#*/} - 1) / ${part#*/}))"
done
of="\"part\": \"$part\", \"day\": \"$(date +%F)\""
of="$of, \"commit\": \"$(git rev-parse --short HEAD 2>/dev/null || echo unknown)\""
simulate="build/$preset/tests/weir-simulate-gateway"

# The longest of the simulator on one core, the real processes and the rest on the other.
simulated() {
  figure 3 power-cuts "$simulate" --cuts "$cuts" --seed "$seed"
  figure 4 io-errors "$simulate" --figure errors --count "$errors" --seed "$seed"
  figure 5 gateway-days "$simulate" --figure days --count "$days" --seed "$seed"
}
simulated >"$out/simulated.log" 2>&1 &
lane=$!
# Minutes of hardly any work.
# shellcheck disable=SC2086
figure 16 bytes-written python3 tests/proof/written.py $hour >"$out/written.log" 2>&1 &
beside=$!
figure 1 kills python3 tests/proof/kills.py --kills "$kills" --seed "$seed"
figure 2 kill-points python3 tests/proof/kill_points.py --every "$points" --seed "$seed"
figure 9 outages python3 tests/proof/outages.py --outages "$outages" --seed "$seed"
figure 12 acknowledgements python3 tests/proof/acknowledgements.py --count "$acks"
figure 13 planted-bugs python3 tests/proof/planted.py $budget
figure 6 offline "$simulate" --figure outage --count "$hours" --seed "$seed"
figure 7 damage "$simulate" --figure damage --count "$damages" --seed "$seed"
figure 8 lying-card "$simulate" --figure lies --count "$lies" --seed "$seed"
figure 10 clocks "$simulate" --figure clocks --count "$clocks" --seed "$seed"
wait "$lane" "$beside"
cat "$out/simulated.log" "$out/written.log"
# What is measured in seconds has both cores.
figure 11 slow-disk python3 tests/proof/slow_disk.py
figure 14 restart python3 tests/proof/restart.py
figure 15 cost python3 tests/proof/cost.py $cost

report=tests/proof/report.json
[ -z "$quick" ] || report=build/proof/report.json
[ -n "$only" ] || [ "$part" != 1/1 ] || rm -f "$report"
python3 tests/proof/report.py --collect "$out" "$report"
failed=$(grep -l '"holds": false' "$out"/*.run | sed 's|.*/||; s|-.*||' | tr '\n' ' ' || true)
[ -z "$failed" ] || { echo "proof: FAILED: ${failed}(seed $seed)" >&2 && exit 1; }
echo "proof: all figures hold; $report"
