#!/bin/sh
# Proves what weir promises, with real processes: prints its seed, a line a figure, and writes
# build/proof/report.json.
#
#   sh tests/proof/run.sh [--quick] [--seed N] [--only "N N ..."]
#
# --quick   what CI runs, some minutes; without it the full counts of tests/proof/REPORT.md.
# --only    these figures; the report keeps what it has of the others.
# Exit status: 0 when every figure holds.
set -eu
cd "$(dirname "$0")/../.."

quick='' only='' seed=$(date +%s)
while [ $# -gt 0 ]; do
  case $1 in
    --quick) quick=yes ;;
    --only) only=${2:?numbers} && shift ;;
    --seed) seed=${2:?a number} && shift ;;
    *)
      sed -n '2,/^set/s/^# \{0,1\}//p' tests/proof/run.sh
      exit 64
      ;;
  esac
  shift
done

sh tests/setup.sh test
preset=${WEIR_PRESET:-dev}
cmake --preset "$preset" >/dev/null
cmake --build --preset "$preset" --target weir weir-simulate-gateway flood fill-outbox
export WEIR_BUILD_DIR="$PWD/build/$preset"

mkdir -p build/proof
out=$PWD/build/proof
export WEIR_KAFKA_STATE="$out/kafka"
trap 'sh tests/kafka/broker.sh clean "$WEIR_KAFKA_STATE"' EXIT
trap 'exit 130' INT TERM
sh tests/kafka/broker.sh start "$WEIR_KAFKA_STATE" >/dev/null

echo "proof: seed $seed"
failed='' runs=''
# figure NUMBER NAME COMMAND...: the command writes its JSON to build/proof/NUMBER-NAME.json.
figure() {
  number=$1 name=$2
  shift 2
  case " ${only:-$number} " in *" $number "*) ;; *) return 0 ;; esac
  echo "figure $number, $name:"
  begun=$(date +%s) holds=true
  rm -f "$out/$number-$name.json"
  "$@" --report "$out/$number-$name.json" || { failed="$failed $number" && holds=false; }
  took=$(($(date +%s) - begun))
  runs="$runs${runs:+,} \"$number-$name\": {\"seed\": $seed, \"holds\": $holds, \"seconds\": $took}"
}
kills=2000 points=1 cuts=1000000 errors=100000 days=18250 hours=72 damages=10000 outages=500
clocks=10000 acks=100000 budget=''
[ -z "$quick" ] || {
  kills=60 points=10 cuts=20000 errors=3000 days=365 hours=6 damages=300 outages=10
  clocks=100 acks=5000 budget='--budget 150'
}
simulate="build/$preset/tests/weir-simulate-gateway"

figure 1 kills python3 tests/proof/kills.py --kills "$kills" --seed "$seed"
figure 2 kill-points python3 tests/proof/kill_points.py --every "$points" --seed "$seed"
figure 3 power-cuts "$simulate" --cuts "$cuts" --seed "$seed"
figure 4 io-errors "$simulate" --figure errors --count "$errors" --seed "$seed"
figure 5 gateway-days "$simulate" --figure days --count "$days" --seed "$seed"
figure 6 offline "$simulate" --figure outage --count "$hours" --seed "$seed"
figure 7 damage "$simulate" --figure damage --count "$damages" --seed "$seed"
figure 9 outages python3 tests/proof/outages.py --outages "$outages" --seed "$seed"
figure 10 clocks "$simulate" --figure clocks --count "$clocks" --seed "$seed"
figure 11 slow-disk python3 tests/proof/slow_disk.py
figure 12 acknowledgements python3 tests/proof/acknowledgements.py --count "$acks"
figure 13 planted-bugs python3 tests/proof/planted.py $budget
figure 14 restart python3 tests/proof/restart.py

python3 - "$out" "{$runs}" "$only" <<'END'
import json, pathlib, sys
out, runs, only = pathlib.Path(sys.argv[1]), json.loads(sys.argv[2]), sys.argv[3]
report = out / "report.json"
figures = json.loads(report.read_text())["figures"] if only and report.exists() else {}
for key, run in runs.items():
    found = out / f"{key}.json"
    figures[key] = (json.loads(found.read_text()) if found.exists() else {}) | run
report.write_text(json.dumps({"figures": figures}, indent=2) + "\n")
END
[ -z "$failed" ] || { echo "proof: FAILED:$failed; seed $seed" >&2 && exit 1; }
echo "proof: all figures hold; build/proof/report.json"
