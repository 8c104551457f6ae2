"""A changed configuration, by SIGHUP and over a kill: what is defined as before keeps its windows, what
is changed or gone is emitted as it stood, once; a bad file changes nothing and says why."""

import json
import signal
import subprocess

from rig import GATEWAY, PATIENCE, Workspace, consume, wait_until, weir_command
from scene import STORE, Scene, rollup

SOURCE = """
[[source]]
name = "s"
topics = ["s/{device}"]
time = { field = "t", unit = "ms" }
metrics = ["v"]
idle = "1h"
"""
ALERT = """
[[detector]]
name = "high"
from = "s"
metric = "v"
method = "range"
high = 50
topic = "alerts"
"""


class Reloading(Scene):
    def __init__(self, work, name, parts):
        path = work.path / name
        path.mkdir()
        super().__init__(work, path, self.config(parts), "reload")
        self.values |= {"DATA": path / "data", "HTTP": f"127.0.0.1:{self.weir.http_port}"}

    def config(self, parts):
        return GATEWAY + SOURCE + "".join(parts) + STORE

    def write(self, text):
        for name, value in self.values.items():
            text = text.replace(f"@{name}@", str(value))
        self.weir.config_file.write_text(text)

    def reload(self, logged):
        before = self.weir.process.text().count(logged)
        self.weir.process.popen.send_signal(signal.SIGHUP)
        wait_until(lambda: self.weir.process.text().count(logged) > before, f"the log has: {logged}")

    def results(self, topic, number):
        """(name, seconds of the window, revision, sum or state), once there are so many."""
        wait_until(lambda: self.weir.status() and self.weir.status()["ledger"]["balanced"] and all(
            lane["waiting"] == 0 for lane in self.weir.status()["lanes"]) and
            len(consume(self.kafka.brokers, topic)) >= number, f"{number} results in {topic}")
        found = []
        for record in consume(self.kafka.brokers, topic):
            found.append(self.short(record["value"]))
        return sorted(found)

    def short(self, value):
        start, end = (self.behind(value["window"][edge]) for edge in ("start", "end"))
        what = value["values"].get("sum", value["values"].get("state"))
        return value["name"], start, end, value["revision"], what


def sighup(work):
    scene = Reloading(work, "sighup", [rollup("kept"), rollup("changed"), rollup("gone"), ALERT])
    scene.publish((10, 1), (20, 2), (30, 70))
    assert scene.results("alerts", 1) == [("high", 30, 30, 0, "raised")]

    scene.write(scene.config([rollup("kept", "a while")]))
    scene.reload("nothing changes")
    assert "a while" in scene.weir.process.text(), "the log does not say why"
    scene.publish((40, 4))

    scene.write(scene.config([rollup("kept"), rollup("changed", "20m"), rollup("new")]))
    scene.reload("is running as reload")
    closed = [("changed", 0, 600, 0, 77), ("gone", 0, 600, 0, 77)]
    assert scene.results("results", 2) == closed, scene.results("results", 2)
    assert scene.results("alerts", 2)[1] == ("high", 30, 30, 1, "cleared")

    # What is kept has its readings of before; what is new or changed those from now on.
    scene.weir.connected()
    scene.publish((50, 8), (1201, 0))
    everything = sorted(closed + [("changed", 0, 1200, 0, 8), ("kept", 0, 600, 0, 85),
                                  ("new", 0, 600, 0, 8)])
    assert scene.results("results", 5) == everything, scene.results("results", 5)

    # The change is in the journal: replayed behind a kill, nothing is emitted again.
    scene.weir.process.kill()
    replayed(scene, everything)
    scene.weir.start().connected()
    scene.publish((1202, 0))
    assert scene.results("results", 5) == everything, scene.results("results", 5)


def replayed(scene, everything):
    """The journal holds the change: replayed as it was recorded it gives the same results, and
    through the configuration of now what that would have made of it."""
    def run(*options):
        done = subprocess.run(
            weir_command("replay", "--quiet", "--json", "--keep-open", *options, "-c",
                         str(scene.weir.config_file), str(scene.path / "data" / "weir.db")),
            capture_output=True, text=True, timeout=60 * PATIENCE)
        assert done.returncode in (0, 1), done.stderr
        return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr

    code, results, _ = run("--as-recorded")
    found = sorted(scene.short(value) for value in results if value["kind"] == "rollup")
    assert code == 0 and found == everything, found
    code, differences, errors = run("--diff-recorded")
    assert code == 1, errors
    assert sorted((line["diff"], (line.get("before") or line["after"])["name"])
                  for line in differences) == [("removed", "changed"), ("removed", "gone"),
                                               ("removed", "high")], differences


def killed(work):
    scene = Reloading(work, "killed", [rollup("kept"), rollup("changed")])
    scene.publish((10, 1), (20, 2))
    scene.weir.process.kill()
    scene.write(scene.config([rollup("kept"), rollup("changed", "30m")]))
    scene.weir.start().connected()
    found = scene.results("results", 1)
    assert found == [("changed", 0, 600, 0, 3)], found
    scene.publish((30, 4), (601, 0))
    found = scene.results("results", 2)
    assert found == [("changed", 0, 600, 0, 3), ("kept", 0, 600, 0, 7)], found
    assert scene.count("state_discarded") == 0


def main():
    with Workspace() as work:
        sighup(work)
        killed(work)
    print("ok: by SIGHUP and over a kill")


if __name__ == "__main__":
    main()
