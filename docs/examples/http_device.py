#!/usr/bin/env python3
"""A complete device over HTTP: registers once, reports, executes commands, applies configurations, updates its firmware.

python3 http_device.py http://127.0.0.1:8080 HARDWARE_KEY IDENTITY_FILE [SECONDS]     (the standard library is enough)
With the self-signed certificate of a trial: SSL_CERT_FILE=/var/lib/muster/tls-certificate.pem
"""
import hashlib
import json
import os
import random
import secrets
import sys
import time
import urllib.error
import urllib.request

server, hardware_key, file = sys.argv[1:4]
seconds = float(sys.argv[4]) if len(sys.argv) > 4 else 5
me = None  # what survives a restart: the reply to the registration, and what this device has applied


class Deleted(Exception):
    pass


def keep():  # never half: a device without its identity has to be registered again
    with open(os.open(file + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        json.dump(me, out)
    os.replace(file + ".new", file)


def request(method, url, body=None, headers={}):
    data = None if body is None else json.dumps(body).encode()
    return urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method), timeout=15)


def register():
    global me
    body = {"hardware_key": hardware_key, "firmware_version": "1.0.0", "sn": "PY-" + secrets.token_hex(4),
            "cloud_id": "demo" + secrets.token_hex(8), "mac": "02:00:00:00:00:05"}
    with request("POST", f"{server}/v1/devices", body) as reply:
        me = {**json.load(reply), "firmware_version": "1.0.0", "config_version": 0}
    keep()
    print("registered as", me["id"])


def call(method, path, body=None):
    try:
        with request(method, f"{me['hub_url']}/v1/devices/{me['id']}{path}", body, {"Authorization": me["access_key"]}) as reply:
            return json.load(reply)
    except urllib.error.HTTPError as error:
        if error.code == 401:  # and only then
            raise Deleted()
        raise


def execute():
    command = call("GET", "/command")
    if "id" not in command:
        return
    print("command", command["name"], command["parameters"])
    # One that is in progress already is what this device was doing when it restarted.
    if command["status"] == "pending":
        call("POST", "/command", {"id": command["id"], "status": "in_progress"})
    call("POST", "/command", {"id": command["id"], "status": "done", "message": "ok"})


def configure():
    document = call("GET", "/config")
    print("configuration", document["config"])
    call("POST", "/config", document)  # applied
    me["config_version"] = document["version"]
    keep()


def update(file_id, version):
    about = call("GET", f"/files/{file_id}")
    with request("GET", about["url"]) as reply:
        content = reply.read()
    if about["checksum"] != hashlib.sha256(content).hexdigest():
        raise OSError("firmware: wrong checksum")
    with open(file + ".firmware", "wb") as out:  # a real device checks the signature, writes its other slot, restarts
        out.write(content)
    me["firmware_version"] = version
    keep()
    call("PUT", "", {"firmware_version": version})
    print(f"firmware {version}, {len(content)} bytes")


def report():
    levels = call("POST", "/telemetry", {"telemetries": {"temp": round(20 + random.random() * 5, 1)}})
    print("stored")
    if levels["command"]:
        execute()
    if levels["config_version"] != me["config_version"]:
        configure()
    if levels["latest_fw_file_id"]:
        update(levels["latest_fw_file_id"], levels["latest_fw_version"])


while True:
    try:
        if not me and os.path.exists(file):
            with open(file) as text:
                me = json.load(text)
        if not me:
            register()
        report()
    except Deleted:
        os.remove(file)
        me = None
    except OSError as error:  # no network, or an answer that is an error: the next round tries again
        print(error, file=sys.stderr)
    time.sleep(seconds)
