// The usual flows of MQTT clients, with libraries that have codecs of their own (support/libraries.js), over TCP, TLS and
// WebSocket: as a device, as an application of an organization, and as anybody on an open listener.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import mqttPacket from 'mqtt-packet';
import WebSocket from 'ws';
import { libraries, transports } from './support/libraries.js';
import { configured } from './support/config.js';
import { assign, client, makeModel, register, startInstallation, until } from './support/server.js';

const TOPICS = ['update', 'config', 'commands', 'license', 'space_info', 'firmware', 'incidents'];
let server;
let model;
let organization;
let serial = 0;
const unique = (name) => `${name}-${++serial}`;

before(async () => {
  server = await startInstallation({ args: configured(`[limits]
management_requests = 0
device_requests = 0
address_requests = 0
[listener open]
kind = mqtt
access = open
address = 127.0.0.1:0
[listener open-tls]
kind = mqtts
access = open
address = 127.0.0.1:0
`) });
  model = await makeModel(server);
  organization = client(server, 'organization', server.organization_key);
});
after(() => server.stop());

const credentialed = (transport) => server[{ tcp: 'mqtt', tls: 'mqtts', ws: 'http', wss: 'https' }[transport]];
const open = (transport) => server[transport === 'tls' ? 'mqtts-open' : 'mqtt-open'];

async function asDevice(library, transport) {
  const device = await register(server, model.key);
  await assign(server, device.id);
  const prefix = `v1/device/${device.id}`;
  const who = { transport, id: device.id, user: device.id, key: device.access_key, clean: false };
  const first = await library.open(credentialed(transport), who);
  assert.equal(first.present, false);
  for (const topic of TOPICS) assert.equal(await first.subscribe(`${prefix}/${topic}`, 1), 1, topic);

  const sent = await organization.post(`/devices/${device.id}/commands`, { name: 'reboot' });
  const command = await first.next('/commands');
  assert.equal(JSON.parse(command.payload).id, sent.id);
  if (library.version === 5) assert.equal(command.responseTopic, `${prefix}/commands/update`);
  const answerTo = command.responseTopic ?? `${prefix}/commands/update`;
  await first.publish(answerTo, JSON.stringify({ id: sent.id, status: 'done' }), { qos: 1 });
  assert.equal((await organization.get(`/devices/${device.id}/commands/${sent.id}`)).status, 'done');

  for (const qos of library.levels) {
    await first.publish(`${prefix}/telemetry`, JSON.stringify({ telemetries: { qos } }), { qos });
    await until(async () => (await organization.get(`/devices/${device.id}`)).state?.qos === qos, `telemetry of QoS ${qos}`);
  }

  await first.drop();
  const waits = await organization.post(`/devices/${device.id}/commands`, { name: 'dump' });
  const second = await library.open(credentialed(transport), who);
  assert.equal(second.present, true);
  const again = await second.next(({ topic, payload }) => topic.endsWith('/commands') && JSON.parse(payload).id === waits.id);
  assert.equal(JSON.parse(again.payload).status, 'pending');
  await second.close();
}

async function asApplication(library, transport) {
  const device = await register(server, model.key);
  await assign(server, device.id);
  const prefix = `v1/device/${device.id}`;
  const hub = await library.open(credentialed(transport), { transport, id: device.id, user: device.id, key: device.access_key });
  const app = await library.open(credentialed(transport), { transport, id: unique('app'), user: 'org', key: server.organization_key });
  assert.equal(await app.subscribe('v1/device/+/telemetry', 1), 1);
  assert.equal(await app.subscribe(`${prefix}/user/#`, 1), 1);
  assert.equal(await hub.subscribe(`${prefix}/user/#`, 1), 1);
  await hub.publish(`${prefix}/telemetry`, '{"telemetries":{"temp":7}}', { qos: 1 });
  const telemetry = await app.next(({ topic }) => topic === `${prefix}/telemetry`);
  assert.equal(JSON.parse(telemetry.payload).telemetries.temp, 7);
  await app.publish(`${prefix}/user/question`, 'how are you', { qos: 1 });
  assert.equal((await hub.next('/user/question')).payload, 'how are you');
  await hub.publish(`${prefix}/user/answer`, 'fine', { qos: 1 });
  assert.equal((await app.next('/user/answer')).payload, 'fine');
  await app.close();
  await hub.close();
}

