"""Figure 16: bytes written to disk a reading at 1 000 readings a second, synced before they are
acknowledged, 77-byte payloads, windows of a minute.

    written.py [--minutes N] [--bytes B] [--report FILE]

What the kernel says that weir wrote, in five minutes after five minutes: the first ones, in which
the journal takes up its room, and the last ones, for which the bound is. With windows of ten
seconds, six times as many results, beside it. Exit status 0 if the bytes are at most what is asked
for.
"""

import concurrent.futures
import pathlib
import sys

from figure import end, read_options

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "bench"))
from end_to_end import measure_steady
from rig import MockKafka, Mosquitto, Workspace


def measure(window, minutes):
    with Workspace() as work:
        mosquitto = work.keep(Mosquitto(work.path, extra="max_inflight_messages 1000"))
        kafka = work.keep(MockKafka(work.path))
        return measure_steady(work, mosquitto, kafka, window, minutes * 60, minutes // 5)["by_part"]


def main():
    options = read_options(minutes=30, bytes=16.0)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        written, short = pool.map(measure, ("1m", "10s"), (options.minutes, options.minutes))
    found = {"minutes": options.minutes, "readings": options.minutes * 60 * 999,
             "bytes_written_a_reading": written[-1],
             "in_the_first_five_minutes": written[0],
             "windows_of_10_s": short[-1],
             "by_five_minutes": written}
    end(found, options, found["bytes_written_a_reading"] <= options.bytes)


if __name__ == "__main__":
    main()
