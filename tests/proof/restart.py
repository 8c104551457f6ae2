"""Figure 14: a start with a million entries in the outbox, a journal to replay and messages waiting
at the broker: seconds from exec to the first PUBACK, and to the first committed transaction. The
median of three starts, each after a kill; what the first ones deliver is a few of the entries. Then
the rest drains into the cluster, and the consumer must have what weir counts as delivered.

    restart.py [--entries N] [--report FILE]

The entries are made by the store itself; then weir runs with no Kafka in reach, and is killed.
Exit status 0 when the PUBACK comes within 0.3 s, the transaction within 2 s, and it drains at twenty
times the 170 results a second that figure 6 makes.
"""

import statistics
import subprocess
import time

from figure import FLOOD_SOURCE, OWN_TOPICS, counts_of, end, identity, read_options
from proxy import UP, Proxy
from rig import BUILD_DIR, GATEWAY, Mosquitto, Process, Weir, Workspace, kafka_brokers, kcat, \
    wait_until

ACKNOWLEDGED_IN, COMMITTED_IN = 0.3, 2.0
MESSAGES = 20_000  # in the journal; about as much as waits for a checkpoint
WAITING = 1_000    # at the broker
STARTS = 3
DRAINED_A_SECOND = 3400

CONFIG = GATEWAY + FLOOD_SOURCE + """
[[rollup]]
name = "minute"
from = "flood"
window = { tumbling = "1m" }
topic = "@ID@.rollups"
[store]
max_size = "1GiB"
""" + OWN_TOPICS


def flood(port, count):
    subprocess.run([str(BUILD_DIR / "tests" / "flood"), "127.0.0.1", str(port), str(count), "1",
                    "1000", "0"], check=True, stdout=subprocess.DEVNULL)


class Consumer:
    """kcat, read_committed, at the end of the topic."""

    def __init__(self, brokers, topic, directory):
        self.out = directory / "consumer.out"
        self.process = Process(["kcat", "-C", "-u", "-b", brokers, "-t", topic, "-o", "beginning",
                                "-X", "isolation.level=read_committed", "-X",
                                "fetch.wait.max.ms=20", "-f", "%o\n"], self.out)
        wait_until(lambda: "Reached end of topic" in self.process.text(), "the consumer listens")

    def records(self):
        return sum(line.isdigit() for line in self.process.text().splitlines())

    def settled(self):
        """No record came for a while: a transaction that was under way at a kill has ended."""
        before = self.records()
        time.sleep(0.5)
        return self.records() == before


def make_topics(work, brokers, values, topic):
    """Both topics, by another weir: this is a restart, not a first start."""
    if kcat("-L", "-b", brokers, "-t", topic).returncode != 0:
        raise AssertionError(f"no metadata of {topic}")
    directory = work.path / "other"
    directory.mkdir()
    weir = work.keep(Weir(directory, CONFIG, BROKERS=brokers, **values)).start().connected()
    wait_until(lambda: weir.status()["link"]["sink"]["connected"], "the other weir has a session")
    weir.stop()


def prepare(work, mosquitto, values, topic, entries):
    """A weir that was killed with those entries; it has a session at the broker."""
    directory = work.path / "full"
    directory.mkdir()
    subprocess.run([str(BUILD_DIR / "tests" / "fill-outbox"), str(directory / "data"), str(entries),
                    topic], check=True)
    weir = work.keep(Weir(directory, CONFIG, BROKERS="127.0.0.1:1", **values)).start()
    weir.connected()
    flood(mosquitto.port, MESSAGES)
    wait_until(lambda: counts_of(weir).get("messages_journaled", 0) >= MESSAGES,
               "all is journaled", 120)
    status = weir.status()
    weir.process.kill()
    return weir, {"entries": sum(lane["waiting"] for lane in status["lanes"]),
                  "journal_records": status["store"]["journal_records"],
                  "journal_bytes": status["store"]["journal_bytes"]}


def measure(weir, proxy, consumer):
    """Seconds from exec to the first PUBACK and to the next record at the consumer."""
    wait_until(consumer.settled, "the consumer has everything")
    acknowledged, before = [], consumer.records()

    def watch(direction, data):
        if direction == UP and data[0] >> 4 == 4:
            acknowledged.append(time.monotonic())

    proxy.watch = watch
    begun = time.monotonic()
    weir.start(ready=False)
    wait_until(lambda: consumer.records() > before, "the consumer has a record", 120)
    committed = time.monotonic()
    wait_until(lambda: acknowledged, "weir acknowledges", 120)
    weir.process.kill()
    return acknowledged[0] - begun, committed - begun


def drain(weir, consumer):
    """Results a second into the cluster, in bulk."""
    def waiting():
        status = weir.status()
        return sum(lane["waiting"] for lane in status["lanes"]) if status else None

    weir.start().connected()
    first, begun = wait_until(waiting, "there is something to drain"), time.monotonic()
    wait_until(lambda: waiting() == 0, "everything is drained", 600)
    speed = first / (time.monotonic() - begun)
    delivered = sum(counts_of(weir)["results_delivered"].values())
    wait_until(lambda: consumer.settled() and consumer.records() >= delivered,
               "the consumer has everything", 120)
    assert consumer.records() == delivered, f"{consumer.records()} records, {delivered} delivered"
    return speed


def main():
    options = read_options(entries=1_000_000)
    brokers = kafka_brokers()
    name = identity("restart")
    topic = f"{name}.rollups"
    with Workspace() as work:
        mosquitto = work.keep(Mosquitto(work.path, extra="max_inflight_messages 1000"))
        proxy = Proxy(("127.0.0.1", mosquitto.port))
        values = {"ID": name, "MQTT": f"mqtt://127.0.0.1:{proxy.port}"}
        make_topics(work, brokers, values, topic)
        weir, found = prepare(work, mosquitto, values, topic, options.entries)
        weir.config_file.write_text(weir.config_file.read_text()
                                    .replace("127.0.0.1:1\"", f"{brokers}\""))
        consumer = work.keep(Consumer(brokers, topic, work.path))
        starts = []
        for _ in range(STARTS):
            flood(mosquitto.port, WAITING)
            starts.append(measure(weir, proxy, consumer))
        speed = drain(weir, consumer)
        proxy.stop()
    acknowledged, committed = (statistics.median(times) for times in zip(*starts))
    found |= {"seconds_to_acknowledgement": round(acknowledged, 3),
              "seconds_to_transaction": round(committed, 3),
              "drained_a_second": round(speed),
              "starts": [[round(time, 3) for time in times] for times in starts]}
    end(found, options, acknowledged <= ACKNOWLEDGED_IN and committed <= COMMITTED_IN
        and speed >= DRAINED_A_SECOND and found["entries"] >= options.entries)


if __name__ == "__main__":
    main()
