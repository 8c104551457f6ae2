"""What can be wrong when weir starts: each is one clear message and an exit code, never a crash; and
what is normal (a broker that is away) is no error."""

import os
import socket
import sqlite3
import subprocess

from rig import (PATIENCE, Mosquitto, Publisher, Weir, Workspace, free_port, wait_until,
                 weir_command)

CONFIG = """
[gateway]
id = "start"
data_dir = "@DATA@"
[http]
listen = "@HTTP@"
[mqtt]
url = "mqtt://127.0.0.1:@PORT@"
reconnect_min = "100ms"
reconnect_max = "200ms"
@MORE@
[[source]]
name = "s"
topics = ["s/{device}"]
[[rollup]]
name = "r"
from = "s"
window = { tumbling = "1m" }
[kafka]
brokers = ["127.0.0.1:1"]
"""


def config(port, more=""):
    return CONFIG.replace("@PORT@", str(port)).replace("@MORE@", more)


def run(*arguments):
    return subprocess.run(weir_command(*arguments), capture_output=True, text=True,
                          timeout=30 * PATIENCE)


def refuses_to_start(weir, code, *words):
    done = run("run", "-c", str(weir.config_file))
    said = done.stdout + done.stderr
    assert done.returncode == code, f"exit code {done.returncode}, not {code}: {said}"
    for word in words:
        assert word in said, f"does not say {word!r}: {said}"


def a_port_in_use(work):
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        weir = Weir(work, config(1).replace("@HTTP@", f"127.0.0.1:{holder.getsockname()[1]}"))
        refuses_to_start(weir, 73, "in use")


def a_newer_database(work):
    weir = Weir(work, config(1))
    weir.start()
    weir.stop()
    with sqlite3.connect(work / "data" / "weir.db") as database:
        database.execute("PRAGMA user_version = 9999")
    database.close()
    refuses_to_start(weir, 73, "newer")


def a_database_that_can_be_read_and_not_written(work):
    """The journal lacks a record, which is survived by a checkpoint; and the list of free pages leads
    to one that is not there, so none can be written."""
    broker = Mosquitto(work)
    weir = Weir(work, config(broker.port)).start().connected()
    publisher = Publisher(broker.port)
    for device in range(200):
        publisher.publish(f"s/{device}", '{"v":1}')
    publisher.close()
    wait_until(lambda: weir.status()["ledger"]["counts"].get("messages_journaled") == 200,
               "everything is journaled")
    weir.stop()
    file = work / "data" / "weir.db"
    with sqlite3.connect(file) as database:
        database.execute("UPDATE journal SET body = zeroblob(length(body))")
    database.close()
    content = bytearray(file.read_bytes())
    content[32:40] = b"\x00\xff\xff\xff\x00\x00\x00\x05"
    file.write_bytes(content)
    weir.start().connected()
    assert "looking at the whole database" in weir.process.text(), weir.process.text()
    assert (work / "data" / "weir.db.damaged-1").exists()
    weir.stop()
    broker.stop()


def a_directory_that_is_a_file(work):
    (work / "data").write_text("not a directory")
    refuses_to_start(Weir(work, config(1)), 73, str(work / "data"))


def two_on_one_directory(work):
    first = Weir(work, config(1))
    first.start()
    second = Weir(work, config(1))
    refuses_to_start(second, 73, str(work / "data"))
    first.stop()


def a_wrong_configuration(work):
    weir = Weir(work, config(1, "qoss = 1\nqos = 7"))
    refuses_to_start(weir, 78, "weir.toml:", "qoss", "qos", "problems")


def a_broker_that_is_away_and_comes(work):
    port = free_port()
    weir = Weir(work, config(port))
    weir.start()
    assert weir.status()["link"]["sources"][0]["connected"] is False
    broker = Mosquitto(work, port)
    weir.connected()
    broker.stop()
    wait_until(lambda: not weir.status()["link"]["sources"][0]["connected"], "the loss is noticed")
    broker.start()
    weir.connected()
    code, seconds = weir.stop()
    broker.stop()
    assert code == 0 and seconds < 5 * PATIENCE, f"stop: exit code {code} after {seconds:.1f} s"


def a_broker_that_refuses_the_password(work):
    subprocess.run(["mosquitto_passwd", "-c", "-b", str(work / "passwords"), "weir", "right"],
                   check=True, capture_output=True)
    os.chmod(work / "passwords", 0o644)
    broker = Mosquitto(work, extra=f"password_file {work}/passwords")
    broker.config.write_text(broker.config.read_text().replace("allow_anonymous true",
                                                               "allow_anonymous false"))
    broker.stop()
    broker.start()
    weir = Weir(work, config(broker.port, 'username = "weir"\npassword = "wrong-secret"'))
    weir.start()

    def refused():
        source = weir.status()["link"]["sources"][0]
        return not source["connected"] and "refused" in source["state"]

    wait_until(refused, "the status says that the broker refuses")
    code, _ = weir.stop()
    broker.stop()
    assert code == 0
    assert "wrong-secret" not in weir.process.text(), "the password is in the log"


def the_command_line(work):
    weir = Weir(work, config(1))
    assert run().returncode == 64
    assert run("frobnicate").returncode == 64
    assert run("status", "-a", "127.0.0.1:1").returncode == 69
    assert run("dlq", "list", "-d", str(work / "nowhere")).returncode == 66
    for command in ("run", "check", "replay", "simulate", "status", "dlq", "version"):
        done = run(command, "--help")
        assert done.returncode == 0 and command in done.stdout, done
    assert run("version").stdout.startswith("weir ")


def main():
    tests = [a_port_in_use, a_newer_database, a_database_that_can_be_read_and_not_written,
             a_directory_that_is_a_file, two_on_one_directory,
             a_wrong_configuration, a_broker_that_is_away_and_comes,
             a_broker_that_refuses_the_password, the_command_line]
    for test in tests:
        with Workspace() as work:
            test(work.path)
        print("ok:", test.__name__.replace("_", " "))


if __name__ == "__main__":
    main()
