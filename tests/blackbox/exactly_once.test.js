// SIGKILL at random moments between the steps of QoS 2 and of stored sessions (mqtt.md 14.2): a QoS 2 publish takes
// effect exactly once, and what an absent subscriber was promised arrives. The client is written by hand: it must know
// exactly what was answered. MUSTER_KILLS rounds, 5 by default.
import assert from 'node:assert/strict';
import net from 'node:net';
import { after, before, test } from 'node:test';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import packets from 'mqtt-packet';
import { assign, client, makeModel, register, request, setup, startServer } from './support/server.js';
import { editDatabase } from './support/database.js';

const rounds = Number(process.env.MUSTER_KILLS ?? 5);
const perDevice = 900; // below the 1000 rows that one call returns
const v5 = { protocolVersion: 5 };

let keys;
let server;
let model;

async function start() {
  server = Object.assign(await startServer({ dir: keys.dir, args: ['--config', keys.config] }), keys);
}

before(async () => {
  keys = setup();
  keys.config = join(keys.dir, '..', 'muster.conf');
  writeFileSync(keys.config, '[mqtt]\ndevice_publishes = 0\napplication_publishes = 0\n');
  await start();
  model = await makeModel(server);
});
after(async () => {
  await server.stop();
  keys.remove();
});

/** A connection with a session that lives for ten minutes: { send(packet), next(...cmd), present, end() }; throws 'gone'. */
async function open({ username, password, clientId }) {
  const socket = net.connect(server.mqtt);
  const parser = packets.parser(v5);
  const arrived = [];
  let wake = () => {};
  let gone = false;
  parser.on('packet', (packet) => { arrived.push(packet); wake(); });
  socket.on('data', (data) => parser.parse(data));
  socket.on('error', () => {});
  socket.on('close', () => { gone = true; wake(); });
  const self = {
    send: (packet) => socket.write(packets.generate(packet, v5)),
    async next(...wanted) {
      for (;;) {
        while (arrived.length) {
          const packet = arrived.shift();
          if (wanted.includes(packet.cmd)) return packet;
        }
        if (gone) throw new Error('gone');
        await new Promise((resolve) => { wake = resolve; });
      }
    },
    end: () => socket.destroy(),
  };
  self.send({ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 5, clean: false, keepalive: 60, clientId, username,
    password: Buffer.from(password), properties: { sessionExpiryInterval: 600 } });
  const connack = await self.next('connack');
  assert.equal(connack.reasonCode, 0);
  self.present = connack.sessionPresent;
  return self;
}

/**
 * Runs `work(up, isEnough)` against a server that is killed and started again `rounds` times; ends when work does, which
 * need not go on for long after the last start: isEnough(), asked once a step, says so.
 */
async function underKills(work) {
  let over = false;
  let up = Promise.resolve();
  let more = Infinity;
  const working = work(() => up, () => --more < 0).finally(() => { over = true; });
  for (let round = 0; round < rounds && !over; round++) {
    // The random moment is the test: not a wait for something to have happened.
    await Promise.race([working, new Promise((resolve) => { setTimeout(resolve, 20 + Math.random() * 300); })]);
    if (over) break;
    up = server.kill().then(start);
    await up;
  }
  more = 20;
  await working;
}

/** Repeats `step(hub)` over connections until it is through. */
async function throughCrashes(state, identity, up, step) {
  for (;;) {
    try {
      await up();
      state.hub ??= await open(identity);
      await step(state.hub);
      return;
    } catch (error) {
      if (error.message !== 'gone') throw error;
      state.hub = undefined;
    }
  }
}

