"""Real data through real parts: a CSV published through mosquitto, into weir, out of a real Kafka,
compared window by window with an independent computation from the CSV.

    test_nab.py in_order|shuffled|restart
"""

import datetime
import json
import random
import sys

import nab_oracle
from rig import DATA_DIR, GATEWAY, Mosquitto, Publisher, Weir, Workspace, consume, kafka_brokers, \
    skip, wait_until

FILES = {
    "machine": "realKnownCause/machine_temperature_system_failure.csv",
    "taxi": "realKnownCause/nyc_taxi.csv",
}
HOUR, DAY = 3_600_000_000, 86_400_000_000
LATENESS = 3 * HOUR

CONFIG = GATEWAY + """
[[source]]
name = "nab"
topics = ["nab/{device}"]
time = { field = "time", unit = "us" }
metrics = ["value"]
lateness = "@LATENESS@"
idle = "1s"
[[rollup]]
name = "hourly"
from = "nab"
window = { tumbling = "1h" }
aggregates = ["count", "min", "max", "first", "last", "mean", "stddev"]
topic = "@ID@.rollups"
[[rollup]]
name = "daily"
from = "nab"
window = { tumbling = "1d" }
aggregates = ["count", "min", "max", "first", "last", "mean", "stddev"]
topic = "@ID@.rollups"
[store]
commit_interval = "20ms"
[kafka]
brokers = ["@BROKERS@"]
position_topic = "@ID@.positions"
"""


def disorder(rows, seed):
    """The same rows in another order, none further behind the newest than LATENESS allows."""
    chooser = random.Random(seed)
    return [row for _, row in sorted(
        ((row[0] + chooser.randrange(LATENESS), row) for row in rows), key=lambda pair: pair[0])]


def compare(name, expected, records, failures):
    for start, want in expected.items():
        got = records.get(start)
        if got is None:
            failures.append(f"{name}: no result for the window at {start}")
            continue
        got = got["values"]
        for field in ("count", "min", "max", "first", "last"):
            if got[field] != want[field]:
                failures.append(f"{name} {start} {field}: {got[field]} instead of {want[field]}")
        for field in ("mean", "stddev"):
            if want[field] is None:
                continue
            scale = max(abs(want[field]), 1e-6 * abs(want["mean"]), 1e-12)
            if abs(got[field] - want[field]) > 1e-9 * scale:
                failures.append(f"{name} {start} {field}: {got[field]} instead of {want[field]}")
    for start in records.keys() - expected.keys():
        failures.append(f"{name}: a window at {start} that the data does not have")


def microseconds(text):
    when = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return round(when.timestamp() * 1_000_000)


def newest_revisions(records):
    """{(rollup, device): {window start: aggregates}} with the highest revision of each result."""
    newest = {}
    for record in records:
        value = record["value"]
        slot = (value["name"], value["group"]["device"])
        start = microseconds(value["window"]["start"])
        held = newest.setdefault(slot, {}).get(start)
        if held is None or held["revision"] < value["revision"]:
            newest[slot][start] = value
    return newest


def main(mode):
    brokers = kafka_brokers()
    if not DATA_DIR.exists():
        skip(f"the real data is not here: {DATA_DIR}")
    rows = {name: nab_oracle.read(DATA_DIR / "nab_dev/data" / file) for name, file in FILES.items()}
    sent = {name: disorder(r, seed=7) if mode == "shuffled" else r for name, r in rows.items()}
    identity = f"nab-{mode}-{random.SystemRandom().randrange(1 << 32):08x}"

    with Workspace() as work:
        mosquitto = work.keep(Mosquitto(work.path))
        weir = work.keep(Weir(work.path, CONFIG, ID=identity, MQTT=mosquitto.url, BROKERS=brokers,
                              LATENESS=f"{LATENESS // HOUR}h"))
        weir.start().connected()

        publisher = Publisher(mosquitto.port)
        total = sum(map(len, sent.values()))
        messages = [(name, row) for name, rows_of in sent.items() for row in rows_of]
        for i, (name, (time, value)) in enumerate(messages):
            if mode == "restart" and i == total // 2:
                weir.healthy()
                code, seconds = weir.stop()
                assert code == 0 and seconds < 5, f"stop took {seconds:.1f} s, exit code {code}"
                weir.start()
            publisher.publish(f"nab/{name}", json.dumps({"time": time, "value": value}))
        publisher.close()

        def drained():
            status = weir.status()
            if not status:
                return None
            counts = status["ledger"]["counts"]
            waiting = sum(lane["waiting"] for lane in status["lanes"])
            return (counts.get("messages_received", 0) >= total and waiting == 0
                    and status["watermarks"]["devices"] == status["watermarks"]["idle"] and status)

        try:
            status = wait_until(drained, "every message is journaled and every result delivered",
                                60)
        except AssertionError:
            print(weir.get("/status.txt")[1], file=sys.stderr)
            raise
        # The idle time-out emits the open windows at the end; they too must have left.
        assert status["ledger"]["balanced"], status["ledger"]
        newest = newest_revisions(consume(brokers, f"{identity}.rollups"))
        weir.healthy()
        code, _ = weir.stop()
        assert code == 0, f"exit code {code}"
        weir.healthy()

    failures = []
    compared = 0
    for rollup, size in (("hourly", HOUR), ("daily", DAY)):
        for name in FILES:
            expected = nab_oracle.rollups(sent[name], size)
            compare(f"{rollup} {name}", expected, newest.get((rollup, name), {}), failures)
            compared += len(expected)
    for failure in failures[:20]:
        print(failure, file=sys.stderr)
    if failures:
        sys.exit(f"{len(failures)} differences")
    print(f"{mode}: {total} readings, {compared} windows, all as computed from the CSV")


if __name__ == "__main__":
    main(sys.argv[1])
