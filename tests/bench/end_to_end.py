"""The whole of weir under load, next to a bare Paho subscriber in the same run.

    end_to_end.py MESSAGES PARTS_JSON RESULTS_JSON

Figures are of one run on one machine: compare the ratios, not the seconds.
"""

import datetime
import json
import os
import pathlib
import re
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from rig import BUILD_DIR, MockKafka, Mosquitto, Publisher, Weir, Workspace, consume, wait_until

ZSCORE = '[[detector]]\nname = "odd"\nfrom = "bench"\nmethod = "zscore"\nthreshold = 50.0'
TESTS = BUILD_DIR / "tests"
TICKS = os.sysconf("SC_CLK_TCK")

CONFIG = """
[gateway]
id = "bench"
data_dir = "@DATA@"
[http]
listen = "@HTTP@"
[store]
@STORE@
[mqtt]
url = "@MQTT@"
qos = @QOS@
[[source]]
name = "bench"
topics = ["bench/{line}/{device}/state"]
time = { field = "ts", unit = "ms" }
metrics = ["temperature", "pressure", "hum"]
@SOURCE@
[[rollup]]
name = "bench"
from = "bench"
window = { tumbling = "@WINDOW@" }
aggregates = ["count", "mean", "min", "max", "stddev"]
@DETECTOR@
[kafka]
brokers = ["@BROKERS@"]
@KAFKA@
"""


