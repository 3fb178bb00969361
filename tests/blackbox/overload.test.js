// 2,000 half-open connections and 100 readers that never read do not keep a device from connecting and reporting. On an open
// listener: subscribers that stall, clients that never read, send a byte at a time, or come and go; the others get
// everything in order, and memory stays within the limits. Nothing here asserts a time: bench/overload.js measures.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import mqttPacket from 'mqtt-packet';
import { assign, client, makeModel, register, request, setup, startServer, until } from './support/server.js';
import { connect, connectUrl, publish, subscribe } from './support/mqtt.js';

const QUEUE = 40;
const QUEUE_BYTES = 4 * 1024 * 1024;
const MIB = 1024 * 1024;
let keys;
let server;
let model;
const sockets = [];
let serial = 0;

before(async () => {
  keys = setup();
  const config = join(keys.dir, '..', 'muster.conf');
  writeFileSync(config, `[limits]\nmanagement_requests = 0\n[mqtt]\nopen_queue = ${QUEUE}\nopen_queue_bytes = ${QUEUE_BYTES}\n`);
  // A sanitizer's store of freed memory must not be taken for the server's.
  const env = { ASAN_OPTIONS: `${process.env.ASAN_OPTIONS ?? ''}:quarantine_size_mb=1` };
  server = Object.assign(await startServer({ dir: keys.dir, env, args: ['--config', config, '--mqtt-open', '127.0.0.1:0'] }), keys);
  model = await makeModel(server);
});
after(async () => {
  sockets.forEach((socket) => socket.destroy());
  await server.stop();
  keys.remove();
});

async function open({ host, port }, bytes) {
  const socket = net.connect({ host, port });
  socket.on('error', () => {});
  sockets.push(socket);
  await once(socket, 'connect');
  if (bytes) socket.write(bytes);
  return socket;
}

test('a device connects and reports beside them', { timeout: 120_000 }, async () => {
  const device = await register(server, model.key);
  await assign(server, device.id);

  // Half-open: nothing, or the beginning of a packet, a request, a TLS record.
  const beginnings = [[server.mqtt, null], [server.mqtt, Buffer.from([0x10, 0x7f, 0x00])], [server.http, 'GET / HT'], [server.mqtts, Buffer.from([0x16, 3, 1])], [server.https, null]];
  for (let i = 0; i < 2000; i += 100) {
    await Promise.all(Array.from({ length: 100 }, (_, n) => open(...beginnings[(i + n) % beginnings.length])));
  }

  // Slow readers: they ask for much, many times, and read none of it.
  const question = `GET /core/v1/partner/devices?per_page=500 HTTP/1.1\r\nHost: x\r\nAuthorization: ${keys.partner_key}\r\n\r\n`.repeat(50);
  for (let i = 0; i < 100; i++) {
    const socket = await open(server.http, question);
    socket.pause();
  }

  const hub = await connect(server, { id: device.id, key: device.access_key });
  assert.deepEqual(await subscribe(hub, `v1/device/${device.id}/command`), [1]);
  for (let n = 0; n < 20; n++) {
    assert.equal((await publish(hub, `v1/device/${device.id}/telemetry`, { telemetries: { n } })).code, 0);
  }
  const sent = await client(server, 'organization', keys.organization_key).post(`/devices/${device.id}/commands`, { name: 'reboot' });
  assert.equal((await hub.next('/command')).json.id, sent.id);
  const health = await request(server.http, 'GET', '/healthz');
  assert.equal(health.status, 200);
  hub.end(true);
});

/* ---- on an open listener ----------------------------------------------------------------------------------------- */

const anybody = (options = {}) => {
  const { host, port } = server['mqtt-open'];
  return connectUrl(`mqtt://${host}:${port}`, { clientId: `polite-${++serial}`, ...options });
};
const bytes = (...packets) => Buffer.concat(packets.map((packet) => mqttPacket.generate(packet, { protocolVersion: 5 })));
const hello = (clientId, properties = {}) => ({ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 5, clean: false, clientId, keepalive: 600, properties: { sessionExpiryInterval: 600, ...properties } });
const wants = (topic, qos) => ({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic, qos }] });

/** A client made by hand, which acknowledges nothing: { socket, packets, until(cmd), closed }. */
async function rude(...packets) {
  const socket = await open(server['mqtt-open'], bytes(...packets));
  const peer = { socket, packets: [], closed: once(socket, 'close') };
  const parser = mqttPacket.parser({ protocolVersion: 5 }).on('packet', (packet) => peer.packets.push(packet));
  socket.on('data', (part) => parser.parse(part));
  peer.until = (cmd) => until(() => peer.packets.find((packet) => packet.cmd === cmd), cmd, 60_000);
  return peer;
}

