#!/bin/sh
# One Apache Kafka broker (KRaft, one node, loopback) for tests and for trying weir by hand.
#
#   broker.sh start DIR     start in DIR (made and formatted if new) and wait until it answers;
#                           prints its address, and leaves it in DIR/brokers; with WEIR_KAFKA_PROXY,
#                           the port of a proxy, it listens at a second address, DIR/behind-proxy,
#                           and tells who comes that way that it is to be found at that port;
#                           at DIR/sasl it listens for the user "weir", password "weir-secret"
#                           (SASL/PLAIN), who may do what no ACL forbids; anybody else may do
#                           anything; WEIR_KAFKA_PROPERTIES are lines for its configuration
#   broker.sh stop DIR      orderly; DIR keeps its data, and "start DIR" goes on with them
#   broker.sh kill DIR      kill -9: as a power cut would
#   broker.sh clean DIR     stop and remove DIR
#   broker.sh jars          only fetch the jars
#
# Any number of brokers may run at once, each in its DIR. The jars are fetched once, by Maven, to
# WEIR_KAFKA_JARS (build/kafka-jars in the project). Exit code 77: Java or Maven is missing.
# A broker ends by itself after WEIR_KAFKA_HOURS (4), so that a forgotten one does no harm.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
jars=${WEIR_KAFKA_JARS:-$here/../../build/kafka-jars}
hours=${WEIR_KAFKA_HOURS:-4}
heap=${WEIR_KAFKA_HEAP:-256m}
plain=org.apache.kafka.common.security.plain.PlainLoginModule

say() { echo "broker.sh: $*" >&2; }
die() { say "$*"; exit 1; }

need() {
  command -v "$1" >/dev/null 2>&1 && return
  say "SKIPPED, NOT TESTED: there is no $1. The tests against a real Kafka broker need Java 17 and"
  say "Maven: apt-get install openjdk-17-jre-headless maven"
  exit 77
}

