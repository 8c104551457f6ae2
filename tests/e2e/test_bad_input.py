"""What the field sends: each kind of bad message is refused and counted, and a good device beside
it gets its rollup as if nothing had happened."""

import json
import subprocess
import sys
import time

from rig import (MockKafka, Mosquitto, Publisher, Weir, Workspace, consume, wait_until,
                 weir_command)

CONFIG = """
[gateway]
id = "bad-input"
data_dir = "@DATA@"
[http]
listen = "@HTTP@"
[limits]
devices = 10000
series = 10000
[mqtt]
url = "@MQTT@"
max_packet_size = "2MiB"
[[source]]
name = "field"
topics = ["field/{device}"]
time = { field = "ts", unit = "ms" }
metrics = ["v"]
idle = "1s"
quarantine_topic = "field.ahead"
[[rollup]]
name = "seconds"
from = "field"
window = { tumbling = "1s" }
[store]
commit_interval = "20ms"
[kafka]
brokers = ["@BROKERS@"]
"""

MS_1970 = 86_400_000
MS_2087 = 3_700_000_000_000


def good(publisher, now_ms, device="good"):
    for i in range(10):
        publisher.publish(f"field/{device}", json.dumps({"ts": now_ms + i * 500, "v": i}))
    return 10


def bad_payloads(now_ms):
    """(name, payload, refusal reason) of each message that holds nothing usable."""
    return [
        ("not JSON", "hello", "undecodable"),
        ("cut off", '{"ts":1,"v"', "undecodable"),
        ("empty", "", "empty"),
        ("text for a number", json.dumps({"ts": now_ms, "v": "warm"}), None),
        ("an object for a number", json.dumps({"ts": now_ms, "v": {"x": 1}}), None),
        ("NaN", '{"ts":%d,"v":NaN}' % now_ms, "undecodable"),
        ("1e999", '{"ts":%d,"v":1e999}' % now_ms, None),
        ("null", json.dumps({"ts": now_ms, "v": None}), "no_values"),
        ("deep nesting", '{"v":' + "[" * 100_000 + "]" * 100_000 + "}", "undecodable"),
        ("1 MB of nothing", json.dumps({"x": "y" * 1_000_000}), "no_values"),
        ("invalid UTF-8", b'{"v":1,"x":"\xff\xfe"}', "undecodable"),
        ("broken time", json.dumps({"ts": "yesterday", "v": 1}), None),
    ]


def refused(status):
    reasons = status["ledger"]["counts"].get("messages_refused", {})
    return reasons if isinstance(reasons, dict) else {"": reasons}


def counted(weir, messages):
    def ready():
        status = weir.status()
        done = status and status["ledger"]["counts"].get("messages_received", 0) >= messages
        return status if done else None
    return wait_until(ready, f"{messages} messages are counted", 60)


def said(*words):
    return subprocess.run(weir_command(*map(str, words)), check=True, capture_output=True,
                          text=True, timeout=60).stdout


def ahead(weir, kafka):
    """What was in quarantine goes to its topic, and through a replay, where nobody doubts it."""
    record = wait_until(lambda: consume(kafka.brokers, "field.ahead"), "it is at Kafka", 60)[0]
    assert record["value"]["kind"] == "quarantined", record
    assert record["value"]["window"]["start"].startswith("2087-"), record
    data = weir.directory / "data"
    listed = said("dlq", "list", "-d", data, "--reason", "quarantined")
    assert "field: v of future is further ahead" in listed, listed
    lines = weir.directory / "quarantined.jsonl"
    lines.write_text(said("dlq", "export", "-d", data))
    assert '"device":"future","metric":"v","value":1}' in lines.read_text(), lines.read_text()
    window = json.loads(said("replay", "-c", weir.config_file, lines, "--quiet"))
    assert window["window"]["start"].startswith("2087-"), window
    assert window["group"] == {"device": "future"}, window
    assert said("dlq", "export", "-d", data, "--source", "another") == ""


def main():
    with Workspace() as work:
        mosquitto = work.keep(Mosquitto(work.path))
        kafka = work.keep(MockKafka(work.path))
        config = CONFIG.replace("@MQTT@", mosquitto.url).replace("@BROKERS@", kafka.brokers)
        weir = work.keep(Weir(work.path, config)).start().connected()
        publisher = Publisher(mosquitto.port)
        now_ms = int(time.time() * 1000) // 1000 * 1000
        sent = good(publisher, now_ms)

        for name, payload, reason in bad_payloads(now_ms):
            before = refused(counted(weir, sent))
            publisher.publish("field/bad", payload)
            sent += 1
            after = refused(counted(weir, sent))
            grown = [r for r in after if after[r] != before.get(r, 0)]
            assert len(grown) == 1, f"{name}: counted as {grown}"
            assert reason is None or grown == [reason], f"{name}: counted as {grown}, not {reason}"
            print(f"{name}: refused as {grown[0]}")

        # The longest topic MQTT allows, with a device name beyond what a tag may hold.
        publisher.publish("field/" + "d" * 65_000, json.dumps({"ts": now_ms, "v": 1}))
        # A clock in 1970 makes windows of 1970, one in 2087 makes none.
        publisher.publish("field/past", json.dumps({"ts": MS_1970, "v": 1}))
        publisher.publish("field/future", json.dumps({"ts": MS_2087, "v": 1}))
        sent += 3
        status = counted(weir, sent)
        assert status["ledger"]["counts"]["readings_quarantined"] == 1, status["ledger"]
        ahead(weir, kafka)

        # A hundred thousand device names against a bound of ten thousand.
        for i in range(100_000):
            publisher.publish(f"field/flood{i}", '{"v":1}', qos=1)
        sent += 100_000
        sent += good(publisher, now_ms + 10_000)
        publisher.finish()
        status = counted(weir, sent)
        assert status["limits"]["devices"]["used"] == 10_000, status["limits"]
        assert refused(status)["device_limit"] >= 90_000, refused(status)
        assert status["ledger"]["balanced"], status["ledger"]

        def good_windows():
            rows = [r["value"] for r in consume(kafka.brokers, "telemetry.rollups")]
            rows = [v for v in rows if v["group"].get("device") == "good"]
            return rows if sum(v["readings"]["count"] for v in rows if v["revision"] == 0) >= 16 else None

        rows = wait_until(good_windows, "the good device's windows are at Kafka", 60)
        assert all(v["readings"]["count"] == 2 for v in rows if v["revision"] == 0), rows
        publisher.close()
        code, seconds = weir.stop()
        assert code == 0, f"exit code {code}"
        assert seconds < 5, f"the stop took {seconds:.1f} s"
        print("the good device was not harmed; the ledger balances")


if __name__ == "__main__":
    main()
    sys.exit(0)
