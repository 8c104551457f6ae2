"""A package of weir under a systemd that runs: installed, supervised, upgraded with a filled journal,
broken, mended, removed, purged. As root; the root is made once, in build/root-systemd.

  systemd_test.py PACKAGE     exit status 77: what it needs is not here
"""

import hashlib
import itertools
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests" / "e2e"))
from rig import (MockKafka, Mosquitto, Process, Publisher, Workspace, free_port,  # noqa: E402
                 skip, wait_until)

ROOT = HERE.parent / "build" / "root-systemd"
CONFIG = """
[gateway]
id = "unit"
data_dir = "/var/lib/weir"
[http]
listen = "127.0.0.1:@HTTP@"
[mqtt]
url = "mqtt://127.0.0.1:@MQTT@"
[[source]]
name = "s"
topics = ["s/{device}"]
time = { field = "t", unit = "ms" }
metrics = ["v"]
[[rollup]]
name = "r"
from = "s"
window = { tumbling = "10s" }
aggregates = ["count"]
[kafka]
brokers = ["@KAFKA@"]
"""
DROP_IN = """
[Service]
WatchdogSec=2
LoadCredential=mqtt.password:/etc/weir/mqtt.password
"""
START_MS = 1_700_000_000_000


class Machine:
    """A systemd in namespaces of its own; the network is shared."""

    def __init__(self, work):
        base = pathlib.Path("/sys/fs/cgroup")
        v2 = base / "unified" if (base / "unified").is_dir() else base
        self.cgroup = v2 / f"weir-test-{os.getpid()}"
        self.process = Process(["sh", str(HERE / "boot.sh"), str(ROOT), str(self.cgroup)],
                               pathlib.Path(work, "boot.log"))
        self.init = wait_until(self._child, "systemd is there")
        wait_until(lambda: self.run("systemctl", "is-system-running").stdout.strip() in
                   ("running", "degraded"), "systemd has booted", 60)

    def _child(self):
        pid = self.process.popen.pid
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return children and pathlib.Path(f"/proc/{children[0]}/comm").read_text() == "systemd\n" \
            and children[0]

    def run(self, *command):
        spaces = ["--mount", "--pid", "--uts", "--ipc", "--cgroup", "--root", "--wd=/"]
        return subprocess.run(["nsenter", "--target", self.init, *spaces, *command],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
                                   "DEBIAN_FRONTEND": "noninteractive"}, timeout=300)

    def must(self, *command):
        done = self.run(*command)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}{self.journal()}"
        return done.stdout + done.stderr

    def journal(self):
        return self.run("journalctl", "--no-pager", "-n", "40", "-u", "weir").stdout

    def shows(self, name):
        return self.must("systemctl", "show", "--value", "-p", name, "weir").strip()

    def stop(self):
        self.process.kill()
        # Gone when the kernel has ended the last process of it.
        wait_until(lambda: not self.cgroup.exists() or self._emptied(), "the cgroup is empty")

    def _emptied(self):
        try:
            for directory, _, _ in os.walk(self.cgroup, topdown=False):
                os.rmdir(directory)
            return True
        except OSError:
            return False


