"""Figure 16: bytes written to disk a reading at 1 000 readings a second, synced before they are
acknowledged, 77-byte payloads, windows of a minute.

    written.py [--minutes N] [--bytes B] [--report FILE]

What the kernel says that weir wrote, by five minutes: in some the write-ahead log is moved into the
database, in most it is not. The figure is the mean of all but the first ten minutes, in which the
journal takes up its room; of all where there are not more, which is before the log is moved for the
first time, and so less than in the long run. With windows of ten seconds, six times as many results,
beside it. Exit status 0 if the bytes are at most what is asked for.
"""

import concurrent.futures
import pathlib
import statistics
import sys

from figure import end, read_options

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "bench"))
from end_to_end import measure_steady
from rig import MockKafka, Mosquitto, Workspace


def measure(window, minutes):
    with Workspace() as work:
        mosquitto = work.keep(Mosquitto(work.path, extra="max_inflight_messages 1000"))
        kafka = work.keep(MockKafka(work.path))
        return measure_steady(work, mosquitto, kafka, window, minutes * 60,
                              max(1, minutes // 5))["by_part"]


def in_the_long_run(by_five_minutes):
    return statistics.mean(by_five_minutes[2:] or by_five_minutes)


def main():
    options = read_options(minutes=60, bytes=16.0)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        written, short = pool.map(measure, ("1m", "10s"), (options.minutes, options.minutes))
    found = {"minutes": options.minutes, "readings": options.minutes * 60 * 999,
             "bytes_written_a_reading": in_the_long_run(written),
             "windows_of_10_s": in_the_long_run(short),
             "by_five_minutes": written}
    end(found, options, found["bytes_written_a_reading"] <= options.bytes)


if __name__ == "__main__":
    main()
