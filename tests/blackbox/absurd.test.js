// Every route with absurd queries and bodies: each gets an answer of JSON below 500, and the program goes on. Routes are
// read from the route tables.
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { assign, client, makeModel, register, request, startInstallation } from './support/server.js';
import { configured } from './support/config.js';
import { readRoutes } from './support/routes.js';

const agent = new http.Agent({ keepAlive: true, maxSockets: 16 });
let server;
let objects;
let keys;

before(async () => {
  server = await startInstallation({ args: configured('[limits]\nmanagement_requests = 0\ndevice_requests = 0\nfailed_signins_account = 0\n') });
  const partner = client(server, 'partner', server.partner_key);
  const organization = client(server, 'organization', server.organization_key);
  const model = await makeModel(server);
  const device = await register(server, model.key);
  await assign(server, device.id);
  await request(server.http, 'POST', `/v1/devices/${device.id}/telemetry`, { key: device.access_key, body: { telemetries: { a: 1 } } });
  const command = await organization.post(`/devices/${device.id}/commands`, { name: 'reboot' });
  const { items: [root] } = await organization.get('/spaces');
  objects = { model, device, root, command, hardwareKey: (await partner.get(`/models/${model.id}/hardware_keys`)).data[0], definition: (await partner.get(`/models/${model.id}/commands`)).data[0] };
  keys = { PARTNER: server.partner_key, ORGANIZATION: server.organization_key, DEVICE: device.access_key, PUBLIC: undefined };
});
after(async () => {
  agent.destroy();
  await server.stop();
});

function fill({ path }) {
  const { model, device, root, command, hardwareKey, definition } = objects;
  return path.replace(/:m(?=\/|$)/, model.id).replace('devices/:id', `devices/${device.id}`).replace('models/:id', `models/${model.id}`).replace('spaces/:id', `spaces/${root.id}`)
    .replace('organizations/:id', `organizations/${server.organization_id}`).replace(':key_id', hardwareKey.id).replace(':command_def_id', definition.id).replace(':command_id', command.id)
    .replace(':n', '1').replace(/:\w+/, 'x');
}

/** Runs the cases side by side; each is [route, path, raw body]. */
async function runAll(cases) {
  const queue = cases[Symbol.iterator]();
  await Promise.all(Array.from({ length: 16 }, async () => {
    for (const [route, path, raw] of queue) {
      const reply = await request(server.http, route.method, path, { key: keys[route.access], raw, agent });
      const what = `${route.method} ${path} ${raw ?? ''}`.slice(0, 400);
      assert.ok(reply.status < 500, `${what}: ${reply.status} ${reply.text}`);
      assert.ok(reply.json !== undefined || reply.headers['content-type'].startsWith('text/csv'), `${what}: ${reply.text.slice(0, 100)}`);
      assert.ok(route.access !== 'DEVICE' || ![401, 403].includes(reply.status), `${what}: ${reply.status} ${reply.text}`);
    }
  }));
}

test('queries', async () => {
  const names = ['page', 'per_page', 'limit', 'from', 'to', 'points', 'space_id', 'model_id', 'device_id', 'status', 'id', 'created_before', 'search', 'mac'];
  const values = ['9223372036854775807', '-9223372036854775808', '99999999999999999999', '1e308', '-1', '%00', '%ff', '%25%5f', '9999-12-31T23:59:59Z', 'x'];
  const cases = [];
  for (const route of readRoutes().filter(({ method, access, path }) => method === 'GET' && access in keys && access !== 'PUBLIC' && !/\/(stream|icon)$/.test(path))) {
    for (const name of names) for (const value of values) cases.push([route, `${fill(route)}?keys=a&${name}=${value}`]);
  }
  assert.ok(cases.length > 3000);
  await runAll(cases);
});

test('bodies', async () => {
  const fields = ['name', 'friendly_name', 'communication_protocol', 'device_type', 'authentication_method', 'api_version', 'offline_threshold_minutes', 'enabled_tabs', 'suggested_commands', 'icon', 'sku',
    'expected_count', 'enforce_count', 'file_type', 'timeout_seconds', 'custom_fields', 'admin_contact_email', 'scope', 'expires_at', 'device_ids', 'organization_id', 'space_id', 'parent_id', 'space_type',
    'config', 'configuration', 'custom_parameters', 'base_version', 'extra_params', 'file_id', 'scheduled_at', 'mac', 'sn', 'cloud_id', 'hardware_key', 'partner_key', 'firmware_version', 'details',
    'status', 'telemetries', 'timestamp', 'override', 'message', 'common', 'id', 'version'];
  const values = ['null', '-1', '1e308', '"99999999999999999999"', '"\\u0001\\ud83d\\ude00"', '[[{}]]', '{"a":{"b":[null]}}', '[{"name":"a","type":"select","options":[1,null,{"value":{}}]}]', '{"location":{"coordinates":"x"},"general":5}'];
  const once = /\/(publish|unpublish|revoke|restore|disconnect|rotate_key|unassign|unclaim|lookup)$/;
  const { model, device, root } = objects;
  let n = 0;
  const right = (path) => ({ name: `Absurd ${++n}`, friendly_name: 'F', communication_protocol: 'mqtt', device_type: 'physical', admin_contact_email: 'x@example.com',
    ...(/organization.*\/commands$/.test(path) ? { name: 'reboot' } : {}), ...(path === '/v1/devices' ? { hardware_key: model.key, firmware_version: '1.0.0', sn: `${n}`, mac: 'm' } : {}),
    ...(path.endsWith('/assign') ? { device_ids: [device.id], organization_id: server.organization_id } : {}), ...(/claim|move/.test(path) ? { space_id: root.id, mac: 'x', sn: 'y' } : {}),
    ...(path.endsWith('/command') ? { id: device.id, status: 'done' } : {}) });
  const cases = [];
  for (const route of readRoutes().filter(({ method, access, path }) => method !== 'GET' && method !== 'DELETE' && access in keys && !once.test(path) && !/setup|session|partner\/devices\/:id\/commands/.test(path))) {
    for (const field of fields) {
      for (const value of values) {
        const { [field]: dropped, ...rest } = right(route.path);
        const object = `${JSON.stringify(rest).slice(0, -1)},"${field}":${value}}`;
        cases.push([route, fill(route), /bulk_create|devices-1/.test(route.path) ? `[${object},${value}]` : object]);
      }
    }
  }
  assert.ok(cases.length > 5000);
  await runAll(cases);
  // Whatever was stored can be read again.
  for (const [tenant, key] of [['partner', server.partner_key], ['organization', server.organization_key]]) {
    for (const list of ['models', 'devices', 'audit', 'api_keys']) {
      const reply = await request(server.http, 'GET', `/core/v1/${tenant}/${list}?per_page=500`, { key });
      assert.equal(reply.status, 200);
      assert.ok(reply.json);
    }
  }
  const info = await request(server.http, 'GET', `/v1/devices/${device.id}`, { key: device.access_key });
  assert.ok(info.json);
});
