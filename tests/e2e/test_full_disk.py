"""A disk that fills up under weir: nothing is acknowledged that is not stored, also over a kill, and
once there is room work goes on by itself."""

import json
import os
import subprocess
import sys
import time

from rig import GATEWAY, MockKafka, Mosquitto, Publisher, Weir, Workspace, consume, skip, wait_until

CONFIG = GATEWAY + """
[[source]]
name = "field"
topics = ["field/{device}"]
time = { field = "ts", unit = "ms" }
metrics = ["v"]
idle = "1s"
[[rollup]]
name = "second"
from = "field"
window = { tumbling = "1s" }
aggregates = ["count"]
[store]
commit_interval = "20ms"
[kafka]
brokers = ["@BROKERS@"]
"""
DISK = "24m"
PRIVATE = "WEIR_TEST_PRIVATE_MOUNTS"  # set: this process sees its own mounts
BEGIN_MS = 1_700_000_000_000
BURST = 3000


def in_private_mounts():
    """Runs this test again where a mount is nobody else's and ends with it."""
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    command = ["unshare", *user, "--mount", "--propagation", "private"]
    if subprocess.run([*command, "true"], capture_output=True).returncode != 0:
        skip("no file system can be mounted here")
    os.execvpe("unshare", [*command, sys.executable, *sys.argv], os.environ | {PRIVATE: "yes"})


class Disk:
    """A file system of its own at `path`, and a file that takes what room is left."""

    def __init__(self, path):
        self.path = path
        self.filler = path / "filler"

    def __enter__(self):
        self.path.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "none", str(self.path)],
                       check=True)
        return self

    def __exit__(self, *_):
        subprocess.run(["umount", "--lazy", str(self.path)], check=True)

    def fill(self):
        with open(self.filler, "ab", buffering=0) as file:
            for size in (1 << 20, 4096):
                try:
                    while file.write(bytes(size)):
                        pass
                except OSError:
                    pass

    def free(self):
        self.filler.unlink()


class Field:
    """Publishes bursts of distinct readings, one a second of event time for each device."""

    def __init__(self, port):
        self.publisher = Publisher(port, window=BURST)
        self.sent = 0

    def burst(self):
        for _ in range(BURST):
            device, step = self.sent % 10, self.sent // 10
            body = {"ts": BEGIN_MS + step * 1000, "v": self.sent, "note": "x" * 500}
            self.publisher.publish(f"field/{device}", json.dumps(body))
            self.sent += 1
        self.publisher.finish()


def journaled(weir):
    status = weir.status()
    return status["ledger"]["counts"].get("messages_journaled", 0) if status else -1


def all_stored(weir, field):
    wait_until(lambda: journaled(weir) == field.sent, f"{field.sent} messages are stored", 60)
    status = weir.status()
    assert status["ledger"]["balanced"], status["ledger"]


def store_error(weir):
    status = weir.status()
    return (status["store"].get("error") or "") if status else ""


def stuck(weir, field):
    """Publishes bursts until the disk has no room for one; the first may still fit in the files as
    they are, and a full disk that weir finds room on by itself is none."""
    def stored(seconds):
        try:
            wait_until(lambda: journaled(weir) == field.sent, "the burst is stored", seconds)
        except AssertionError:
            return False
        return True

    for _ in range(20):
        field.burst()
        if not stored(5) and "disk is full" in store_error(weir):
            break
    assert journaled(weir) < field.sent, "the disk was not full"
    assert weir.process.running()


def each_once(kafka, field):
    """Whether every window has arrived, with its one reading, under one record."""
    records = [record["value"] for record in consume(kafka.brokers, "telemetry.rollups")]
    windows = {(record["group"]["device"], record["window"]["start"]) for record in records}
    assert len(windows) == len(records), "a window came twice"
    assert all(record["readings"]["count"] == 1 for record in records), "a reading was counted twice"
    return len(records) == field.sent


def main():
    with Workspace() as work, Disk(work.path / "disk") as disk:
        mosquitto = work.keep(Mosquitto(work.path))
        kafka = work.keep(MockKafka(work.path))
        config = CONFIG.replace("@DATA@", str(work.path / "disk" / "data"))
        weir = work.keep(Weir(work.path, config, ID="full-disk", MQTT=mosquitto.url,
                              BROKERS=kafka.brokers))
        weir.start().connected()
        field = Field(mosquitto.port)
        field.burst()
        all_stored(weir, field)

        disk.fill()
        stuck(weir, field)
        disk.free()
        begun = time.monotonic()
        all_stored(weir, field)
        print(f"stored {time.monotonic() - begun:.1f} s after there was room again")

        disk.fill()
        stuck(weir, field)
        weir.process.kill()
        disk.free()
        weir.start().connected()
        all_stored(weir, field)
        print("nothing was acknowledged that a kill took")

        wait_until(lambda: each_once(kafka, field), "every window has arrived", 60)
        assert weir.stop()[0] == 0


if __name__ == "__main__":
    if PRIVATE not in os.environ:
        in_private_mounts()
    main()
