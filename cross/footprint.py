"""How much weir takes while it runs, and how soon it is ready; writes the second table of SIZES.md.

  WEIR_BUILD_DIR=build/release footprint.py NAME     NAME: what the line is called

Resident memory is what the kernel counts at most (VmHWM). Under an emulator (WEIR_EMULATOR) most of
that is the emulator's, so there it is the most of many looks at the mappings of the program alone.
"""

import json
import pathlib
import re
import statistics
import subprocess
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests" / "e2e"))
from rig import (EMULATOR, GATEWAY, SOURCE_DIR, MockKafka, Mosquitto, Publisher, Weir,  # noqa: E402
                 Workspace, wait_until, weir_command)

TABLE = HERE / "SIZES.md"
START_MS = 1_700_000_000_000
SERIES, STARTS, QUEUED = 10_000, 10, 150_000
MANY = GATEWAY + """
[[source]]
name = "s"
topics = ["s/{line}/{device}"]
time = { field = "t", unit = "ms" }
metrics = ["a", "b", "c", "d"]
out_of_order = "0s"
[[rollup]]
name = "short"
from = "s"
window = { tumbling = "10s" }
[[rollup]]
name = "medium"
from = "s"
window = { tumbling = "1m" }
[[rollup]]
name = "long"
from = "s"
window = { tumbling = "10m" }
[kafka]
brokers = ["@KAFKA@"]
"""


def demo_config():
    """The demo's own configuration, at the ports of this run."""
    text = (SOURCE_DIR / "config" / "demo" / "demo.toml").read_text(encoding="utf-8")
    for variable, value in (("GATEWAY", "@ID@"), ("DIR", "@DIRECTORY@"), ("MQTT_PORT", "@PORT@"),
                            ("KAFKA_BROKERS", "@KAFKA@"), ("HTTP_PORT", "@HTTP@")):
        text = re.sub(r"\$\{(WEIR_DEMO_)?" + variable + r"(:[^}]*)?\}", value, text)
    return text.replace("127.0.0.1:@HTTP@", "@HTTP@")


def kernels_peak_mib(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", text)[1]) / 1024


def emulated_mib(pid):
    """What is resident of the program that qemu runs. It puts a program below a terabyte; itself
    it lies, as every position-independent program of x86-64, far above."""
    kib, counted = 0, False
    for line in pathlib.Path(f"/proc/{pid}/smaps").read_text().splitlines():
        if mapping := re.match(r"([0-9a-f]+)-[0-9a-f]+ ", line):
            counted = int(mapping[1], 16) < 1 << 40
        elif counted and line.startswith("Rss:"):
            kib += int(line.split()[1])
    return kib / 1024


class Peak:
    """The most resident memory of a weir while `with` lasts: mib."""

    def __init__(self, weir):
        self.pid, self.mib = weir.process.popen.pid, 0.0
        self.over = threading.Event()
        self.watch = threading.Thread(target=self.look)

    def look(self):
        while not self.over.wait(0.05):
            self.mib = max(self.mib, emulated_mib(self.pid))

    def __enter__(self):
        if EMULATOR:
            self.watch.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        if EMULATOR:
            self.watch.join()
        else:
            self.mib = kernels_peak_mib(self.pid)


def journaled(weir):
    status = weir.status()
    return status["ledger"]["counts"].get("messages_journaled", 0) if status else 0


def demo_load(work):
    """Thirty seconds of the demo: fifty presses with faults."""
    mosquitto, kafka = work.keep(Mosquitto(work.path)), work.keep(MockKafka(work.path))
    weir = work.keep(Weir(work.path, demo_config(), ID="demo", DIRECTORY=work.path,
                          PORT=mosquitto.port, KAFKA=kafka.brokers)).start().connected()
    with Peak(weir) as peak:
        subprocess.run(weir_command("simulate", "--url", mosquitto.url, "--devices", "50",
                                    "--duration", "30s", "--quiet"),
                       check=True, capture_output=True, timeout=600)
        wait_until(lambda: journaled(weir) > 1000, "the fleet has arrived")
    weir.stop()
    return peak.mib


def publish_values(publisher, turn, device):
    values = {"t": START_MS + turn * 10_000, "a": turn, "b": device, "c": 1.5, "d": 2.5}
    publisher.publish(f"s/{device % 10}/{device}", json.dumps(values))


def queue(work):
    """What many_series sends in ten minutes, all at once from the broker's queue."""
    mosquitto, kafka = work.keep(Mosquitto(work.path)), work.keep(MockKafka(work.path))
    weir = work.keep(Weir(work.path, MANY, ID="queue", MQTT=mosquitto.url, KAFKA=kafka.brokers))
    weir.start().connected().stop()
    publisher, sent = Publisher(mosquitto.port), 0
    while sent < QUEUED:
        publish_values(publisher, *divmod(sent, SERIES // 4))
        sent += 1
    publisher.finish()
    publisher.close()
    weir.start(ready=False)
    with Peak(weir) as peak:
        wait_until(lambda: journaled(weir) >= QUEUED, "the queue is worked off", 300)
    weir.stop()
    return peak.mib


def many_series(work):
    """10 000 series in three rollups for two minutes, a message a device every ten seconds."""
    mosquitto, kafka = work.keep(Mosquitto(work.path)), work.keep(MockKafka(work.path))
    weir = work.keep(Weir(work.path, MANY, ID="many", MQTT=mosquitto.url,
                          KAFKA=kafka.brokers)).start().connected()
    with Peak(weir) as peak:
        publisher, sent = Publisher(mosquitto.port), 0
        for turn in range(12):
            begin = time.monotonic()
            for device in range(SERIES // 4):
                time.sleep(max(0, begin + device / (SERIES // 40) - time.monotonic()))
                publish_values(publisher, turn, device)
                sent += 1
        publisher.close()
        wait_until(lambda: journaled(weir) >= sent, "everything is journaled", 300)
        assert weir.status()["limits"]["series"]["used"] == SERIES
    weir.stop()
    return peak.mib


def start_ms(work):
    """From the start of the process until it says that it is ready; the median of ten."""
    kafka, took = work.keep(MockKafka(work.path)), []
    mosquitto = work.keep(Mosquitto(work.path))
    weir = work.keep(Weir(work.path, MANY, ID="start", MQTT=mosquitto.url, KAFKA=kafka.brokers))
    for _ in range(STARTS):
        begin = time.monotonic()
        weir.start(ready=False)
        while weir.get("/readyz")[0] != 200:
            time.sleep(0.002)
        took.append((time.monotonic() - begin) * 1000)
        weir.stop()
    return statistics.median(took)


def main():
    figures = []
    for measure in (demo_load, many_series, queue, start_ms):
        with Workspace() as work:
            figures.append(measure(work))
            print(f"{measure.__name__}: {figures[-1]:.1f}", flush=True)
    line = "| {} | {:.1f} | {:.1f} | {:.1f} | {:.0f} |".format(sys.argv[1], *figures)
    lines = TABLE.read_text(encoding="utf-8").splitlines()
    head = next(i for i, text in enumerate(lines) if text.startswith("| running on"))
    kept = [text for text in lines[head + 2:] if not text.startswith(f"| {sys.argv[1]} |")]
    TABLE.write_text("\n".join(lines[:head + 2] + sorted([*kept, line])) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
