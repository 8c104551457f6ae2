"""Readings through a weir in a root (cross/root.sh, with mosquitto and openssl): from the mosquitto
of that root, by way of TLS, to a mock Kafka outside of it; the network is shared. As root.

  through_root.py ROOT [PROGRAM]     PROGRAM: where weir is in the root; /usr/bin/weir if not said

Exit status 77: what it needs is not here.
"""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests" / "e2e"))
import rig  # noqa: E402
from rig import (MockKafka, Process, Publisher, Weir, Workspace,  # noqa: E402
                 consume, free_port, skip, wait_until)

BROKER = """
user root
allow_anonymous true
listener @PLAIN@ 127.0.0.1
listener @TLS@ 127.0.0.1
certfile @WHERE@/tls.pem
keyfile @WHERE@/tls.key
"""
CONFIG = """
[gateway]
id = "rooted"
data_dir = "@DATA@"
[http]
listen = "@HTTP@"
[mqtt]
url = "mqtts://127.0.0.1:@TLS@"
ca_file = "@WHERE@/tls.pem"
[[source]]
name = "s"
topics = ["s/{device}"]
time = { field = "t", unit = "ms" }
metrics = ["v"]
[[rollup]]
name = "r"
from = "s"
window = { tumbling = "10s" }
aggregates = ["count", "sum"]
topic = "results"
[kafka]
brokers = ["@KAFKA@"]
@MORE@
"""
SCRAM = """
security = "sasl_ssl"
sasl_mechanism = "SCRAM-SHA-512"
username = "u"
password = "p"
"""
START_MS = 1_700_000_000_000
READINGS = 1000  # ten a second: 100 a window
COMPRESSIONS = ("none", "gzip", "snappy", "lz4", "zstd")


def in_root(root):
    """What runs a command there."""
    return ["sh", str(HERE / "chroot.sh"), root]


def filled(text, values):
    for name, value in values.items():
        text = text.replace(f"@{name}@", str(value))
    return text


class InRoot(Weir):
    """A weir whose files are, seen from inside of the root, in `where`."""

    def __init__(self, root, where, **values):
        super().__init__(f"{root}{where}", CONFIG, under=in_root(root), **values, WHERE=where)
        self.config_file.write_text(self.config_file.read_text().replace(f"{root}{where}", where))
        self.config_file = pathlib.Path(where, "weir.toml")

    def doctor(self):
        done = subprocess.run([*self.under, str(self.program), "doctor", "--offline", "-c",
                               str(self.config_file)], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, f"doctor: {done.stdout}{done.stderr}"


def certify(root, where):
    """A certificate of 127.0.0.1 that is its own authority."""
    subprocess.run([*in_root(root), "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
                    "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
                    "-out", f"{where}/tls.pem", "-keyout", f"{where}/tls.key"],
                   check=True, capture_output=True, timeout=60)


def start_broker(work, root, where, ports):
    pathlib.Path(f"{root}{where}", "mosquitto.conf").write_text(
        filled(BROKER, {**ports, "WHERE": where}))
    work.keep(Process([*in_root(root), "/usr/sbin/mosquitto", "-c", f"{where}/mosquitto.conf"],
                      work.path / "mosquitto.log"))

    def answers():
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", ports["TLS"])) == 0

    wait_until(answers, "mosquitto answers")


def publish(port):
    publisher = Publisher(port)
    for number in range(READINGS):
        reading = {"t": START_MS + number * 100, "v": number}
        publisher.publish("s/d", json.dumps(reading))
    publisher.close()


def rollups(brokers):
    """(count, sum) of every window that has arrived, in the order of their time."""
    records = [record["value"] for record in consume(brokers, "results")]
    records.sort(key=lambda value: value["window"]["start"])
    return [(value["values"]["count"], value["values"]["sum"]) for value in records]


def scram_is_known(work, root, where, ports):
    """librdkafka refuses what it was built without; weir ends at start then. (The mock cluster knows
    no SASL, so nobody logs in.)"""
    weir = work.keep(InRoot(root, where, KAFKA="127.0.0.1:1", MORE=SCRAM, **ports))
    weir.start().connected()
    code, _ = weir.stop()
    assert code == 0, f"exit code {code}: {weir.process.text()}"
    print("ok: it knows TLS and SCRAM for Kafka", flush=True)


def readings_arrive_as_rollups(work, root, where, ports, compression):
    kafka = work.keep(MockKafka(work.path))
    weir = work.keep(InRoot(root, where, KAFKA=kafka.brokers,
                            MORE=f'compression = "{compression}"', **ports))
    weir.start().connected()
    publish(ports["PLAIN"])
    windows = range(0, READINGS - 100, 100)  # the last is open
    wanted = [(100, sum(range(first, first + 100))) for first in windows]
    wait_until(lambda: weir.status()["ledger"]["balanced"] and
               len(rollups(kafka.brokers)) >= len(wanted), "all windows have arrived")
    arrived = rollups(kafka.brokers)
    assert arrived == wanted, f"{arrived}, not {wanted}"
    code, _ = weir.stop()
    assert code == 0, f"exit code {code}: {weir.process.text()}"
    weir.doctor()
    print(f"ok: {READINGS} readings by TLS, {len(arrived)} rollups at Kafka ({compression})",
          flush=True)


def in_fresh_directory(root, scene, *arguments):
    """Runs scene(work, root, where, ports, ...) beside a broker of its own."""
    inside = tempfile.mkdtemp(prefix="weir-", dir=f"{root}/tmp")
    where = inside.removeprefix(root)
    ports = {"PLAIN": free_port(), "TLS": free_port()}
    try:
        with Workspace() as work:
            certify(root, where)
            start_broker(work, root, where, ports)
            scene(work, root, where, ports, *arguments)
    finally:
        shutil.rmtree(inside)


def main():
    if os.getuid() != 0 or not shutil.which("kcat"):
        skip("needs root and kcat")
    root = os.path.realpath(sys.argv[1])
    native = subprocess.check_output(["dpkg", "--print-architecture"], text=True)
    if pathlib.Path(root, ".architecture").read_text() != native:
        rig.PATIENCE = 5  # qemu's
    Weir.program = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else "/usr/bin/weir")
    in_fresh_directory(root, scram_is_known)
    for compression in COMPRESSIONS:
        in_fresh_directory(root, readings_arrive_as_rollups, compression)


if __name__ == "__main__":
    main()
