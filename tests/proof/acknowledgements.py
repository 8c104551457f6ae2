"""Figure 12: no PUBACK before the sync that covers it, read off the system calls of a running weir.

    acknowledgements.py [--count N] [--report FILE]

weir runs under strace between a mosquitto and nobody (no Kafka). The bytes it reads from the broker
and writes to it are decoded as MQTT; for each PUBACK there must be, after its PUBLISH was read, a
write to the write-ahead log and then a whole, successful sync of it, before the PUBACK is written.
Exit status 0 when that is so for every one of N acknowledgements.
"""

import re
import shutil
import struct
import sys

from figure import NO_KAFKA, counts_of, end, read_options
from rig import GATEWAY, Mosquitto, Publisher, Weir, Workspace, skip, wait_until

CONFIG = GATEWAY + """
[[source]]
name = "acks"
topics = ["acks/{device}"]
metrics = ["v"]
[[rollup]]
name = "minute"
from = "acks"
window = { tumbling = "1m" }
[store]
commit_interval = "20ms"
""" + NO_KAFKA

CALLS = "openat,close,connect,recvmsg,recvfrom,read,readv,sendmsg,sendto,write,writev,pwrite64,fdatasync,fsync"
LINE = re.compile(r"^(\d+) +(?:<\.\.\. (\w+) resumed>|(\w+)\()(.*)$")


def traced(file):
    """What weir runs under. It stands aside (-D): signals reach weir itself."""
    return ["strace", "-D", "-f", "-xx", "-s", "70000", "-e", f"trace={CALLS}", "-e", "signal=none",
            "-o", str(file)]


def calls(trace):
    """Every call as (name, arguments and result, number of the line where it began, … ended)."""
    begun = {}
    with open(trace, errors="replace") as lines:
        for number, line in enumerate(lines):
            match = LINE.match(line.rstrip("\n"))
            if not match:
                continue
            thread, resumed, name, rest = match.groups()
            if resumed:
                name, head, first = begun.pop(thread, (resumed, "", number))
                yield name, head + rest, first, number
            elif rest.endswith("<unfinished ...>"):
                begun[thread] = (name, rest[:-len("<unfinished ...>")], number)
            else:
                yield name, rest, number, number


def strings(text):
    return b"".join(bytes.fromhex(found.replace("\\x", "")) for found in
                    re.findall(r'"((?:\\x[0-9a-f]{2})*)"', text))


class Packets:
    """Cuts a stream of bytes into MQTT packets."""

    def __init__(self):
        self.rest = b""

    def feed(self, data):
        self.rest += data
        while len(self.rest) >= 2:
            length = shift = 0
            for at in range(1, 5):
                if at >= len(self.rest):
                    return
                length |= (self.rest[at] & 127) << shift
                shift += 7
                if self.rest[at] < 128:
                    break
            if len(self.rest) < at + 1 + length:
                return
            yield self.rest[0], self.rest[at + 1:at + 1 + length]
            self.rest = self.rest[at + 1 + length:]


def judge(trace, port):
    """(acknowledgements, those that no sync covers)"""
    broker, logs = None, set()
    inbound, outbound = Packets(), Packets()
    read_at, log_writes, syncs = {}, [], []
    acknowledgements, uncovered = 0, []
    for name, rest, first, last in calls(trace):
        result = rest.rsplit("= ", 1)[-1]
        fd = rest.split(",", 1)[0].split(")", 1)[0].strip()
        if name == "openat" and result.isdigit() and strings(rest).endswith(b"weir.db-wal"):
            logs.add(result)
        elif name == "close":
            logs.discard(fd)
        elif name == "connect" and f"sin_port=htons({port})" in rest:
            broker, inbound, outbound = fd, Packets(), Packets()
        elif name == "pwrite64" and fd in logs:
            log_writes.append(first)
        elif name in ("fdatasync", "fsync") and fd in logs and result == "0":
            syncs.append((first, last))
        elif fd == broker and name in ("recvmsg", "recvfrom", "read", "readv"):
            if not result.isdigit():
                continue
            for head, body in inbound.feed(strings(rest)[:int(result)]):
                if head >> 4 == 3 and head & 6:
                    size = struct.unpack(">H", body[:2])[0]
                    read_at[struct.unpack(">H", body[2 + size:4 + size])[0]] = last
        elif fd == broker and name in ("sendmsg", "sendto", "write", "writev"):
            if not result.isdigit():
                continue
            for head, body in outbound.feed(strings(rest)[:int(result)]):
                if head >> 4 != 4:
                    continue
                acknowledgements += 1
                packet_id = struct.unpack(">H", body[:2])[0]
                written = next((at for at in log_writes if at > read_at[packet_id]), None)
                if written is None or not any(begin > written and end < first
                                              for begin, end in syncs[-50:]):
                    uncovered.append((packet_id, first))
    return acknowledgements, uncovered


def main():
    options = read_options(count=5000)
    if not shutil.which("strace"):
        skip("strace is not installed")
    with Workspace() as work:
        mosquitto = work.keep(Mosquitto(work.path, extra="max_inflight_messages 50"))
        trace = work.path / "trace"
        weir = work.keep(Weir(work.path, CONFIG, traced(trace), ID="acks", MQTT=mosquitto.url))
        weir.start().connected()
        publisher = Publisher(mosquitto.port)
        for i in range(options.count):
            publisher.publish(f"acks/{i % 10}", f'{{"v":{i}}}')
        publisher.close()
        wait_until(lambda: counts_of(weir).get("messages_journaled", 0) >= options.count,
                   "all is journaled", 120)
        weir.stop()
        wait_until(lambda: "+++ exited" in trace.read_text(errors="replace")[-4096:],
                   "the trace is whole")
        acknowledgements, uncovered = judge(trace, mosquitto.port)
    found = {"acknowledgements": acknowledgements, "before_their_sync": len(uncovered)}
    if uncovered:
        print(f"acknowledged before the sync (packet id, line): {uncovered[:10]}", file=sys.stderr)
    end(found, options, not uncovered and acknowledgements >= options.count)


if __name__ == "__main__":
    main()
