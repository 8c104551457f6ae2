"""Figure 1: `kill -9` at random instants, device to mosquitto to weir to a real Kafka, counted by an
independent read_committed consumer against what was published.

    kills.py --kills N [--harsh] [--seed S] [--report FILE]

Half of the kills, by turns, or all of them with --harsh, come without any time to catch up: the
broker has a queue of seconds of weir's work, whose end weir never sees.

Exit status 0 when nothing is lost, nothing twice and no window wrong.
"""

import collections
import json
import random
import sys
import threading
import time

from figure import OWN_TOPICS, counts_of, end, identity, is_whole, read_options
from rig import GATEWAY, Mosquitto, Publisher, Weir, Workspace, consume, kafka_brokers, wait_until
from test_nab import microseconds

DEVICES = 20
STEP_MS = 50          # event time between two readings of a device
WINDOW_MS = 1000
BEGIN_MS = 1_700_000_000_000
# Now and then weir stays away for so long that the broker has a queue, is killed again while it
# catches up, and then has the time to.
BACKLOG_EVERY = 30
BACKLOG_SECONDS = CATCH_UP_SECONDS = 5
# Harsh kills: the broker always has a queue, longer than there are packet ids and seconds of weir's
# work. weir stays away after each until it is this long again. Both kinds take turns.
QUEUE = 120_000
TURN = 100

CONFIG = GATEWAY + """reconnect_min = "50ms"
[[source]]
name = "proof"
topics = ["proof/{device}"]
time = { field = "t", unit = "ms" }
metrics = ["v"]
lateness = "1h"
idle = "@IDLE@"
[[rollup]]
name = "second"
from = "proof"
window = { tumbling = "1s" }
aggregates = ["count", "sum", "first", "last"]
topic = "@ID@.rollups"
[store]
commit_interval = "@INTERVAL@"
checkpoint_after = "64KiB"
""" + OWN_TOPICS + """linger = "20ms"
"""


