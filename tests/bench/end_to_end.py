"""The whole of weir under load, next to a bare Paho subscriber in the same run.

    end_to_end.py MESSAGES PARTS_JSON RESULTS_JSON

Figures are of one run on one machine: compare the ratios, not the seconds.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from rig import BUILD_DIR, MockKafka, Mosquitto, Publisher, Weir, Workspace, consume, wait_until

TESTS = BUILD_DIR / "tests"
TICKS = os.sysconf("SC_CLK_TCK")

CONFIG = """
[gateway]
id = "bench"
data_dir = "@DATA@"
[http]
listen = "@HTTP@"
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
[[detector]]
name = "odd"
from = "bench"
method = "zscore"
threshold = 50.0
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
    values = {"QOS": 1, "WINDOW": "10s", "SOURCE": "", "KAFKA": "", **more}
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


def measure_steady(work, mosquitto, kafka):
    """A thousand readings a second for half a minute: bytes written a reading."""
    weir = make_weir(work, mosquitto, kafka).start().connected()
    before = usage(weir.process.popen.pid)
    messages = 10_000
    flood(mosquitto, messages, 1, devices=100, rate=333)
    received(weir, messages)
    after = usage(weir.process.popen.pid)
    weir.stop()
    return {"bytes_written_a_reading": (after["written"] - before["written"]) / (messages * 3),
            "cpu_seconds_a_million": (after["cpu"] - before["cpu"]) / messages * 1e6}


def measure_memory(work, mosquitto, kafka):
    """Ten thousand series in one rollup."""
    weir = make_weir(work, mosquitto, kafka, WINDOW="1m").start().connected()
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


def measure_latency(work, mosquitto, kafka):
    """From a window's end (by the gateway's clock) to the broker's timestamp of its record: the
    device's next reading closes it at once."""
    weir = make_weir(work, mosquitto, kafka, WINDOW="1s",
                     KAFKA='linger = "0ms"\nproperties = { }').start().connected()
    publisher = Publisher(mosquitto.port)
    delays = []
    delivered = 0
    for i in range(40):
        # The reading that closes the window leaves now; what counts is from here on.
        publisher.publish("bench/a/latency/state", json.dumps(
            {"ts": 1_700_000_000_000 + i * 1000, "temperature": 20 + i % 3}))
        begun = time.monotonic()
        if i == 0:
            continue
        delivered += 1

        def arrived(n=delivered):
            text = weir.get("/metrics")[1]
            found = re.search(r"^weir_sink_records_total\S* (\d+)", text, re.M)
            return found and int(found[1]) >= n
        wait_until(arrived, "the window is at Kafka")
        delays.append((time.monotonic() - begun) * 1000)
    weir.stop()
    delays.sort()
    return {"median_ms": delays[len(delays) // 2], "p99_ms": delays[-1]}


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
        results["window_end_to_kafka"] = measure_latency(work, mosquitto, kafka)
        mosquitto.stop()
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
