// Rollouts (management-api.md 6.2, portal.md 5.5): ordinary commands to many devices, in waves, each device once.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { client, makeModel, register, request, setup, startServer, until } from './support/server.js';
import { unlimited } from './support/config.js';

let keys;
let server;
let organization;
let model;

async function start() {
  server = Object.assign(await startServer({ dir: keys.dir, args: unlimited() }), { partner_key: keys.partner_key });
  organization = client(server, 'organization', keys.organization_key);
}
before(async () => {
  keys = setup();
  await start();
  model = await makeModel(server, { communication_protocol: 'https' });
});
after(async () => { await server?.stop(); keys?.remove(); });

async function newDevices(count, version) {
  const devices = [];
  for (let i = 0; i < count; i++) devices.push(await register(server, model.key, { firmware_version: version }));
  await client(server, 'partner', keys.partner_key).post('/devices/assign', { device_ids: devices.map(({ id }) => id), organization_id: keys.organization_id });
  return devices;
}
const rollout = (id) => organization.get(`/rollouts/${id}`);
const reaches = (id, probe, what) => until(async () => { const now = await rollout(id); return probe(now) && now; }, what);
async function finish(device, status) {
  const at = [server.http, 'GET', `/v1/devices/${device.id}/command`, { key: device.access_key }];
  const { json: command } = await request(...at);
  assert.ok(command.id, 'it has a command');
  const reply = await request(server.http, 'POST', `/v1/devices/${device.id}/command`, { key: device.access_key, body: { id: command.id, status, message: 'because' } });
  assert.equal(reply.status, 200);
  return command;
}

test('firmware in two waves: preview, start, a failure that pauses, resume, retry', async () => {
  const partner = client(server, 'partner', keys.partner_key);
  await partner.post(`/models/${model.id}/commands`, { name: 'update', friendly_name: 'Update', active: true, with_file: true, file_type: 'firmware',
    custom_fields: [{ name: 'pin', label: 'PIN', type: 'password', required: false }] });
  const { json: file } = await request(server.http, 'POST', `/core/v1/partner/models/${model.id}/files?name=FW&file_type=firmware&version=2.0.0`, { key: keys.partner_key, raw: 'firmware', headers: { 'content-type': 'application/octet-stream' } });
  const devices = await newDevices(4, '1.0.0');
  await newDevices(1, '1.1.0');
  const target = { model_id: model.id, firmware_version: '1.0.0' };
  assert.deepEqual(await organization.post('/rollouts/preview', { target: { model_id: model.id } }, 200), { devices: 5, firmware: [
    { model_id: model.id, model: model.name, version: '1.0.0', devices: 4 }, { model_id: model.id, model: model.name, version: '1.1.0', devices: 1 }] });
  const command = { name: 'update', file_id: file.id, extra_params: { pin: '1234' } };
  const made = await organization.post('/rollouts', { name: 'FW 2', target, command, waves: [50, 50], success_percent: 100, error_percent: 50 }, 201);
  assert.deepEqual([made.state, made.target, made.command, made.waves, made.wave, made.progress], ['draft', target, { ...command, extra_params: { pin: '*****' } }, [50, 50], 0, []]);
  assert.deepEqual((await organization.get('/rollouts')).items.map(({ id }) => id), [made.id]);
  await organization.post(`/rollouts/${made.id}/start`, {}, 200);
  const first = await reaches(made.id, ({ counts }) => counts.sent === 2, 'the first wave is sent');
  assert.deepEqual([first.state, first.devices, first.progress.map(({ devices: n, waiting }) => [n, waiting])], ['running', 4, [[2, 0], [2, 2]]]);
  const got = await finish(devices[0], 'done');
  assert.deepEqual([got.name, got.parameters.version, got.parameters.pin], ['update', '2.0.0', '1234']);
  assert.match(got.parameters.url, /\/f\//);
  await finish(devices[1], 'failed');
  assert.deepEqual(await rollout(made.id).then(({ state, reason }) => [state, reason]), ['paused', 'error_percent'], 'in the commit of the failure');
  const failed = (await organization.get(`/rollouts/${made.id}/devices?state=failed`)).items;
  assert.deepEqual(failed.map(({ device_id: id, reason, wave, command_id: commandId }) => [id, reason, wave, typeof commandId]), [[devices[1].id, 'because', 1, 'string']]);
  await organization.post(`/rollouts/${made.id}/retry_failed`, {}, 200);
  await reaches(made.id, ({ state, counts }) => state === 'running' && counts.sent === 1, 'it is sent again');
  await finish(devices[1], 'done');
  await reaches(made.id, ({ wave, counts }) => wave === 2 && counts.sent === 2, 'the second wave is sent');
  await organization.post(`/rollouts/${made.id}/pause`, {}, 200);
  await finish(devices[2], 'done');
  await organization.del(`/devices/${devices[3].id}`);
  assert.equal((await rollout(made.id)).state, 'paused');
  assert.equal((await organization.post(`/rollouts/${made.id}/resume`, {}, 200)).state, 'done');
  const end = await rollout(made.id);
  assert.deepEqual(end.counts, { waiting: 0, sent: 0, done: 3, failed: 0, skipped: 1 });
  const { items, has_next_page: more } = await organization.get(`/rollouts/${made.id}/devices?per_page=3&page=2`);
  assert.deepEqual([items.map(({ name, state, reason }) => [name, state, reason]), more], [[[null, 'skipped', 'Device was deleted']], false]);
  for (const action of ['start', 'pause', 'resume', 'abort']) assert.match((await organization.post(`/rollouts/${made.id}/${action}`, {}, 422)).error, /^Rollout cannot be /);
});

test('killed while it sends: every device gets its command once', async () => {
  const devices = await newDevices(24, '3.0.0');
  const made = await organization.post('/rollouts', { name: 'all', target: { firmware_version: '3.0.0' }, command: { name: 'reboot' } }, 201);
  await organization.post(`/rollouts/${made.id}/start`, {}, 200);
  await server.kill();
  await start();
  await reaches(made.id, ({ counts }) => counts.sent === 24, 'all are sent');
  for (const { id } of devices) assert.equal((await organization.get(`/devices/${id}/commands`)).items.length, 1);
});
