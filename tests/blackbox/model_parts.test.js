// What a model says of its devices: configuration schema, parameters, telemetry keys, widgets (management-api.md 5.4), and
// what follows from it for edits (3.2, 6.1) and series.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { assign, client, makeModel, register, request, startInstallation, until } from './support/server.js';
import { unlimited } from './support/config.js';

let server;
let partner;
let organization;
before(async () => {
  server = await startInstallation({ args: unlimited() });
  partner = client(server, 'partner', server.partner_key);
  organization = client(server, 'organization', server.organization_key);
});
after(() => server.stop());

const call = (kind, method, path, body, raw) =>
  request(server.http, method, `/core/v1/${kind}${path}`, { key: server[`${kind}_key`], body, raw });
async function refused(reply, status, text) {
  const { status: got, json } = await reply;
  assert.deepEqual([got, json], [status, { error: text }]);
}
async function newDevice(model) {
  const device = await register(server, model.key);
  await assign(server, device.id);
  return device;
}

const SCHEMA = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  type: 'object',
  definitions: { port: { type: 'integer', minimum: 1, maximum: 65535 } },
  properties: {
    network: {
      type: 'object', required: ['host'], additionalProperties: false,
      properties: { host: { type: 'string', format: 'hostname' }, ports: { type: 'array', items: { $ref: '#/definitions/port' } } },
    },
  },
  additionalProperties: false,
};

describe('configuration schema', () => {
  test('is stored with a version, read, shown to customers, and deleted', async () => {
    const model = await makeModel(server);
    await partner.post(`/models/${model.id}/publish`);
    const path = `/models/${model.id}/config_schema`;
    await refused(call('partner', 'GET', path), 404, 'Config schema not found');
    const versions = (await partner.get(`/models/${model.id}/versions`)).page_info.total_count;
    assert.deepEqual(await partner.put(path, SCHEMA), SCHEMA);
    assert.deepEqual(await partner.get(path), SCHEMA);
    assert.deepEqual((await organization.get(`/models/${model.id}`)).config_schema, SCHEMA);
    const list = await partner.get(`/models/${model.id}/versions`);
    assert.equal(list.page_info.total_count, versions + 1);
    assert.deepEqual(list.data[0].document.config_schema, SCHEMA);
    assert.deepEqual(await partner.del(path), { success: true });
    await refused(call('partner', 'DELETE', path), 404, 'Config schema not found');
    await partner.post(`/models/${model.id}/versions/${list.data[0].n}/restore`);
    assert.deepEqual(await partner.get(path), SCHEMA);
    const audit = await partner.get(`/audit?object_id=${model.id}&action=model.config_schema`);
    assert.equal(audit.page_info.total_count, 2);
  });

  test('what is no schema, or none that can be enforced, is refused', async () => {
    const { id } = await makeModel(server);
    const put = (body) => call('partner', 'PUT', `/models/${id}/config_schema`, body);
    const section = (fields) => ({ type: 'object', properties: { a: { type: 'object', properties: { x: fields } } } });
    const invalid = (text) => `Config schema is invalid: ${text}`;
    for (const [body, text] of [
      [{}, invalid('type must be object')],
      [{ type: 'array' }, invalid('type must be object')],
      [{ type: 'object', properties: { a: { type: 'string' } } }, 'Every property must sit inside an object'],
      [{ type: 'object', properties: { a: true } }, 'Every property must sit inside an object'],
      [section({ type: 'text' }), invalid('properties.a.properties.x.type is invalid')],
      [section({ pattern: '(' }), invalid('properties.a.properties.x.pattern is not a regular expression')],
      [section({ unevaluatedItems: false }), invalid('properties.a.properties.x.unevaluatedItems is not supported')],
      [section({ $ref: 'http://example.com/x' }), invalid('properties.a.properties.x.$ref is not supported outside of this document')],
      [{ ...SCHEMA, $schema: 'https://json-schema.org/draft/2020-12/schema' }, invalid('$schema must be draft 6 or 7')],
      [[], 'Body must be an object'],
    ]) await refused(put(body), 422, text);
    await refused(put({ type: 'object', description: 'x'.repeat(256 * 1024) }), 413, 'Payload too large');
    await refused(call('partner', 'PUT', `/models/${id}/config_schema`, undefined, '{'), 400, 'Invalid JSON');
    await refused(call('partner', 'PUT', `/models/${randomUUID()}/config_schema`, SCHEMA), 404, 'Model not found');
    await refused(call('partner', 'GET', `/models/${id}/config_schema`), 404, 'Config schema not found');
  });

  test('binds every edit by the cloud, and no device', async () => {
    const model = await makeModel(server);
    await partner.put(`/models/${model.id}/config_schema`, SCHEMA);
    const device = await newDevice(model);
    const good = { network: { host: 'hub.example.com', ports: [80, 443] } };
    const bad = { network: { host: 'hub.example.com', ports: [80, 0] } };
    const text = 'Configuration is invalid: network.ports[1] must be at least 1';
    await refused(call('organization', 'PATCH', `/devices/${device.id}`, { configuration: bad, name: 'no' }), 422, text);
    await refused(call('organization', 'PUT', `/devices/${device.id}/config`, { config: bad }), 422, text);
    await refused(call('organization', 'PUT', `/devices/${device.id}/config`, { config: { network: {} } }), 422,
      'Configuration is invalid: network.host is required');
    await refused(call('organization', 'PUT', `/devices/${device.id}/config`, { config: { volume: 1 } }), 422,
      'Configuration is invalid: volume is not allowed');
    await refused(call('organization', 'PUT', `/devices/${device.id}/config`, { config: [] }), 422, 'Configuration must be an object');
    const { name, config_version: version } = await organization.get(`/devices/${device.id}`);
    assert.deepEqual([name, version], [model.name, 0]);
    assert.deepEqual((await organization.put(`/devices/${device.id}/config`, { config: good })).config, good);
    const own = await request(server.http, 'POST', `/v1/devices/${device.id}/config`, { key: device.access_key, body: { volume: 1 } });
    assert.equal(own.status, 200);
    await partner.del(`/models/${model.id}/config_schema`);
    assert.equal((await organization.put(`/devices/${device.id}/config`, { config: { volume: 2 } })).version, 3);
  });
});

