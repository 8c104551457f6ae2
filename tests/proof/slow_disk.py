"""Figure 11: messages a second that are acknowledged only after a sync, where every sync takes 8 ms.

    slow_disk.py [--count N] [--report FILE]

weir runs under strace, which holds back the return of each fsync and fdatasync by 8 ms, as a memory
card does. The in-flight limit is raised at the broker. Exit status 0 from 10 000 messages a second.
"""

import shutil
import subprocess
import time

from figure import FLOOD_SOURCE, NO_KAFKA, counts_of, end, read_options
from rig import BUILD_DIR, GATEWAY, Mosquitto, Weir, Workspace, skip, wait_until

SYNC_US = 8000
REQUIRED = 10_000

CONFIG = GATEWAY + FLOOD_SOURCE + """
[[rollup]]
name = "ten"
from = "flood"
window = { tumbling = "10s" }
""" + NO_KAFKA

# It stands aside (-D): signals reach weir itself.
SLOWLY = ["strace", "-D", "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null",
          "-e", "trace=fsync,fdatasync", "-e", f"inject=fsync,fdatasync:delay_exit={SYNC_US}"]


def main():
    options = read_options(count=100_000)
    if not shutil.which("strace"):
        skip("strace is not installed")
    with Workspace() as work:
        mosquitto = work.keep(Mosquitto(work.path, extra="max_inflight_messages 2000"))
        weir = work.keep(Weir(work.path, CONFIG, SLOWLY, ID="slow", MQTT=mosquitto.url))
        weir.start().connected()
        begun = time.monotonic()
        subprocess.run([str(BUILD_DIR / "tests" / "flood"), "127.0.0.1", str(mosquitto.port),
                        str(options.count), "1", "1000", "0"], check=True, stdout=subprocess.DEVNULL)
        wait_until(lambda: counts_of(weir).get("messages_journaled", 0) >= options.count,
                   "all is journaled", 120)
        seconds = time.monotonic() - begun
        slowest = weir.get("/metrics")[1]
        weir.stop()
    commits = sum(float(line.split()[-1]) for line in slowest.splitlines()
                  if line.startswith("weir_commit_duration_seconds_count"))
    spent = sum(float(line.split()[-1]) for line in slowest.splitlines()
                if line.startswith("weir_commit_duration_seconds_sum"))
    found = {"messages": options.count, "messages_a_second": round(options.count / seconds),
             "commits": int(commits), "mean_commit_ms": round(1000 * spent / max(commits, 1), 1)}
    end(found, options, found["messages_a_second"] >= REQUIRED
        and found["mean_commit_ms"] >= SYNC_US / 1000)


if __name__ == "__main__":
    main()