fetch_jars() {
  need java
  pom_sum=$(cksum <"$here/pom.xml")
  [ "$(cat "$jars/complete" 2>/dev/null)" = "$pom_sum" ] && return
  need mvn
  mkdir -p "$jars"
  (
    flock 9
    [ "$(cat "$jars/complete" 2>/dev/null)" = "$pom_sum" ] && exit 0
    say "fetching Kafka's jars"
    rm -f "$jars"/*.jar
    attempt=1
    until mvn -q -B -f "$here/pom.xml" -Djars="$jars" dependency:copy-dependencies >&2; do
      [ $attempt -lt 3 ] || die "Maven could not fetch Kafka's jars"
      attempt=$((attempt + 1))
    done
    echo "$pom_sum" >"$jars/complete"
  ) 9>"$jars/lock"
}

# A port nobody listens on, most likely: the kernel's list is read, a collision is tried again.
free_port() {
  while :; do
    port=$((20000 + $(od -An -N2 -tu2 /dev/urandom) % 12000))
    [ "$port" != "${1:-}" ] || continue
    hex=$(printf '%04X' "$port")
    grep -qis ":$hex [0-9A-F]*:[0-9A-F]* 0A" /proc/net/tcp /proc/net/tcp6 || break
  done
  echo "$port"
}

# Records carry the time of their window. Half a minute after its start a broker with the default
# retention deletes those that are older than a week, and that is what tests replay.
configure() {
  client=$(free_port)
  controller=$(free_port "$client")
  sasl=$(free_port "$controller")
  echo "127.0.0.1:$sasl" >"$1/sasl"
  listen='' advertise=''
  if [ -n "${WEIR_KAFKA_PROXY:-}" ]; then
    behind=$(free_port "$sasl")
    listen=",PROXY://127.0.0.1:$behind" advertise=",PROXY://127.0.0.1:$WEIR_KAFKA_PROXY"
    echo "127.0.0.1:$behind" >"$1/behind-proxy"
  fi
  cat >"$1/server.properties" <<EOF
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller
listeners=PLAINTEXT://127.0.0.1:$client,CONTROLLER://127.0.0.1:$controller,SASL://127.0.0.1:$sasl$listen
advertised.listeners=PLAINTEXT://127.0.0.1:$client,SASL://127.0.0.1:$sasl$advertise
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,PROXY:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL:SASL_PLAINTEXT
listener.name.sasl.sasl.enabled.mechanisms=PLAIN
listener.name.sasl.plain.sasl.jaas.config=$plain required user_weir="weir-secret";
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
allow.everyone.if.no.acl.found=true
controller.listener.names=CONTROLLER
log.dirs=$1/data
num.partitions=1
auto.create.topics.enable=true
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=3000
num.network.threads=2
num.io.threads=2
log.cleaner.dedupe.buffer.size=2097152
log.cleaner.threads=1
log.retention.ms=-1
${WEIR_KAFKA_PROPERTIES:-}
EOF
}

# Runs "$@" (a class and its arguments) in place of this shell.
exec_java() {
  exec java -Xmx"$heap" -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xshare:auto \
    -Dorg.slf4j.simpleLogger.defaultLogLevel=warn \
    -Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info \
    -cp "$jars/*" "$@"
}

alive() { [ -s "$1/pid" ] && kill -0 "$(cat "$1/pid")" 2>/dev/null; }

# 0: it answers; 1: it ended before it did.
wait_until_up() {
  tries=0
  until grep -q "Kafka Server started" "$1/log" 2>/dev/null; do
    tries=$((tries + 1))
    [ $tries -lt 600 ] || die "the broker did not start within a minute, see $1/log"
    [ $tries -lt 20 ] || alive "$1" || return 1
    sleep 0.1
  done
}

launch() {
  : >"$1/log"
  rm -f "$1/pid"
  # The guard runs this script again, which leaves the pid that the JVM then takes over: "kill" must
  # hit the JVM and not its guard.
  WEIR_KAFKA_JARS=$jars timeout -k 10 "${hours}h" sh "$here/broker.sh" run "$1" \
    >"$1/log" 2>&1 </dev/null &
  wait_until_up "$1"
}

run() {
  echo $$ >"$1/pid"
  exec_java kafka.Kafka "$1/server.properties"
}

start() {
  fetch_jars
  mkdir -p "$1"
  dir=$(cd "$1" && pwd)
  alive "$dir" && { cat "$dir/brokers"; return; }
  if [ -d "$dir/data" ]; then
    launch "$dir" || die "the broker ended at its start, see $dir/log"
  else
    attempt=1
    while :; do
      configure "$dir"
      (exec_java kafka.tools.StorageTool format -t 4L6g3nShT-eMCtK--X86sw \
        -c "$dir/server.properties") >"$dir/log" 2>&1 || die "can't format, see $dir/log"
      launch "$dir" && break
      grep -q "Address already in use" "$dir/log" || attempt=5
      [ $attempt -lt 5 ] || die "the broker ended at its start, see $dir/log"
      attempt=$((attempt + 1))
      rm -rf "$dir/data"
    done
  fi
  sed -n 's|^advertised.listeners=PLAINTEXT://\([^,]*\).*|\1|p' "$dir/server.properties" >"$dir/brokers"
  cat "$dir/brokers"
}

end_with() {
  alive "$2" || return 0
  pid=$(cat "$2/pid")
  kill "-$1" "$pid"
  tries=0
  while kill -0 "$pid" 2>/dev/null; do
    tries=$((tries + 1))
    [ $tries -ne 150 ] || kill -KILL "$pid" 2>/dev/null || true
    [ $tries -lt 200 ] || die "process $pid does not end"
    sleep 0.1
  done
}

command=${1:-}
[ "$command" = jars ] && { fetch_jars; exit; }
[ $# -eq 2 ] || { sed -n '2,19s/^# \{0,1\}//p' "$0"; exit 2; }
case $command in
  start) start "$2" ;;
  run) run "$2" ;; # for itself
  stop) end_with TERM "$2" ;;
  kill) end_with KILL "$2" ;;
  clean) end_with KILL "$2"; rm -rf "$2" ;;
  *) die "unknown command $command" ;;
esac
