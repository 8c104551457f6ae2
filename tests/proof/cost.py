"""Figures 15 and 16: what weir costs, beside a Paho C++ subscriber that only counts, in one run.

    cost.py [--count N] [--ratio R] [--bytes B] [--report FILE]

CPU seconds for a million QoS 1 messages, each synced before it is acknowledged; bytes written to
disk a reading at 1 000 readings a second. Measured as tests/bench/run.sh does, with windows of a
minute; with windows of ten seconds, six times as many results, beside it. Exit status 0 if the
ratio of the CPU seconds and the bytes are at most what is asked for.
"""

import argparse
import json
import pathlib
import sys

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "e2e"), str(TESTS / "bench")]
from end_to_end import measure_bare, measure_steady, measure_weir
from rig import MockKafka, Mosquitto, Workspace


def measure(messages):
    with Workspace() as work:
        mosquitto = work.keep(Mosquitto(work.path, extra="max_inflight_messages 1000"))
        kafka = work.keep(MockKafka(work.path))
        bare = measure_bare(mosquitto, messages, 1)["cpu_seconds_a_million"]
        weir = measure_weir(work, mosquitto, kafka, messages, 1)["cpu_seconds_a_million"]
        written = {window: measure_steady(work, mosquitto, kafka, window)["bytes_written_a_reading"]
                   for window in ("1m", "10s")}
    return {"messages": messages,
            "cpu_ratio": weir / bare,
            "cpu_seconds_a_million": weir,
            "cpu_seconds_a_million_bare_subscriber": bare,
            "bytes_written_a_reading": written["1m"],
            "bytes_written_a_reading_windows_of_10_s": written["10s"]}


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--count", type=int, default=300_000)
    arguments.add_argument("--ratio", type=float, default=0.5)
    arguments.add_argument("--bytes", type=float, default=16)
    arguments.add_argument("--report")
    options = arguments.parse_args()
    report = measure(options.count)
    print(json.dumps(report))
    if options.report:
        pathlib.Path(options.report).write_text(json.dumps(report) + "\n")
    holds = (report["cpu_ratio"] <= options.ratio
             and report["bytes_written_a_reading"] <= options.bytes)
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
