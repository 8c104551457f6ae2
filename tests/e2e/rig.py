"""What the end-to-end tests stand on: real processes on free loopback ports, each ended by its id.

Nothing here knows how weir works: it publishes bytes over MQTT, reads Kafka through kcat as a
read_committed consumer, and asks weir's HTTP port what a user would ask it.
"""

import json
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

SOURCE_DIR = pathlib.Path(__file__).resolve().parents[2]
BUILD_DIR = pathlib.Path(os.environ.get("WEIR_BUILD_DIR", SOURCE_DIR / "build" / "dev"))
# What runs programs of BUILD_DIR that are for another machine: "qemu-arm -L …"; else empty.
EMULATOR = os.environ.get("WEIR_EMULATOR", "").split()
PATIENCE = 5 if EMULATOR else 1  # how much longer everything may take
DATA_DIR = SOURCE_DIR.parent / "shared" / "data"
SKIPPED = 77  # CTest's SKIP_RETURN_CODE for these tests

# How the configurations begin. Weir fills in what stands between @.
GATEWAY = """
[gateway]
id = "@ID@"
data_dir = "@DATA@"
[http]
listen = "@HTTP@"
[mqtt]
url = "@MQTT@"
"""


def unconnected(text, gateway="g"):
    """The configuration of a weir that only checks or replays."""
    for key, value in {"ID": gateway, "DATA": "/nowhere", "HTTP": "off",
                       "MQTT": "mqtt://127.0.0.1:1"}.items():
        text = text.replace(f"@{key}@", value)
    return text + '[kafka]\nbrokers = ["127.0.0.1:1"]\n'


def skip(reason):
    """Ends the test as skipped, loudly."""
    print(f"SKIPPED: {reason}", file=sys.stderr, flush=True)
    os._exit(SKIPPED)


def wait_until(condition, what, timeout=30.0):
    """Polls until `condition()` is true and returns its value; fails with `what` after `timeout`."""
    timeout *= PATIENCE
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout:.0f} s in vain until {what}")
        time.sleep(0.02)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Process:
    """A child process with its output in a file; ended by its id, gently first."""

    def __init__(self, command, log, env=None):
        self.log = pathlib.Path(log)
        self._out = open(self.log, "ab")
        self.popen = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self._out,
                                      stderr=subprocess.STDOUT, env=env)

    def running(self):
        return self.popen.poll() is None

    def stop(self, timeout=15.0):
        """SIGTERM, then SIGKILL; returns the exit code."""
        if self.running():
            self.popen.send_signal(signal.SIGTERM)
            try:
                self.popen.wait(timeout * PATIENCE)
            except subprocess.TimeoutExpired:
                self.kill()
        self._out.close()
        return self.popen.returncode

    def kill(self):
        self.popen.kill()
        self.popen.wait()

    def text(self):
        return self.log.read_text(errors="replace")


class Mosquitto:
    def __init__(self, directory, port=None, extra=""):
        self.directory = pathlib.Path(directory)
        self.port = port or free_port()
        self.config = self.directory / "mosquitto.conf"
        self.config.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence true\n"
            f"persistence_location {self.directory}/\nmax_queued_messages 0\nuser root\n{extra}\n")
        self.process = None
        self.start()

    def start(self):
        program = shutil.which("mosquitto", path=os.environ["PATH"] + ":/usr/sbin")
        if not program:
            skip("mosquitto is not installed")
        self.process = Process([program, "-c", str(self.config)], self.directory / "mosquitto.log")

        def answers():
            try:
                socket.create_connection(("127.0.0.1", self.port), 0.5).close()
                return True
            except OSError:
                return False

        wait_until(answers, "mosquitto answers")

    @property
    def url(self):
        return f"mqtt://127.0.0.1:{self.port}"

    def stop(self):
        self.process.stop()


