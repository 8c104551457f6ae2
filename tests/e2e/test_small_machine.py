"""A flood of which each message ends many windows, where weir has little memory, and where it has a
slow processor: it takes what it can and lets the broker keep the rest; it is not killed for want of
memory, does not count as hung, and loses and repeats nothing."""

import json
import os
import pathlib
import sys

from rig import (BUILD_DIR, EMULATOR, GATEWAY, MockKafka, Mosquitto, Process, Publisher, Weir,
                 Workspace, skip, wait_until)

METRICS, DEVICES, ROLLUPS = 2, 50, 8
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
    """Processes that share what they may have of `resource`, memory or cpu."""

    def __init__(self, resource, first_version, second_version):
        base = pathlib.Path("/sys/fs/cgroup")
        first = (base / resource).is_dir()
        self.path = (base / resource if first else base) / f"weir-test-{os.getpid()}"
        self.limits = first_version if first else second_version

    def __enter__(self):
        try:
            self.path.mkdir()
            for name, value in self.limits.items():
                (self.path / name).write_text(str(value))
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


def little_memory():
    """With the files that weir caches. A gateway may give it 64 MiB: seen here before it is there."""
    limit = 52 << 20
    return ControlGroup("memory", {"memory.limit_in_bytes": limit}, {"memory.max": limit})


def slow_processor():
    """A twentieth of one of this machine's."""
    quota, period = 5000, 100_000
    return ControlGroup("cpu", {"cpu.cfs_period_us": period, "cpu.cfs_quota_us": quota},
                        {"cpu.max": f"{quota} {period}"})


def flood(port, messages):
    """Each message ends the window before in every rollup."""
    publisher = Publisher(port)
    for i in range(messages):
        body = {"t": BEGIN_MS + i // DEVICES * (ROLLUPS + 1) * 1000, "a": i, "b": i}
        publisher.publish(f"s/{i % DEVICES}", json.dumps(body))
    publisher.finish()
    publisher.close()


def count(weir, name):
    if not weir.process.running():
        raise AssertionError(f"weir was killed: exit code {weir.process.popen.returncode}")
    status, alive = weir.status(), weir.get("/livez")
    assert alive[0] in (0, 200), alive  # 0: it did not answer in time
    found = status["ledger"]["counts"].get(name, 0) if status else 0
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


def waits_at_the_broker(group, messages):
    windows = messages * METRICS * ROLLUPS
    with group, Workspace() as work:
        mosquitto = work.keep(Mosquitto(work.path, extra="max_inflight_messages 1000"))
        kafka = work.keep(MockKafka(work.path))
        weir = work.keep(Weir(work.path, CONFIG, under=group.runs(), ID="small", MQTT=mosquitto.url,
                              BROKERS=kafka.brokers))
        weir.start().connected()
        consumer = Consumer(work, kafka.brokers)
        flood(mosquitto.port, messages)
        wait_until(lambda: count(weir, "readings_aggregated") == messages * METRICS, "all is taken", 120)
        wait_until(lambda: count(weir, "results_delivered") == windows, "all is delivered", 120)
        assert weir.status()["ledger"]["balanced"]
        counts = consumer.counts()
        assert counts["received"] == windows and counts["twice"] == 0, counts
        assert weir.stop()[0] == 0


def main():
    if EMULATOR:
        skip("an emulator needs more for itself")
    waits_at_the_broker(little_memory(), 20_000)
    print("in little memory: ok", flush=True)
    waits_at_the_broker(slow_processor(), 2_000)
    print("on a slow processor: ok")


if __name__ == "__main__":
    sys.exit(main())