class Scene:
    def __init__(self, work, package):
        self.work = pathlib.Path(work.path)
        self.mosquitto = work.keep(Mosquitto(self.work))
        self.kafka = work.keep(MockKafka(self.work))
        self.machine = work.keep(Machine(self.work))
        self.http = free_port()
        self.sent = 0
        shutil.copy(package, ROOT / "opt" / "weir.deb")
        self.config = ROOT / "etc" / "weir" / "weir.toml"
        self.text = CONFIG.replace("@HTTP@", str(self.http)).replace(
            "@MQTT@", str(self.mosquitto.port)).replace("@KAFKA@", self.kafka.brokers)

    def next_version(self, package):
        """The same package, under a higher version, and with another program to tell it by."""
        tree = self.work / "tree"
        subprocess.run(["dpkg-deb", "--raw-extract", package, str(tree)], check=True)
        control = tree / "DEBIAN" / "control"
        control.write_text("".join(line[:-1] + "+next\n" if line.startswith("Version:") else line
                                   for line in control.read_text().splitlines(True)))
        with (tree / "usr" / "bin" / "weir").open("ab") as program:
            program.write(b"next")
        subprocess.run(["dpkg-deb", "--build", str(tree), str(ROOT / "opt" / "next.deb")],
                       check=True, capture_output=True)

    def status(self):
        done = self.machine.run("weir", "status", "--json", "-a", f"127.0.0.1:{self.http}")
        return json.loads(done.stdout) if done.returncode == 0 else None

    def publish(self, count):
        # The broker keeps nothing for a client that never was there.
        wait_until(lambda: (self.status() or {}).get("link", {}).get("sources", [{}])[0]
                   .get("connected"), "weir is connected to mosquitto")
        publisher = Publisher(self.mosquitto.port, client_id=f"p{self.sent}")
        for _ in range(count):
            publisher.publish("s/d", json.dumps({"t": START_MS + self.sent * 100, "v": 1}))
            self.sent += 1
        publisher.close()
        wait_until(lambda: self.journaled() >= self.sent, f"{self.sent} readings are journaled")

    def count(self, name):
        status = self.status()
        count = status["ledger"]["counts"].get(name, 0) if status else 0
        return sum(count.values()) if isinstance(count, dict) else count

    def journaled(self):
        return self.count("readings_journaled")


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def installed_and_not_started(scene):
    machine = scene.machine
    machine.must("apt-get", "install", "-q", "-y", "--no-install-recommends", "/opt/weir.deb")
    assert machine.shows("ActiveState") == "inactive"
    assert machine.run("systemctl", "is-enabled", "weir").stdout.strip() == "disabled"


def started_and_ready(scene):
    machine = scene.machine
    scene.config.write_text(scene.text)
    (ROOT / "etc/weir/mqtt.password").write_text("secret\n")
    drop_in = ROOT / "etc/systemd/system/weir.service.d"
    drop_in.mkdir(parents=True, exist_ok=True)
    (drop_in / "test.conf").write_text(DROP_IN)
    machine.must("systemctl", "daemon-reload")
    machine.must("systemctl", "enable", "--now", "weir")
    assert scene.status(), "systemctl start returned before weir was ready"
    pid = machine.shows("MainPID")
    user = machine.must("stat", "-c", "%u", f"/proc/{pid}")
    assert int(user) >= 61184, f"not a dynamic user: {user}"
    inside = machine.must("cat", f"/proc/{pid}/environ")
    assert "CREDENTIALS_DIRECTORY=/run/credentials/weir.service" in inside
    assert machine.must("stat", "-L", "-c", "%a", "/var/lib/weir").strip() == "700"
    scene.publish(2000)


def its_clock_is_vouched_for(scene):
    machine = scene.machine
    if (ROOT / "lib/systemd/systemd-timesyncd").exists():
        return
    assert not scene.status()["gateway"]["clock_synchronised"]
    assert "see ProtectClock" in machine.journal(), "the unit lets it ask the kernel"
    machine.must("mkdir", "/run/systemd/timesync")
    machine.must("touch", "/run/systemd/timesync/synchronized")
    wait_until(lambda: scene.status()["gateway"]["clock_synchronised"], "the mark is seen")


def a_broken_configuration_stops_no_upgrade_and_no_weir(scene):
    machine, before = scene.machine, scene.machine.shows("MainPID")
    scene.config.write_text(scene.text + "nonsense = 1\n")
    said = machine.must("dpkg", "--install", "/opt/weir.deb")
    assert "nonsense" in said and "goes on" in said, said
    assert machine.shows("MainPID") == before, "the one that ran was replaced"
    scene.config.write_text(scene.text)


def upgraded_with_a_filled_journal(scene):
    machine, before = scene.machine, scene.machine.shows("MainPID")
    machine.must("dpkg", "--install", "/opt/next.deb")
    assert "+next" in machine.must("dpkg-query", "-W", "weir")
    assert machine.shows("MainPID") != before and machine.shows("ActiveState") == "active"
    assert scene.journaled() == scene.sent, "the journal was lost"
    assert scene.config.read_text() == scene.text, "the configuration was replaced"
    scene.publish(1000)
    windows = scene.sent // 100 - 1  # the last is open
    wait_until(lambda: scene.count("results_delivered") >= windows, "all windows are delivered")
    ledger = scene.status()["ledger"]
    assert ledger["balanced"], ledger
    machine.must("weir", "doctor", "--offline", "-c", "/etc/weir/weir.toml")