class Fleet(threading.Thread):
    """Publishes at QoS 1 until told to stop; remembers what each window must hold."""

    def __init__(self, port, rate, before=None):
        super().__init__(daemon=True)
        self.publisher = Publisher(port)
        self.rate = rate
        self.stopping = False
        self.queue = 0  # publishes faster while this much more is not journaled
        self.journaled = 0  # as far as is known
        self.error = None
        self.sent = before.sent if before else 0
        self.windows = before.windows if before else collections.defaultdict(list)

    def run(self):
        try:
            due = time.monotonic()
            while not self.stopping:
                device, step = self.sent % DEVICES, self.sent // DEVICES
                at, value = BEGIN_MS + step * STEP_MS, self.sent % 1009
                self.publisher.publish(f"proof/{device}", json.dumps({"t": at, "v": value}))
                self.windows[f"{device}", at // WINDOW_MS * WINDOW_MS].append(value)
                self.sent += 1
                if self.sent % 50 == 0 and self.sent - self.journaled >= self.queue:
                    due = max(due + 50 / self.rate, time.monotonic() - 1)
                    time.sleep(max(0.0, due - time.monotonic()))
            self.publisher.close()
        except Exception as error:
            self.error = error

    def end(self):
        """Everything published so far is with the broker."""
        self.stopping = True
        self.join(120)
        if self.error or self.is_alive():
            raise AssertionError(f"the fleet could not publish: {self.error}")


def drained(weir, fleet):
    """weir's status once everything is journaled and delivered."""
    status = weir.status()
    counts = status["ledger"]["counts"] if status else {}
    return (counts.get("messages_journaled", 0) >= fleet.sent
            and sum(lane["waiting"] for lane in status["lanes"]) == 0
            and status["watermarks"]["devices"] == status["watermarks"]["idle"] and status)


def drain(weir, fleet, seconds=120):
    """The status at last, whatever is missing by then."""
    try:
        return wait_until(lambda: drained(weir, fleet), "all is journaled and delivered", seconds)
    except AssertionError as error:
        print(f"{error}\n{weir.get('/status.txt')[1]}", file=sys.stderr)
        return weir.status()  # what is missing is counted at Kafka


def judge(windows, records):
    """Compares the newest revision of each window with what was published, reading by reading."""
    newest, seen = {}, collections.Counter()
    for record in records:
        value = record["value"]
        seen[record["headers"]["weir-epoch"], record["headers"]["weir-seq"]] += 1
        start = microseconds(value["window"]["start"]) // 1000
        slot = (value["group"]["device"], start)
        seen[slot + (value["revision"],)] += 1
        if slot not in newest or newest[slot]["revision"] < value["revision"]:
            newest[slot] = value
    lost = twice = wrong = 0
    for slot, values in windows.items():
        got = newest.get(slot)
        count = got["values"]["count"] if got else 0
        lost += max(0, len(values) - count)
        twice += max(0, count - len(values))
        want = {"count": len(values), "sum": sum(values), "first": values[0], "last": values[-1]}
        wrong += not got or any(got["values"][name] != want[name] for name in want)
    wrong += len(newest.keys() - windows.keys())
    return {"lost": lost, "twice": twice + sum(n - 1 for n in seen.values()), "wrong_windows": wrong}


class Killer:
    """Kills weir from the first steps of a start to the middle of steady work, and starts it."""

    def __init__(self, weir, fleet, chooser):
        self.weir, self.fleet, self.chooser = weir, fleet, chooser
        self.harsh_kills, self.least_queue = 0, QUEUE

    def life(self):
        """Seconds until the next kill."""
        return self.chooser.choice([self.chooser.uniform(0, 0.1), self.chooser.uniform(0, 0.6),
                                    self.chooser.uniform(0.3, 1.5)])

    def kill(self, number):
        self.fleet.queue = 0
        time.sleep(self.life())
        behind = number % BACKLOG_EVERY - BACKLOG_EVERY // 2
        if behind == 2:
            time.sleep(CATCH_UP_SECONDS)
        self.weir.process.kill()
        if behind == 0:
            time.sleep(BACKLOG_SECONDS)
        self.weir.start(ready=False)

    def kill_harshly(self):
        if not self.fleet.queue:  # the first of its turn
            wait_until(self.weir.status, "weir says what it has")
            self.queue()
            self.stay_away()
        end = time.monotonic() + min(self.life(), 1.0)
        while time.monotonic() < end:
            queue = self.queue()
            self.least_queue = min(queue, self.least_queue)
            if queue < QUEUE // 3:
                break
            time.sleep(0.01)
        self.harsh_kills += 1
        self.stay_away()

    def queue(self):
        """How many messages weir has not journaled, as it last said: half a second ago, perhaps."""
        journaled = counts_of(self.weir).get("messages_journaled", 0)
        self.fleet.journaled = max(journaled, self.fleet.journaled)
        return self.fleet.sent - self.fleet.journaled

    def stay_away(self):
        """Until the queue is long."""
        self.weir.process.kill()
        self.fleet.queue = QUEUE
        wait_until(lambda: self.fleet.sent - self.fleet.journaled >= QUEUE, "the queue is long")
        self.weir.start(ready=False)


def main():
    options = read_options(seeded=True, kills=60, harsh=False, rate=2000)  # messages a second
    chooser = random.Random(options.seed)
    brokers = kafka_brokers()
    name = identity("kills")

    with Workspace() as work:
        mosquitto = work.keep(Mosquitto(work.path, extra="max_inflight_messages 200"))
        weir = work.keep(Weir(work.path, CONFIG, ID=name, MQTT=mosquitto.url, BROKERS=brokers,
                              INTERVAL=chooser.choice(["5ms", "50ms", "250ms"]), IDLE="3s"))
        weir.start().connected()
        fleet = Fleet(mosquitto.port, options.rate)
        fleet.start()
        killer = Killer(weir, fleet, chooser)
        turn = min(TURN, options.kills // 2) or 1
        for kill in range(options.kills):
            harsh = options.harsh or kill // turn % 2 == 1
            killer.kill_harshly() if harsh else killer.kill(kill)
            if sys.stderr.isatty():
                print(f"\rkill {kill + 1} of {options.kills}, {fleet.sent} messages", end="",
                      file=sys.stderr, flush=True)
        fleet.end()
        status = drain(weir, fleet)
        counts = status["ledger"]["counts"]
        found = judge(fleet.windows, consume(brokers, f"{name}.rollups"))
        found.update(kills=options.kills, seed=options.seed, messages=fleet.sent,
                     windows=len(fleet.windows), ledger_balanced=status["ledger"]["balanced"],
                     redelivered=counts.get("messages_refused", {}).get("redelivered", 0),
                     harsh_kills=killer.harsh_kills, least_queue=killer.least_queue)
        weir.stop()
    end(found, options, is_whole(found))


if __name__ == "__main__":
    main()
