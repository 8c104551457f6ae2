"""Figure 11: messages a second that are acknowledged only after a sync, where every sync takes 8 ms.

    slow_disk.py [--count N] [--report FILE]

weir runs under strace, which holds back the return of each fsync and fdatasync by 8 ms, as a memory
card does. The in-flight limit is raised at the broker. Exit status 0 from 10 000 messages a second.
"""

import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from rig import BUILD_DIR, Mosquitto, Process, Weir, Workspace, skip, wait_until

SYNC_US = 8000
REQUIRED = 10_000

CONFIG = """
[gateway]
id = "slow"
data_dir = "@DATA@"
[http]
listen = "@HTTP@"
[mqtt]
url = "@MQTT@"
[[source]]
name = "slow"
topics = ["bench/{line}/{device}/state"]
time = { field = "ts", unit = "ms" }
metrics = ["temperature", "pressure", "hum"]
[[rollup]]
name = "ten"
from = "slow"
window = { tumbling = "10s" }
[kafka]
brokers = ["127.0.0.1:1"]
"""


class SlowDisk(Weir):
    """weir whose syncs take their time."""

    def start(self, ready=True):
        self.process = Process(["strace", "-D", "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null",
                                "-e", "trace=fsync,fdatasync", "-e",
                                f"inject=fsync,fdatasync:delay_exit={SYNC_US}", str(self.program),
                                "run", "-c", str(self.config_file)], self.directory / "weir.log")
        wait_until(lambda: self.get("/readyz")[0] == 200 or not self.process.running(),
                   "weir is ready")
        return self


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--count", type=int, default=100_000)
    arguments.add_argument("--report")
    options = arguments.parse_args()
    if not shutil.which("strace"):
        skip("strace is not installed")
    with Workspace() as work:
        mosquitto = work.keep(Mosquitto(work.path, extra="max_inflight_messages 2000"))
        weir = SlowDisk(work.path, CONFIG.replace("@MQTT@", mosquitto.url))
        work.keep(weir).start().connected()

        def counted():
            counts = (weir.status() or {}).get("ledger", {}).get("counts", {})
            return counts.get("messages_journaled", 0) >= options.count

        begun = time.monotonic()
        subprocess.run([str(BUILD_DIR / "tests" / "flood"), "127.0.0.1", str(mosquitto.port),
                        str(options.count), "1", "1000", "0"], check=True, stdout=subprocess.DEVNULL)
        wait_until(counted, "all is journaled", 120)
        seconds = time.monotonic() - begun
        slowest = weir.get("/metrics")[1]
        weir.stop()
    commits = sum(float(line.split()[-1]) for line in slowest.splitlines()
                  if line.startswith("weir_commit_duration_seconds_count"))
    spent = sum(float(line.split()[-1]) for line in slowest.splitlines()
                if line.startswith("weir_commit_duration_seconds_sum"))
    found = {"messages": options.count, "messages_a_second": round(options.count / seconds),
             "commits": int(commits), "mean_commit_ms": round(1000 * spent / max(commits, 1), 1)}
    print(json.dumps(found))
    if options.report:
        pathlib.Path(options.report).write_text(json.dumps(found) + "\n")
    if found["messages_a_second"] < REQUIRED or found["mean_commit_ms"] < SYNC_US / 1000:
        sys.exit(1)


if __name__ == "__main__":
    main()
