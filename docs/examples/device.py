#!/usr/bin/env python3
"""A complete device: registers, connects over MQTT v5, reports, executes commands.

python3 device.py http://127.0.0.1:8080 HARDWARE_KEY [COUNT]     (COUNT reports, then it ends)
"""
import json
import random
import secrets
import sys
import threading
import urllib.request
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt

server, hardware_key = sys.argv[1:3]
count = int(sys.argv[3]) if len(sys.argv) > 3 else 0

# A real device keeps the reply in flash and registers only once.
request = urllib.request.Request(
    f"{server}/v1/devices", method="POST",
    data=json.dumps({
        "hardware_key": hardware_key, "firmware_version": "1.0.0",
        "cloud_id": "demo" + secrets.token_hex(8), "sn": "PY-" + secrets.token_hex(4), "mac": "02:00:00:00:00:02",
    }).encode())
with urllib.request.urlopen(request) as reply:
    identity = json.load(reply)
device_id = identity["id"]
print("registered as", device_id)


def topic(name):
    return f"v1/device/{device_id}/{name}"


def on_connect(client, userdata, flags, reason, properties):
    print("connected:", reason)
    client.subscribe([(topic("command"), 1), (topic("config"), 1)])


def on_message(client, userdata, message):
    body = json.loads(message.payload)
    answer_to = message.properties.ResponseTopic
    if message.topic == topic("command"):
        print("command", body["name"], body["parameters"])
        for status in ("in_progress", "done"):
            client.publish(answer_to, json.dumps({"id": body["id"], "status": status}), qos=1)
    else:
        print("configuration", body["config"])
        client.publish(answer_to, json.dumps(body), qos=1)  # applied


hub = urlsplit(identity["mqtt_hub_url"])
client = mqtt.Client(client_id=device_id, protocol=mqtt.MQTTv5)
client.username_pw_set(device_id, identity["access_key"])
if hub.scheme == "mqtts":
    client.tls_set()
client.on_connect = on_connect
client.on_message = on_message
client.connect(hub.hostname, hub.port)
client.loop_start()

stop = threading.Event()
reports = 0
while not stop.is_set():
    body = {"telemetries": {"temp": round(20 + random.random() * 5, 1)}}
    client.publish(topic("telemetry"), json.dumps(body), qos=1).wait_for_publish()
    print("stored")
    reports += 1
    if reports == count:
        break
    stop.wait(5)
client.disconnect()
client.loop_stop()
