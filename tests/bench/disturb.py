"""Badly behaved MQTT clients, for overload.js: disturb.py KIND HOST PORT. Runs until it is ended; prints "ready", and on
SIGTERM one JSON line with what it did."""
import json
import select
import signal
import socket
import struct
import sys
import time

KIND, HOST, PORT = sys.argv[1], sys.argv[2], int(sys.argv[3])
did = {"connections": 0, "closed_by_server": 0, "bytes": 0}


def text(value):
    value = value.encode()
    return struct.pack("!H", len(value)) + value


def packet(first, body):
    length, rest = b"", len(body)
    while True:
        length += bytes([rest % 128 | (128 if rest > 127 else 0)])
        rest //= 128
        if not rest:
            return bytes([first]) + length + body


def connect_packet(name):
    return packet(0x10, text("MQTT") + bytes([5, 2, 0, 60, 0]) + text(name))


def subscribe_packet(topic_filter, qos):
    return packet(0x82, b"\0\1\0" + text(topic_filter) + bytes([qos]))


def publish_packet(topic, payload, qos=0, number=1):
    return packet(0x30 | qos << 1, text(topic) + (struct.pack("!H", number) if qos else b"") + b"\0" + payload)


def dial():
    sock = socket.create_connection((HOST, PORT))
    did["connections"] += 1
    return sock


def end(*_):
    print(json.dumps(did), flush=True)
    sys.exit(0)


signal.signal(signal.SIGTERM, end)


def ready():
    print("ready", flush=True)


def churn(hello):
    """Connections opened and dropped as fast as possible, `hello` sent in between."""
    reset = struct.pack("ii", 1, 0)  # RST: no port stays in TIME_WAIT
    ready()
    address = (HOST, PORT)
    while True:
        sock = socket.socket()
        try:
            sock.connect(address)
            if hello:
                sock.send(hello)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
            did["connections"] += 1
        except OSError:
            pass
        sock.close()


def stalled_subscribers(count, topic_filter, qos):
    """Subscribed, and never read from again."""
    def one(i):
        sock = dial()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.sendall(connect_packet(f"stalled-{i}") + subscribe_packet(topic_filter, qos))
        sock.recv(4)
        return sock
    return [one(i) for i in range(count)]


def watch(socks, flood=None):
    """Counts who is thrown out, and lets it come back; `flood` is called whenever there is nothing else to do."""
    ready()
    while True:
        for _, event in poller(socks).poll(0 if flood else 1000):
            if event & (select.POLLHUP | select.POLLERR | select.POLLRDHUP):
                did["closed_by_server"] += 1
                return
        if flood:
            flood()


def poller(socks):
    poll = select.poll()
    for sock in socks:
        poll.register(sock, select.POLLRDHUP)
    return poll


def stalled_same_topics():
    while True:
        socks = stalled_subscribers(20, "#", 0)
        watch(socks)


def stalled_and_flooded():
    """A QoS 1 subscriber that stalls, with a publisher of its own that is flat out."""
    while True:
        socks = stalled_subscribers(1, "flood/#", 1)
        source = dial()
        source.sendall(connect_packet("flood"))
        source.recv(4)
        source.setblocking(False)
        batch = b"".join(publish_packet("flood/x", b"x" * 1000) for _ in range(50))

        def flood():
            select.select([source], [source], [], 1)
            try:
                did["bytes"] += source.send(batch)  # may cut a packet: the rest goes first the next time
            except BlockingIOError:
                return
        whole = Whole(source, batch)
        watch(socks, whole.send)
        source.close()


class Whole:
    """Sends a batch again and again, never part of a packet twice."""

    def __init__(self, sock, batch):
        self.sock, self.batch, self.at = sock, batch, 0

    def send(self):
        readable, writable, _ = select.select([self.sock], [self.sock], [], 1)
        if readable:
            try:
                self.sock.recv(65536)
            except OSError:
                pass
        if writable:
            try:
                sent = self.sock.send(self.batch[self.at:])
            except OSError:
                return
            did["bytes"] += sent
            self.at = (self.at + sent) % len(self.batch)


def never_reads():
    """Asks without end, and reads no answer; when all are stuck, they go and come again."""
    question = b"\xc0\0" * 1000 + publish_packet("never/read", b"x", 1) * 100
    while True:
        socks = []
        for i in range(50):
            sock = dial()
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.sendall(connect_packet(f"never-{i}"))
            sock.setblocking(False)
            socks.append(Whole(sock, question))
        if did["connections"] == 50:
            ready()
        while True:
            _, writable, _ = select.select([], [one.sock for one in socks], [], 0.1)
            gone = not writable
            for one in [one for one in socks if one.sock in writable]:
                try:
                    sent = one.sock.send(one.batch[one.at:])
                    did["bytes"] += sent
                    one.at = (one.at + sent) % len(one.batch)
                except BlockingIOError:
                    continue
                except OSError:
                    did["closed_by_server"] += 1
                    socks.remove(one)
                    gone = not socks
            if gone:
                for one in socks:
                    one.sock.close()
                break


def one_byte_a_second(count):
    """Half of them never get past CONNECT, the others publish a byte at a time."""
    slow = []
    for i in range(count):
        sock = dial()
        if i % 2:
            sock.sendall(connect_packet(f"slow-{i}"))
            slow.append([sock, publish_packet("slow/x", b"x" * 1000), 0])
        else:
            slow.append([sock, connect_packet(f"slow-{i}"), 0])
    ready()
    began = time.monotonic()
    tick = 0
    while True:
        tick += 1
        for one in slow:
            try:
                one[0].send(one[1][one[2]:one[2] + 1])
                did["bytes"] += 1
                one[2] = (one[2] + 1) % len(one[1])
            except OSError:
                did["closed_by_server"] += 1
                one[0] = dial()
                one[2] = 0
        time.sleep(max(0, began + tick - time.monotonic()))


{
    "churn": lambda: churn(b""),
    "churn-connect": lambda: churn(connect_packet("churn")),
    "stalled": stalled_same_topics,
    "stalled-flood": stalled_and_flooded,
    "never-reads": never_reads,
    "byte-a-second": lambda: one_byte_a_second(1000),
}[KIND]()
