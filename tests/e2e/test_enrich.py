"""A dimension table that changes while weir runs: the next readings are joined with the new rows, a
broken table changes nothing and says why, and a replay joins each reading with the row of its time."""

import json
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
[source.enrich]
file = "machines.csv"
tags = ["site"]
numbers = ["most"]
"""
DETECTOR = """
[[detector]]
name = "high"
from = "s"
metric = "v"
method = "range"
high = "most"
clear_after = 1
topic = "results"
"""
CONFIG = (GATEWAY + SOURCE + rollup("own") + rollup("by_site", more='by = ["site"]') + DETECTOR +
          STORE)


class Enriched(Scene):
    def __init__(self, work):
        self.table = work.path / "machines.csv"
        self.write("a,Berlin,50")
        super().__init__(work, work.path, CONFIG, "enrich")

    def write(self, *rows):
        self.table.write_text("\n".join(("device,site,most", *rows)) + "\n")

    def log_has(self, line, times=1):
        wait_until(lambda: self.weir.process.text().count(line) >= times, f"the log has: {line}")

    def results(self, number):
        """(name, site, seconds of the window, revision, sum or state), once there are so many."""
        wait_until(lambda: len(consume(self.kafka.brokers, "results")) >= number,
                   f"{number} results")
        return sorted(self.short(r["value"]) for r in consume(self.kafka.brokers, "results"))

    def short(self, value):
        what = value["values"].get("sum", value["values"].get("state"))
        site = value.get("attributes", value["group"])["site"]
        return (value["name"], site, self.behind(value["window"]["start"]), value["revision"], what)

    def price(self):
        done = subprocess.run(
            weir_command("check", "--json", "-c", str(self.weir.config_file)),
            capture_output=True, text=True, timeout=60 * PATIENCE)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def replayed(self, *options):
        done = subprocess.run(
            weir_command("replay", "--quiet", "--json", *options, "-c",
                         str(self.weir.config_file), str(self.weir.directory / "data" / "weir.db")),
            capture_output=True, text=True, timeout=60 * PATIENCE)
        assert done.returncode == 0, done.stderr
        return sorted(self.short(json.loads(line)) for line in done.stdout.splitlines())


def main():
    with Workspace() as work:
        scene = Enriched(work)
        scene.publish((10, 51), (20, 1))
        alert = [("high", "Berlin", 10, 0, "raised"), ("high", "Berlin", 10, 1, "cleared")]
        assert scene.results(2) == alert, scene.results(2)

        scene.write("a,Rome")
        scene.log_has("line 2: it has 2 fields, the header 3")
        scene.publish((30, 2))
        assert scene.count("tables_refused") == 1

        # In Rome 51 is not too much, and nobody is in Berlin any more.
        scene.write("a,Rome,60", "b,Oslo,")
        scene.log_has("a table of enrich changed\n")
        scene.publish((40, 51), (600, 0))
        everything = sorted(alert + [("by_site", "Berlin", 0, 0, 54), ("by_site", "Rome", 0, 0, 51),
                                     ("own", "Rome", 0, 0, 105)])
        assert scene.results(5) == everything, scene.results(5)

        # A table that changes while weir is down is another one from the next reading on.
        scene.weir.process.kill()
        scene.write("a,Oslo,60")
        assert scene.replayed("--as-recorded", "--keep-open") == everything
        now = [("by_site", "Oslo", 0, 0, 105), ("own", "Oslo", 0, 0, 105)]
        assert scene.replayed("--keep-open") == now, scene.replayed("--keep-open")
        scene.weir.start().connected()
        scene.publish((1200, 0))
        everything = sorted(everything + [("by_site", "Rome", 600, 0, 0), ("own", "Oslo", 600, 0, 0)])
        assert scene.results(7) == everything, scene.results(7)
        scene.publisher.finish()
        scene.publisher.close()
        small = scene.price()["memory_bytes"]
        rows = [f"device-{i},site-{i % 10},60" for i in range(20_000)]
        scene.write(*rows)
        each = (scene.price()["memory_bytes"] - small) / len(rows)
        assert 100 < each < 500, f"{each} bytes a row"
    print("ok: a broken table, a changed one, one that changed while weir was down")


if __name__ == "__main__":
    main()