test('a QoS 2 publish takes effect exactly once, also one for several children', { timeout: 600_000 }, async () => {
  const device = await register(server, model.key);
  const identity = { username: device.id, password: device.access_key, clientId: device.id };
  const partner = client(server, 'partner', keys.partner_key);
  const zone = await partner.post('/models', { name: 'Zone', device_type: 'digital', communication_protocol: 'mqtt', authentication_method: 'mac_sn' });
  const children = [];
  for (let i = 0; i < 2; i++) {
    const { json } = await request(server.http, 'POST', `/v1/devices/${device.id}/children`, { key: device.access_key, body: { model_id: zone.id, firmware_version: '1.0.0' } });
    children.push(json.id);
  }
  const own = `v1/device/${device.id}/telemetry`;
  const all = `v1/device/${device.id}/children/telemetries`;
  const state = {};
  let n = 0;
  await underKills(async (up, isEnough) => {
    for (; n < perDevice && !isEnough(); n++) {
      const messageId = (n % 1000) + 1;
      const sample = { telemetries: { n } };
      const [topic, body] = n % 2 === 0 ? [own, sample] : [all, Object.fromEntries(children.map((id) => [id, sample]))];
      const payload = JSON.stringify(body);
      let dup = false;
      let received = false;
      await throughCrashes(state, identity, up, async (hub) => {
        if (!received) {
          hub.send({ cmd: 'publish', topic, payload, qos: 2, messageId, dup, retain: false });
          dup = true;
          assert.ok(((await hub.next('pubrec')).reasonCode ?? 0) < 0x80);
          received = true;
        }
        hub.send({ cmd: 'pubrel', messageId });
        await hub.next('pubcomp');
      });
    }
  });
  state.hub?.end();
  for (const [id, odd] of [[device.id, 0], [children[0], 1], [children[1], 1]]) {
    const rows = await client(server, 'partner', keys.partner_key).get(`/devices/${id}/telemetries?limit=1000`);
    const numbers = rows.map(({ telemetries }) => telemetries.n).sort((a, b) => a - b);
    assert.deepEqual(numbers, Array.from({ length: n }, (_, i) => i).filter((i) => i % 2 === odd));
  }
});

test('an absent session gets every message that was acknowledged, in order', { timeout: 600_000 }, async () => {
  const device = await register(server, model.key);
  await assign(server, [device.id]);
  const topic = `v1/device/${device.id}/user/n`;
  const identity = { username: device.id, password: device.access_key, clientId: device.id };
  const subscriber = await open(identity);
  subscriber.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic, qos: 1 }] });
  await subscriber.next('suback');
  subscriber.end();
  const state = {};
  let n = 0;
  const publisher = { username: 'org', password: keys.organization_key, clientId: 'publisher' };
  await underKills(async (up, isEnough) => {
    for (; n < perDevice && !isEnough(); n++) {
      const messageId = (n % 1000) + 1;
      let dup = false;
      await throughCrashes(state, publisher, up, async (hub) => {
        hub.send({ cmd: 'publish', topic, payload: String(n), qos: 1, messageId, dup, retain: false });
        dup = true;
        assert.equal((await hub.next('puback')).reasonCode ?? 0, 0);
      });
    }
  });
  state.hub?.end();
  const hub = await open(identity);
  assert.equal(hub.present, true);
  const got = [];
  while (got.at(-1) !== n - 1) {
    const packet = await hub.next('publish');
    got.push(Number(packet.payload));
    hub.send({ cmd: 'puback', messageId: packet.messageId, reasonCode: 0 });
  }
  hub.end();
  // QoS 1: a message may be there twice, then right behind itself; none is missing and none overtakes another.
  assert.deepEqual(got.filter((value, i) => value !== got[i - 1]), Array.from({ length: n }, (_, i) => i));
});

test('an event is stored once, on whichever side of its commit the server is killed', async () => {
  const device = await register(server, model.key);
  await assign(server, device.id);
  const names = async () => (await client(server, 'organization', keys.organization_key).get(`/devices/${device.id}/events`)).items.map(({ name }) => name);
  const login = { username: device.id, password: device.access_key, clientId: device.id };
  const send = async (peer, messageId, name, dup = false) => {
    peer.send({ cmd: 'publish', topic: `v1/device/${device.id}/events`, payload: JSON.stringify({ name, category: 'x' }), qos: 2, messageId, dup });
    assert.equal((await peer.next('pubrec')).reasonCode ?? 0, 0);
  };
  // What a kill between the event's commit and that of its id as done leaves, or one before the event's commit.
  const killed = async (sql) => {
    await server.kill();
    editDatabase(server.dir, sql);
    await start();
    return open(login);
  };
  let peer = await open(login);
  await send(peer, 1, 'stored');
  peer.end();
  peer = await killed('UPDATE mqtt_inbound SET intent = 5, intent_no = (SELECT intent_no FROM device_event ORDER BY no DESC LIMIT 1)');
  await send(peer, 1, 'stored', true);
  assert.deepEqual(await names(), ['stored']);
  peer.send({ cmd: 'pubrel', messageId: 1 });
  await peer.next('pubcomp');
  await send(peer, 2, 'lost');
  peer.end();
  peer = await killed("UPDATE mqtt_inbound SET intent = 5, intent_no = 12345; DELETE FROM device_event WHERE name = 'lost'");
  assert.deepEqual(await names(), ['stored']);
  await send(peer, 2, 'lost', true);
  assert.deepEqual(await names(), ['lost', 'stored']);
  peer.end();
});
