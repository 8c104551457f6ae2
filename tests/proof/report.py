"""Writes the report of the proof as a page, or puts figures into it that have just run.

    report.py [REPORT.json] > tests/proof/REPORT.md     default: tests/proof/report.json
    report.py --collect DIRECTORY REPORT.json           its *.json and *.run go into the report
"""

import json
import pathlib
import sys

HEAD = """# What weir promises, proved

Made by `tests/proof/report.py` from the report of `sh tests/proof/run.sh`: what is said to have
run has run, in this count. Figures whose seeds differ ran apart.

{how}

| figure | what | ran | found | holds | seconds | seed | day | commit |
|---|---|---|---|---|---|---|---|---|
"""

# Number: what it shows, how it is made, the members that say how much ran; the rest is what was
# found.
FIGURES = {
    1: ("`kill -9` at random instants, lost / twice / wrong windows",
        "A fleet publishes at QoS 1 while weir is killed and started again; a read_committed "
        "consumer of a real Kafka is compared with what was published, reading by reading. Half of "
        "the kills are harsh: the broker always has a queue, and weir no time to catch up.",
        ["kills", "harsh_kills", "messages", "windows"]),
    2: ("a kill before each system call of a cycle",
        "A cycle is recorded with strace; then strace kills weir as a thread enters a call, one "
        "call of the recording after the other, and the same consumer counts.",
        ["calls_of_a_cycle", "points", "kills", "messages"]),
    3: ("simulated power cuts",
        "The production engine, store and uplink run on a simulated disk that loses, tears and "
        "reorders what was not synced.", ["cuts", "messages", "acknowledged"]),
    4: ("I/O calls that fail, once and for good",
        "As figure 3, with errors, short writes, a full disk and failing syncs instead of cuts.",
        ["errors", "messages", "acknowledged"]),
    5: ("simulated gateway time under faults",
        "As figure 3, with outages, cuts, kills, disk errors and clock jumps mixed; some of the runs "
        "twice, and the bytes compared.", ["days", "messages"]),
    6: ("hours offline at 200 messages/s, 10 000 series, 256 MiB",
        "The production engine and store without a link, killed now and then; then everything "
        "drains into a sink that counts, and each reading must be in one result that arrived or in "
        "one that the ledger and the gap records call given up.",
        ["hours", "kills", "readings", "produced"]),
    7: ("random damage to the database",
        "As figure 3, with bits flipped, pages zeroed, files cut, sectors torn, headers and logs "
        "lost; held against a twin that was not damaged. A start that meets damage begins once more, "
        "as that of `weir run` does.", ["damages", "messages"]),
    8: ("a card that lies about sync",
        "As figure 3, with one sync in five that does nothing, so that a start may find an older "
        "copy of its database, or a damaged one. Nothing may be told twice or wrong, and what was "
        "acknowledged and is lost must be announced, but for what went with its commit before "
        "anything behind it had arrived (lost unseen): nothing is left to know that by.",
        ["cuts", "messages", "acknowledged"]),
    9: ("outages of mosquitto, Kafka and their links",
        "Proxies between weir and both cut, refuse, swallow, delay; the brokers are restarted and "
        "killed; counted as figure 1.", ["outages", "messages", "windows"]),
    10: ("clock jumps of ten years, boots in 1970",
         "As figure 3, on a wall clock that jumps; the windows must be those of a twin with a good "
         "clock, byte for byte.", ["runs", "jumps", "in_1970"]),
    11: ("messages a second where a sync takes 8 ms",
         "strace holds back the return of each sync.", ["messages"]),
    12: ("acknowledgements before the sync that covers them",
         "The bytes to and from the broker, and the syncs between, are read off the system calls.",
         ["acknowledgements"]),
    13: ("bugs planted into weir that no figure caught",
         "Each file of `tests/proof/bugs` changes a line or two; a figure, or the unit tests it "
         "names, must go red.", ["bugs", "planted"]),
    14: ("a start with a million entries in the outbox",
         "The outbox is filled by the store itself; from exec to the first PUBACK and to the first "
         "record at a consumer; then the rest drains.", ["entries", "journal_records"]),
    15: ("CPU seconds beside a subscriber that only counts",
         "300 000 messages at QoS 1 through mosquitto to both, one after the other.", ["messages"]),
    16: ("bytes written to disk a reading",
         "1 000 readings a second, synced before they are acknowledged; the kernel's count of weir's "
         "process, but for the first ten minutes, in which the journal takes up its room.",
         ["minutes", "readings"]),
}
APART = ("seed", "seconds", "holds", "day", "commit", "part")  # with a column of their own, or none


def spell(name, value):
    if isinstance(value, float):
        value = f"{value:,.3f}"
    elif isinstance(value, int) and not isinstance(value, bool):
        value = f"{value:,}"
    return f"{name.replace('_', ' ')} {value}"


def row(key, found):
    number, name = key.split("-", 1)
    what, _, ran = FIGURES.get(int(number), (name.replace("-", " "), "", []))
    plain = {name: value for name, value in found.items()
             if name not in APART and not isinstance(value, (list, dict))}
    counts = ", ".join(spell(name, plain[name]) for name in ran if name in plain)
    rest = ", ".join(spell(name, value) for name, value in plain.items() if name not in ran)
    holds = "yes" if found.get("holds") else "**no**"
    apart = " | ".join(str(found.get(name, "")) for name in ("seconds", "seed", "day", "commit"))
    return f"| {number} | {what} | {counts} | {rest} | {holds} | {apart} |"


def added(before, found):
    """What two parts of a figure found together."""
    sums = dict(before) | found
    for name in before.keys() & found.keys():
        old, new = before[name], found[name]
        if name == "holds":
            sums[name] = old and new
        elif name in ("seed", "part", "day", "commit"):
            sums[name] = ", ".join(dict.fromkeys(f"{old}, {new}".split(", ")))
        elif name.startswith("most_"):
            sums[name] = max(old, new)
        elif name.startswith("least_"):
            sums[name] = min(old, new)
        elif isinstance(new, int) and not isinstance(new, bool):
            sums[name] = old + new
        elif isinstance(new, dict):
            sums[name] = added(old, new)
    return sums


def collect(directory, report):
    """Parts of the same whole are added up; a part that ran before begins anew."""
    figures = json.loads(report.read_text())["figures"] if report.exists() else {}
    for run in sorted(directory.glob("*.run")):
        result = run.with_suffix(".json")
        found = json.loads(result.read_text()) if result.exists() else {}
        found |= json.loads(run.read_text())
        before = figures.get(run.stem, {})
        parts = str(before.get("part", "")).split(", ")
        whole = found["part"].split("/")[1]
        more = parts[0].endswith("/" + whole) and found["part"] not in parts
        figures[run.stem] = added(before, found) if more else found
    report.write_text(json.dumps({"figures": figures}, indent=2) + "\n")


def main():
    if sys.argv[1:2] == ["--collect"]:
        collect(pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]))
        return
    source = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "tests/proof/report.json")
    figures = json.loads(source.read_text())["figures"]
    figures = dict(sorted(figures.items(), key=lambda item: int(item[0].split("-")[0])))
    numbers = sorted({int(key.split("-")[0]) for key in figures} & FIGURES.keys())
    how = "\n".join(f"- **{number}**: {FIGURES[number][1]}" for number in numbers)
    print(HEAD.format(how=how), end="")
    for key, found in figures.items():
        print(row(key, found))


if __name__ == "__main__":
    main()
