"""`weir replay` as its contract (runtime/REPLAY.md) has it: JSON lines in, JSON lines out, each case
a stream of readings, watermarks and restarts with what must come of it."""

import json
import subprocess

from rig import GATEWAY, PATIENCE, Workspace, unconnected, weir_command

SOURCE = """
[[source]]
name = "s"
topics = ["s/{device}"]
metrics = ["v"]
idle = "1h"
"""
ROLLUP = """
[[rollup]]
name = "m"
from = "s"
window = { tumbling = "10s" }
aggregates = ["count", "sum"]
"""


def config(source="", rollup=ROLLUP):
    return unconnected(GATEWAY + SOURCE + source + rollup, "replayed")


def replay(work, toml, lines, *options, quiet=True):
    """The finished process; times in `lines` are seconds."""
    (work.path / "weir.toml").write_text(toml)
    recording = work.path / "lines.jsonl"
    text = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    recording.write_text("".join(line + "\n" for line in text))
    return subprocess.run(
        weir_command("replay", *["--quiet"] * quiet, "--time-unit", "s", "-c",
                     str(work.path / "weir.toml"), *options, str(recording)),
        capture_output=True, text=True, timeout=60 * PATIENCE)


def read(time, value=1, device="a", **more):
    return {"time": time, "device": device, "metric": "v", "value": value, **more}


def watermark(time, device=None, **more):
    return {"watermark": time, **({"device": device} if device else {}), **more}


def seconds(text):
    minutes, rest = text.removesuffix("Z").split(":")[-2:]
    assert text.startswith("1970-01-01T00:"), text
    return int(minutes) * 60 + float(rest)


def short(line):
    """'rollup a [0,10) r0 sum=3', 'late a 4 9'."""
    result = json.loads(line)
    window, device = result["window"], result["group"]["device"]
    start, end = (f"{seconds(window[edge]):g}" for edge in ("start", "end"))
    if result["kind"] != "rollup":
        return f"{result['kind']} {device} {start} {result['values']['value']:g}"
    return f"rollup {device} [{start},{end}) r{result['revision']} sum={result['values']['sum']:g}"


RESTART = {"restart": True}
LATENESS = 'lateness = "0s"\n'
LATE_5 = 'lateness = "5s"\n'
BOUNDED = 'lateness = "0s"\nout_of_order = "2s"\n'

