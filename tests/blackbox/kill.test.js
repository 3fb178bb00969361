// SIGKILL at random moments under registration, telemetry at QoS 1 and command traffic (design section 1.2): afterwards
// everything acknowledged is there, and nothing is there twice. MUSTER_KILLS rounds, 5 by default.
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { assign, client, makeModel, register, request, setup, startServer } from './support/server.js';
import { connect, publish, subscribe } from './support/mqtt.js';

const rounds = Number(process.env.MUSTER_KILLS ?? 5);
const reporters = 6;
const perRound = 400; // samples of one device in one round: below the 1000 rows that one call returns
const order = ['pending', 'in_progress', 'done'];

let keys;
let server;
let model;
const agent = new http.Agent({ keepAlive: true, maxSockets: 32 });
const registered = new Map(); // sn -> id of acknowledged registrations
const attempted = new Set(); // every serial ever sent
const devices = []; // { id, access_key, next, acknowledged: Set, sent: Set }
const commands = new Map(); // id -> { device, acknowledged: status }

async function start() {
  server = Object.assign(await startServer({ dir: keys.dir, args: ['--config', keys.config] }), keys);
}

before(async () => {
  keys = setup();
  keys.config = join(keys.dir, '..', 'muster.conf');
  // The load is above what one device may send; limits have tests of their own.
  writeFileSync(keys.config, '[limits]\ndevice_requests = 0\naddress_requests = 0\nmanagement_requests = 0\ncommands_open = 0\n[mqtt]\ndevice_publishes = 0\n');
  await start();
  model = await makeModel(server);
  for (let i = 0; i < reporters; i++) {
    devices.push({ ...(await register(server, model.key)), next: 0, acknowledged: new Set(), sent: new Set() });
  }
  await assign(server, devices.map(({ id }) => id));
});
after(async () => {
  await server.stop();
  agent.destroy();
  keys.remove();
});

/** Registers until the server is gone. */
async function registerLoad(round, lane) {
  for (let n = 0; ; n++) {
    const sn = `K-${round}-${lane}-${n}`;
    attempted.add(sn);
    let reply;
    try {
      reply = await request(server.http, 'POST', '/v1/devices', { agent, body: { hardware_key: model.key, firmware_version: '1.0.0', sn, mac: sn } });
    } catch {
      return;
    }
    assert.equal(reply.status, 201, reply.text);
    registered.set(sn, reply.json.id);
  }
}

/** One device: reports numbers and answers its commands until the server is gone. */
async function deviceLoad(device) {
  let hub;
  try {
    hub = await connect(server, { id: device.id, key: device.access_key });
  } catch {
    return; // killed before it was connected
  }
  const gone = hub.closed.then(() => { throw new Error('gone'); });
  gone.catch(() => {});
  hub.on('message', (topic, payload) => {
    if (!topic.endsWith('/command')) return;
    const { id } = JSON.parse(payload);
    (async () => {
      for (const status of ['in_progress', 'done']) {
        const { code } = await Promise.race([publish(hub, `${topic}/update`, { id, status }), gone]);
        // A command sent again after a restart may be done already: then the answer is 404 in MQTT's words.
        if (code === 0 && order.indexOf(status) > order.indexOf(commands.get(id)?.acknowledged ?? 'pending')) {
          commands.set(id, { device: device.id, acknowledged: status });
        }
      }
    })().catch(() => {});
  });
  try {
    await Promise.race([subscribe(hub, `v1/device/${device.id}/command`), gone]);
    const until = device.next + perRound;
    const lanes = Array.from({ length: 8 }, async () => {
      while (device.next < until) {
        const n = ++device.next;
        device.sent.add(n);
        const { code } = await Promise.race([publish(hub, `v1/device/${device.id}/telemetry`, { telemetries: { n } }), gone]);
        assert.equal(code, 0);
        device.acknowledged.add(n);
      }
    });
    await Promise.all(lanes);
  } catch (error) {
    if (error.code === 'ERR_ASSERTION') throw error;
  }
  hub.end(true);
}

/** An operator sends commands until the server is gone. */
async function commandLoad(device) {
  for (;;) {
    let reply;
    try {
      reply = await request(server.http, 'POST', `/core/v1/organization/devices/${device.id}/commands`, { agent, key: keys.organization_key, body: { name: 'reboot' } });
    } catch {
      return;
    }
    assert.equal(reply.status, 200, reply.text);
    if (!commands.has(reply.json.id)) commands.set(reply.json.id, { device: device.id, acknowledged: 'pending' });
  }
}

