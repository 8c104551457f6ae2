"""What the figures with real processes share: parts of weir's configuration, the command line, and
the end."""

import argparse
import json
import pathlib
import random
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

# What tests/bench/flood publishes.
FLOOD_SOURCE = """
[[source]]
name = "flood"
topics = ["bench/{line}/{device}/state"]
time = { field = "ts", unit = "ms" }
metrics = ["temperature", "pressure", "hum"]
"""

# Both of the gateway alone: a broker may serve several figures.
OWN_TOPICS = """
[kafka]
brokers = ["@BROKERS@"]
position_topic = "@ID@.positions"
"""

NO_KAFKA = """
[kafka]
brokers = ["127.0.0.1:1"]
"""


def read_options(seeded=False, **counts):
    """The command line: --NAME for each count, with its default, or for a flag, with False; --report
    and, where chance plays a part, --seed, which is told."""
    arguments = argparse.ArgumentParser()
    for name, default in counts.items():
        kind = {"action": "store_true"} if default is False else {"type": type(default)}
        arguments.add_argument(f"--{name}", default=default, **kind)
    arguments.add_argument("--report")
    if seeded:
        arguments.add_argument("--seed", type=int, default=int(time.time()))
    options = arguments.parse_args()
    if seeded:
        print(f"seed {options.seed}", flush=True)
    return options


def identity(name):
    """A gateway id that no other run has."""
    return f"{name}-{random.SystemRandom().randrange(1 << 24):06x}"


def counts_of(weir):
    """The counts of the ledger; none while weir does not answer."""
    return (weir.status() or {}).get("ledger", {}).get("counts", {})


def end(found, options, holds):
    """Prints what was found and keeps it where --report says; exit status 1 unless it holds."""
    print(json.dumps(found))
    if options.report:
        pathlib.Path(options.report).write_text(json.dumps(found) + "\n")
    if not holds:
        sys.exit(1)


def is_whole(found):
    """Nothing is lost, nothing twice, no window wrong, and the ledger balances."""
    wrong = found["lost"] or found["twice"] or found["wrong_windows"]
    return not wrong and found["ledger_balanced"]
