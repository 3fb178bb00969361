"""The flows of Paho's Python client, MQTT 5 and then 3.1.1: arguments as in common.h; "-" for no credentials. The test kills
and starts the server when this program reports that it is time."""
import collections
import os
import signal
import subprocess
import sys
import threading
from urllib.parse import urlparse

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

URI, BASE, _, CA = sys.argv[1:5]
ONE, TWO = sys.argv[5:8], sys.argv[8:11]
PART = sys.argv[11] if len(sys.argv) > 11 else "flows"
WAIT_S = 60
UNDER_WAY = 20


def report(step):
    print(step, flush=True)
    assert sys.stdin.readline(), step


class Peer:
    def __init__(self, who, version, will=None):
        self.version, self.inbox = version, collections.defaultdict(list)
        self.changed = threading.Condition()
        self.connects = 0
        url = urlparse(URI)
        kind = {"protocol": version, "transport": "websockets" if url.scheme.startswith("ws") else "tcp"}
        if version == mqtt.MQTTv311:
            kind["clean_session"] = False
        self.client = mqtt.Client(who[0], **kind)
        if who[1] != "-":
            self.client.username_pw_set(who[1], who[2])
        if url.scheme in ("ssl", "wss"):
            self.client.tls_set(ca_certs=CA)
        if kind["transport"] == "websockets":
            self.client.ws_set_options(path=url.path)
        if will:
            self.client.will_set(BASE + "/will", will, qos=1)
        self.client.reconnect_delay_set(1, 1)
        self.client.on_message, self.client.on_connect = self.on_message, self.on_connect
        self.client.on_subscribe = self.on_subscribe
        options = {}
        if version == mqtt.MQTTv5:
            options["properties"] = Properties(PacketTypes.CONNECT)
            options["properties"].SessionExpiryInterval = 3600
            options["clean_start"] = False
        self.granted = []
        self.client.connect(url.hostname, url.port, **options)
        self.client.loop_start()
        self.wait(lambda: self.connects == 1)

    def wait(self, test):
        with self.changed:
            assert self.changed.wait_for(test, WAIT_S), "timed out"

    def on_connect(self, _client, _user, _flags, reason, _properties=None):
        assert reason == 0, reason
        with self.changed:
            self.connects += 1
            self.changed.notify_all()

    def on_subscribe(self, _client, _user, _mid, granted, _properties=None):
        with self.changed:
            self.granted.append([int(getattr(code, "value", code)) for code in granted])
            self.changed.notify_all()

    def on_message(self, _client, _user, message):
        with self.changed:
            self.inbox[message.topic].append((message.payload.decode(), message.retain))
            self.changed.notify_all()

    def subscribe(self, name, qos):
        count = len(self.granted)
        self.client.subscribe(f"{BASE}/{name}", qos)
        self.wait(lambda: len(self.granted) > count)
        assert self.granted[-1] == [qos], self.granted

    def publish(self, name, text, qos, retain=False):
        info = self.client.publish(f"{BASE}/{name}", text, qos, retain)
        info.wait_for_publish(WAIT_S)
        assert info.is_published()

    def expect(self, name, text, retain=False):
        topic = f"{BASE}/{name}"
        self.wait(lambda: self.inbox[topic])
        got = self.inbox[topic].pop(0)
        assert got == (text, retain), (topic, got, text, retain)

    def leave(self):
        self.client.disconnect()
        self.client.loop_stop()


def flows(version):
    peer = Peer(ONE, version)
    peer.subscribe("#", 2)
    for qos in (0, 1, 2):
        peer.publish("simple", f"at {qos}", qos)
        peer.expect("simple", f"at {qos}")
    peer.publish("retained", "kept", 1, retain=True)
    peer.expect("retained", "kept")
    peer.subscribe("retained", 1)
    peer.expect("retained", "kept", retain=True)
    peer.publish("retained", "", 1, retain=True)
    peer.expect("retained", "")
    died = subprocess.run([sys.executable, *sys.argv, f"die-{version}"], check=False)
    assert died.returncode == -signal.SIGKILL, died
    peer.expect("will", "gone")
    for n in range(UNDER_WAY):
        peer.client.publish(f"{BASE}/under-way", str(n), 2)
    report("kill")
    report("start")
    peer.wait(lambda: peer.connects == 2)
    for n in range(UNDER_WAY):
        peer.expect("under-way", str(n))
    peer.publish("end", "", 2)
    peer.expect("end", "")
    assert not peer.inbox[f"{BASE}/under-way"]
    peer.leave()


if PART.startswith("die-"):
    Peer(TWO, int(PART[4:]), will="gone")
    os.kill(os.getpid(), signal.SIGKILL)
flows(mqtt.MQTTv5)
flows(mqtt.MQTTv311)
print("done", flush=True)