# (name, source options, lines, what comes out before the end, what the end adds)
CASES = [
    ("readings in order close windows by themselves", LATENESS,
     [read(1), read(9, 2), read(10, 4)], ["rollup a [0,10) r0 sum=3"], ["rollup a [10,20) r0 sum=4"]),
    ("the end of a window is not in it", LATENESS,
     [read(0), read(9.999999, 2), read(10, 4), watermark(20)],
     ["rollup a [0,10) r0 sum=3", "rollup a [10,20) r0 sum=4"], []),
    ("a watermark before the end completes nothing", LATENESS,
     [read(1), watermark(9.999999)], [], ["rollup a [0,10) r0 sum=1"]),
    ("a watermark at the end completes the window", LATENESS,
     [read(1), watermark(10)], ["rollup a [0,10) r0 sum=1"], []),
    ("one watermark completes several windows in their order", LATENESS,
     [read(1, device="a"), read(11, 2, device="b"), watermark(100)],
     ["rollup a [0,10) r0 sum=1", "rollup b [10,20) r0 sum=2"], []),
    ("a watermark without readings emits nothing", LATENESS, [watermark(1000)], [], []),
    ("out of order behind the watermark of readings, window still open", BOUNDED,
     [read(11), read(9, 2), read(12, 4), read(8, 8)],
     ["rollup a [0,10) r0 sum=2", "late a 8 8"], ["rollup a [10,20) r0 sum=5"]),
    ("exactly at the bound of disorder a reading is not late", BOUNDED,
     [read(11.999999), read(9, 2), read(12)],
     ["rollup a [0,10) r0 sum=2"], ["rollup a [10,20) r0 sum=2"]),
    ("late firing: a revision for each late reading", LATE_5,
     [read(1), watermark(10), read(2, 2), read(3, 4), watermark(15), read(4, 8)],
     ["rollup a [0,10) r0 sum=1", "rollup a [0,10) r1 sum=3", "rollup a [0,10) r2 sum=7",
      "late a 4 8"], []),
    ("exactly at the lateness it is too late, a microsecond before not", LATE_5,
     [read(1), watermark(14.999999), read(2, 2), watermark(15), read(3, 4)],
     ["rollup a [0,10) r0 sum=1", "rollup a [0,10) r1 sum=3", "late a 3 4"], []),
    ("late, but for a window that never was: it opens and is emitted", LATE_5,
     [watermark(12), read(3, 4), watermark(15), read(3, 8)],
     ["rollup a [0,10) r0 sum=4", "late a 3 8"], []),
    ("a reading behind the watermark whose window is open is not late", LATENESS,
     [read(1), watermark(8), read(2, 2), watermark(10)], ["rollup a [0,10) r0 sum=3"], []),
    ("a watermark never goes back", LATENESS,
     [read(1), watermark(10), watermark(3), read(4, 2), watermark(10)],
     ["rollup a [0,10) r0 sum=1", "late a 4 2"], []),
    ("watermarks are per device", LATENESS,
     [read(1), read(1, 2, "b"), watermark(10, "a"), read(2, 4, "b"), read(2, 8)],
     ["rollup a [0,10) r0 sum=1", "late a 2 8"], ["rollup b [0,10) r0 sum=6"]),
    ("a watermark of all holds for a device that comes later", LATENESS,
     [watermark(10), read(9, 2, "new"), read(10, 4, "new")],
     ["late new 9 2"], ["rollup new [10,20) r0 sum=4"]),
    ("a watermark of another device says nothing of a new one", LATENESS,
     [watermark(10, "a"), read(9, 2, "b")], [], ["rollup b [0,10) r0 sum=2"]),
    ("a silent device is emitted as it stands, revised when it returns", 'idle = "60s"\n' + LATE_5,
     [read(1), read(70, 2, "b"), read(2, 4), watermark(10, "a")],
     ["rollup a [0,10) r0 sum=1", "rollup a [0,10) r1 sum=5"], ["rollup b [70,80) r0 sum=2"]),
    ("a restart changes nothing", LATE_5,
     [read(1), RESTART, watermark(10), RESTART, read(2, 2), RESTART, watermark(5), RESTART,
      watermark(15), RESTART, read(3, 4), RESTART],
     ["rollup a [0,10) r0 sum=1", "rollup a [0,10) r1 sum=3", "late a 3 4"], []),
    ("a restart keeps the promise of a device that was never heard", LATENESS,
     [watermark(10, "a"), RESTART, read(9), read(9, 2, "b")], ["late a 9 1"],
     ["rollup b [0,10) r0 sum=2"]),
    ("a restart keeps the promise of all", LATENESS,
     [watermark(10), RESTART, read(9)], ["late a 9 1"], []),
    ("a reading ahead of the gateway's clock is quarantined, moves nothing", 'max_skew = "5s"\n',
     [read(1, now=1), read(7, 2, now=1.5), read(6.5, 4, now=1.5), watermark(10)],
     ["quarantined a 7 2", "rollup a [0,10) r0 sum=5"], []),
    ("the gateway's clock decides who is idle", 'idle = "30s"\n' + LATE_5,
     [read(1, now=100), {"now": 129}, read(2, 2, "b", now=129.5), {"now": 131}],
     ["rollup a [0,10) r0 sum=1"], ["rollup b [0,10) r0 sum=2"]),
    ("hundreds of years of watermark do no harm", LATENESS,
     [read(1), watermark("9999-12-31T23:59:59Z"), read(1, 2), watermark("0001-01-01T00:00:00Z")],
     ["rollup a [0,10) r0 sum=1", "late a 1 2"], []),
]

REFUSED = [
    ('{"watermark": 1, "metric": "v"}', "a watermark has only a device"),
    ('{"watermark": null}', "this is no time"),
    ('{"watermark": 1, "device": 7}', "no text"),
    ('{"restart": false}', "restart is true or not there"),
    ('{"restart": true, "device": "a"}', "a restart stands alone"),
    ('{"now": "noon"}', "this is no time"),
    ('{"now": 1, "device": "a"}', "the key time is missing"),
    ('{"time": 1, "device": "a", "metric": "v", "value": 1, "extra": 1}', "unknown key"),
]


def check_cases(work):
    wrong = []
    for name, source, lines, before, at_end in CASES:
        toml = config(source) if 'idle' not in source else config(source).replace(
            'idle = "1h"\n', "", 1)
        for options, expected in ((["--keep-open"], before), ([], before + at_end)):
            done = replay(work, toml, lines, *options)
            found = [short(line) for line in done.stdout.splitlines()]
            if done.returncode != 0 or found != expected:
                wrong.append(f"{name} {options}: exit code {done.returncode}, {done.stderr}\n"
                             f"  expected {expected}\n  found    {found}")
    assert not wrong, "\n".join(wrong)


def check_refused(work):
    for line, why in REFUSED:
        done = replay(work, config(), [read(1), line])
        assert done.returncode == 1, f"{line}: exit code {done.returncode}"
        assert "lines.jsonl:2" in done.stderr and why in done.stderr, f"{line}: {done.stderr}"


