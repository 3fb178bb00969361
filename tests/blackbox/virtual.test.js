// Virtual devices (management-api.md 5.7, portal.md 8.2): they come in by the public doors, do what devices do, and end.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { client, makeModel, register, request, setup, startServer, until } from './support/server.js';
import { configured } from './support/config.js';

const settings = (more = '') => configured(`[limits]\nmanagement_requests = 0\n[virtual]\ninterval = 300ms\ndevices_partner = 3\n${more}`);
let keys;
let server;
let partner;
let organization;

async function start(more) {
  server = await startServer({ dir: keys.dir, args: settings(more) });
  Object.assign(server, { partner_key: keys.partner_key, organization_id: keys.organization_id });
  partner = client(server, 'partner', keys.partner_key);
  organization = client(server, 'organization', keys.organization_key);
}
before(async () => { keys = setup(); await start(); });
after(async () => { await server?.stop(); keys.remove(); });

const device = (id) => partner.get(`/devices/${id}`);
const models = {};
const made = {};

test('it registers, is online by its protocol, and nothing of provisioning tells of it', async () => {
  await partner.patch('/settings', { webhook: { url: 'http://127.0.0.1:9/', events: ['registered_device', 'claimed_device', 'deleted_device'] } });
  for (const protocol of ['mqtt', 'https']) {
    models[protocol] = await makeModel(server, { communication_protocol: protocol, authentication_method: protocol === 'mqtt' ? 'mac_sn' : 'cloud_id' });
    made[protocol] = await partner.post(`/models/${models[protocol].id}/virtual_devices`, {}, 201);
    assert.equal(made[protocol].virtual, true);
    assert.equal(made[protocol].model.id, models[protocol].id);
  }
  const online = async (id) => { const now = await device(id); return now.state.temp !== undefined && now; };
  const [mqtt, https] = await Promise.all([made.mqtt, made.https].map(({ id }) => until(() => online(id), 'it reports')));
  assert.deepEqual([mqtt.status, mqtt.connected, https.status, https.connected], ['online', true, 'online', false]);
  const ordinary = await register(server, models.mqtt.key);
  assert.equal((await device(ordinary.id)).virtual, false);
  assert.deepEqual((await partner.get('/registrations')).data.map(({ device_id: id }) => id), [ordinary.id]);
  const [key] = (await partner.get(`/models/${models.mqtt.id}/hardware_keys`)).data;
  assert.equal(key.used_count, 1, 'the ordinary one');
  assert.equal((await partner.get(`/models/${models.https.id}/hardware_keys`)).data[0].used_count, 0);
});

test('it carries out commands, and applies configurations', async () => {
  const ids = [made.mqtt.id, made.https.id];
  await partner.post('/devices/assign', { device_ids: ids, organization_id: keys.organization_id });
  const sent = await Promise.all(ids.map((id) => organization.post(`/devices/${id}/commands`, { name: 'reboot' })));
  await Promise.all(ids.map((id) => organization.patch(`/devices/${id}`, { configuration: { volume: 40 } })));
  await Promise.all(ids.map((id, i) => until(async () =>
    (await organization.get(`/devices/${id}/commands/${sent[i].id}`)).status === 'done', 'the command is done')));
  await Promise.all(ids.map((id) => until(async () => {
    const now = await organization.get(`/devices/${id}`);
    return now.virtual && now.applied_config_version === 1 && now.config_version === 1;
  }, 'the configuration is applied')));
  const types = (await partner.get('/webhook_deliveries')).data.filter(({ device_id: id }) => ids.includes(id));
  assert.deepEqual(types, []);
});

test('what it is refused for', async () => {
  const post = (model, status) => partner.post(`/models/${model}/virtual_devices`, {}, status);
  const digital = await partner.post('/models', { name: 'Cloud', communication_protocol: 'https', device_type: 'digital', authentication_method: 'mac_sn' });
  assert.deepEqual(await post(digital.id, 422), { error: 'Only physical models have virtual devices' });
  assert.deepEqual(await post('00000000-0000-4000-8000-000000000000', 404), { error: 'Model not found' });
  const at = [server.http, 'POST', `/core/v1/partner/models/${models.https.id}/virtual_devices`];
  const once = { key: keys.partner_key, body: {}, headers: { 'idempotency-key': 'once' } };
  const [first, second] = [await request(...at, once), await request(...at, once)];
  assert.deepEqual([first.status, second.status, second.json.id], [201, 201, first.json.id], 'one and the same');
  assert.deepEqual(await post(models.mqtt.id, 422), { error: 'Too many virtual devices' });
  await partner.del(`/devices/${first.json.id}`);
  made.third = await post(models.https.id, 201);
  await partner.del(`/devices/${made.third.id}`);
});

test('it goes on after a kill, and ends when its time has passed', async () => {
  await server.kill();
  await start();
  assert.equal((await device(made.mqtt.id)).virtual, true);
  await until(async () => (await device(made.mqtt.id)).connected, 'it is back');
  const left = await organization.post(`/devices/${made.https.id}/commands`, { name: 'reboot' });
  await until(async () => (await organization.get(`/devices/${made.https.id}/commands/${left.id}`)).status !== 'pending', 'it polls again');
  await server.stop();
  await start('duration = 1ms');
  for (const { id } of [made.mqtt, made.https]) {
    const now = await until(async () => { const seen = await device(id); return seen.status === 'offline' && !seen.connected && seen; }, 'it says goodbye');
    assert.deepEqual([now.virtual, now.state.status], [true, 'offline']);
    await partner.del(`/devices/${id}`);
  }
  assert.equal((await partner.get('/devices')).data.length, 1, 'the ordinary one');
});
