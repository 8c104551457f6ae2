#!/bin/sh
# The demo: fifty simulated presses, some of them faulty, through mosquitto and weir into Kafka.
#
#   sh config/demo/run.sh              about 30 seconds; on a bare Debian 12 it installs and builds first
#   sh config/demo/run.sh --keep       goes on until Ctrl-C
#   KAFKA_BROKERS=host:9092 sh config/demo/run.sh      with a cluster of your own
#
# More: --seconds N, --devices N, --seed N. Everything runs on free loopback ports and in a temporary
# directory, and is gone at the end. Exit status 0 if results arrived and the ledger balances.
set -eu
cd "$(dirname "$0")"
script=$PWD/$(basename "$0")
cd ../..

seconds=25 devices=50 seed=7 keep=
while [ $# -gt 0 ]; do
  case $1 in
    --keep) keep=yes ;;
    --seconds) seconds=${2:?a number} && shift ;;
    --devices) devices=${2:?a number} && shift ;;
    --seed) seed=${2:?a number} && shift ;;
    *)
      sed -n '2,/^set/s/^# \{0,1\}//p' "$script"
      exit 64
      ;;
  esac
  shift
done

bold='' red='' green='' plain=''
if [ -t 1 ]; then
  bold=$(printf '\033[1m') red=$(printf '\033[31m') green=$(printf '\033[32m')
  plain=$(printf '\033[0m')
