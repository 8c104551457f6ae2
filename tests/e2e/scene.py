"""A weir between mosquitto and a mock cluster, and one device, whose readings are of times in the past."""

import json
import time

from rig import MockKafka, Mosquitto, Publisher, Weir, wait_until


STORE = """
[store]
commit_interval = "20ms"
[kafka]
brokers = ["@BROKERS@"]
"""


def rollup(name, window="10m", more=""):
    return (f'[[rollup]]\nname = "{name}"\nfrom = "s"\nwindow = {{ tumbling = "{window}" }}\n'
            f'aggregates = ["count", "sum"]\ntopic = "results"\n{more}\n')


class Scene:
    def __init__(self, work, path, config, gateway):
        self.path = path
        self.broker, self.kafka = work.keep(Mosquitto(path)), work.keep(MockKafka(path))
        self.values = {"ID": gateway, "MQTT": self.broker.url, "BROKERS": self.kafka.brokers}
        self.weir = work.keep(Weir(path, config, **self.values))
        self.weir.start().connected()
        self.publisher = Publisher(self.broker.port)
        self.base = (int(time.time()) // 3600 - 3) * 3600  # the start of a window, in the past
        self.sent = 0

    def publish(self, *readings):
        """(seconds behind the base, value); returns when all are aggregated."""
        for second, value in readings:
            self.publisher.publish("s/a", json.dumps({"t": (self.base + second) * 1000, "v": value}))
        self.sent += len(readings)
        wait_until(lambda: self.count("readings_aggregated") == self.sent, "all are aggregated")

    def count(self, name):
        status = self.weir.status()
        return status["ledger"]["counts"].get(name, 0) if status else -1

    def behind(self, text):
        """How many seconds behind the base a time of a record is."""
        time_of = time.strptime(text.split(".")[0].rstrip("Z"), "%Y-%m-%dT%H:%M:%S")
        return int(time.mktime(time_of) - time.timezone) - self.base
