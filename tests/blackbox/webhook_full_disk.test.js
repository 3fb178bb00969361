// A webhook that was delivered while the disk was full: what cannot be written down is not sent again, only written down later
// (management-api.md 8.1).
import assert from 'node:assert/strict';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { configured } from './support/config.js';
import { startReceiver } from './support/receiver.js';
import { client, makeModel, register, request, setup, startServer, until } from './support/server.js';
import { smallDisk } from './support/small_disk.js';

const disk = smallDisk(16);
const { skip } = disk; // false, or why no small disk can be had here

let keys;
let server;
let receiver;

before(async () => {
  if (skip) return;
  keys = setup();
  cpSync(keys.dir, join(disk.path, 'data'), { recursive: true });
  receiver = await startReceiver();
  server = Object.assign(await startServer({
    dir: join(disk.path, 'data'),
    args: [...configured('[notify]\nallowed_networks = 127.0.0.1\nfirst_retry = 1ms\nsecond_retry = 1ms\ntimeout = 10m\n[limits]\naddress_requests = 0\nmanagement_requests = 0\n'), '--metrics', '127.0.0.1:0'],
  }), { ...keys, dir: join(disk.path, 'data') });
});
after(async () => {
  if (!skip) {
    await server.stop();
    await receiver.close();
    keys.remove();
  }
  disk.remove();
});

const failures = async () => Number((await request(server.metrics, 'GET', '/metrics')).text.match(/^muster_store_failures_total (\d+)/m)[1]);

test('what was sent while nothing could be written is written down later, and not sent twice', { skip }, async () => {
  const partner = client(server, 'partner', keys.partner_key);
  const model = await makeModel(server);
  await partner.patch('/settings', { webhook: { url: receiver.url } });
  let answer;
  const held = new Promise((done) => { answer = done; });
  receiver.answer = () => held;
  const { id } = await register(server, model.key);
  await receiver.next();
  disk.fill();
  let n = 0; // what room there is in the files is used up
  await until(async () => {
    const body = { hardware_key: model.key, firmware_version: '1.0.0', sn: `F-${++n}`, mac: `F-${n}` };
    return (await request(server.http, 'POST', '/v1/devices', { body })).status === 503;
  }, 'nothing can be written');
  const before = await failures();
  answer(204);
  await until(async () => (await failures()) > before, 'the result cannot be written');
  disk.free();
  const row = await until(async () => (await partner.get('/webhook_deliveries')).data.find(({ payload, state }) => payload.device_id === id && state === 'delivered'), 'written down');
  assert.equal(row.attempts, 1);
  assert.equal(receiver.calls.filter(({ json }) => json.device_id === id).length, 1);
});
