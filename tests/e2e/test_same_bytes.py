"""Results are the same bytes on every machine: a recording through every aggregate, detector and
kind of window, once more through filters, cleaning and derived metrics, and a journal that was
written on x86-64, all replayed here and held against digests that every build is held against,
32-bit, ARM and x86-64 alike.

  test_same_bytes.py             compares; what was printed stays in BUILD_DIR/same_bytes
  test_same_bytes.py --refresh   writes the digests anew, after a change of what weir prints
  test_same_bytes.py --journal   also records the journal anew, through mosquitto
"""

import gzip
import hashlib
import json
import pathlib
import re
import sqlite3
import subprocess
import sys
import time

from rig import (BUILD_DIR, PATIENCE, MockKafka, Mosquitto, Publisher, Weir, Workspace,
                 wait_until, weir_command)

HERE = pathlib.Path(__file__).resolve().parent / "same_bytes"
DIGESTS, JOURNAL = HERE / "digests.txt", HERE / "journal.db.gz"
START_MS = 1_700_000_000_123
TWENTY_YEARS_MS = 630_720_000_000  # in the future even for a clock that nobody set

CONFIG = """
[gateway]
id = "same"
data_dir = "@DATA@"
[http]
listen = "@HTTP@"
[mqtt]
url = "@MQTT@"
[[source]]
name = "s"
topics = ["s/{line}/{device}"]
time = { field = "t", unit = "ms" }
metrics = ["a", "b", "c"]
out_of_order = "3s"
lateness = "20s"
max_skew = "5m"
idle = "40s"
[[rollup]]
name = "by_device"
from = "s"
window = { tumbling = "10s", offset = "3s" }
aggregates = @AGGREGATES@
percent_in = { stuck = 21.5, off = 0 }
[[rollup]]
name = "by_line"
from = "s"
by = ["line"]
window = { tumbling = "1m" }
aggregates = @AGGREGATES@
percent_in = { stuck = 21.5, off = 0 }
[[detector]]
name = "range"
from = "s"
method = "range"
low = -50
high = 170
hysteresis = 2.5
[[detector]]
name = "zscore"
from = "s"
method = "zscore"
threshold = 2.5
half_life = 7
warmup = 5
[[detector]]
name = "rate"
from = "s"
method = "rate"
max = 31.7
per = "1s"
[[detector]]
name = "stuck"
from = "s"
method = "stuck"
for = "3s"
tolerance = 0.1
[[detector]]
name = "silence"
from = "s"
method = "silence"
for = "30s"
[store]
commit_interval = "20ms"
[kafka]
brokers = ["@BROKERS@"]
"""

# The other kinds of windows, alone: what is late for all of them is not what is late for those.
KINDS = """[[rollup]]
name = "hopping"
from = "s"
window = { hopping = "50s", hop = "20s", offset = "-7s" }
aggregates = @AGGREGATES@
percent_in = { stuck = 21.5, off = 0 }
revise_every = "5s"
[[rollup]]
name = "session"
from = "s"
by = ["line"]
window = { session = "2s", max_length = "1m" }
aggregates = @AGGREGATES@
percent_in = { stuck = 21.5, off = 0 }
emit = "early"
early_every = "3s"
[[rollup]]
name = "day"
from = "s"
metrics = ["a"]
window = { every = "1d", tz = "America/Santiago", offset = "6h" }
aggregates = ["count", "mean", "stddev", "p99"]
[[rollup]]
name = "count"
from = "s"
metrics = ["b"]
window = { count = 17 }
aggregates = ["sum", "stddev", "trend"]
emit = "final"
[[rollup]]
name = "look_back"
from = "s"
metrics = ["a"]
window = { trailing = "20s", max_readings = 40 }
aggregates = ["sum", "stddev", "p50", "integral"]
"""

# What a source does with its readings first, beside the configuration above.
RULES = """
deduplicate = { entries = 8 }
rate_limit = { per_second = 3, burst = 60 }
calibration = [{ tags = { device = "d1" }, factor = 1.01, offset = -0.25 }]
where = "quality == 'good' and (metric != 'a' or abs(value) < 1e300) and device not in ('d9')"
dead_band = { c = 0.5 }
derive_tolerance = "3s"
derive.sum = "a + b - c"
derive.ratio = "a / b % 7"
derive.root = "sqrt(abs(sum * c)) + convert(b, 'degF', 'K')"
derive.step = "round(delta(c)) + floor(lag(a)) - ceil(b / 3)"
derive.bound = "clamp(default(ratio, 1), min(a, b), max(a, b, c))"
derive.which = "if(starts_with(device, 'd1') or contains(line, '1'), a, -b)"
"""

EXTREMES = [1.7976931348623157e308, -1.7976931348623157e308, 5e-324, -0.0, 2.2250738585072014e-308,
            9007199254740993.0, 0.1, 1e-7, 123456789.12345679]


class Random:
    """Numbers that no release of Python changes (Numerical Recipes' generator)."""

    def __init__(self, seed):
        self.state = seed

    def below(self, n):
        self.state = (self.state * 1664525 + 1013904223) % 2**32
        return (self.state >> 8) * n >> 24