class Publisher:
    """An MQTT 3.1.1 publisher of its own, QoS 0 and 1, with a window of unacknowledged messages."""

    def __init__(self, port, client_id="publisher", window=500):
        self.socket = socket.create_connection(("127.0.0.1", port), 10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.window = window
        self.next_id = 1
        self.unacknowledged = 0
        self.condition = threading.Condition()
        name = client_id.encode()
        body = b"\x00\x04MQTT\x04\x02\x00\x00" + struct.pack(">H", len(name)) + name
        self.socket.sendall(b"\x10" + self._length(len(body)) + body)
        reply = self._read(4)
        if reply[:2] != b"\x20\x02" or reply[3] != 0:
            raise AssertionError(f"the broker refused the publisher: {reply.hex()}")
        self.socket.settimeout(None)  # it may be silent for long
        self.reader = threading.Thread(target=self._acknowledgements, daemon=True)
        self.reader.start()

    @staticmethod
    def _length(n):
        out = bytearray()
        while True:
            n, byte = n >> 7, n & 127
            out.append(byte | (128 if n else 0))
            if not n:
                return bytes(out)

    def _read(self, n):
        data = b""
        while len(data) < n:
            chunk = self.socket.recv(n - len(data))
            if not chunk:
                raise ConnectionError("the broker closed the connection")
            data += chunk
        return data

    def _acknowledgements(self):
        try:
            while True:
                self._read(4)
                with self.condition:
                    self.unacknowledged -= 1
                    self.condition.notify_all()
        except (ConnectionError, OSError):
            with self.condition:
                self.unacknowledged = -1
                self.condition.notify_all()

    def publish(self, topic, payload, qos=1, retain=False):
        if isinstance(topic, str):
            topic = topic.encode()
        if isinstance(payload, str):
            payload = payload.encode()
        head = struct.pack(">H", len(topic)) + topic
        if qos:
            with self.condition:
                while self.unacknowledged >= self.window:
                    if not self.condition.wait(30):
                        raise AssertionError("the broker stopped acknowledging")
                self.unacknowledged += 1
            head += struct.pack(">H", self.next_id)
            self.next_id = self.next_id % 65535 + 1
        body = head + payload
        self.socket.sendall(bytes([0x30 | qos << 1 | retain]) + self._length(len(body)) + body)

    def finish(self):
        """Waits until the broker has acknowledged everything."""
        with self.condition:
            if not self.condition.wait_for(lambda: self.unacknowledged <= 0, 60):
                raise AssertionError("the broker did not acknowledge everything")
            if self.unacknowledged < 0:
                raise AssertionError("the broker closed the publisher's connection")

    def close(self):
        self.finish()
        self.socket.sendall(b"\xe0\x00")
        self.socket.close()


def weir_command(*arguments):
    return [*EMULATOR, str(Weir.program), *arguments]


class Weir:
    """A weir with a configuration of the test's own, its data in `directory`. What stands between
    @ in it is filled in from `values`. `under` is a command that runs weir, such as strace."""

    program = BUILD_DIR / "runtime" / "weir"

    def __init__(self, directory, config, under=(), **values):
        self.directory = pathlib.Path(directory)
        self.http_port = free_port()
        self.config_file = self.directory / "weir.toml"
        self.under = under
        values |= {"DATA": self.directory / "data", "HTTP": f"127.0.0.1:{self.http_port}"}
        for name, value in values.items():
            config = config.replace(f"@{name}@", str(value))
        self.config_file.write_text(config)
        self.process = None

    def start(self, ready=True):
        self.process = Process([*self.under, *weir_command("run", "-c", str(self.config_file))],
                               self.directory / "weir.log")
        if ready:
            wait_until(lambda: self.get("/readyz")[0] == 200 or not self.process.running(),
                       "weir is ready")
            if not self.process.running():
                raise AssertionError("weir ended at start:\n" + self.process.text())
        return self

    def get(self, path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}{path}", timeout=5) as r:
                return r.status, r.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def status(self):
        code, text = self.get("/status")
        return json.loads(text) if code == 200 else None

    def connected(self):
        wait_until(lambda: (self.status() or {}).get("link", {}).get("sources", [{}])[0]
                   .get("connected"), "weir is connected to mosquitto")
        return self

    def stop(self):
        """Orderly; returns the exit code and the seconds it took."""
        begun = time.monotonic()
        code = self.process.stop()
        return code, time.monotonic() - begun

    def healthy(self):
        """Asserts that `weir doctor` finds nothing, running or stopped; how full the disk is does
        not matter."""
        done = subprocess.run(weir_command("doctor", "--json", "-c", str(self.config_file)),
                              capture_output=True, text=True, timeout=60 * PATIENCE)
        assert done.returncode == 0, f"doctor: {done.stdout}{done.stderr}"
        found = [check for check in json.loads(done.stdout)["checks"]
                 if check["verdict"] != "ok" and check["check"] != "files"]
        assert not found, f"doctor: {found}"


class MockKafka:
    """librdkafka's mock cluster, served on a port; quick, without a JVM."""

    def __init__(self, directory):
        ports = pathlib.Path(directory, "mock-kafka.brokers")
        self.process = Process([*EMULATOR, str(BUILD_DIR / "tests" / "weir-mock-kafka"),
                                "--port-file", str(ports)], pathlib.Path(directory, "mock-kafka.log"))
        wait_until(lambda: ports.exists() and ports.read_text().strip(), "the mock cluster is up")
        self.brokers = ports.read_text().strip()

    def stop(self):
        self.process.stop()


def kafka_brokers():
    """The shared real broker of the test run; skips loudly when there is none."""
    brokers = os.environ.get("WEIR_KAFKA_BROKERS")
    if brokers:
        return brokers
    state = os.environ.get("WEIR_KAFKA_STATE")
    address = pathlib.Path(state, "brokers") if state else None
    if address and address.exists():
        return address.read_text().strip()
    skip("no real Kafka broker: Java or Maven is missing, or the fixture did not start")


def kcat(*arguments):
    return subprocess.run(["kcat", *arguments], capture_output=True, text=True, timeout=120)


def settled(brokers, topic):
    """Whether the last transaction's markers are in the topic. A commit returns before they are, and
    until then a read_committed reader finds the end in front of it."""
    ends = [kcat("-Q", "-b", brokers, "-t", f"{topic}:0:-1", "-X", f"isolation.level={level}")
            for level in ("read_committed", "read_uncommitted")]
    return all(end.returncode == 0 for end in ends) and ends[0].stdout == ends[1].stdout


def consume(brokers, topic):
    """Every committed record of the topic (of one partition) up to its end, as dicts with key,
    value, headers."""
    wait_until(lambda: settled(brokers, topic), f"no transaction is open in {topic}")
    done = kcat("-C", "-b", brokers, "-t", topic, "-o", "beginning", "-e", "-q", "-J",
                "-X", "isolation.level=read_committed",
                "-X", "topic.metadata.refresh.interval.ms=500")
    if done.returncode != 0:
        raise AssertionError(f"kcat: {done.stderr}")
    records = []
    for line in done.stdout.splitlines():
        record = json.loads(line)
        record["value"] = json.loads(record["payload"])
        names = record.get("headers") or []
        record["headers"] = dict(zip(names[::2], names[1::2]))
        records.append(record)
    return records


class Workspace:
    """A temporary directory, and everything started in it ended when the test ends."""

    def __enter__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="weir-e2e-"))
        self.started = []
        return self

    def keep(self, started):
        self.started.append(started)
        return started

    def __exit__(self, kind, error, trace):
        if kind is not None and not issubclass(kind, SystemExit):
            for log in sorted(self.path.rglob("*.log")):
                print(f"--- {log.name}\n{log.read_text(errors='replace')[-6000:]}", file=sys.stderr)
        for started in reversed(self.started):
            process = started if isinstance(started, Process) else started.process
            if process and process.running():
                process.kill()
        shutil.rmtree(self.path, ignore_errors=True)