def usage(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    cpu = (int(fields[11]) + int(fields[12])) / TICKS
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    resident = int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024
    peak = int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024
    io = pathlib.Path(f"/proc/{pid}/io").read_text()
    written = int(re.search(r"^write_bytes: (\d+)", io, re.M)[1])
    return {"cpu": cpu, "resident_mib": resident, "peak_mib": peak, "written": written}


def flood(mosquitto, messages, qos, devices=1000, rate=0):
    done = subprocess.run([str(TESTS / "flood"), "127.0.0.1", str(mosquitto.port), str(messages),
                           str(qos), str(devices), str(rate)],
                          capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def make_weir(work, mosquitto, kafka, **more):
    config = CONFIG.replace("@MQTT@", mosquitto.url).replace("@BROKERS@", kafka.brokers)
    values = {"QOS": 1, "WINDOW": "10s", "SOURCE": "", "KAFKA": "", "STORE": "",
              "DETECTOR": ZSCORE, **more}
    for name, value in values.items():
        config = config.replace(f"@{name}@", str(value))
    directory = work.path / f"weir{len(work.started)}"
    directory.mkdir()
    return work.keep(Weir(directory, config))


def received(weir, messages):
    def enough():
        counts = (weir.status() or {}).get("ledger", {}).get("counts", {})
        return counts.get("messages_received", 0) >= messages
    wait_until(enough, f"weir has taken {messages} messages", 300)


def measure_bare(mosquitto, messages, qos):
    subscriber = subprocess.Popen(
        [str(TESTS / "bare_subscriber"), f"tcp://127.0.0.1:{mosquitto.port}", "bench/#", str(qos),
         str(messages)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    subscriber.stderr.readline()
    begun = time.monotonic()
    flood(mosquitto, messages, qos)
    out, _ = subscriber.communicate(timeout=300)
    seconds = time.monotonic() - begun
    seen = json.loads(out)
    return {"messages_a_second": messages / seconds,
            "cpu_seconds_a_million": seen["cpu_seconds"] / messages * 1e6}


def measure_weir(work, mosquitto, kafka, messages, qos):
    weir = make_weir(work, mosquitto, kafka, QOS=qos).start().connected()
    before = usage(weir.process.popen.pid)
    begun = time.monotonic()
    flood(mosquitto, messages, qos)
    received(weir, messages)
    seconds = time.monotonic() - begun
    after = usage(weir.process.popen.pid)
    balanced = weir.status()["ledger"]["balanced"]
    weir.stop()
    assert balanced, "the ledger does not balance under load"
    return {"messages_a_second": messages / seconds,
            "cpu_seconds_a_million": (after["cpu"] - before["cpu"]) / messages * 1e6,
            "bytes_written_a_reading": (after["written"] - before["written"]) / (messages * 3),
            "idle_mib": before["resident_mib"], "peak_mib": after["peak_mib"]}


def measure_steady(work, mosquitto, kafka, window="10s", seconds=30, parts=1):
    """A thousand readings a second: bytes written a reading in each of so many equal parts."""
    weir = make_weir(work, mosquitto, kafka, WINDOW=window).start().connected()
    marks = [usage(weir.process.popen.pid)]
    messages = seconds * 333 // parts
    for part in range(1, parts + 1):
        flood(mosquitto, messages, 1, devices=100, rate=333)
        received(weir, messages * part)
        marks.append(usage(weir.process.popen.pid))
    weir.stop()
    written = [(after["written"] - before["written"]) / (messages * 3)
               for before, after in zip(marks, marks[1:])]
    return {"bytes_written_a_reading": written[-1], "by_part": written,
            "cpu_seconds_a_million": (marks[-1]["cpu"] - marks[0]["cpu"]) / messages / parts * 1e6}


def measure_memory(work, mosquitto, kafka):
    """Ten thousand series in one rollup."""
    weir = make_weir(work, mosquitto, kafka, WINDOW="1m", DETECTOR="").start().connected()
    idle = usage(weir.process.popen.pid)["resident_mib"]
    flood(mosquitto, 20_000, 1, devices=3333)
    received(weir, 20_000)
    full = usage(weir.process.popen.pid)["resident_mib"]
    series = weir.status()["limits"]["series"]["used"]
    weir.stop()
    return {"idle_mib": idle, "series": series, "resident_mib": full}


def measure_start(work, mosquitto, kafka):
    """From the start of the process to its first acknowledgement of a message that waits."""
    weir = make_weir(work, mosquitto, kafka)
    weir.start().connected()
    weir.stop()
    publisher = Publisher(mosquitto.port)
    times = []
    for _ in range(5):
        publisher.publish("bench/a/b/state", '{"temperature":1}')
        publisher.finish()
        log = mosquitto.process.log
        seen = log.read_text().count("Received PUBACK from weir-bench")
        begun = time.monotonic()
        weir.start(ready=False)
        wait_until(lambda n=seen: log.read_text().count("Received PUBACK from weir-bench") > n,
                   "weir acknowledges")
        times.append((time.monotonic() - begun) * 1000)
        wait_until(lambda: weir.get("/readyz")[0] == 200, "weir is ready")
        weir.stop()
    return {"start_to_first_acknowledgement_ms": sorted(times)[len(times) // 2]}


def measure_latency(work, mosquitto, kafka, interval):
    """From a window's end to its record at a consumer of the topic, on one machine and one clock:
    readings every 10 ms, windows of a second, ten devices. The next reading behind the end closes
    the window, so up to 10 ms of this are the reading's; the reading and the consumer's fetch are
    in it, too."""
    weir = make_weir(work, mosquitto, kafka, WINDOW="1s",
                     STORE=f'commit_interval = "{interval}"').start().connected()
    flood(mosquitto, 10, 1, devices=10)  # and the topic is there
    tail = subprocess.Popen([str(TESTS / "weir-kafka-tail"), "--brokers", kafka.brokers, "--json",
                             "telemetry.rollups"], stdout=subprocess.PIPE, text=True)
    delays = []

    def read():
        for line in tail.stdout:
            value = json.loads(line)
            end = datetime.datetime.fromisoformat(value["window"]["end"].replace("Z", "+00:00"))
            if value["kind"] == "rollup" and value["revision"] == 0:
                delays.append((time.time() - end.timestamp()) * 1000)

    reader = threading.Thread(target=read)
    reader.start()
    flood(mosquitto, 4000, 1, devices=10, rate=100)
    time.sleep(1)
    tail.terminate()
    reader.join()
    weir.stop()
    # The last windows are closed by the idle time-out or not at all; the first by the flood's start.
    delays = sorted(delay for delay in delays if delay < 30_000)
    return {"records": len(delays), "median_ms": delays[len(delays) // 2],
            "p99_ms": delays[int(len(delays) * 0.99)], "max_ms": delays[-1]}


def main(messages, parts_file, results_file):
    results = {"parts": json.loads(pathlib.Path(parts_file).read_text()), "messages": messages}
    with Workspace() as work:
        mosquitto = work.keep(Mosquitto(work.path, extra="max_inflight_messages 1000"))
        kafka = work.keep(MockKafka(work.path))
        for qos in (0, 1):
            results[f"bare_paho_qos{qos}"] = measure_bare(mosquitto, messages, qos)
            results[f"weir_qos{qos}"] = measure_weir(work, mosquitto, kafka, messages, qos)
        results["steady_1000_readings_a_second"] = measure_steady(work, mosquitto, kafka)
        results["ten_thousand_series"] = measure_memory(work, mosquitto, kafka)
        results["window_end_to_kafka"] = {
            interval: measure_latency(work, mosquitto, kafka, interval) for interval in ("1s", "250ms")}
        mosquitto.stop()
        # The broker's default: 20 unacknowledged messages, so as many a sync.
        narrow = work.path / "narrow"
        narrow.mkdir()
        default = work.keep(Mosquitto(narrow))
        results["bare_paho_window_20"] = measure_bare(default, messages // 4, 1)
        results["weir_window_20"] = measure_weir(work, default, kafka, messages // 4, 1)
        default.stop()
        verbose = work.path / "verbose"
        verbose.mkdir()
        chatty = work.keep(Mosquitto(verbose, extra="log_type all"))
        results["start"] = measure_start(work, chatty, kafka)
    bare, weir = results["bare_paho_qos1"], results["weir_qos1"]
    results["ratio_cpu_qos1"] = weir["cpu_seconds_a_million"] / bare["cpu_seconds_a_million"]
    results["ratio_throughput_qos1"] = weir["messages_a_second"] / bare["messages_a_second"]
    text = json.dumps(results, indent=2)
    pathlib.Path(results_file).write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3])
