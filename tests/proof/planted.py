"""Figure 13: bugs planted into weir, one at a time, each of which a figure must catch.

    planted.py [--budget SECONDS] [--only NAME ...] [--report FILE]
    planted.py --check      only whether each can still be planted

A file of tests/proof/bugs is a bug: a sentence, who catches it, and what is replaced by what, as
  caught by: weir-simulate-gateway --cuts 500
  file: store/sqlite.cpp
  <<<<<<<
  the text, which stands there once
  =======
  what stands there instead
  >>>>>>>
For a header, `with: FILE...` names the sources that its change must reach. Nothing of the project
is touched: the changed sources are compiled beside it and linked before its libraries. With a
budget as many run as fit, at least three, another choice each day; without, all of them. Exit
status 0 when each that ran was caught and each other one still applies.
"""

import argparse
import concurrent.futures
import datetime
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import time
from typing import NamedTuple

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from rig import BUILD_DIR, SKIPPED, SOURCE_DIR

BUGS = SOURCE_DIR / "tests" / "proof" / "bugs"
WORK = BUILD_DIR / "planted"
AT_LEAST = 3
PROGRAMS = {"weir": "runtime/weir"}
CHANGE = re.compile(r"^<<<<<<<\n(.*?)^=======\n(.*?)^>>>>>>>\n", re.M | re.S)


class Bug(NamedTuple):
    name: str
    command: list  # who catches it
    files: dict    # path in the project: its text with the bug in it
    sources: list  # what is compiled


def read_bug(path):
    """The bug of the file; raises ValueError if it no longer applies."""
    text = path.read_text()
    command = re.search(r"^caught by: (.*)$", text, re.M)
    extra = re.search(r"^with: (.*)$", text, re.M)
    files = {}
    for part in re.split(r"^file: ", text, flags=re.M)[1:]:
        name = part.split("\n", 1)[0].strip()
        content = (SOURCE_DIR / name).read_text()
        changes = CHANGE.findall(part)
        for old, new in changes:
            if content.count(old) != 1:
                times = content.count(old)
                raise ValueError(f"{path.name}: its text stands {times} times in {name}")
            content = content.replace(old, new)
        if changes:
            files[name] = content
    if not command or not files:
        raise ValueError(f"{path.name}: it says not what is changed, or not who catches it")
    sources = [name for name in files if name.endswith(".cpp")]
    return Bug(path.stem, shlex.split(command[1]), files,
               sources + (extra[1].split() if extra else []))


def program_of(bug):
    return "weir" if bug.command[0].endswith(".py") else bug.command[0]


def path_of(program):
    return PROGRAMS.get(program, f"tests/{program}")


def run(command, **options):
    return subprocess.run(command, text=True, errors="replace", stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, **options)


def compile_source(source, place):
    """Returns the object file, made with the build's own command but the bug's text."""
    entries = json.loads((BUILD_DIR / "compile_commands.json").read_text())
    command = next(shlex.split(entry["command"]) for entry in entries
                   if entry["file"] == str(SOURCE_DIR / source))
    changed = place / source
    made = place / (source.replace("/", "_") + ".o")
    command[command.index("-o") + 1] = str(made)
    command[command.index("-c") + 1] = str(changed if changed.exists() else SOURCE_DIR / source)
    command.insert(command.index(f"-I{SOURCE_DIR}"), f"-I{place}")
    done = run([*command, "-w"], cwd=BUILD_DIR)
    if done.returncode != 0:
        raise ValueError(f"{source} does not compile with the bug in it:\n{done.stdout}")
    return made


def plant(bug):
    """Builds the program with the bug in it; returns a build directory that has it."""
    place = WORK / bug.name
    for name, text in bug.files.items():
        file = place / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        objects = list(pool.map(lambda source: compile_source(source, place), bug.sources))
    target = path_of(program_of(bug))
    link = run(["ninja", "-t", "commands", target], cwd=BUILD_DIR).stdout.splitlines()[-1]
    for folder in ("tests", "runtime"):
        (place / "build" / folder).mkdir(parents=True, exist_ok=True)
        for file in (BUILD_DIR / folder).iterdir():
            link_to = place / "build" / folder / file.name
            if not link_to.exists() and os.access(file, os.X_OK) and file.is_file():
                link_to.symlink_to(file)
    out = place / "build" / target
    out.unlink(missing_ok=True)
    before, after = link.split(f" -o {target} ", 1)
    first = " ".join(shlex.quote(str(made)) for made in objects)
    done = run(["sh", "-c", f"{before} -o {shlex.quote(str(out))} {first} {after}"], cwd=BUILD_DIR)
    if done.returncode != 0:
        raise ValueError(f"{bug.name} does not link:\n{done.stdout}")
    return place / "build"


def caught(bug):
    """Whether the figure goes red (None: it can't run here), and its last words."""
    build = plant(bug)
    name, *arguments = bug.command
    if name.endswith(".py"):
        command = [sys.executable, str(SOURCE_DIR / "tests" / "proof" / name), *arguments]
    else:
        command = [str(build / path_of(name)), *arguments]
    done = run(command, cwd=SOURCE_DIR, env=os.environ | {"WEIR_BUILD_DIR": str(build)})
    shutil.rmtree(build.parent, ignore_errors=True)
    if done.returncode == SKIPPED:
        return None, done.stdout.strip()
    words = (done.stdout.strip().splitlines() or [""])[-1]
    return done.returncode not in (0, 64), words


def chosen(bugs, only, budget):
    """All or those named; with a budget beginning at another one each day."""
    bugs = [bug for bug in bugs if not only or bug.name in only]
    if not budget or not bugs:
        return bugs
    first = datetime.date.today().toordinal() * AT_LEAST % len(bugs)
    return bugs[first:] + bugs[:first]


def read_bugs():
    """Those that apply, and what is wrong with the others."""
    bugs, broken = [], []
    for path in sorted(BUGS.glob("*.bug")):
        try:
            bugs.append(read_bug(path))
        except ValueError as error:
            broken.append(str(error))
    return bugs, broken


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--check", action="store_true")
    arguments.add_argument("--budget", type=float, help="seconds")
    arguments.add_argument("--only", nargs="*", help="names")
    arguments.add_argument("--report")
    options = arguments.parse_args()
    bugs, broken = read_bugs()
    if options.check:
        sys.exit("\n".join(broken) or None)
    ran, missed = [], []
    begun = time.monotonic()
    run(["cmake", "--build", str(BUILD_DIR), "--target", "weir"], check=True)
    for bug in chosen(bugs, options.only, options.budget):
        spent = time.monotonic() - begun
        if options.budget and len(ran) >= AT_LEAST and spent * (1 + 1 / len(ran)) > options.budget:
            break
        run(["cmake", "--build", str(BUILD_DIR), "--target", program_of(bug)], check=True)
        found, words = caught(bug)
        if found is None:
            print(f"{bug.name}: {words}", file=sys.stderr)
            continue
        ran.append(bug.name)
        if not found:
            missed.append(bug.name)
        print(f"{'caught' if found else 'MISSED'} {bug.name} "
              f"({time.monotonic() - begun - spent:.0f} s): {words[:160]}", flush=True)
    report = {"bugs": len(bugs) + len(broken), "planted": len(ran),
              "caught": len(ran) - len(missed), "missed": missed, "do_not_apply": broken}
    print(json.dumps(report))
    if options.report:
        pathlib.Path(options.report).write_text(json.dumps(report | {"names": ran}) + "\n")
    if missed or broken or not ran:
        sys.exit(1)


if __name__ == "__main__":
    main()