describe('parameters', () => {
  test('are replaced as a whole and bind custom_parameters', async () => {
    const model = await makeModel(server);
    const path = `/models/${model.id}/parameters`;
    assert.deepEqual(await partner.get(path), []);
    const parameters = [{ name: 'SNMP community', type: 'text', required: true }, { name: 'Password', type: 'password', required: false },
      { name: 'Port', type: 'number', required: false }];
    assert.deepEqual(await partner.put(path, [parameters[0], { name: ' Password ', type: 'password' }, parameters[2]]), parameters);
    const device = await newDevice(model);
    const set = (custom_parameters) => call('organization', 'PATCH', `/devices/${device.id}`, { custom_parameters });
    await refused(set({ Port: 1 }), 422, 'Parameter SNMP community is required');
    await refused(set({ 'SNMP community': 'x', Colour: 1 }), 422, 'Unknown parameter Colour');
    await refused(set({ 'SNMP community': 'x', Port: 'x' }), 422, 'Port is invalid');
    assert.deepEqual((await set({ 'SNMP community': 'public', Password: 'secret' })).json.custom_parameters,
      { 'SNMP community': 'public', Password: '*****' });
    assert.equal((await partner.post(`/models/${model.id}/clone`, { name: `${model.name} II`, communication_protocol: 'https' })).vendor, model.vendor);
  });

  test('errors', async () => {
    const { id } = await makeModel(server);
    const put = (body) => call('partner', 'PUT', `/models/${id}/parameters`, body);
    await refused(put({}), 422, 'Body must be an array');
    await refused(put([1]), 422, 'Item is invalid');
    await refused(put([{}]), 422, 'Parameter name is required');
    await refused(put([{ name: ' ' }]), 422, "Name can't be blank");
    await refused(put([{ name: 'x'.repeat(129) }]), 422, 'Name is too long (maximum is 128 characters)');
    await refused(put([{ name: 'a' }, { name: 'a' }]), 422, 'Name has already been taken');
    await refused(put([{ name: 'a', type: 'date' }]), 422, 'Type is invalid');
    await refused(put([{ name: 'a', required: 'yes' }]), 422, 'Required is invalid');
    await refused(put(Array.from({ length: 101 }, (_, i) => ({ name: `p${i}` }))), 422, 'Too many items, maximum is 100');
    assert.deepEqual(await partner.get(`/models/${id}/parameters`), []);
  });
});

