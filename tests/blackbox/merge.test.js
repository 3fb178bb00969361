// Devices merged into one (management-api.md 3.2): groups, refusals, and merged_effective_status (device-api.md 10.3).
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { assign, client, makeModel, register, request, startInstallation } from './support/server.js';
import { unlimited } from './support/config.js';

let server;
let organization;
let model;
before(async () => {
  server = await startInstallation({ args: unlimited() });
  organization = client(server, 'organization', server.organization_key);
  model = await makeModel(server);
});
after(() => server.stop());

const call = (method, path, body) => request(server.http, method, `/core/v1/organization${path}`, { key: server.organization_key, body });
async function newDevices(count) {
  const devices = [];
  for (let i = 0; i < count; i++) devices.push(await register(server, model.key));
  await assign(server, devices.map(({ id }) => id));
  return devices;
}
const ids = (devices) => devices.map(({ id }) => id);
const merge = (primary, devices) => call('POST', `/devices/${primary.id}/merge`, { with_device_ids: ids(devices) });
const split = (primary, shadow) => call('POST', `/devices/${primary.id}/split`, { shadow_device_id: shadow?.id });
const report = (device, status) =>
  request(server.http, 'POST', `/v1/devices/${device.id}/telemetry`, { key: device.access_key, body: { status } });
async function refused(reply, status, text) {
  const { status: got, json } = await reply;
  assert.deepEqual([got, json], [status, { error: text }]);
}
async function group(device) {
  return (await organization.get(`/devices/${device.id}`)).merged_device_ids;
}

test('merge and split', async () => {
  const [a, b, c, d, e] = await newDevices(5);
  assert.deepEqual(await group(a), []);
  assert.deepEqual((await merge(a, [b])).json, { success: true });
  assert.deepEqual((await merge(a, [b, c, d])).json, { success: true });
  assert.deepEqual(await group(c), ids([a, b, c, d]));
  await refused(merge(a, [e]), 422, 'merge group would exceed max size 4');
  assert.deepEqual((await split(a, c)).json, { success: true });
  assert.deepEqual(await group(c), []);
  await refused(split(a, c), 422, 'device is not a shadow of this primary');
  await refused(split(b, d), 422, 'device is not a shadow of this primary');
  await refused(split(a, a), 422, 'device is not a shadow of this primary');
  await refused(merge(c, [b]), 422, 'Device is already merged');
  await refused(merge(b, [c]), 422, 'Device is already merged');
  assert.deepEqual((await merge(a, [c])).json, { success: true });
  // The primary goes: its shadows are devices of their own. A shadow goes: the others stay.
  await organization.del(`/devices/${b.id}`);
  assert.deepEqual(await group(a), ids([a, c, d]));
  await organization.post(`/devices/${d.id}/unclaim`);
  assert.deepEqual(await group(a), ids([a, c]));
  await organization.del(`/devices/${a.id}`);
  assert.deepEqual(await group(c), []);
});

test('refusals', async () => {
  const [a, b, c, d, e] = await newDevices(5);
  for (const body of [{}, { with_device_ids: [] }, { with_device_ids: a.id }]) {
    await refused(call('POST', `/devices/${a.id}/merge`, body), 400, 'with_device_ids must not be empty');
  }
  await refused(merge(a, [{ id: randomUUID() }]), 404, 'Device not found');
  await refused(merge(a, [await register(server, model.key)]), 404, 'Device not found');
  await refused(merge(a, [a]), 422, 'With device ids is invalid');
  await refused(merge(a, [b, c, d, e]), 422, 'merge group would exceed max size 4');
  assert.deepEqual(await group(a), [], 'all or none');
  await refused(split(a), 422, 'Parameter shadow_device_id is required');
  await refused(split(a, { id: 'x' }), 404, 'Device not found');
});

test('merged_effective_status is the worst of the group, whatever it is made of', async () => {
  const worstFirst = ['error', 'offline', 'disconnected', 'warning', 'ok', 'never_seen'];
  const statuses = [undefined, 'online', 'offline', 'error'];
  let seed = 7;
  const random = (below) => { seed = (seed * 1103515245 + 12345) % 2147483648; return Math.floor(seed / 65536) % below; };
  for (let round = 0; round < 12; round++) {
    const devices = await newDevices(2 + random(3));
    for (const device of devices) {
      const status = statuses[random(4)];
      if (status) await report(device, status);
    }
    await merge(devices[0], devices.slice(1));
    const seen = await Promise.all(devices.map(({ id }) => organization.get(`/devices/${id}`)));
    const worst = worstFirst.find((status) => seen.some((device) => device.effective_status === status));
    for (const device of seen) assert.equal(device.merged_effective_status, worst, JSON.stringify(seen.map((one) => one.effective_status)));
  }
});
