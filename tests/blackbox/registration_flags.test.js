// What the provisioning log marks (management-api.md 5.2): counts, duplicates, networks, sudden rates.
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { client, makeModel, register, startInstallation, until } from './support/server.js';
import { unlimited } from './support/config.js';

let server;
let partner;
before(async () => {
  server = await startInstallation({ args: unlimited() });
  partner = client(server, 'partner', server.partner_key);
});
after(() => server.stop());

const log = async (model) => (await partner.get(`/registrations?model_id=${model.id}&per_page=500&order=ASC`)).data;

/** A registration from another loopback address; resolves with the status. */
function registerFrom(localAddress, key, sn) {
  const body = JSON.stringify({ hardware_key: key, firmware_version: '1.0.0', sn, mac: sn });
  return new Promise((resolve, reject) => {
    const call = http.request({ host: server.http.host, port: server.http.port, localAddress, method: 'POST', path: '/v1/devices', agent: false,
      headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) } }, (reply) => { reply.resume(); reply.on('end', () => resolve(reply.statusCode)); });
    call.on('error', reject);
    call.end(body);
  });
}

test('a count above the expected one, and a duplicate', async () => {
  const model = await makeModel(server);
  const key = (await partner.get(`/models/${model.id}/hardware_keys`)).data[0];
  await partner.patch(`/models/${model.id}/hardware_keys/${key.id}`, { expected_count: 2 });
  await register(server, model.key, { sn: 'A1' });
  await register(server, model.key, { sn: 'A2' });
  assert.deepEqual((await log(model)).map(({ flags }) => flags), [[], []]);
  await register(server, model.key, { sn: 'A3' });
  await assert.rejects(register(server, model.key, { sn: 'A3' }), /already/);
  const rows = await until(async () => { const all = await log(model); return all.length === 4 && all; }, 'the refusal is in the log');
  assert.deepEqual(rows.map(({ flags }) => flags),
    [['count_above_expected'], ['count_above_expected'], ['count_above_expected'], ['duplicate_identity']]);
});

test('one key from many networks, and a sudden rate', async () => {
  const model = await makeModel(server);
  for (let i = 0; i < 21; i++) assert.equal(await registerFrom(`127.0.${i + 1}.1`, model.key, `N${i}`), 201);
  assert.deepEqual(new Set((await log(model)).map(({ flags }) => flags.join())), new Set(['many_networks']));
  for (let i = 21; i < 50; i++) await register(server, model.key, { sn: `N${i}` });
  assert.deepEqual(new Set((await log(model)).map(({ flags }) => flags.join())), new Set(['many_networks,sudden_rate']));
});