def check_members(work):
    """Every member of the contract, in its form."""
    done = replay(work, config(LATENESS), [read(1.5), read(12, 0.1), read(2, 7)])
    rollup, late, open_at_end = map(json.loads, done.stdout.splitlines())
    assert rollup == {
        "v": 1, "kind": "rollup", "gateway": "replayed", "name": "m", "group": {"device": "a"},
        "metric": "v", "revision": 0, "quality": [], "values": {"count": 1, "sum": 1},
        "window": {"start": "1970-01-01T00:00:00Z", "end": "1970-01-01T00:00:10Z"},
        "readings": {"count": 1, "late": 0, "first": "1970-01-01T00:00:01.500Z",
                     "last": "1970-01-01T00:00:01.500Z"}}, rollup
    assert late["kind"] == "late" and late["name"] == "s" and late["values"] == {"value": 7}, late
    assert late["window"]["start"] == late["window"]["end"] == "1970-01-01T00:00:02Z", late
    assert open_at_end["values"] == {"count": 1, "sum": 0.1}, open_at_end


def check_completeness(work):
    """The number of a message, the unit of a metric, and what a period expects, over a restart."""
    toml = config('deduplicate = { by = "n" }\nunits = { v = "km -> m" }\n',
                  ROLLUP + 'period = "2s"\n')
    lines = [read(1, 7, metric="n"), read(1, 2), read(2, 7, metric="n"), read(2, 2), RESTART,
             read(3, 7, metric="n"), read(3, 2), read(4, 8, metric="n"), read(4, 3)]
    done = replay(work, toml, lines)
    (result,) = map(json.loads, done.stdout.splitlines())
    assert result["values"] == {"count": 2, "sum": 5000}, result
    assert (result["readings"]["count"], result["readings"]["expected"]) == (2, 5), result


def difference(work, old, new, lines, *options):
    """(exit code, what changed in short, summary) of two configurations."""
    (work.path / "old.toml").write_text(old)
    done = replay(work, new, lines, "--json", "--diff", str(work.path / "old.toml"), *options)
    found = []
    for line in done.stdout.splitlines():
        entry = json.loads(line)
        sides = [short(json.dumps(entry[side])) for side in ("before", "after") if side in entry]
        found.append(" ".join([entry["diff"]] + sides))
    return done.returncode, found, json.loads(done.stderr)


def check_diff(work):
    lines = [read(1), read(12, 2), read(3, 4), read(26, 8), read(11, 16)]
    same = difference(work, config(LATENESS), config(LATENESS), lines)
    assert same == (0, [], {"added": 0, "removed": 0, "changed": 0, "same": 5}), same

    # A lateness that takes what was late: two windows change, two late readings are gone.
    kept = difference(work, config(LATENESS), config('lateness = "1h"\n'), lines)
    assert kept == (1, ["changed rollup a [0,10) r0 sum=1 rollup a [0,10) r1 sum=5",
                        "changed rollup a [10,20) r0 sum=2 rollup a [10,20) r1 sum=18",
                        "removed late a 3 4", "removed late a 11 16"],
                    {"added": 0, "removed": 2, "changed": 2, "same": 1}), kept

    # Other windows are other results.
    wider = difference(work, config(LATENESS), config(LATENESS, ROLLUP.replace("10s", "20s")),
                       lines)
    assert wider[0] == 1 and sorted(line.split()[0] for line in wider[1]) == [
        "added"] * 2 + ["removed"] * 4, wider

    # Twice the same late reading is two; a topic is no difference.
    moved = difference(work, config(LATENESS, ROLLUP + 'topic = "elsewhere"\n'), config(LATENESS),
                       lines + [read(3, 4)])
    assert moved[0] == 0 and moved[2]["same"] == 6, moved
    (work.path / "old.toml").write_text("[gateway")
    assert replay(work, config(), lines, "--diff", str(work.path / "old.toml")).returncode == 78


def check_summary(work):
    """Of every reading: what became of it. There is room for one device, and a second comes."""
    toml = config('where = "value < 9"\n' + LATENESS) + "[limits]\nactive_series = 1\n"
    lines = [read(1), read(2, 2, "b"), read(12), read(3, 3), read(4, 4, "b"), read(13, 9)]
    done = replay(work, toml, lines, "--json", quiet=False)
    assert json.loads(done.stderr) == {
        "readings": 6, "results": 3, "aggregated": 2, "late": 1, "quarantined": 0, "unused": 0,
        "filtered": 3}, done.stderr
    text = replay(work, toml, lines, quiet=False).stderr
    assert text.startswith("6 readings (2 aggregated, 1 late, 0 quarantined, 0 unused, 3 filtered), "
                           "3 results in "), text
    assert replay(work, toml, lines, "--json").stderr == ""


def main():
    with Workspace() as work:
        check_cases(work)
        check_refused(work)
        check_members(work)
        check_summary(work)
        check_completeness(work)
        check_diff(work)
    print(f"ok: {len(CASES)} cases, each with and without what is open at the end")


if __name__ == "__main__":
    main()