def the_power_goes_during_an_upgrade(scene):
    """Before each file that dpkg puts in its place, and before each program that it runs."""
    machine, cuts = scene.machine, 0
    programs = {digest(ROOT / "usr/bin/weir")}
    packages = itertools.cycle(("/opt/weir.deb", "/opt/next.deb"))
    for call in ("rename", "clone"):
        for nth in itertools.count(1):
            package = next(packages)
            done = machine.run("strace", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e",
                               f"inject={call}:signal=KILL:when={nth}",
                               "dpkg", "--install", package)
            programs.add(digest(ROOT / "usr/bin/weir"))
            assert len(programs) <= 2, f"{call} {nth}: a program that is neither"
            if done.returncode == 0:
                break
            assert done.returncode == -signal.SIGKILL, done.stdout + done.stderr
            cuts += 1
            restarts = machine.shows("NRestarts")
            machine.must("systemctl", "kill", "--signal=SIGKILL", "--kill-who=main", "weir")
            wait_until(lambda before=restarts: machine.shows("NRestarts") != before and
                       scene.status(), f"weir is back after {call} {nth}", 60)
            assert scene.journaled() == scene.sent, f"{call} {nth}: the journal was lost"
            machine.must("dpkg", "--install", package)
            assert scene.config.read_text() == scene.text, f"{call} {nth}: another configuration"
        assert nth > 1, f"dpkg has no {call}"
    assert len(programs) == 2, "no upgrade came as far as the program"
    wait_until(scene.status, "weir is back")
    scene.publish(1000)
    print(f"    {cuts} cuts")


def killed_and_frozen_it_comes_back(scene):
    machine = scene.machine
    for number, name in enumerate(("SIGKILL", "SIGSTOP"), 1):
        machine.must("systemctl", "kill", f"--signal={name}", "--kill-who=main", "weir")
        wait_until(lambda: machine.shows("NRestarts") == str(number) and scene.status(),
                   f"weir is back after {name}", 60)
    assert scene.journaled() == scene.sent


def a_broken_configuration_is_tried_once(scene):
    machine = scene.machine
    scene.config.write_text(scene.text + "nonsense = 1\n")
    assert machine.run("systemctl", "restart", "weir").returncode != 0
    assert machine.shows("ExecMainStatus") == "78"
    assert machine.shows("ActiveState") == "failed", "systemd tries it again and again"
    assert "nonsense" in machine.journal()
    scene.config.write_text(scene.text)
    machine.must("systemctl", "restart", "weir")
    assert scene.journaled() == scene.sent


def removed_and_purged(scene):
    machine = scene.machine
    data = ROOT / "var/lib/private/weir/weir.db"
    machine.must("dpkg", "--remove", "weir")
    assert data.exists() and scene.config.exists(), "removal takes the data"
    assert not (ROOT / "usr/bin/weir").exists() and not scene.status()
    machine.must("dpkg", "--purge", "weir")
    assert not data.parent.exists() and not scene.config.exists(), "a purge leaves the data"


SCENES = (installed_and_not_started, started_and_ready, its_clock_is_vouched_for,
          a_broken_configuration_stops_no_upgrade_and_no_weir, upgraded_with_a_filled_journal,
          the_power_goes_during_an_upgrade, killed_and_frozen_it_comes_back,
          a_broken_configuration_is_tried_once, removed_and_purged)


def clean():
    """What an earlier run may have left."""
    subprocess.run(["chroot", str(ROOT), "dpkg", "--purge", "--force-remove-reinstreq", "weir"],
                   capture_output=True)
    for path in ("etc/weir", "etc/systemd/system/weir.service.d", "var/lib/private/weir"):
        shutil.rmtree(ROOT / path, ignore_errors=True)


def main():
    if os.getuid() != 0 or not shutil.which("debootstrap"):
        skip("needs root and debootstrap")
    package = os.path.abspath(sys.argv[1])
    subprocess.run(["sh", str(HERE / "root.sh"), str(ROOT), "systemd,systemd-sysv,dbus,strace"],
                   check=True)
    clean()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with Workspace() as work:
        scene = Scene(work, package)
        try:
            scene.next_version(package)
            for step in SCENES:
                begin = time.monotonic()
                step(scene)
                print(f"ok: {step.__name__.replace('_', ' ')} ({time.monotonic() - begin:.1f} s)",
                      flush=True)
        finally:
            scene.machine.stop()
            clean()


if __name__ == "__main__":
    main()
