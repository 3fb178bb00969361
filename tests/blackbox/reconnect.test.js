// A server that ends while clients are busy, by SIGTERM (an upgrade) and by SIGKILL (a crash), and comes back on the same
// ports: clients that reconnect by themselves get their sessions back, see no refusal, and nothing that was acknowledged to
// a publisher is missing at a subscriber. QoS 2 comes once. (Paho's libraries go through the same in paho.test.js.)
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import mqtt from 'mqtt';
import { configured } from './support/config.js';
import { assign, client, makeModel, register, setup, startServer, until } from './support/server.js';

const DOORS = { tcp: ['mqtt', 'mqtt'], tls: ['mqtts', 'mqtts'], ws: ['ws', 'http'], wss: ['wss', 'https'], open: ['mqtt', 'mqtt-open'] };
let keys;
let server;

before(async () => {
  keys = setup();
  await start();
});
after(async () => {
  await server.stop();
  keys.remove();
});

async function start() {
  const was = server;
  const address = was ? `127.0.0.1:${was['mqtt-open'].port}` : '127.0.0.1:0';
  const ports = was ? Object.fromEntries(['http', 'https', 'mqtt', 'mqtts'].map((kind) => [kind, was[kind].port])) : {};
  server = Object.assign(await startServer({ dir: keys.dir, ports, args: configured(`[limits]
management_requests = 0
device_requests = 0
[mqtt]
device_publishes = 0
application_publishes = 0
[listener open]
kind = mqtt
access = open
address = ${address}
`) }), keys);
}

/** A client that reconnects by itself. `refusals` are CONNACKs that said no, `present` what the successful ones said. */
function persistent(door, id, user, key, version = 5) {
  const [scheme, kind] = DOORS[door];
  const { host, port } = server[kind];
  const peer = mqtt.connect(`${scheme}://${host}:${port}${scheme.startsWith('ws') ? '/mqtt' : ''}`, {
    clientId: id, username: user, password: key, protocolVersion: version, clean: false, reconnectPeriod: 50, connectTimeout: 60_000,
    rejectUnauthorized: false, ...(version === 5 ? { properties: { sessionExpiryInterval: 600 } } : {}),
  });
  Object.assign(peer, { refusals: [], present: [], got: [] });
  peer.on('packetreceive', (packet) => {
    if (packet.cmd !== 'connack') return;
    const code = packet.reasonCode ?? packet.returnCode;
    if (code === 0) peer.present.push(packet.sessionPresent);
    else peer.refusals.push(code);
  });
  peer.on('error', () => {});
  peer.on('message', (topic, payload) => peer.got.push(payload.toString()));
  return new Promise((resolve) => { peer.once('connect', () => resolve(peer)); });
}

/** Publishes numbers until told to stop; `acknowledged` are those that the server took, whether or not after a reconnect. */
function busy(peer, topic, qos, text = String) {
  const traffic = { acknowledged: [], running: true };
  const lane = async (first) => {
    for (let n = first; traffic.running; n += 8) {
      await peer.publishAsync(topic, text(n), { qos });
      traffic.acknowledged.push(n);
    }
  };
  traffic.ended = Promise.all(Array.from({ length: 8 }, (_, first) => lane(first)));
  return traffic;
}

const ends = { SIGTERM: () => server.stop(), SIGKILL: () => server.kill() };

