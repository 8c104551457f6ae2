"""Figures 15 and 16: what weir costs, beside a Paho C++ subscriber that only counts, in one run.

    cost.py [--count N] [--ratio R] [--bytes B] [--report FILE]

CPU seconds for a million QoS 1 messages, each synced before it is acknowledged; bytes written to
disk a reading at 1 000 readings a second. Measured as tests/bench/run.sh does, with windows of a
minute; with windows of ten seconds, six times as many results, beside it. Exit status 0 if the
ratio of the CPU seconds and the bytes are at most what is asked for.
"""

import pathlib
import sys

from figure import end, read_options

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "bench"))
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
    options = read_options(count=300_000, ratio=0.5, bytes=16.0)
    found = measure(options.count)
    end(found, options, found["cpu_ratio"] <= options.ratio
        and found["bytes_written_a_reading"] <= options.bytes)


if __name__ == "__main__":
    main()