/** Two who behave: resolves with what arrived of `count` numbered messages, all acknowledged, in order. */
async function polite(count) {
  const [reader, writer] = [await anybody(), await anybody()];
  const topic = `polite/${++serial}`;
  await subscribe(reader, topic);
  for (let n = 0; n < count; n += 50) {
    const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => publish(writer, topic, String(n + i))));
    assert.ok(answers.every(({ code }) => code === 0));
  }
  await until(() => reader.messages.length === count, 'everything has arrived', 60_000);
  assert.deepEqual(reader.messages.map(({ payload }) => Number(payload)), Array.from({ length: count }, (_, n) => n));
  reader.end(true);
  writer.end(true);
}

const resident = () => Number(readFileSync(`/proc/${server.pid}/status`, 'utf8').match(/VmRSS:\s+(\d+)/)[1]) * 1024;

test('a subscriber that stalls holds back who publishes to it, nobody else, and is thrown out', { timeout: 180_000 }, async () => {
  const stalled = await rude(hello('stalled', { receiveMaximum: 1 }), wants('stall/#', 1));
  await stalled.until('suback');
  const writer = await anybody();
  let acknowledged = 0;
  const all = Promise.all(Array.from({ length: 4 * QUEUE }, (_, n) => publish(writer, 'stall/x', String(n)).then(() => { acknowledged++; })));
  await stalled.until('publish');
  await polite(500);
  assert.ok(acknowledged < 4 * QUEUE, 'its publisher waits');
  const { reasonCode } = await stalled.until('disconnect');
  assert.equal(reasonCode, 0x97);
  await stalled.closed;
  await all;

  // Of its session there is as much as the limit says, the newest, and what it had received and not acknowledged.
  const back = await anybody({ clientId: 'stalled', clean: false, properties: { sessionExpiryInterval: 600 } });
  assert.equal(back.connack.sessionPresent, true);
  await publish(writer, 'stall/x', 'end');
  await until(() => back.messages.at(-1)?.payload === 'end', 'the queue has come', 60_000);
  const numbers = back.messages.slice(0, -1).map(({ payload }) => Number(payload));
  assert.ok(numbers.length <= QUEUE + 1, `${numbers.length} messages`);
  assert.equal(numbers.at(-1), 4 * QUEUE - 1);
  assert.deepEqual(numbers, [...numbers].sort((a, b) => a - b));
  back.end(true);
  writer.end(true);
});

test('for subscribers that never read QoS 0 is dropped, and memory stays bounded', { timeout: 180_000 }, async () => {
  const before = resident();
  const readers = [];
  for (let n = 0; n < 4; n++) {
    const peer = await rude(hello(`blind-${n}`), wants('flood', 0));
    await peer.until('suback');
    peer.socket.pause();
    readers.push(peer);
  }
  const writer = await open(server['mqtt-open'], bytes(hello('flood')));
  const part = bytes(...Array.from({ length: 10 }, () => ({ cmd: 'publish', topic: 'flood', payload: Buffer.alloc(100_000), qos: 0 })));
  for (let sent = 0; sent < 200 * MIB; sent += part.length) if (!writer.write(part)) await once(writer, 'drain');
  await polite(100);
  assert.ok(resident() - before < 100 * MIB, `${(resident() - before) / MIB} MiB more`);
  for (const peer of [...readers.map(({ socket }) => socket), writer]) peer.destroy();
});

test('a client that asks without end and never reads is not read for ever', { timeout: 180_000 }, async () => {
  const before = resident();
  const socket = await open(server['mqtt-open'], bytes(hello('asks')));
  socket.pause();
  // As much as the buffers of both kernels and of the server take, then no more.
  const part = Buffer.from([0xc0, 0].concat(Array(65534).fill(0)).map((_, n) => (n % 2 ? 0 : 0xc0)));
  let sent = 0;
  let ended = false;
  socket.on('close', () => { ended = true; });
  const push = () => { while (!ended && sent < 400 * MIB && socket.write(part)) sent += part.length; };
  socket.on('drain', push);
  push();
  await polite(500);
  await until(() => ended, 'it is thrown out', 60_000);
  assert.ok(sent < 400 * MIB);
  assert.ok(resident() - before < 100 * MIB, `${(resident() - before) / MIB} MiB more`);
});

test('connections that come and go, or send a byte at a time, change nothing for others', { timeout: 180_000 }, async () => {
  const connect = bytes(hello('slow'));
  const slow = await Promise.all(Array.from({ length: 100 }, () => open(server['mqtt-open'])));
  let running = true;
  const comeAndGo = (async () => {
    while (running) {
      for (const socket of await Promise.all(Array.from({ length: 20 }, (_, n) => open(server['mqtt-open'], n % 2 ? connect : undefined)))) {
        socket.resetAndDestroy();
        sockets.splice(sockets.indexOf(socket), 1);
      }
    }
  })();
  for (let at = 0; at < connect.length; at++) {
    for (const socket of slow) if (!socket.destroyed) socket.write(connect.subarray(at, at + 1));
    await polite(50);
  }
  running = false;
  await comeAndGo;
});
