// Life-cycle events over the real program (mqtt.md 13): what the live session is told, whether the stored one stays, and what
// the next CONNECT gets.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { client as api, makeModel, register, startInstallation } from './support/server.js';
import { connect, subscribe } from './support/mqtt.js';

let server;
let model;
let partner;
before(async () => {
  server = await startInstallation();
  model = await makeModel(server);
  partner = api(server, 'partner', server.partner_key);
  await partner.post(`/models/${model.id}/publish`, {});
});
after(() => server.stop());

const STORED = { clean: false, properties: { sessionExpiryInterval: 600 } };
const refused = (options) => connect(server, options).then(() => assert.fail('CONNECT was accepted'), (error) => error.code);

/** A device with a stored session that has a subscription. */
async function deviceWithSession() {
  const device = await register(server, model.key);
  const session = await connect(server, { id: device.id, key: device.access_key, ...STORED });
  assert.deepEqual(await subscribe(session, [`v1/device/${device.id}/config`]), [1]);
  return { device, session };
}

test('a deleted device', async () => {
  const { device, session } = await deviceWithSession();
  await partner.del(`/devices/${device.id}`);
  await session.closed;
  assert.deepEqual([session.disconnects, session.reasons], [[0x98], ['Device deleted']]);
  assert.equal(await refused({ id: device.id, key: device.access_key }), 0x86);
});

test('a rotated access key', async () => {
  const { device, session } = await deviceWithSession();
  const { access_key: key } = await partner.post(`/devices/${device.id}/rotate_key`, {});
  await session.closed;
  assert.deepEqual([session.disconnects, session.reasons], [[0x87], ['Access key rotated']]);
  assert.equal(await refused({ id: device.id, key: device.access_key }), 0x86);
  const again = await connect(server, { id: device.id, key, ...STORED });
  assert.equal(again.connack.sessionPresent, true);
  await again.endAsync();
});

test('a suspended organization', async () => {
  const { device, session } = await deviceWithSession();
  const customer = await partner.post('/organizations', { name: 'Harbour College', admin_contact_email: 'h@example.com' });
  await partner.post('/devices/assign', { device_ids: [device.id], organization_id: customer.id });
  await partner.patch(`/organizations/${customer.id}`, { suspended: true });
  await session.closed;
  assert.deepEqual([session.disconnects, session.reasons], [[0x87], ['Suspended']]);
  const who = { id: device.id, key: device.access_key };
  assert.deepEqual(await connect(server, who).catch(({ code, reason }) => [code, reason]), [0x87, 'Suspended']);
  await partner.patch(`/organizations/${customer.id}`, { suspended: false });
  const again = await connect(server, { ...who, ...STORED });
  assert.equal(again.connack.sessionPresent, true);
  await again.endAsync();
});

test('a device of an HTTPS model', async () => {
  const https = await makeModel(server, { communication_protocol: 'https' });
  const device = await register(server, https.key);
  assert.deepEqual(await connect(server, { id: device.id, key: device.access_key }).catch(({ code, reason }) => [code, reason]), [0x87, 'Model uses HTTPS']);
});

test('a kicked device', async () => {
  const { device, session } = await deviceWithSession();
  await partner.post(`/devices/${device.id}/disconnect`, {});
  await session.closed;
  assert.deepEqual(session.disconnects, [0x98]);
  const again = await connect(server, { id: device.id, key: device.access_key, ...STORED });
  assert.equal(again.connack.sessionPresent, true);
  await again.endAsync();
});

test('a revoked API key', async () => {
  const made = await partner.post('/api_keys', { name: 'follower' }, 201);
  const who = { clientId: 'follower', username: 'partner', password: made.key };
  const session = await connect(server, { ...who, ...STORED });
  await partner.del(`/api_keys/${made.id}`);
  await session.closed;
  assert.deepEqual([session.disconnects, session.reasons], [[0x87], ['API key revoked']]);
  assert.equal(await refused(who), 0x86);
  // With another key of the same tenant: the session went with the key.
  const again = await connect(server, { ...who, password: server.partner_key, ...STORED });
  assert.equal(again.connack.sessionPresent, false);
  await again.endAsync();
});
