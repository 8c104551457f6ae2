"""Figure 15: what weir costs, beside a Paho C++ subscriber that only counts, in one run.

    cost.py [--count N] [--ratio R] [--report FILE]

CPU seconds for a million QoS 1 messages, each synced before it is acknowledged, measured as
tests/bench/run.sh does. Exit status 0 if their ratio is at most what is asked for.
"""

import pathlib
import sys

from figure import end, read_options

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "bench"))
from end_to_end import measure_bare, measure_weir
from rig import MockKafka, Mosquitto, Workspace


def measure(messages):
    with Workspace() as work:
        mosquitto = work.keep(Mosquitto(work.path, extra="max_inflight_messages 1000"))
        kafka = work.keep(MockKafka(work.path))
        bare = measure_bare(mosquitto, messages, 1)["cpu_seconds_a_million"]
        weir = measure_weir(work, mosquitto, kafka, messages, 1)["cpu_seconds_a_million"]
    return {"messages": messages,
            "cpu_ratio": weir / bare,
            "cpu_seconds_a_million": weir,
            "cpu_seconds_a_million_bare_subscriber": bare}


def main():
    options = read_options(count=300_000, ratio=0.5)
    found = measure(options.count)
    end(found, options, found["cpu_ratio"] <= options.ratio)


if __name__ == "__main__":
    main()
