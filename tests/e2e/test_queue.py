"""A long queue at the broker, and a weir that is killed again and again while it works it off: every
message counts once. mosquitto 2.0.11 has more of it in flight at once than there are packet ids."""

import json
import random
import time

from rig import GATEWAY, MockKafka, Mosquitto, Publisher, Weir, Workspace, wait_until

CONFIG = GATEWAY + """reconnect_min = "50ms"
[[source]]
name = "field"
topics = ["field/{device}"]
time = { field = "t", unit = "ms" }
[[rollup]]
name = "minute"
from = "field"
window = { tumbling = "1m" }
[kafka]
brokers = ["@BROKERS@"]
"""
MESSAGES = 150_000
KILLS = 8
BEGIN_MS = 1_700_000_000_000


def counts(weir):
    return (weir.status() or {}).get("ledger", {}).get("counts", {})


def main():
    chooser = random.Random(7)
    with Workspace() as work:
        mosquitto = work.keep(Mosquitto(work.path, extra="max_inflight_messages 200"))
        kafka = work.keep(MockKafka(work.path))
        weir = work.keep(Weir(work.path, CONFIG, ID="queue", MQTT=mosquitto.url,
                              BROKERS=kafka.brokers))
        weir.start().connected().stop()
        publisher = Publisher(mosquitto.port, window=2000)
        for i in range(MESSAGES):
            publisher.publish(f"field/{i % 20}", json.dumps({"t": BEGIN_MS + i, "v": i}))
        publisher.finish()
        weir.start(ready=False)
        for _ in range(KILLS):
            time.sleep(chooser.uniform(0.3, 1.2))  # into the middle of the work
            weir.process.kill()
            weir.start(ready=False)
        wait_until(lambda: counts(weir).get("messages_journaled", 0) >= MESSAGES,
                   "the queue is worked off", 120)
        publisher.publish("field/last", json.dumps({"t": BEGIN_MS, "v": 0}))
        publisher.finish()
        wait_until(lambda: counts(weir).get("messages_journaled", 0) > MESSAGES, "the last is in")
        found = counts(weir)
        print(f"journaled {found['messages_journaled']}, {found.get('messages_refused', {})}")
        assert found["messages_journaled"] == MESSAGES + 1, found
        assert weir.status()["ledger"]["balanced"]


if __name__ == "__main__":
    main()
