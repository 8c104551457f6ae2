"""Figure 2: a kill before each system call of one cycle: ingest, commit, acknowledge, send, stop.

    kill_points.py [--every N] [--seed S] [--report FILE]

Cycles are recorded first: each call of each thread that reads or changes something outside the
process. Then weir goes through one cycle for each of them (for every N-th, from a place that the
seed says), and strace kills the process as that thread enters that call. The weir that follows must
bring what is missing, and is the one that is killed next. A real mosquitto and a real Kafka; each
cycle has a device of its own. Exit status 0 when nothing is lost, nothing twice, no window wrong.
"""

import collections
import json
import pathlib
import random
import re
import shutil
import signal
import sys

from figure import end, identity, is_whole, read_options
from kills import BEGIN_MS, CONFIG, WINDOW_MS, judge
from rig import Mosquitto, Process, Publisher, Weir, Workspace, consume, kafka_brokers, skip, \
    wait_until

READINGS = 12
STEP_MS = 100   # one window is closed by the readings, one stays open
RECORDINGS = 3  # a cycle is one commit or several, as it happens
TRIES = 3

CALLS = ("read,pread64,readv,recvfrom,recvmsg,write,pwrite64,writev,sendto,sendmsg,fsync,fdatasync,"
         "ftruncate,openat,close,unlink,rename,fcntl,connect,shutdown,socket")
HTTP_THREAD = "weir-http"
WAKE_CALLS = ("read", "write")  # of the Kafka client: pipes to its own threads


