// A disk that is full (device-api.md 1.5; mqtt.md 12.2): nothing is acknowledged that is not stored, the answers are 503
// and 0x89, healthz says it, what was acknowledged stays, and the server goes on by itself when there is space again. The
// disk is a small file system in memory, which only root can mount.
import assert from 'node:assert/strict';
import { statfsSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { configured } from './support/config.js';
import { connect, publish, subscribe } from './support/mqtt.js';
import { assign, client, makeModel, register, request, setup, startServer, until } from './support/server.js';
import { smallDisk } from './support/small_disk.js';

const disk = smallDisk(32);
const { skip } = disk; // false, or why no small disk can be had here

function fillDisk() {
  disk.fill();
  assert.equal(statfsSync(disk.path).bfree, 0);
}

let unlimited; // the load is above what one device and one address may send
let keys;
let server;
let model;
let device; // reports by MQTT
let poller; // reports by HTTPS
let listener; // is away; its stored session is written to by the organization
let n = 0;
const acknowledged = new Map(); // device id -> Set of sample numbers
const newest = new Map(); // device id -> the last of them
const registered = new Map(); // sn -> id
const refused = new Set(); // sn
const spoken = []; // acknowledged messages to the listener, in order
let retained; // the last one that was acknowledged

async function start() {
  server = Object.assign(await startServer({ dir: keys.dir, args: unlimited }), keys);
}
const health = async () => (await request(server.http, 'GET', '/healthz')).status;

function keep(id, value) {
  acknowledged.get(id).add(value);
  newest.set(id, value);
}

async function report(hub) {
  const value = ++n;
  const answer = await Promise.race([publish(hub, `v1/device/${device.id}/telemetry`, { telemetries: { n: value } }), hub.closed.then(() => null)]);
  if (answer?.code === 0) keep(device.id, value);
  return answer ? answer.code : null;
}
async function post() {
  const value = ++n;
  const { status } = await request(server.http, 'POST', `/v1/devices/${poller.id}/telemetry`, {
    headers: { authorization: poller.access_key }, body: { telemetries: { n: value } },
  });
  if (status < 300) keep(poller.id, value);
  return status;
}
async function tryRegister() {
  const sn = `D-${++n}`;
  const reply = await request(server.http, 'POST', '/v1/devices', {
    body: { hardware_key: model.key, firmware_version: '1.0.0', sn, mac: sn },
  });
  if (reply.status === 201) registered.set(sn, reply.json.id);
  else refused.add(sn);
  return reply;
}

/** As the organization: to the absent listener, and retained. */
const speaker = () => connect(server, { clientId: 'speaker', username: 'org', password: keys.organization_key, clean: false, properties: { sessionExpiryInterval: 3600 } });
const listen = () => connect(server, { id: listener.id, key: listener.access_key, clean: false, properties: { sessionExpiryInterval: 3600 } });
async function speak(hub) {
  const value = ++n;
  const answer = await Promise.race([publish(hub, `v1/device/${listener.id}/user/n`, String(value), { retain: true, qos: 1 + (value % 2) }), hub.closed.then(() => null)]);
  if (answer?.code !== 0) return null;
  spoken.push(value);
  retained = Math.max(retained ?? 0, value);
  return 0;
}

/** The listener comes back and hears what was acknowledged; then it is away again. */
async function checkListener() {
  const hub = await listen();
  assert.equal(hub.connack.sessionPresent, true);
  await until(() => spoken.every((value) => hub.messages.some(({ payload }) => Number(payload) === value)), 'what was acknowledged arrives');
  await new Promise((resolve) => { hub.end(false, {}, resolve); });
  spoken.length = 0;
  const reader = await connect(server, { clientId: 'reader', username: 'org', password: keys.organization_key });
  await subscribe(reader, `v1/device/${listener.id}/user/n`);
  const { payload, packet } = await reader.next('/user/n');
  assert.ok(packet.retain && Number(payload) >= retained, `${payload} is retained, ${retained} was acknowledged`);
  reader.end(true);
}

/** Repeats in a few lanes until all are refused: a write-ahead log that was begun anew has some room of its own. */
async function whileAccepted(call, accepted) {
  const answers = await Promise.all(Array.from({ length: 4 }, async () => {
    for (let i = 0; i < 5000; i++) {
      const answer = await call();
      if (!accepted(answer)) return answer;
    }
    throw new Error('the full disk was never noticed');
  }));
  return answers[0];
}

async function checkAll() {
  const partner = client(server, 'partner', keys.partner_key);
  for (const [id, values] of acknowledged) {
    const rows = await partner.get(`/devices/${id}/telemetries?limit=1000`);
    const stored = rows.map(({ telemetries }) => telemetries.n);
    assert.equal(new Set(stored).size, stored.length, 'a sample is stored twice');
    for (const value of values) assert.ok(stored.includes(value), `acknowledged sample ${value} of ${id} is lost`);
    assert.equal((await partner.get(`/devices/${id}`)).state.n, newest.get(id), 'the state is not that of the last sample');
  }
  const { data } = await partner.get('/devices?per_page=500');
  const found = new Map(data.map(({ sn, id }) => [sn, id]));
  for (const [sn, id] of registered) assert.equal(found.get(sn), id, `acknowledged registration ${sn} is lost`);
  for (const sn of refused) assert.ok(!found.has(sn), `refused registration ${sn} is there`);
}

before(async () => {
  if (skip) return;
  process.env.TMPDIR = disk.path;
  keys = setup();
  unlimited = configured('[limits]\ndevice_requests = 0\naddress_requests = 0\nmanagement_requests = 0\n[mqtt]\ndevice_publishes = 0\napplication_publishes = 0\ndevice_queue = 0\ndevice_queue_bytes = 0\n');
  await start();
  model = await makeModel(server);
  device = await register(server, model.key);
  poller = await register(server, model.key);
  listener = await register(server, model.key);
  await assign(server, [device.id, poller.id, listener.id]);
  const hub = await listen();
  await subscribe(hub, `v1/device/${listener.id}/user/n`, { qos: 2 });
  await new Promise((resolve) => { hub.end(false, {}, resolve); });
  acknowledged.set(device.id, new Set()).set(poller.id, new Set());
});
after(async () => {
  await server?.kill();
  disk.remove();
});

test('a full disk is told, nothing acknowledged is lost, and space is all it needs', { skip, timeout: 240_000 }, async () => {
  for (let round = 0; round < 3; round++) {
    const hub = await connect(server, { id: device.id, key: device.access_key });
    await subscribe(hub, `v1/device/${device.id}/command`);
    assert.equal(await report(hub), 0);
    assert.ok(await post() < 300);
    assert.equal((await tryRegister()).status, 201);

    const talk = await speaker();
    const refusals = Promise.all([
      whileAccepted(() => speak(talk), (code) => code === 0),
      whileAccepted(() => report(hub), (code) => code === 0),
      whileAccepted(post, (status) => status < 300),
      whileAccepted(tryRegister, ({ status }) => status === 201),
    ]);
    const before = n;
    await until(() => n > before + 50, 'load');
    fillDisk();
    const [told, mqtt, https, registration] = await refusals;
    assert.equal(told, null, 'a message that is not stored has no acknowledgement');
    assert.deepEqual(talk.disconnects, [0x89]);
    assert.equal(mqtt, null, 'a publish that is not stored has no acknowledgement');
    assert.deepEqual(hub.disconnects, [0x89]);
    assert.equal(https, 503);
    assert.equal(registration.status, 503);
    assert.deepEqual(registration.json, { error: 'Service unavailable' });
    assert.ok(registration.headers['retry-after']);
    assert.equal(await health(), 503);
    assert.equal((await request(server.http, 'GET', `/core/v1/partner/devices/${device.id}`, { key: keys.partner_key })).status, 200, 'reading goes on');

    if (round === 1) {
      await server.kill();
      disk.free();
      await start();
    } else if (round === 2) {
      await server.stop();
      disk.free();
      await start();
    } else {
      disk.free();
    }
    await until(async () => await health() === 200, 'health after there is space again');
    const again = await connect(server, { id: device.id, key: device.access_key });
    assert.equal(await report(again), 0);
    assert.ok(await post() < 300);
    assert.equal((await tryRegister()).status, 201);
    await checkAll();
    await checkListener();
    again.end(true);
  }
  await server.kill();
  await start();
  await checkAll();
  await checkListener();
  await server.stop();
});