fi
say() { printf '%s%s%s\n' "$bold" "$*" "$plain"; }
fail() {
  printf '%sdemo: %s%s\n' "$red" "$*" "$plain" >&2
  for log in "$dir"/*.log; do
    [ -s "$log" ] && printf -- '--- %s\n' "$(basename "$log")" >&2 && tail -n 15 "$log" >&2
  done
  exit 1
}

# Whatever was started is ended, by its number; the newest first.
started=''
dir=$(mktemp -d)
end_all() {
  for pid in $started; do kill "$pid" 2>/dev/null || true; done
  for pid in $started; do wait "$pid" 2>/dev/null || true; done
  rm -rf "$dir"
}
trap end_all EXIT
trap 'exit 130' INT TERM

# start LOG PROGRAM...: in a session of its own, so that Ctrl-C reaches this script only and
# everything is stopped in order.
start() {
  log=$dir/$1
  shift
  setsid "$@" >"$log" 2>&1 &
  pid=$!
  started="$pid $started"
}
# forget PID: it has ended, and its number may soon be another's.
forget() { started=$(echo " $started" | sed "s/ $1 / /"); }
# stop PID: asks it to end and waits; its exit status.
stop() {
  kill "$1"
  forget "$1"
  wait "$1"
}
# until_true SECONDS COMMAND...: whether it came true in that time.
until_true() {
  tries=$(($1 * 10))
  shift
  while ! "$@" >/dev/null 2>&1; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || return 1
    sleep 0.1
  done
}
some_port() { echo $((20000 + $(od -An -N2 -tu2 /dev/urandom) % 12000)); }

# --- what is needed ------------------------------------------------------------------------------

sh tests/setup.sh build || exit
bin=build/release
say "building weir (the first time takes some minutes)"
cmake --preset release >"$dir/build.log" 2>&1 || fail "can't configure"
cmake --build --preset release --target weir weir-mock-kafka weir-kafka-tail \
  >"$dir/build.log" 2>&1 || fail "can't build"
weir=$bin/runtime/weir

# --- the broker of the presses, the broker of the centre, and weir between them ------------------

PATH=$PATH:/usr/sbin:/sbin
start_mosquitto() {
  WEIR_DEMO_MQTT_PORT=$(some_port)
  cat >"$dir/mosquitto.conf" <<END
listener $WEIR_DEMO_MQTT_PORT 127.0.0.1
user $(id -un)
allow_anonymous true
persistence false
max_inflight_messages 1000
END
  start mosquitto.log mosquitto -c "$dir/mosquitto.conf"
  until_true 5 grep -q "running" "$dir/mosquitto.log" && kill -0 "$pid" 2>/dev/null
}
start_weir() {
  WEIR_DEMO_HTTP_PORT=$(some_port)
  export WEIR_DEMO_HTTP_PORT
  start weir.log "$weir" run -c config/demo/demo.toml
  weir_pid=$pid
  until_true 15 both_linked
}
status() { "$weir" status --json --address "127.0.0.1:$WEIR_DEMO_HTTP_PORT"; }
both_linked() {
  kill -0 "$weir_pid" || return 0
  [ "$(status | grep -c '"connected": true')" -ge 2 ]
}

start_mosquitto || start_mosquitto || fail "mosquitto does not start"
topics=demo.rollups,demo.alerts,demo.late
if [ -z "${KAFKA_BROKERS:-}" ]; then
  start kafka.log "$bin/tests/weir-mock-kafka" --topics "$topics,weir.positions" \
    --port-file "$dir/kafka.port"
  until_true 10 test -s "$dir/kafka.port" || fail "the Kafka broker does not start"
  KAFKA_BROKERS=$(cat "$dir/kafka.port")
fi
# A new gateway each time: its data begins anew, and a cluster remembers what it was told.
WEIR_DEMO_GATEWAY=demo-gw-$(date +%s)
export WEIR_DEMO_MQTT_PORT WEIR_DEMO_GATEWAY KAFKA_BROKERS WEIR_DEMO_DIR="$dir"

setsid "$bin/tests/weir-kafka-tail" --brokers "$KAFKA_BROKERS" --summary "$dir/arrived" \
  --show line_5s --show press --show overheat --show unusual --show jump --show frozen --show silent \
  demo.rollups demo.alerts demo.late 2>"$dir/tail.log" &
tail_pid=$!
started="$tail_pid $started"
until_true 20 test -s "$dir/arrived" ||
  fail "no topics at $KAFKA_BROKERS; where they are not made by themselves, make $topics"

start_weir || fail "weir does not get ready"
kill -0 "$weir_pid" 2>/dev/null || start_weir || fail "weir does not get ready"
kill -0 "$weir_pid" 2>/dev/null || fail "weir stopped"

say "mosquitto on port $WEIR_DEMO_MQTT_PORT, Kafka at $KAFKA_BROKERS, status of weir at" \
  "http://127.0.0.1:$WEIR_DEMO_HTTP_PORT/status"

# --- the fleet -----------------------------------------------------------------------------------

if [ -n "$keep" ]; then
  say "$devices presses until Ctrl-C; rollups of each line and alerts as they arrive at Kafka:"
  seconds=0
else
  say "$devices presses for $seconds s; rollups of each line and alerts as they arrive at Kafka:"
fi
start fleet.log "$weir" simulate --url "mqtt://127.0.0.1:$WEIR_DEMO_MQTT_PORT" --devices "$devices" \
  --duration "${seconds}s" --seed "$seed" --faults all --day 2m --late-by 9s --quiet --json
fleet_pid=$pid
# Ctrl-C ends the fleet; the ledger follows.
trap 'kill "$fleet_pid" 2>/dev/null || true' INT TERM
sent_well=0
wait "$fleet_pid" || sent_well=$?
[ "$sent_well" -le 128 ] || { sent_well=0 && wait "$fleet_pid" || sent_well=$?; }
trap 'exit 130' INT TERM
[ "$sent_well" = 0 ] || fail "the fleet could not send"
forget "$fleet_pid"

# --- the ledger ----------------------------------------------------------------------------------

# JSON, a member a line, as "path value" lines.
flatten() {
  awk '
    function here(  i, p) { p = ""; for (i = 1; i <= n; i++) if (at[i] != "") p = p at[i] "."; return p }
    { sub(/^ +/, ""); sub(/,$/, ""); key = "" }
    /^"[^"]*": / { key = substr($0, 2, index(substr($0, 2), "\"") - 1); sub(/^"[^"]*": /, "") }
    /^[{[]$/ { at[++n] = key; next }
    /^[]}]/ { n--; next }
    key != "" { gsub(/"/, ""); print here() key, $0 }'
}
value() { awk -v p="$2" '$1 == p { $1 = ""; sub(/^ /, ""); print }' "$dir/$1"; }
# The sum of a counter over its reasons, kinds or lanes; and the reasons, for people.
total() { awk -v p="$2" '$1 == p || index($1, p ".") == 1 { s += $2 } END { print s + 0 }' "$dir/$1"; }
reasons() {
  awk -v p="$2." 'index($1, p) == 1 && $2 > 0 { t = t (t == "" ? "" : ", ") substr($1, length(p) + 1) " " $2 }
    END { if (t != "") print " (" t ")" }' "$dir/$1"
}
count() { total status "ledger.counts.$1"; }

sed 's/[[{,]/&\n/g; s/[]}]/\n&/g' "$dir/fleet.log" | sed 's/^\("[^"]*"\):/\1: /' | flatten >"$dir/fleet"
sent=$(value fleet messages)
drained() {
  status | flatten >"$dir/status"
  [ "$(count messages_received)" -ge "$sent" ] &&
    [ "$(count results_produced)" -eq $(($(count results_delivered) + $(count results_evicted))) ]
}
until_true 20 drained || echo "not everything was delivered within 20 s" >&2

# In order: weir commits, delivers and says good-bye; then the reader takes what is on its way.
stop "$weir_pid" || fail "weir did not stop cleanly"
stop "$tail_pid" || true
arrived=$(awk '$1 == "received" { print $2 }' "$dir/arrived")
twice=$(awk '$1 == "twice" { print $2 }' "$dir/arrived")

broken=$(value fleet faults.broken.messages)
future=$(value fleet faults.clock_future.messages)
say "the ledger"
cat <<END
  messages   received $(count messages_received) = journaled $(count messages_journaled) + refused $(count messages_refused)$(reasons status ledger.counts.messages_refused)
  readings   journaled $(count readings_journaled) = aggregated $(count readings_aggregated) + late $(count readings_late) + quarantined $(count readings_quarantined) + filtered $(count readings_filtered)
  results    produced $(count results_produced)$(reasons status ledger.counts.results_produced) = delivered $(count results_delivered) + evicted $(count results_evicted)
  the fleet  sent $sent messages, $broken of them broken, $future with a clock in 2087 (3 readings each)
  Kafka      $arrived records read back, $twice of them twice
END

wrong=''
expect() { # what is, what it should be, the sentence
  [ "$1" = "$2" ] || wrong="$wrong
  $3: $1, not $2"
}
expect "$(value status ledger.balanced)" true "the ledger balances"
expect "$(count messages_received)" "$sent" "weir received what the fleet sent"
expect "$(count messages_refused)" "${broken:-0}" "weir refused the broken payloads"
expect "$(count readings_quarantined)" $((${future:-0} * 3)) "the readings of 2087 are in quarantine"
expect "$twice" 0 "no record came twice"
[ "$arrived" -ge "$(count results_delivered)" ] || wrong="$wrong
  only $arrived of $(count results_delivered) delivered records were read back"
[ "$arrived" -gt 0 ] || wrong="$wrong
  nothing arrived"
[ -z "$wrong" ] || fail "this is not as it should be:$wrong"
printf '%s%s%s\n' "$green" "the ledger balances" "$plain"