for (const signal of Object.keys(ends)) {
  test(`${signal} with traffic on every transport`, { timeout: 240_000 }, async () => {
    const model = await makeModel(server);
    const pairs = [];
    for (const [door, version, qos] of [['tcp', 5, 1], ['tls', 4, 2], ['ws', 5, 2], ['wss', 4, 1], ['open', 5, 2], ['open', 4, 1]]) {
      const name = `${signal}-${door}-${version}`;
      let writer;
      let topic = `reconnect/${name}`;
      let reader;
      if (door === 'open') {
        writer = await persistent(door, `${name}-w`, undefined, undefined, version);
        reader = await persistent(door, `${name}-r`, undefined, undefined, version);
      } else {
        const device = await register(server, model.key);
        await assign(server, device.id);
        topic = `v1/device/${device.id}/user/x`;
        writer = await persistent(door, device.id, device.id, device.access_key, version);
        reader = await persistent(door, `${name}-app`, 'org', server.organization_key, version);
      }
      await reader.subscribeAsync(topic, { qos });
      pairs.push({ name, qos, writer, reader, traffic: busy(writer, topic, qos) });
    }
    await until(() => pairs.every(({ traffic }) => traffic.acknowledged.length > 40), 'traffic', 60_000);
    await ends[signal]();
    await start();
    await until(() => pairs.every(({ writer, reader }) => writer.present.length > 1 && reader.present.length > 1), 'everybody is back', 60_000);
    const then = pairs.map(({ traffic }) => traffic.acknowledged.length);
    await until(() => pairs.every(({ traffic }, i) => traffic.acknowledged.length > then[i] + 40), 'traffic again', 60_000);
    for (const { traffic } of pairs) traffic.running = false;
    for (const { name, qos, writer, reader, traffic } of pairs) {
      await traffic.ended;
      const acknowledged = traffic.acknowledged.map(String);
      await until(() => new Set(reader.got).size >= acknowledged.length, `${name}: everything acknowledged has arrived`, 60_000);
      const got = new Set(reader.got);
      assert.deepEqual(acknowledged.filter((n) => !got.has(n)), [], name);
      if (qos === 2) assert.equal(reader.got.length, got.size, `${name}: nothing twice`);
      for (const peer of [writer, reader]) {
        assert.deepEqual(peer.refusals, [], `${name}: no refusal`);
        assert.deepEqual(peer.present.slice(1).filter((present) => !present), [], `${name}: the session is there`);
        peer.end(true);
      }
    }
  });

  test(`${signal}: a device keeps its filters, and hears of what was ordered meanwhile`, { timeout: 240_000 }, async () => {
    const device = await register(server, (await makeModel(server)).key);
    await assign(server, device.id);
    const peer = await persistent('tls', device.id, device.id, device.access_key);
    await peer.subscribeAsync(`v1/device/${device.id}/command`, { qos: 1 });
    const organization = () => client(server, 'organization', server.organization_key);
    const first = await organization().post(`/devices/${device.id}/commands`, { name: 'reboot' });
    await until(() => peer.got.length === 1, 'the command');
    const telemetry = busy(peer, `v1/device/${device.id}/telemetry`, 1, (n) => JSON.stringify({ telemetries: { n } }));
    await until(() => telemetry.acknowledged.length > 20, 'telemetry', 60_000);
    await ends[signal]();
    await start();
    await until(() => peer.present.length > 1, 'it is back', 60_000);
    assert.deepEqual([peer.present.slice(1), peer.refusals], [[true], []]);
    await until(() => peer.got.length > 1, 'the command is pushed again, being pending');
    assert.equal(JSON.parse(peer.got.at(-1)).id, first.id);
    await peer.publishAsync(`v1/device/${device.id}/command/update`, JSON.stringify({ id: first.id, status: 'done' }), { qos: 1 });
    const second = await organization().post(`/devices/${device.id}/commands`, { name: 'dump' });
    await until(() => JSON.parse(peer.got.at(-1)).id === second.id, 'the next command');
    telemetry.running = false;
    await telemetry.ended;
    peer.end(true);
  });

  test(`${signal}: mosquitto_sub goes on by itself`, { timeout: 240_000 }, async () => {
    // Told 0x8B in version 5, it ends, whichever broker says so; 3.1.1 knows no such packet.
    const version = signal === 'SIGTERM' ? ['-V', 'mqttv311', '-c'] : ['-V', 'mqttv5', '-c', '-x', '600'];
    const at = ['-h', '127.0.0.1', '-p', String(server['mqtt-open'].port), ...version];
    const child = spawn('stdbuf', ['-oL', 'mosquitto_sub', ...at, '-i', `sub-${signal}`, '-q', '2', '-t', `sub/${signal}`, '-C', '2', '-d'], { stdio: ['ignore', 'pipe', 'inherit'] });
    let out = '';
    child.stdout.on('data', (part) => { out += part; });
    const exited = once(child, 'close'); // behind its last words
    await until(() => /^Subscribed/m.test(out), 'it is subscribed');
    const peer = await persistent('open', `pub-${signal}`);
    await peer.publishAsync(`sub/${signal}`, 'before', { qos: 2 });
    await until(() => /^before$/m.test(out), 'the first message');
    await ends[signal]();
    await start();
    await peer.publishAsync(`sub/${signal}`, 'after', { qos: 2 });
    await exited;
    assert.deepEqual(out.split('\n').filter((line) => /^(before|after)$/.test(line)), ['before', 'after']);
    peer.end(true);
  });
}
