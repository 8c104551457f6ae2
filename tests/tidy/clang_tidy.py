"""clang-tidy over the product's sources with the checks of .clang-tidy.

    clang_tidy.py [FILE...]      default: every source of the product

All of them are looked at eight at a time, written one behind the other into build/tidy, since most
of the work is reading headers; the sources of a group with a finding then each on its own, which
gives the finding its place. The analyzer follows fewer paths of a long function than it would.
Exit status 0 when there is nothing to say.
"""

import concurrent.futures
import itertools
import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
COMMANDS = ROOT / "build" / "dev" / "compile_commands.json"
GROUPS = ROOT / "build" / "tidy"
FLOORS = ["config", "operators", "firmware-bridge", "store", "runtime"]
TOGETHER = 8
ANALYZER = ["-analyzer-config", "max-nodes=20000"]


def clang_tidy(folder, source):
    """Looks at a source of the folder's compile_commands.json; returns its findings."""
    extra = [f"--extra-arg={part}" for word in ANALYZER for part in ("-Xclang", word)]
    done = subprocess.run(["clang-tidy", "-p", folder, "--quiet", *extra, source], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode == 0:
        return done.stdout
    return f"{done.stdout}{done.stderr}{source}: clang-tidy ended with {done.returncode}\n"


def one_by_one(sources):
    return "".join(clang_tidy(COMMANDS.parent, source) for source in sources)


def write_group(name, sources, entry):
    """Writes the sources as one; returns its file and how it is compiled."""
    file = GROUPS / f"{name}.cpp"
    file.write_text("".join(f'#line 1 "{source}"\n{pathlib.Path(source).read_text()}\n'
                            for source in sources))
    command = entry["command"].replace(entry["file"], str(file))
    return {**entry, "file": str(file), "command": command}


def groups(entries):
    """The sources of each floor in their order, several in a group, as in a unity build."""
    for floor in FLOORS:
        sources = sorted(name for name in entries if name.startswith(f"{ROOT / floor}/"))
        mains = [name for name in sources if name.endswith("/main.cpp")]
        rest = iter(name for name in sources if name not in mains)
        while group := list(itertools.islice(rest, TOGETHER)):
            yield floor, group
        for main in mains:
            yield f"{floor}_main", [main]


def look(group):
    file, sources = group
    if not clang_tidy(GROUPS, file):
        return ""
    return one_by_one(sources) or f"{file}: findings only together: {', '.join(sources)}\n"


def main():
    subprocess.run(["cmake", "--preset", "dev"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    if len(sys.argv) > 1:
        work = [lambda name=name: one_by_one([name]) for name in sys.argv[1:]]
    else:
        entries = {entry["file"]: entry for entry in json.loads(COMMANDS.read_text())}
        GROUPS.mkdir(parents=True, exist_ok=True)
        written = [(write_group(f"{name}_{number}", sources, entries[sources[0]]), sources)
                   for number, (name, sources) in enumerate(groups(entries))]
        if not written:
            sys.exit(f"{COMMANDS} names no source of the product")
        (GROUPS / "compile_commands.json").write_text(json.dumps([entry for entry, _ in written]))
        work = [lambda group=(entry["file"], sources): look(group) for entry, sources in written]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        findings = "".join(pool.map(lambda one: one(), work))
    print(findings, end="")
    if findings:
        sys.exit(1)
    print("clang-tidy: no findings")


if __name__ == "__main__":
    main()