async function asAnybody(library, transport) {
  const base = unique('anybody');
  const top = Math.max(...library.levels);
  const at = (id, options = {}) => library.open(open(transport), { transport, id: `${base}-${id}`, ...options });
  const subscriber = await at('subscriber');
  assert.equal(await subscriber.subscribe(`${base}/+/x/#`, 1), 1);
  const publisher = await at('publisher');

  // every QoS, and much at once
  for (const qos of library.levels) {
    await publisher.publish(`${base}/${qos}/x/y`, `at ${qos}`, { qos });
    assert.equal((await subscriber.next(`/${qos}/x/y`)).payload, `at ${qos}`);
  }
  const large = 'x'.repeat(library.large);
  await publisher.publish(`${base}/large/x`, large, { qos: 1 });
  assert.equal((await subscriber.next('/large/x')).payload, large);
  await Promise.all(Array.from({ length: 100 }, (_, n) => publisher.publish(`${base}/many/x`, String(n), { qos: 1 })));
  for (let n = 0; n < 100; n++) assert.equal((await subscriber.next('/many/x')).payload, String(n));

  // retained, cleared
  await publisher.publish(`${base}/retained`, 'kept', { qos: 1, retain: true });
  const late = await at('late');
  await late.subscribe(`${base}/retained`, 1);
  const kept = await late.next('/retained');
  assert.deepEqual([kept.payload, kept.retain], ['kept', true]);
  await publisher.publish(`${base}/retained`, '', { qos: 1, retain: true });
  assert.deepEqual([(await late.next('/retained')).payload], ['']);

  // nothing more after UNSUBSCRIBE
  await late.subscribe(`${base}/end`, 1);
  await late.unsubscribe(`${base}/retained`);
  await publisher.publish(`${base}/retained`, 'unheard', { qos: 1 });
  await publisher.publish(`${base}/end`, 'end', { qos: 1 });
  await late.next('/end');
  assert.ok(!late.messages.some(({ payload }) => payload === 'unheard'));

  // Will: on an abnormal end, not after a goodbye
  for (const [end, heard] of library.leavesSilently ? [['drop', true]] : [['close', false], ['drop', true]]) {
    const mortal = await at('mortal', { will: { topic: `${base}/will/x`, payload: Buffer.from(end), qos: 1, retain: false } });
    await mortal[end]();
    if (heard) assert.equal((await subscriber.next('/will/x')).payload, 'drop');
  }

  // a session that is away
  const before = await at('away', { clean: false });
  assert.equal(before.present, false);
  await before.subscribe(`${base}/away`, top);
  await before.drop();
  for (let n = 0; n < 20; n++) await publisher.publish(`${base}/away`, String(n), { qos: top });
  const back = await at('away', { clean: false });
  assert.equal(back.present, true);
  for (let n = 0; n < 20; n++) assert.equal((await back.next('/away')).payload, String(n));

  // the same client id again; what it had not acknowledged comes again
  const successor = await at('away', { clean: false });
  await back.closed;
  assert.equal(successor.present, true);
  await publisher.publish(`${base}/away`, 'still', { qos: 1 });
  await successor.next(({ payload }) => payload === 'still');
  await Promise.all([subscriber, publisher, late, successor].map((one) => one.close()));
}

for (const library of libraries) {
  describe(library.name, { concurrency: true }, () => {
    for (const transport of transports) {
      test(`a device over ${transport}`, { timeout: 120_000 }, () => asDevice(library, transport));
      test(`an application over ${transport}`, { timeout: 120_000 }, () => asApplication(library, transport));
    }
    for (const transport of ['tcp', 'tls']) {
      test(`anybody over ${transport}`, { timeout: 120_000 }, () => asAnybody(library, transport));
    }
  });
}

test('a WebSocket message carries one packet, for clients that expect it', { timeout: 60_000 }, async () => {
  const device = await register(server, model.key);
  const topic = `v1/device/${device.id}/user/x`;
  const socket = new WebSocket(`ws://127.0.0.1:${server.http.port}/mqtt`, ['mqtt']);
  const messages = [];
  let wake = () => {};
  socket.on('message', (bytes) => {
    const packets = [];
    const parser = mqttPacket.parser({ protocolVersion: 5 }).on('packet', ({ cmd }) => packets.push(cmd));
    assert.equal(parser.parse(bytes), 0, 'whole packets');
    messages.push(packets.join());
    wake();
  });
  const came = (count) => new Promise((done) => {
    wake = () => { if (messages.length === count) done(); };
    wake();
  });
  await once(socket, 'open');
  const send = (...packets) => socket.send(Buffer.concat(packets.map((packet) => mqttPacket.generate(packet, { protocolVersion: 5 }))));
  send({ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 5, clean: true, clientId: device.id, username: device.id, password: Buffer.from(device.access_key), keepalive: 60 },
    { cmd: 'publish', topic, payload: 'x'.repeat(100_000), qos: 1, messageId: 1, retain: true },
    { cmd: 'subscribe', messageId: 2, subscriptions: [{ topic, qos: 0 }] },
    { cmd: 'publish', topic, payload: 'y', qos: 0, messageId: 0 }, { cmd: 'pingreq' });
  await came(6);
  assert.deepEqual([...messages].sort(), ['connack', 'pingresp', 'puback', 'publish', 'publish', 'suback']);
  socket.terminate();
});