describe('telemetry keys', () => {
  test('are those the devices report, with what the maker says of them', async () => {
    const model = await makeModel(server);
    const path = `/models/${model.id}/telemetry_keys`;
    assert.deepEqual(await partner.get(path), []);
    const devices = [await newDevice(model), await newDevice(model)];
    const report = (device, telemetries) =>
      request(server.http, 'POST', `/v1/devices/${device.id}/telemetry`, { key: device.access_key, body: { telemetries } });
    await report(devices[0], { temp: 21.5, input: 'HDMI 1' });
    await report(devices[1], { temp: 20, alarm: true });
    const keys = await until(async () => {
      const list = await partner.get(path);
      return list.length === 3 && list.find(({ key }) => key === 'temp').devices === 2 && list;
    }, 'the states are checkpointed');
    assert.deepEqual(keys.map(({ key, type, devices: count }) => [key, type, count]),
      [['alarm', 'boolean', 1], ['input', 'string', 1], ['temp', 'number', 2]]);
    assert.deepEqual(Object.keys(keys[0]), ['key', 'type', 'unit', 'label', 'metered', 'last_seen_at', 'devices']);
    assert.match(keys[0].last_seen_at, /^\d{4}-.*Z$/);
    const changed = await partner.put(path, [{ key: 'temp', unit: '°C', label: 'Temperature', metered: true }, { key: 'hours', unit: 'h' }]);
    assert.deepEqual(changed.find(({ key }) => key === 'hours'),
      { key: 'hours', type: null, unit: 'h', label: null, metered: false, last_seen_at: null, devices: 0 });
    await partner.put(path, [{ key: 'temp', label: null }]);
    const temp = (await partner.get(path)).find(({ key }) => key === 'temp');
    assert.deepEqual([temp.unit, temp.label, temp.metered], ['°C', null, true]);
    const { series } = await organization.get(`/devices/${devices[0].id}/series?keys=temp,input`);
    assert.deepEqual(series.map(({ key, unit, points }) => [key, unit, points.length]), [['temp', '°C', 1], ['input', null, 1]]);
  });

  test('errors', async () => {
    const { id } = await makeModel(server);
    const put = (body) => call('partner', 'PUT', `/models/${id}/telemetry_keys`, body);
    await refused(put({}), 422, 'Body must be an array');
    await refused(put([{ unit: 'm' }]), 422, 'Parameter key is required');
    await refused(put([{ key: 'a', unit: 'x'.repeat(33) }]), 422, 'Unit is too long (maximum is 32 characters)');
    await refused(put([{ key: 'a', metered: 3 }]), 422, 'Metered is invalid');
    assert.deepEqual(await partner.get(`/models/${id}/telemetry_keys`), []);
  });
});

describe('widgets', () => {
  test('are replaced as a whole and shown to customers', async () => {
    const model = await makeModel(server);
    await partner.post(`/models/${model.id}/publish`);
    const path = `/models/${model.id}/widgets`;
    const widgets = [
      { id: 'w1', type: 'spline', title: 'Climate', width: 6, series: [{ name: 'Inside', telemetry: 'temp', unit: '°C' }] },
      { id: 'w2', type: 'table', title: '', width: null, dynamic_path: 'details.channels' },
    ];
    assert.deepEqual(await partner.put(path, [widgets[0], { id: 'w2', type: 'table', dynamic_path: 'details.channels' }]), widgets);
    assert.deepEqual((await organization.get(`/models/${model.id}`)).widgets, widgets);
    const [made] = await partner.put(path, [{ type: 'status', series: [{ telemetry: 'status' }] }]);
    assert.match(made.id, /^[0-9a-f-]{36}$/);
    assert.deepEqual(made.series, [{ name: 'status', telemetry: 'status', unit: null }]);
  });

  test('errors', async () => {
    const { id } = await makeModel(server);
    const put = (body) => call('partner', 'PUT', `/models/${id}/widgets`, body);
    for (const [widget, text] of [
      [{}, 'Parameter type is required'], [{ type: 'pie' }, 'Type is invalid'], [{ type: 'value', width: 13 }, 'Width is invalid'],
      [{ type: 'value', series: {} }, 'Series is invalid'], [{ type: 'value', series: [{}] }, 'Parameter telemetry is required'],
      [{ type: 'value', dynamic_path: 'state.x' }, 'Dynamic path is invalid'],
      [{ type: 'value', dynamic_path: 'config.x', series: [] }, 'Dynamic path is invalid'],
    ]) await refused(put([widget]), 422, text);
    await refused(put([{ id: 'a', type: 'value' }, { id: 'a', type: 'value' }]), 422, 'Id has already been taken');
  });
});