async function checkDevices() {
  const partner = client(server, 'partner', keys.partner_key);
  const found = new Map();
  for (let page = 1; ; page++) {
    const { data, page_info: info } = await partner.get(`/devices?per_page=500&page=${page}`);
    for (const { sn, id } of data) {
      assert.ok(!found.has(sn), `${sn} is there twice`);
      found.set(sn, id);
    }
    if (!info.has_next) break;
  }
  for (const [sn, id] of registered) assert.equal(found.get(sn), id, `acknowledged registration ${sn} is lost`);
  for (const sn of found.keys()) assert.ok(attempted.has(sn) || sn.startsWith('S-'), `${sn} was never sent`);
}

async function checkSamples() {
  const partner = client(server, 'partner', keys.partner_key);
  for (const device of devices) {
    const rows = await partner.get(`/devices/${device.id}/telemetries?limit=1000`);
    const numbers = rows.map(({ telemetries }) => telemetries.n).filter((n) => n !== undefined);
    const stored = new Set(numbers);
    assert.equal(stored.size, numbers.length, 'a sample is stored twice');
    for (const n of numbers) assert.ok(device.sent.has(n), `sample ${n} was never sent`);
    const oldest = Math.max(1, device.next - perRound + 1);
    for (let n = oldest; n <= device.next; n++) {
      if (device.acknowledged.has(n)) assert.ok(stored.has(n), `acknowledged sample ${n} of ${device.id} is lost`);
    }
    const last = Math.max(...numbers, 0);
    if (last) {
      const shown = await partner.get(`/devices/${device.id}`);
      assert.ok(numbers.includes(shown.state.n), 'the state shows a sample that was not stored');
    }
  }
}

async function checkCommands() {
  for (const device of devices.slice(0, 2)) {
    const found = new Map();
    for (let page = 1; ; page++) {
      const list = await client(server, 'organization', keys.organization_key).get(`/devices/${device.id}/commands?per_page=500&page=${page}`);
      for (const { id, status } of list.items) {
        assert.ok(!found.has(id), `command ${id} is there twice`);
        found.set(id, status);
      }
      if (!list.has_next_page) break;
    }
    for (const [id, { device: owner, acknowledged }] of commands) {
      if (owner !== device.id) continue;
      assert.ok(found.has(id), `acknowledged command ${id} is lost`);
      assert.ok(order.indexOf(found.get(id)) >= order.indexOf(acknowledged), `command ${id}: ${found.get(id)} after ${acknowledged} was acknowledged`);
    }
  }
}

/** Nobody is connected after a start, whatever was so when the server was killed (mqtt.md 3.3). */
async function checkPresence() {
  const hub = await connect(server, { id: 'watcher', username: 'org', key: keys.organization_key });
  await subscribe(hub, 'v1/device/+/presence');
  for (const { id } of devices) {
    const { json, packet } = await hub.next(`${id}/presence`);
    assert.deepEqual([json.device_id, json.connected, packet.retain], [id, false, true]);
  }
  hub.end(true);
}

test(`${rounds} kills at random moments lose nothing that was acknowledged`, { timeout: 120_000 + rounds * 60_000 }, async (t) => {
  for (let round = 0; round < rounds; round++) {
    const load = Promise.all([
      ...Array.from({ length: 4 }, (_, lane) => registerLoad(round, lane)),
      ...devices.map((device) => deviceLoad(device)),
      ...devices.slice(0, 2).map((device) => commandLoad(device)),
    ]);
    // The random moment is the test: not a wait for something to have happened.
    const moment = new Promise((resolve) => { setTimeout(resolve, 100 + Math.random() * 900); });
    await Promise.race([moment, load.then(() => moment)]);
    await server.kill();
    await load;
    await start();
    await checkDevices();
    await checkSamples();
    await checkCommands();
    await checkPresence();
  }
  t.diagnostic(`${registered.size} registrations, ${devices.reduce((sum, d) => sum + d.acknowledged.size, 0)} samples, ${commands.size} commands acknowledged`);
  assert.ok(registered.size && commands.size && devices.every((d) => d.acknowledged.size));
});
