// A store that cannot write any more (device-api.md 1.3.4, 1.9, 12.10): everybody is told 503, no device is told that it
// is not known, nothing that was acknowledged is lost. Full is played by a limit on the size of files.
import assert from 'node:assert/strict';
import http from 'node:http';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { binary, client, makeModel, register, request, setup, startServer } from './support/server.js';
import { configured, unlimited } from './support/config.js';
import { connectUrl, publish, subscribe } from './support/mqtt.js';

const UNAVAILABLE = '{"error":"Service unavailable"}';
const FILE_KIB_MAX = 2000;
const ATTEMPTS_MAX = 4000;
const PADDING = 'y'.repeat(900);
const agent = new http.Agent({ keepAlive: true, maxSockets: 16 });

let keys;
let folder;
let model;
let device;
let talkers = [];

before(async () => {
  keys = setup();
  folder = mkdtempSync(join(tmpdir(), 'muster-storage-'));
  const server = Object.assign(await startServer({ dir: keys.dir, args: unlimited() }), keys);
  model = await makeModel(server);
  device = await register(server, model.key);
  await client(server, 'partner', keys.partner_key).post('/devices/assign', { device_ids: [device.id], organization_id: keys.organization_id });
  await server.stop();
});
after(() => {
  for (const peer of talkers) peer.end(true);
  agent.destroy();
  keys.remove();
  rmSync(folder, { recursive: true, force: true });
});

/** The program with a limit on the size of files, whose signal is ignored: writes fail instead. */
function limitedProgram() {
  const file = join(folder, 'limited');
  writeFileSync(file, `#!/bin/bash\ntrap '' XFSZ\nulimit -f ${FILE_KIB_MAX}\nexec '${binary}' "$@"\n`, { mode: 0o755 });
  return file;
}

/** Stored sessions, on both loops, whose QoS 2 messages go to one another through a group, until they are sent away. */
async function talk({ host, port }) {
  talkers = await Promise.all(Array.from({ length: 6 }, (_, n) => connectUrl(`mqtt://${host}:${port}`, { clientId: `talker-${n}`, clean: false, properties: { sessionExpiryInterval: 600 } })));
  for (const peer of talkers) await subscribe(peer, '$share/group/talk', { qos: 2 });
  for (const peer of talkers) {
    const gone = peer.closed.then(() => false);
    void (async () => { while (await Promise.race([publish(peer, 'talk', PADDING, { qos: 2 }).then(() => true, () => false), gone])); })();
  }
}

test('12.10 a full disk: 503 with Retry-After, nothing else; what was acknowledged is there afterwards', { timeout: 120_000 }, async () => {
  const twoLoops = '[server]\nloops = 2\n[limits]\nmanagement_requests = 0\ndevice_requests = 0\n';
  const full = await startServer({ dir: keys.dir, args: [...configured(twoLoops), '--mqtt-open', '127.0.0.1:0'], program: limitedProgram() });
  await talk(full['mqtt-open']);
  const registered = [];
  const samples = [];
  const refused = { registration: 0, telemetry: 0 };
  let n = 0;
  const judge = (reply, what) => {
    if (reply.status === 201) return true;
    assert.deepEqual([reply.status, reply.text], [503, UNAVAILABLE], what);
    assert.ok(Number(reply.headers['retry-after']) >= 1);
    refused[what]++;
    return false;
  };
  const both = () => refused.registration > 20 && refused.telemetry > 20;
  await Promise.all(Array.from({ length: 16 }, async () => {
    while (!both() && n < ATTEMPTS_MAX) {
      const i = n++;
      const registration = await request(full.http, 'POST', '/v1/devices', { agent, body: { hardware_key: model.key, firmware_version: '1.0.0', sn: `F-${i}`, mac: `${i}`, details: { PADDING } } });
      if (judge(registration, 'registration')) registered.push(registration.json);
      const telemetry = await request(full.http, 'POST', `/v1/devices/${device.id}/telemetry`, { agent, key: device.access_key, body: { telemetries: { i, text: PADDING } } });
      if (judge(telemetry, 'telemetry')) samples.push(i);
    }
  }));
  assert.ok(both(), `the store is full after ${n} attempts: ${JSON.stringify(refused)}`);
  assert.ok(registered.length > 0 && samples.length > 0);

  // Whoever asks for something is answered, or told to come again; nobody is told that it does not exist.
  for (let round = 0; round < 5; round++) {
    for (const [method, path, body] of [['GET', ''], ['GET', '/command'], ['GET', '/config'], ['POST', '/config', { padding: PADDING }], ['POST', '/telemetry', { telemetries: { text: PADDING } }], ['POST', '/command', { id: device.id, status: 'done' }]]) {
      const reply = await request(full.http, method, `/v1/devices/${device.id}${path}`, { key: device.access_key, body, agent });
      assert.ok([200, 201, 503].includes(reply.status) || (path === '/command' && reply.status === 404), `${method} ${path}: ${reply.status} ${reply.text}`);
    }
    const list = await request(full.http, 'GET', '/core/v1/partner/devices', { key: keys.partner_key, agent });
    assert.ok([200, 503].includes(list.status), list.text);
  }
  const foreign = await request(full.http, 'GET', `/v1/devices/${device.id}`, { key: '0'.repeat(32), agent });
  assert.equal(foreign.status, 401, 'bad credentials stay bad');
  assert.equal((await request(full.http, 'GET', '/', { agent })).status, 200);
  await full.stop(); // in order, though what the hub could not store is still waiting, also for members on the other loop

  const server = await startServer({ dir: keys.dir, args: unlimited() });
  const [one] = (await Promise.all(registered.map(({ id, access_key: key }) => request(server.http, 'GET', `/v1/devices/${id}`, { key, agent })))).filter(({ status }) => status !== 200);
  assert.equal(one, undefined, 'an acknowledged registration is lost');
  const from = client(server, 'partner', keys.partner_key);
  const kept = new Set((await from.get(`/devices/${device.id}/telemetries?limit=1000`)).map(({ telemetries }) => telemetries.i));
  const expected = samples.slice(-900);
  assert.deepEqual(expected.filter((i) => !kept.has(i)), [], 'acknowledged samples are lost');
  assert.equal((await request(server.http, 'POST', `/v1/devices/${device.id}/telemetry`, { key: device.access_key, body: {} })).status, 201, 'and it goes on');
  assert.equal((await request(server.http, 'GET', '/healthz')).status, 200);
  await server.stop();
});