def readings(count, future_ms=0):
    """(ms, line/device, metric, value) as they arrive: noise with spikes, steps, stuck stretches
    and extremes; some out of order, late or `future_ms` ahead; devices that go silent."""
    random, now = Random(1), START_MS
    for i in range(count):
        now += random.below(300) + (45_000 if i % 3001 == 3000 else 0)
        device, metric = random.below(7), "abc"[random.below(3)]
        if device == 6 and i % 2000 > 900:
            continue
        time_ms = now
        if random.below(11) == 0:
            time_ms -= random.below(40_000)
        elif random.below(400) == 0:
            time_ms += future_ms
        value = random.below(1_000_000) / 9973 + (90.0 if i // 700 % 3 == 1 else 0.0)
        if metric == "c":
            value = 21.5 if i // 400 % 2 else random.below(1 << 24) / 3e5
        elif random.below(61) == 0:
            value = -value * 3
        if device == 5 and random.below(40) == 0:
            value = EXTREMES[random.below(len(EXTREMES))]
        yield time_ms, f"l{device % 2}/d{device}", metric, value


def known(work, kind, line):
    """What weir says that it knows of a kind, so that the next one added is here by itself."""
    key, value = line.split(" = ")
    config = CONFIG.replace("@AGGREGATES@", '["count"]')
    config = config.replace(line, f"{key} = " + ('["?"]' if value[0] == "[" else '"?"'))
    path = work / "unknown.toml"
    path.write_text(filled(config))
    done = subprocess.run(weir_command("check", "-c", str(path)), capture_output=True, text=True,
                          timeout=60 * PATIENCE)
    found = re.search(rf'unknown {kind} "\?"; known: (.*)', done.stdout + done.stderr)
    assert found, f"weir does not say which {kind}s it knows: {done.stdout}{done.stderr}"
    return found.group(1).split(", ")


def filled(config, broker="mqtt://127.0.0.1:1", kafka="127.0.0.1:1"):
    return config.replace("@MQTT@", broker).replace("@BROKERS@", kafka)


def configuration(work):
    methods = known(work, "method", 'method = "range"')
    missing = [method for method in methods if f'method = "{method}"' not in CONFIG]
    assert not missing, f"the configuration of this test has no detector {missing}"
    aggregates = known(work, "aggregate", "aggregates = [\"count\"]") + ["p1"]
    words = json.dumps(aggregates)
    head, _, rest = CONFIG.partition("[[rollup]]")
    kinds = head + KINDS + rest[rest.index("[store]"):]
    return [text.replace("@AGGREGATES@", words) for text in (CONFIG, kinds)]


def replay(weir, *what):
    done = subprocess.run(weir_command("replay", "--quiet", "-c", str(weir.config_file), *what),
                          capture_output=True, timeout=300 * PATIENCE)
    assert done.returncode == 0, f"replay: exit code {done.returncode}: {done.stderr.decode()}"
    return done.stdout


def replay_recording(work, weir):
    path = work / "recording.csv"
    path.write_text("time,device,metric,value\n" + "".join(
        f"{time_ms},{device},{metric},{value!r}\n"
        for time_ms, device, metric, value in readings(20_000)))
    return replay(weir, "--source", "s", "--device", "device", "--metric", "metric", "--value",
                  "value", str(path))


def replay_journal(work, weir):
    copied = work / "copied"
    copied.mkdir()
    (copied / "weir.db").write_bytes(gzip.decompress(JOURNAL.read_bytes()))
    return replay(weir, str(copied / "weir.db"))


def digests(printed):
    """A line for each of what prints, so that a difference has a name."""
    parts = {}
    for name, output in printed.items():
        for line in output.splitlines(keepends=True):
            value = json.loads(line)
            parts.setdefault(f"{name} {value['kind']} {value['name']}", []).append(line)
        parts[f"{name} in this order"] = [output]
    return "".join(f"{hashlib.sha256(b''.join(lines)).hexdigest()} {len(lines):5} {part}\n"
                   for part, lines in sorted(parts.items()))


def record_journal(work, config):
    """Writes the journal of a weir that was killed with everything in it."""
    broker, kafka = work.keep(Mosquitto(work.path)), work.keep(MockKafka(work.path))
    weir = work.keep(Weir(work.path, filled(config, broker.url, kafka.brokers)))
    weir.start().connected()
    publisher = Publisher(broker.port)
    # Of the last minutes: the gateway's clock is the real one.
    shift = int(time.time() * 1000) - START_MS - 240_000
    sent = [publisher.publish(f"s/{device}", json.dumps({"t": time_ms + shift, metric: value}))
            for time_ms, device, metric, value in readings(1500, TWENTY_YEARS_MS)]
    publisher.finish()
    wait_until(lambda: weir.status()["ledger"]["counts"]["messages_received"] >= len(sent),
               "every message is received")
    weir.process.kill()
    database = work.path / "data" / "weir.db"
    with sqlite3.connect(database) as log:
        log.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    log.close()
    JOURNAL.write_bytes(gzip.compress(database.read_bytes(), mtime=0))


def main():
    refresh = "--refresh" in sys.argv or "--journal" in sys.argv
    with Workspace() as work:
        config, kinds = configuration(work.path)
        if "--journal" in sys.argv:
            record_journal(work, config)
        weir = Weir(work.path, filled(config))
        printed = {"recording": replay_recording(work.path, weir),
                   "journal": replay_journal(work.path, weir)}
        printed["windows"] = replay_recording(work.path, Weir(work.path, filled(kinds)))
        cleaned = Weir(work.path, filled(config.replace("\n[[rollup]]", RULES + "[[rollup]]", 1)))
        printed["cleaned"] = replay_recording(work.path, cleaned)
    kept = BUILD_DIR / "same_bytes"
    kept.mkdir(exist_ok=True)
    for name, output in printed.items():
        (kept / f"{name}.jsonl").write_bytes(output)
    found = digests(printed)
    if refresh:
        DIGESTS.write_text(found)
    wrong = sorted(set(found.splitlines()) ^ set(DIGESTS.read_text().splitlines()))
    assert not wrong, ("the results are other bytes than on the machine of the digests; compare "
                       f"{kept}/*.jsonl with that of another build:\n" + "\n".join(wrong))
    print(f"ok: {len(found.splitlines())} digests")


if __name__ == "__main__":
    main()
