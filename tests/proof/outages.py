"""Figure 9: outages of mosquitto, of Kafka and of the links to them, under load, counted by an
independent read_committed consumer against what was published.

    outages.py [--outages N] [--seed S] [--report FILE]

Proxies stand between weir and both. A seeded deck of outages is dealt, one after the other: links
that are cut, refused, half-open, that swallow bytes or only answers, slow ones; mosquitto
restarted; Kafka restarted, killed, away for a while. Exit status 0 when nothing is lost, nothing
twice and no window wrong.
"""

import collections
import os
import random
import subprocess
import sys
import time

from figure import end, is_whole, read_options
from kills import CONFIG, Fleet, drain, judge
from proxy import BOTH, DOWN, UP, Proxy
from rig import SKIPPED, SOURCE_DIR, Mosquitto, Weir, Workspace, consume, skip

BROKER = SOURCE_DIR / "tests" / "kafka" / "broker.sh"
QUICK_TO_NOTICE = """reconnect_min = "50ms"
reconnect_max = "500ms"
keep_alive = "2s"
"""


class Kafka:
    """A broker of its own, behind a proxy."""

    def __init__(self, directory):
        self.directory = directory / "kafka"
        self.proxy = Proxy(None)
        self.brokers = self.control("start")
        host, port = (self.directory / "behind-proxy").read_text().strip().split(":")
        self.proxy.target = host, int(port)

    def control(self, command):
        done = subprocess.run(["sh", str(BROKER), command, str(self.directory)], text=True,
                              env=os.environ | {"WEIR_KAFKA_PROXY": str(self.proxy.port)},
                              stdout=subprocess.PIPE)
        if done.returncode == SKIPPED:
            skip("no real Kafka broker: Java or Maven is missing")
        if done.returncode != 0:
            raise AssertionError(f"broker.sh {command}: exit code {done.returncode}")
        return done.stdout.strip()


class Scene:
    """What runs, and each thing that can happen to it as a method."""

    def __init__(self, work, options, chooser):
        self.chooser = chooser
        self.rate = options.rate
        self.kafka = Kafka(work.path)
        self.mosquitto = work.keep(Mosquitto(work.path, extra="max_inflight_messages 200"))
        self.broker_link = Proxy(("127.0.0.1", self.mosquitto.port))
        config = CONFIG.replace('reconnect_min = "50ms"\n', QUICK_TO_NOTICE)
        self.weir = work.keep(Weir(
            work.path, config + 'transaction_timeout = "5s"\n', ID="outages", INTERVAL="20ms",
            IDLE="3s", MQTT=f"mqtt://127.0.0.1:{self.broker_link.port}",
            BROKERS=f"127.0.0.1:{self.kafka.proxy.port}"))
        self.weir.start().connected()
        self.fleet = Fleet(self.mosquitto.port, self.rate)
        self.fleet.start()

    def wait(self, shortest, longest):
        time.sleep(self.chooser.uniform(shortest, longest))

    def link(self):
        return self.chooser.choice([self.broker_link, self.kafka.proxy])

    def cut(self, link):
        for _ in range(self.chooser.randrange(1, 4)):
            link.cut()
            self.wait(0, 0.4)

    def refuse(self, link):
        link.refuses = True
        link.cut()
        self.wait(0.2, 3)
        link.heal()

    def half_open(self, link):
        link.forget()
        self.wait(0, 6)  # not always until it is noticed

    def swallow(self, link):
        link.swallows = BOTH
        self.wait(0.2, 5)
        link.heal()

    def lose_answers(self, link):
        """weir's acknowledgements, or Kafka's."""
        link.swallows = frozenset({UP if link is self.broker_link else DOWN})
        self.wait(0.05, 3)
        link.heal()

    def slow(self, link):
        link.delay, link.rate = self.chooser.uniform(0.01, 0.3), self.chooser.randrange(4000, 64000)
        self.wait(1, 4)
        link.heal()

    def restart_mosquitto(self):
        # What a device sent, and has no answer for, it would send twice: not weir's doing.
        self.fleet.end()
        self.mosquitto.stop()
        self.wait(0, 1)
        self.mosquitto.start()
        self.fleet = Fleet(self.mosquitto.port, self.rate, self.fleet)
        self.fleet.start()

    def restart_kafka(self):
        self.kafka.control("stop")
        self.wait(0, 3)
        self.kafka.control("start")

    def kill_kafka(self):
        self.kafka.control("kill")
        self.wait(0, 3)
        self.kafka.control("start")

    def deck(self):
        """Each outage once, in a random order."""
        links = [self.broker_link, self.kafka.proxy]
        kinds = [(what, link) for link in links for what in (
            self.cut, self.refuse, self.half_open, self.swallow, self.lose_answers, self.slow)]
        kinds += [(self.restart_mosquitto,), (self.restart_kafka,), (self.kill_kafka,)]
        self.chooser.shuffle(kinds)
        return kinds

    def stop(self):
        self.broker_link.stop()
        self.kafka.proxy.stop()
        self.kafka.control("clean")


def run(scene, outages):
    counted, deck = collections.Counter(), []
    for number in range(outages):
        deck = deck or scene.deck()
        what, *where = deck.pop()
        name = what.__name__
        if where:
            name += " (mosquitto)" if where[0] is scene.broker_link else " (kafka)"
        counted[name] += 1
        what(*where)
        scene.wait(0, 1.5)
        if sys.stderr.isatty():
            print(f"\r{number + 1} of {outages}, {scene.fleet.sent} messages", end="",
                  file=sys.stderr, flush=True)
    return counted


def main():
    options = read_options(seeded=True, outages=10, rate=500)  # messages a second
    with Workspace() as work:
        scene = Scene(work, options, random.Random(options.seed))
        try:
            counted = run(scene, options.outages)
            scene.fleet.end()
            status = drain(scene.weir, scene.fleet, 180)
            found = judge(scene.fleet.windows, consume(scene.kafka.brokers, "outages.rollups"))
            scene.weir.stop()
        finally:
            scene.stop()
    counts = status["ledger"]["counts"]
    found |= {"outages": options.outages, "by_kind": dict(sorted(counted.items())),
              "seed": options.seed, "messages": scene.fleet.sent,
              "windows": len(scene.fleet.windows), "ledger_balanced": status["ledger"]["balanced"],
              "redelivered": counts.get("messages_refused", {}).get("redelivered", 0)}
    end(found, options, is_whole(found))


if __name__ == "__main__":
    main()
