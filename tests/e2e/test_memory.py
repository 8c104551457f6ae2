"""A flood in a control group of little memory: weir takes what it can hold and lets the broker keep the rest;
it is not killed for want of memory, and loses and repeats nothing."""

import json
import os
import pathlib
import sys

from rig import (BUILD_DIR, EMULATOR, GATEWAY, MockKafka, Mosquitto, Process, Publisher, Weir,
                 Workspace, skip, wait_until)

LIMIT = 52 << 20  # a gateway may give it 64 MiB: seen here before it is seen there
MESSAGES, METRICS, DEVICES, ROLLUPS = 20_000, 2, 50, 8
WINDOWS = MESSAGES * METRICS * ROLLUPS
BEGIN_MS = 1_700_000_000_000
CONFIG = GATEWAY + """
[[source]]
name = "s"
topics = ["s/{device}"]
time = { field = "t", unit = "ms" }
out_of_order = "0s"
idle = "2s"
""" + "".join(f"""
[[rollup]]
name = "r{i}"
from = "s"
window = {{ tumbling = "{i}s" }}
aggregates = ["count"]
""" for i in range(1, ROLLUPS + 1)) + """
[kafka]
brokers = ["@BROKERS@"]
"""


class ControlGroup:
    """Processes that may have `LIMIT` bytes of memory together, the files they cache included."""

    def __init__(self, base=pathlib.Path("/sys/fs/cgroup")):
        first = (base / "memory").is_dir()  # version 1 of control groups
        self.path = (base / "memory" if first else base) / f"weir-test-{os.getpid()}"
        self.limit = self.path / ("memory.limit_in_bytes" if first else "memory.max")
        self.peak = self.path / ("memory.max_usage_in_bytes" if first else "memory.peak")

    def __enter__(self):
        try:
            self.path.mkdir()
            self.limit.write_text(str(LIMIT))
        except OSError as error:
            if self.path.is_dir():
                self.path.rmdir()
            skip(f"no control group can be made here: {error}")
        return self

    def __exit__(self, *_):
        wait_until(lambda: not (self.path / "cgroup.procs").read_text(), "the group is empty")
        self.path.rmdir()

    def runs(self):
        """What runs a command in it."""
        return ["sh", "-c", f'echo $$ >{self.path}/cgroup.procs && exec "$@"', "sh"]


def flood(port):
    """Each message ends the window before in every rollup."""
    publisher = Publisher(port)
    for i in range(MESSAGES):
        body = {"t": BEGIN_MS + i // DEVICES * (ROLLUPS + 1) * 1000, "a": i, "b": i}
        publisher.publish(f"s/{i % DEVICES}", json.dumps(body))
    publisher.finish()
    publisher.close()


def count(weir, name):
    if not weir.process.running():
        raise AssertionError(f"weir was killed: exit code {weir.process.popen.returncode}")
    found = ((weir.status() or {}).get("ledger", {}).get("counts", {})).get(name, 0)
    return sum(found.values()) if isinstance(found, dict) else found


class Consumer:
    """Counts what arrives, without keeping it."""

    def __init__(self, work, brokers):
        self.summary = work.path / "arrived"
        command = [BUILD_DIR / "tests" / "weir-kafka-tail", "--brokers", brokers, "--summary",
                   self.summary, "telemetry.rollups"]
        self.process = work.keep(Process(list(map(str, command)), work.path / "tail.log"))
        wait_until(lambda: self.summary.exists(), "the consumer is ready")

    def counts(self):
        self.process.stop(60)
        lines = self.summary.read_text().splitlines()
        return {name: int(n) for name, n in (line.rsplit(" ", 1) for line in lines)}


def main():
    if EMULATOR:
        skip("an emulator needs more memory than that for itself")
    with ControlGroup() as group, Workspace() as work:
        mosquitto = work.keep(Mosquitto(work.path, extra="max_inflight_messages 1000"))
        kafka = work.keep(MockKafka(work.path))
        weir = work.keep(Weir(work.path, CONFIG, under=group.runs(), ID="small", MQTT=mosquitto.url,
                              BROKERS=kafka.brokers))
        weir.start().connected()
        consumer = Consumer(work, kafka.brokers)
        flood(mosquitto.port)
        wait_until(lambda: count(weir, "readings_aggregated") == MESSAGES * METRICS, "all is taken", 120)
        wait_until(lambda: count(weir, "results_delivered") == WINDOWS, "all is delivered", 120)
        assert weir.status()["ledger"]["balanced"]
        counts = consumer.counts()
        assert counts["received"] == WINDOWS and counts["twice"] == 0, counts
        peak = f"{int(group.peak.read_text()) >> 20} MiB" if group.peak.exists() else "unknown"
        print(f"most memory of {LIMIT >> 20} MiB: {peak}")
        assert weir.stop()[0] == 0


if __name__ == "__main__":
    sys.exit(main())
