"""`state = true`: the results of several gateways, merged from their records alone in any order, are
those of one weir that had all the readings."""

import json
import math
import random
import subprocess

from merge_states import merge_all
from rig import GATEWAY, PATIENCE, Workspace, unconnected, weir_command

SOURCE = """
[[source]]
name = "s"
topics = ["s/{device}"]
metrics = ["v"]
idle = "1h"
lateness = "1h"
[[rollup]]
name = "m"
from = "s"
window = { tumbling = "10s" }
"""
AGGREGATES = ["count", "sum", "mean", "min", "max", "range", "stddev", "first", "last", "delta",
              "trend", "median", "p1", "p99.9", "distinct", "mode"]
EXACT = {"count", "min", "max", "range", "first", "last", "delta", "median", "p1", "p99.9",
         "distinct", "mode"}


def config(gateway):
    return unconnected(
        GATEWAY + SOURCE + f"state = true\naggregates = {json.dumps(AGGREGATES)}\n", gateway)


def replay(work, gateway, readings):
    (work.path / "weir.toml").write_text(config(gateway))
    recording = work.path / "lines.jsonl"
    recording.write_text("".join(
        json.dumps({"time": time, "device": device, "metric": "v", "value": value}) + "\n"
        for time, device, value in readings))
    done = subprocess.run(
        weir_command("replay", "--quiet", "--time-unit", "ms", "-c", str(work.path / "weir.toml"),
                     str(recording)), capture_output=True, text=True, timeout=60 * PATIENCE)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


# What values look like: few different ones, many, of both signs and zero, of all magnitudes.
SHAPES = [
    lambda random: float(random.randrange(5)),
    lambda random: random.gauss(20, 3),
    lambda random: random.choice([0.0, -1.5, 1.5, random.uniform(-1, 1)]),
    lambda random: random.choice([-1, 1]) * 10.0 ** random.uniform(-200, 200),
    lambda random: 1e9 + random.random(),
]


def recorded(seed):
    """Readings of nine devices, each time but once, in order."""
    dice = random.Random(seed)
    shape = SHAPES[seed % len(SHAPES)]
    times = sorted(dice.sample(range(60_000), dice.choice([30, 300, 3000, 12_000])))
    return [(time, f"d{dice.randrange(9)}", shape(dice)) for time in times]


def same(name, got, wanted, scale):
    if name in EXACT:
        return got == wanted
    return math.isclose(got, wanted, rel_tol=1e-9, abs_tol=1e-12 * scale)


def check_seed(work, seed):
    readings = recorded(seed)
    whole = replay(work, "all", [(time, "d", value) for time, _, value in readings])
    wanted = {record["window"]["start"]: record for record in whole}
    parts = []
    for gateway in range(3):
        parts += replay(work, f"g{gateway}",
                        [one for one in readings if int(one[1][1:]) % 3 == gateway])
    random.Random(seed).shuffle(parts)
    merged = merge_all(parts)
    assert {record["window"]["start"] for record in merged} == set(wanted), seed
    for record in merged:
        other = wanted[record["window"]["start"]]
        assert record["readings"] == other["readings"], (seed, record, other)
        assert set(record["values"]) == set(other["values"]), (seed, record, other)
        scale = max(abs(other["values"]["min"]), abs(other["values"]["max"]))
        for name, value in other["values"].items():
            # A deviation or a slope of values that cancel each other out is as exact as they are.
            assert same(name, record["values"][name], value,
                        scale * other["readings"]["count"]), (
                seed, name, record["values"][name], value)
    return len(merged)


def check_refused(work):
    (work.path / "weir.toml").write_text(
        config("g").replace(json.dumps(AGGREGATES), '["count", "increase"]'))
    done = subprocess.run(weir_command("check", "-c", str(work.path / "weir.toml")),
                          capture_output=True, text=True, timeout=60 * PATIENCE)
    assert done.returncode == 78 and "state" in done.stderr, (done.returncode, done.stderr)


def check_price(work):
    """`weir check` prices what a result carries: as much as one has."""
    line = replay(work, "g", [(i, "device-0001", 10 + i % 200 / 10) for i in range(600)])[0]
    prices = {}
    for state in ("true", "false"):
        (work.path / "weir.toml").write_text(
            config("g").replace("state = true", f"state = {state}"))
        done = subprocess.run(
            weir_command("check", "--json", "-c", str(work.path / "weir.toml")),
            capture_output=True, text=True, timeout=60 * PATIENCE)
        prices[state] = json.loads(done.stdout)
    carried = [prices[state]["link_bytes_per_day"] / prices[state]["results_per_day"]
               for state in ("true", "false")]
    held = len(json.dumps(line["state"], separators=(",", ":")))
    assert 0.8 * held < carried[0] - carried[1] < 1.25 * held, (held, carried)
    assert prices["true"]["autonomy_hours"] < prices["false"]["autonomy_hours"], prices


def main():
    with Workspace() as work:
        windows = sum(check_seed(work, seed) for seed in range(10))
        check_refused(work)
        check_price(work)
    print(f"ok: {windows} windows of three gateways merged into what one would have said")


if __name__ == "__main__":
    main()