class Gateway:
    """weir, through one cycle after the other, and what must come of them."""

    def __init__(self, weir, publisher):
        self.weir = weir
        self.publisher = publisher
        self.windows = collections.defaultdict(list)
        self.sent = self.devices = self.closed = 0

    def send(self, device, at, value):
        self.publisher.publish(f"proof/d{device}", json.dumps({"t": at, "v": value}))
        self.sent += 1

    def publish(self):
        """The readings of a cycle; they close one window."""
        for step in range(READINGS):
            at, value = BEGIN_MS + step * STEP_MS, self.sent % 1009
            self.send(self.devices, at, value)
            self.windows[f"d{self.devices}", at // WINDOW_MS * WINDOW_MS].append(value)
        self.devices += 1
        self.closed += 1
        self.publisher.finish()

    def close_windows(self):
        for device in range(self.devices):
            self.send(device, BEGIN_MS + 10 * WINDOW_MS, 0)
        self.closed += self.devices
        self.publisher.finish()

    def through(self):
        """Everything is journaled, and what its windows gave is delivered and deleted."""
        status = self.weir.status()
        if not status:
            return None
        counts = status["ledger"]["counts"]
        produced = sum(counts.get("results_produced", {}).values())
        return (counts.get("messages_journaled", 0) >= self.sent and produced >= self.closed
                and sum(lane["waiting"] for lane in status["lanes"]) == 0 and status)

    def start(self):
        self.weir.start().connected()
        return wait_until(self.through, "what was left is brought", 120)

    def cycle(self):
        """A cycle to its end, or to the end of the process; returns the exit code."""
        process = self.weir.process
        self.publish()
        if wait_until(lambda: not process.running() or self.through(), "a cycle ends", 120):
            process.stop(60)
        return process.popen.returncode


def threads(pid):
    """{name: thread id}; threads of one name are told apart by their order."""
    seen, ids = collections.Counter(), {}
    tasks = pathlib.Path(f"/proc/{pid}/task")
    for task in sorted(int(entry.name) for entry in tasks.iterdir()):
        try:
            name = (tasks / str(task) / "comm").read_text().strip()
        except FileNotFoundError:
            continue  # it ended meanwhile
        seen[name] += 1
        if name != HTTP_THREAD:  # it answers this program's questions
            ids[f"{name}#{seen[name]}"] = task
    return ids


def attach(weir, tasks, options):
    """strace on the threads. It ends with the process."""
    process = weir.process.popen.pid
    strace = Process(["strace", "-qq", *options, *(f"--attach={task}" for task in tasks)],
                     weir.directory / "strace.log")

    def attached():
        try:
            return all("TracerPid:\t0\n" not in pathlib.Path(f"/proc/{process}/task/{task}/status")
                       .read_text() for task in tasks)
        except OSError:
            return True  # killed already: the thread was about to make its call

    wait_until(attached, "strace is attached")
    return strace


def record(gateway):
    """The calls of one undisturbed cycle: {(thread, call): how many}"""
    gateway.start()
    names = {task: name for name, task in threads(gateway.weir.process.popen.pid).items()}
    trace = gateway.weir.directory / "trace"
    strace = attach(gateway.weir, names,
                    ["-e", f"trace={CALLS}", "-e", "signal=none", "-o", str(trace)])
    if gateway.cycle() != 0:
        raise AssertionError("weir did not end orderly under strace")
    strace.popen.wait(30)
    calls = collections.Counter()
    for line in trace.read_text(errors="replace").splitlines():
        match = re.match(r"(\d+) +(\w+)\(", line)
        if match and not (names[int(match[1])].startswith("rdk:") and match[2] in WAKE_CALLS):
            calls[names[int(match[1])], match[2]] += 1
    return calls


def kill_at(gateway, thread, call, nth):
    """True if weir was killed as the thread entered its nth such call of a cycle."""
    gateway.start()
    ids = threads(gateway.weir.process.popen.pid)
    if thread not in ids:
        gateway.weir.stop()
        return False
    strace = attach(gateway.weir, [ids[thread]],
                    ["-o", "/dev/null", "-e", f"trace={call}", "-e",
                     f"inject={call}:signal=KILL:when={nth}"])
    code = gateway.cycle()
    strace.popen.wait(30)
    return code == -signal.SIGKILL


def run(gateway, every, chooser):
    """Returns what was found, all but the counts at Kafka."""
    calls = collections.Counter()
    for _ in range(RECORDINGS):
        calls |= record(gateway)
    points = [(*where, nth + 1) for where, count in sorted(calls.items()) for nth in range(count)]
    chosen = points[chooser.randrange(every)::every]
    reached = collections.Counter()
    for number, point in enumerate(chosen):
        if any(kill_at(gateway, *point) for _ in range(TRIES)):
            reached[point[1]] += 1
        if sys.stderr.isatty():
            print(f"\rpoint {number + 1} of {len(chosen)}", end="", file=sys.stderr, flush=True)
    return {"calls_of_a_cycle": len(points), "points": len(chosen), "kills": reached.total(),
            "kills_by_call": dict(reached)}


def main():
    options = read_options(seeded=True, every=1)
    if not shutil.which("strace"):
        skip("strace is not installed")
    chooser = random.Random(options.seed)
    brokers = kafka_brokers()
    name = identity("points")
    with Workspace() as work:
        mosquitto = work.keep(Mosquitto(work.path))
        weir = work.keep(Weir(work.path, CONFIG, ID=name, MQTT=mosquitto.url, BROKERS=brokers,
                              INTERVAL="5ms", IDLE="1h"))
        gateway = Gateway(weir, Publisher(mosquitto.port))
        found = run(gateway, options.every, chooser)
        gateway.start()
        gateway.close_windows()
        try:
            wait_until(gateway.through, "everything is journaled and delivered", 120)
        except AssertionError as error:
            print(f"{error}\n{gateway.weir.get('/status.txt')[1]}", file=sys.stderr)
        status = gateway.weir.status()
        found |= judge(gateway.windows, consume(brokers, f"{name}.rollups"))
        found |= {"seed": options.seed, "messages": gateway.sent,
                  "ledger_balanced": status["ledger"]["balanced"]}
        gateway.weir.stop()
    reached = found["kills"] >= found["points"] / 2
    if not reached:
        print("most points were not reached", file=sys.stderr)
    end(found, options, is_whole(found) and reached)


if __name__ == "__main__":
    main()
