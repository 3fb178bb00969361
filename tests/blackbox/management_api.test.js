// The management APIs over HTTP (management-api.md 1-5, 9): shapes, refusals, paging, filters, idempotency.
import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { assign, client, makeModel, register, request, startInstallation, until, expiring } from './support/server.js';
import { exchange, head } from './support/raw.js';
import { unlimited } from './support/config.js';
import { connect, subscribe } from './support/mqtt.js';

const JSON_TYPE = 'application/json; charset=utf-8';
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const UNKNOWN = '00000000-0000-4000-8000-000000000000';
let server;
let partner;
let organization;
let model;

before(async () => {
  server = await startInstallation({ args: unlimited() });
  partner = client(server, 'partner', server.partner_key);
  organization = client(server, 'organization', server.organization_key);
  model = await makeModel(server);
});
after(() => server.stop());

const error = (text) => JSON.stringify({ error: text });
const answer = ({ status, text }) => [status, text];
const keyOf = (path) => (path.startsWith('/partner') ? server.partner_key : server.organization_key);
const ask = (method, path, body, options = {}) => request(server.http, method, `/core/v1${path}`, { key: keyOf(path), body, ...options });
let serial = 0;
const fresh = (name) => `${name} ${++serial}`;
const modelBody = (fields = {}) => ({ name: fresh('Model'), communication_protocol: 'mqtt', device_type: 'physical', ...fields });

async function claimed(fields = {}, of = model) {
  const device = await register(server, of.key, fields);
  await assign(server, device.id);
  return device;
}
const call = (device, method, path, body) => request(server.http, method, `/v1/devices/${device.id}${path}`, { key: device.access_key, body });

/** Every row of [body, error text]: 422 and nothing made. */
async function refusals(path, rows, { method = 'POST', status = 422 } = {}) {
  for (const [body, text, otherStatus] of rows) {
    const reply = await ask(method, path, body);
    assert.deepEqual(answer(reply), [otherStatus ?? status, error(text)], `${method} ${path} ${JSON.stringify(body).slice(0, 300)}`);
    assert.equal(reply.headers['content-type'], JSON_TYPE);
  }
}

describe('conventions', () => {
  test('bare key and Bearer; JSON everywhere; security headers; one trailing slash', async () => {
    for (const authorization of [server.organization_key, `Bearer ${server.organization_key}`, `bearer ${server.organization_key}`]) {
      const reply = await request(server.http, 'GET', '/core/v1/organization/info/', { headers: { authorization } });
      assert.equal(reply.status, 200);
      assert.equal(reply.headers['content-type'], JSON_TYPE);
      assert.equal(reply.headers['x-content-type-options'], 'nosniff');
      assert.equal(reply.headers['cache-control'], 'no-store');
      assert.equal(reply.text, JSON.stringify(reply.json));
    }
    const wrong = await request(server.http, 'GET', '/core/v1/organization/info', { key: 'mo_wrong' });
    assert.deepEqual(answer(wrong), [401, error('Not authorized')]);
    assert.equal(wrong.headers['content-type'], JSON_TYPE);
  });

  test('unknown routes, wrong methods, bad JSON, wrong roots', async () => {
    for (const path of ['/partner', '/partner/nothing', '/organization/nothing/x', '/nothing', '/partner/devices/x/y/z']) {
      assert.deepEqual(answer(await request(server.http, 'GET', `/core/v1${path}`)), [404, error('Unknown endpoint')], path);
    }
    for (const [method, path, allow] of [['DELETE', '/partner/models', 'POST'], ['PUT', '/organization/info', 'GET'], ['POST', '/organization/info', 'GET']]) {
      const reply = await request(server.http, method, `/core/v1${path}`);
      assert.deepEqual(answer(reply), [405, error('Method not allowed')]);
      assert.ok(reply.headers.allow.split(/, */).includes(allow), reply.headers.allow);
    }
    assert.deepEqual(answer(await ask('POST', '/partner/models', undefined, { raw: '{"name":' })), [400, error('Invalid JSON')]);
    assert.deepEqual(answer(await ask('POST', '/partner/models', [])), [422, error('Body must be an object')]);
    assert.deepEqual(answer(await ask('POST', '/partner/models', undefined, { raw: `{"a":"${'x'.repeat(5 * 1024 * 1024)}"}` })), [413, error('Payload too large')]);
  });

  test('a partner can neither send nor cancel a command: the endpoint is unknown', async () => {
    const device = await claimed();
    const sent = await organization.post(`/devices/${device.id}/commands`, { name: 'reboot' });
    for (const [method, path] of [['POST', `/partner/devices/${device.id}/commands`], ['DELETE', `/partner/devices/${device.id}/commands/${sent.id}`],
      ['POST', `/partner/devices/${device.id}/commands/${sent.id}/cancel`]]) {
      assert.deepEqual(answer(await ask(method, path, { name: 'reboot' })), [404, error('Unknown endpoint')], `${method} ${path}`);
    }
    assert.equal((await organization.get(`/devices/${device.id}/commands/${sent.id}`)).status, 'pending');
  });

  test('a body on GET stands in for the query it lacks, one on DELETE is ignored', async () => {
    const path = '/organization/spaces';
    await organization.post('/spaces', { name: 'Body A' });
    await organization.post('/spaces', { name: 'Body B' });
    const byBody = await ask('GET', path, { name: 'body b', per_page: 1 });
    assert.deepEqual(byBody.json.items.map(({ name }) => name), ['Body B']);
    const queryWins = await ask('GET', `${path}?name=body%20a`, { name: 'body b' });
    assert.deepEqual(queryWins.json.items.map(({ name }) => name), ['Body A']);
    assert.equal((await ask('GET', '/organization/info', { anything: [1] })).status, 200);
    assert.equal((await ask('GET', '/organization/info', undefined, { raw: 'rubbish' })).status, 200);
    const empty = await ask('GET', `${path}?name=&page=`);
    assert.ok(empty.json.items.length >= 3, 'empty values count as absent');
  });

  test('HEAD and connection handling are those of the device API', async () => {
    const reply = await exchange(server.http, head('HEAD', '/core/v1/partner/models', { Authorization: server.partner_key }), { head: true });
    assert.deepEqual([reply.status, reply.text], [200, '']);
    assert.ok(Number(reply.headers['content-length']) > 10);
  });

  test('scopes and expiry of keys', async () => {
    for (const [tenant, prefix, read, write] of [['partner', 'mp_', '/models', '/models'], ['organization', 'mo_', '/devices', '/spaces']]) {
      const api = tenant === 'partner' ? partner : organization;
      const made = await api.post('/api_keys', { name: 'reader', scope: 'read' }, 201);
      assert.match(made.key, new RegExp(`^${prefix}[0-9A-Za-z]{43}$`));
      assert.equal((await request(server.http, 'GET', `/core/v1/${tenant}${read}`, { key: made.key })).status, 200);
      assert.deepEqual(answer(await request(server.http, 'POST', `/core/v1/${tenant}${write}`, { key: made.key, body: { name: 'x' } })), [403, error('Forbidden')]);
      const listed = (tenant === 'partner' ? (await api.get('/api_keys')).data : (await api.get('/api_keys')).items).find(({ id }) => id === made.id);
      assert.equal(listed.key, undefined, 'shown once');
      assert.equal(listed.scope, 'read');
      const short = await expiring((at) => api.post('/api_keys', { name: 'short', expires_at: at }, 201), async (fresh) => {
        const { status } = await request(server.http, 'GET', `/core/v1/${tenant}${read}`, { key: fresh.key });
        assert.ok(status === 200 || Date.now() >= Date.parse(fresh.expires_at));
        return status === 200;
      });
      await refusals(`/${tenant}/api_keys`, [[{}, 'Parameter name is required'], [{ name: '' }, "Name can't be blank"], [{ name: 'x', scope: 'all' }, 'Scope is invalid'],
        [{ name: 'x', expires_at: '2020-01-01T00:00:00Z' }, 'Expires at is invalid'], [{ name: 'x'.repeat(256) }, 'Name is too long (maximum is 255 characters)']]);
      assert.deepEqual(await api.del(`/api_keys/${made.id}`), { success: true });
      assert.deepEqual(answer(await request(server.http, 'GET', `/core/v1/${tenant}${read}`, { key: made.key })), [401, error('Not authorized')], 'dead at once');
      assert.equal((await ask('DELETE', `/${tenant}/api_keys/${made.id}`)).status, 404);
      await until(async () => (await request(server.http, 'GET', `/core/v1/${tenant}${read}`, { key: short.key })).status === 401, 'the key expires');
    }
  });

  test('Idempotency-Key: the first reply again, another body is refused, principals and routes are apart', async () => {
    const send = (path, key, body, options) => ask('POST', path, body, { headers: { 'idempotency-key': key }, ...options });
    const body = modelBody();
    const first = await send('/partner/models', 'once', body);
    assert.equal(first.status, 201);
    const again = await send('/partner/models', 'once', body);
    assert.deepEqual(answer(again), answer(first));
    const other = await send('/partner/models', 'once', modelBody());
    const refusal = [422, '{"error":"Idempotency-Key was used with another request"}'];
    assert.deepEqual(answer(other), refusal);
    assert.deepEqual(answer(await send('/partner/models?draft=true', 'once', body)), refusal, 'another query');
    assert.deepEqual(answer(await send('/partner/models/', 'once', body)), answer(first), 'the same path');
    const clones = await Promise.all([0, 1].map(() => partner.post('/models', modelBody())));
    const clone = { name: fresh('Clone'), communication_protocol: 'https' };
    assert.equal((await send(`/partner/models/${clones[0].id}/clone`, 'clone', clone)).status, 201);
    assert.deepEqual(answer(await send(`/partner/models/${clones[1].id}/clone`, 'clone', clone)), refusal, 'another object');
    assert.equal((await partner.get(`/models?search=${encodeURIComponent(body.name)}`)).data.length, 1);
    // Another route and another principal may use the same key.
    const space = { name: fresh('Idempotent') };
    assert.equal((await send('/organization/spaces', 'once', space)).status, 200);
    const secondKey = await partner.post('/api_keys', { name: 'second' }, 201);
    assert.equal((await send('/partner/models', 'once', modelBody(), { key: secondKey.key })).status, 201);
    // A secret in the reply comes back from the repeat.
    const customer = { name: fresh('Customer'), admin_contact_email: 'x@example.com' };
    const made = await send('/partner/organizations', 'customer', customer);
    const repeated = await send('/partner/organizations', 'customer', customer);
    assert.equal(repeated.text, made.text);
    assert.match(repeated.json.api_key, /^mo_[0-9A-Za-z]{43}$/);
    assert.equal((await request(server.http, 'GET', '/core/v1/organization/info', { key: made.json.api_key })).status, 200);
    // Refusals are not kept: the corrected repeat goes through.
    assert.equal((await send('/partner/models', 'later', { name: 'x' })).status, 422);
    assert.equal((await send('/partner/models', 'later', modelBody())).status, 201);
    // Many at once: one creation.
    const racing = { name: fresh('Race') };
    const replies = await Promise.all(Array.from({ length: 8 }, () => send('/organization/spaces', 'race', racing)));
    assert.equal(new Set(replies.map(({ text }) => text)).size, 1, JSON.stringify(replies.map(answer)));
    assert.equal((await organization.get(`/spaces?name=${encodeURIComponent(racing.name)}`)).items.length, 1);
    // Commands: a repeat does not send twice.
    const device = await claimed();
    const command = (key) => send(`/organization/devices/${device.id}/commands`, key, { name: 'reboot' });
    assert.equal((await command('c1')).json.id, (await command('c1')).json.id);
    await command('c2');
    assert.equal((await organization.get(`/devices/${device.id}/commands`)).items.length, 2);
    assert.equal((await send('/partner/models', 'k'.repeat(256), modelBody())).status, 422);
  });
});

describe('paging', () => {
  test('organization lists: both members always, exact pages, aliases, caps', async () => {
    const prefix = fresh('Page');
    for (let n = 0; n < 7; n++) await organization.post('/spaces', { name: `${prefix} ${n}` });
    const list = (query) => organization.get(`/spaces?name=${encodeURIComponent(prefix)}&${query}`);
    const names = ({ items }) => items.map(({ name }) => Number(name.at(-1)));
    const first = await list('per_page=3');
    assert.deepEqual([names(first), first.next_page, first.has_next_page, Object.keys(first)], [[0, 1, 2], 2, true, ['items', 'next_page', 'has_next_page']]);
    const last = await list('per_page=3&page=3');
    assert.deepEqual([names(last), last.next_page, last.has_next_page], [[6], null, false]);
    assert.deepEqual(await list('per_page=3&page=4'), { items: [], next_page: null, has_next_page: false });
    assert.deepEqual(await list('per_page=7').then((page) => [page.items.length, page.has_next_page]), [7, false]);
    for (const alias of ['page_size', 'page-size', 'limit']) assert.deepEqual(names(await list(`${alias}=2&page=2`)), [2, 3], alias);
    for (const page of ['0', '-3', '1', '']) assert.deepEqual(names(await list(`per_page=2&page=${page}`)), [0, 1]);
    assert.equal((await list('')).items.length, 7);
    assert.deepEqual(await organization.get(`/devices?search=${randomUUID()}`), { items: [], next_page: null, has_next_page: false });
  });

  test('partner lists: data and page_info with the count', async () => {
    const paged = await makeModel(server);
    for (let n = 0; n < 5; n++) await register(server, paged.key, { sn: `P-${n}` });
    const list = (query) => partner.get(`/devices?model_id=${paged.id}&${query}`);
    const first = await list('per_page=2');
    assert.deepEqual([Object.keys(first), first.data.map(({ sn }) => sn), first.page_info], [['data', 'page_info'], ['P-0', 'P-1'], { has_next: true, total_count: 5 }]);
    assert.deepEqual((await list('per_page=2&page=3')).page_info, { has_next: false, total_count: 5 });
    assert.deepEqual((await list('per_page=2&page=3')).data.map(({ sn }) => sn), ['P-4']);
    assert.deepEqual((await list('per_page=2&page=9')).data, []);
    assert.equal((await list('per_page=99999')).data.length, 5);
  });
});

test('lists by time are newest first, and oldest first when asked', async () => {
  const own = await makeModel(server);
  const device = await claimed({}, own);
  for (const name of ['reboot', 'dump']) await organization.post(`/devices/${device.id}/commands`, { name });
  await claimed({}, own);
  await call(device, 'POST', '/telemetry', {});
  await call(device, 'POST', '/telemetry', { status: 'error' });
  await until(async () => (await partner.get(`/devices/${device.id}/history`)).data.length >= 2, 'the history of both states');
  for (const path of [`/organization/devices/${device.id}/commands`, `/partner/devices/${device.id}/commands`, `/partner/registrations?model_id=${own.id}`, '/partner/audit?per_page=500', '/organization/audit?per_page=500',
    `/partner/devices/${device.id}/history`, `/organization/devices/histories?device_id=${device.id}`]) {
    const times = async (order) => { const { json } = await ask('GET', `${path}${path.includes('?') ? '&' : '?'}order=${order}`); return (json.items ?? json.data).map((row) => row.created_at ?? row.at); };
    const up = await times('ASC');
    const down = await times('DESC');
    assert.ok(up.length >= 2, path);
    assert.deepEqual(up, [...up].sort(), path);
    assert.deepEqual(down, [...down].sort().reverse(), path);
    assert.deepEqual(await times('asc'), up, path);
    assert.deepEqual(await times(''), down, path);
  }
});

describe('models', () => {
  test('created with the defaults, one hardware key, and the suggested commands', async () => {
    const body = modelBody();
    const reply = await ask('POST', '/partner/models', body);
    assert.equal(reply.status, 201);
    const made = reply.json;
    assert.match(made.id, UUID);
    for (const [name, value] of Object.entries({ name: body.name, sku: null, authentication_method: 'cloud_id', communication_protocol: 'mqtt', device_type: 'physical',
      api_version: '1.0.7', offline_threshold_minutes: 5, published: false, vendor: 'Northlight', devices_count: 0, icon_url: null })) assert.equal(made[name], value, name);
    assert.deepEqual(made.enabled_tabs, ['overview', 'telemetry', 'commands', 'configuration', 'incidents', 'files', 'licenses', 'history', 'dumps', 'events', 'children', 'details', 'notes']);
    assert.match(made.created_at, ISO);
    assert.match(made.updated_at, ISO);
    assert.deepEqual(await partner.get(`/models/${made.id}`), made);
    const { data: keys } = await partner.get(`/models/${made.id}/hardware_keys`);
    assert.deepEqual([keys.length, keys[0].name, keys[0].used_count, keys[0].enforce_count, keys[0].expected_count, keys[0].revoked_at], [1, 'Default', 0, false, null, null]);
    assert.match(keys[0].key, UUID);
    assert.deepEqual((await partner.get(`/models/${made.id}/commands`)).data.map(({ name }) => name), ['reboot', 'dump']);
    const chosen = await partner.post('/models', modelBody({ suggested_commands: ['update_firmware'], offline_threshold_minutes: null, sku: 'S-1', enabled_tabs: ['telemetry', 'overview'], authentication_method: 'mac_sn', communication_protocol: 'https' }), 201);
    assert.deepEqual([chosen.offline_threshold_minutes, chosen.sku, chosen.authentication_method, chosen.communication_protocol], [null, 'S-1', 'mac_sn', 'https']);
    assert.deepEqual([...chosen.enabled_tabs].sort(), ['overview', 'telemetry']);
    assert.deepEqual((await partner.get(`/models/${chosen.id}/commands`)).data.map(({ name }) => name), ['update_firmware']);
    const digital = await partner.post('/models', modelBody({ device_type: 'digital' }), 201);
    assert.deepEqual((await partner.get(`/models/${digital.id}/hardware_keys`)).data, [], 'digital models have no keys');
  });

  test('refused creations', async () => {
    const taken = (await partner.post('/models', modelBody(), 201)).name;
    const without = (name) => { const body = modelBody(); delete body[name]; return body; };
    await refusals('/partner/models', [
      [without('name'), 'Parameter name is required'],
      [modelBody({ name: ' ' }), "Name can't be blank"],
      [modelBody({ name: 'x'.repeat(256) }), 'Name is too long (maximum is 255 characters)'],
      [modelBody({ name: taken }), 'Name has already been taken'],
      [without('communication_protocol'), 'Parameter communication_protocol is required'],
      [modelBody({ communication_protocol: null }), 'Parameter communication_protocol is required'],
      [modelBody({ communication_protocol: 'coap' }), 'Communication protocol is invalid'],
      [modelBody({ communication_protocol: 'MQTT' }), 'Communication protocol is invalid'],
      [modelBody({ communication_protocol: '' }), 'Communication protocol is invalid'],
      [without('device_type'), 'Parameter device_type is required'],
      [modelBody({ device_type: 'virtual' }), 'Device type is invalid'],
      [modelBody({ authentication_method: 'x509' }), 'Authentication method is invalid'],
      [modelBody({ api_version: '1.0.8' }), 'Api version is invalid'],
      [modelBody({ api_version: '1.0.2' }), 'Api version is invalid'],
      [modelBody({ offline_threshold_minutes: 0 }), 'Offline threshold minutes is invalid'],
      [modelBody({ offline_threshold_minutes: 43201 }), 'Offline threshold minutes is invalid'],
      [modelBody({ offline_threshold_minutes: 1.5 }), 'Offline threshold minutes is invalid'],
      [modelBody({ enabled_tabs: ['nonsense'] }), 'Enabled tabs is invalid'],
      [modelBody({ suggested_commands: ['format_disk'] }), 'Suggested commands is invalid'],
      [modelBody({ icon: 'data:image/svg+xml;base64,PHN2Zy8+' }), 'Icon is invalid'],
      [modelBody({ icon: 'data:image/png;base64,AAAA' }), 'Icon is invalid'],
    ]);
  });

  test('protocol, device type and API version never change, also not by restoring', async () => {
    const made = await partner.post('/models', modelBody({ authentication_method: 'mac_sn' }), 201);
    const at = `/partner/models/${made.id}`;
    await refusals(at, [
      [{ communication_protocol: 'https' }, 'Communication protocol cannot be changed after the model is created'],
      [{ communication_protocol: null }, 'Communication protocol cannot be changed after the model is created'],
      [{ communication_protocol: 'nonsense', name: 'changed' }, 'Communication protocol cannot be changed after the model is created'],
      [{ name: 'changed', device_type: 'digital' }, 'Device type cannot be changed after the model is created'],
      [{ api_version: '1.0.0' }, 'API version can only be changed by a system administrator'],
      [{ name: '' }, "Name can't be blank"],
      [{ name: null }, "Name can't be blank"],
    ], { method: 'PATCH' });
    assert.deepEqual(await partner.get(`/models/${made.id}`), made, 'nothing changed');
    const renamed = fresh('Renamed');
    const changed = await partner.patch(`/models/${made.id}`, { name: renamed, sku: 'S', offline_threshold_minutes: 10, communication_protocol: 'mqtt', device_type: 'physical', api_version: '1.0.7', id: 'x', devices_count: 7 });
    assert.deepEqual([changed.name, changed.sku, changed.offline_threshold_minutes, changed.id, changed.devices_count], [renamed, 'S', 10, made.id, 0]);
    await partner.patch(`/models/${made.id}`, { authentication_method: 'cloud_id', sku: null, offline_threshold_minutes: null });
    const { data: versions } = await partner.get(`/models/${made.id}/versions`);
    assert.equal(versions.length, 3);
    const first = Math.min(...versions.map(({ n }) => n));
    const restored = await partner.post(`/models/${made.id}/versions/${first}/restore`, {});
    for (const name of ['name', 'sku', 'offline_threshold_minutes', 'authentication_method', 'communication_protocol', 'device_type', 'api_version']) assert.deepEqual(restored[name], made[name], name);
    assert.equal((await partner.get(`/models/${made.id}/versions`)).data.length, 4, 'restoring stores a version too');
    assert.equal((await ask('POST', `${at}/versions/99/restore`, {})).status, 404);
    assert.equal((await ask('POST', `${at}/versions/x/restore`, {})).status, 404);
  });

  test('publish, unpublish, authentication method and deletion depend on registered devices', async () => {
    const made = await makeModel(server);
    const at = `/partner/models/${made.id}`;
    assert.equal((await partner.post(`/models/${made.id}/publish`, {})).published, true);
    assert.equal((await partner.post(`/models/${made.id}/unpublish`, {})).published, false);
    await partner.post(`/models/${made.id}/publish`, {});
    const device = await register(server, made.key);
    await refusals(`${at}/unpublish`, [[{}, 'Model has registered devices']]);
    await refusals(at, [[{ authentication_method: 'cloud_id' }, 'Authentication method cannot be changed after devices are registered']], { method: 'PATCH' });
    assert.equal((await ask('PATCH', at, { authentication_method: 'mac_sn' })).status, 200, 'the same is accepted');
    assert.equal((await ask('DELETE', at)).status, 422);
    assert.equal((await partner.get(`/models/${made.id}`)).devices_count, 1);
    await partner.del(`/devices/${device.id}`);
    assert.deepEqual(await partner.del(`/models/${made.id}`), { success: true });
    assert.deepEqual(answer(await ask('GET', at)), [404, error('Model not found')]);
    assert.deepEqual(answer(await ask('DELETE', at)), [404, error('Model not found')]);
    const refused = await request(server.http, 'POST', '/v1/devices', { body: { hardware_key: made.key, firmware_version: '1.0.0', sn: 'x', mac: 'x' } });
    assert.deepEqual(answer(refused), [400, error('Hardware key is invalid')]);
  });

  test('clone copies commands and settings, not devices and keys, and chooses its protocol', async () => {
    await partner.post(`/models/${model.id}/commands`, { name: 'cloned', friendly_name: 'Cloned' }, 201);
    const copy = await partner.post(`/models/${model.id}/clone`, { name: fresh('Clone'), communication_protocol: 'https' }, 201);
    assert.deepEqual([copy.communication_protocol, copy.published, copy.devices_count, copy.authentication_method], ['https', false, 0, 'mac_sn']);
    assert.ok((await partner.get(`/models/${copy.id}/commands`)).data.some(({ name }) => name === 'cloned'));
    const { data: keys } = await partner.get(`/models/${copy.id}/hardware_keys`);
    assert.equal(keys.length, 1);
    assert.notEqual(keys[0].key, model.key);
    await refusals(`/partner/models/${model.id}/clone`, [[{}, 'Parameter name is required'], [{ name: copy.name }, 'Name has already been taken'], [{ name: 'x', communication_protocol: 'x' }, 'Communication protocol is invalid']]);
  });

  test('an icon goes in as data URL and comes out as an image', async () => {
    const png = Buffer.from('89504e470d0a1a0a0000000d4948445200000001000000010806000000', 'hex');
    const made = await partner.post('/models', modelBody({ icon: `data:image/png;base64,${png.toString('base64')}` }), 201);
    assert.ok(made.icon_url);
    const path = made.icon_url.replace(/^https?:\/\/[^/]+/, '');
    const image = await request(server.http, 'GET', path, { key: server.partner_key });
    assert.deepEqual([image.status, image.headers['content-type'], image.headers['x-content-type-options']], [200, 'image/png', 'nosniff']);
    assert.equal(Number(image.headers['content-length']), png.length);
    await partner.patch(`/models/${made.id}`, { icon: null });
    assert.equal((await partner.get(`/models/${made.id}`)).icon_url, null);
    const big = await ask('PATCH', `/partner/models/${made.id}`, { icon: `data:image/png;base64,${Buffer.concat([png, Buffer.alloc(300 * 1024)]).toString('base64')}` });
    assert.equal(big.status, 422);
  });

  test('the organization sees published models, and as a lab all; commands and parameters are complete', async () => {
    const hidden = await partner.post('/models', modelBody(), 201);
    const shown = await partner.post('/models', modelBody(), 201);
    await partner.post(`/models/${shown.id}/publish`, {});
    const field = { name: 'input', label: 'Input', type: 'select', typeName: 'staticListSingle', required: true, options: { 33: { label: 'HDMI 1', order: 2, value: '33' } } };
    await partner.post(`/models/${shown.id}/commands`, { name: 'set_input', friendly_name: 'Set input', timeout_seconds: 60, custom_fields: [field] }, 201);
    const customer = await partner.post('/organizations', { name: fresh('Viewer'), admin_contact_email: 'x@example.com' });
    const theirs = client(server, 'organization', customer.api_key);
    const list = await theirs.get('/models');
    assert.ok(list.items.some(({ id }) => id === shown.id));
    assert.ok(!list.items.some(({ id }) => id === hidden.id));
    const one = await theirs.get(`/models/${shown.id}`);
    for (const name of ['id', 'name', 'vendor', 'model', 'device_type', 'authentication_method', 'published', 'parameters', 'commands', 'config_schema', 'widgets', 'enabled_tabs']) assert.ok(name in one, name);
    assert.deepEqual([one.model, one.vendor, one.parameters], [shown.name, 'Northlight', []]);
    const command = one.commands.find(({ name }) => name === 'set_input');
    assert.deepEqual([command.friendly_name, command.description, command.active, command.with_file, command.file_type, command.timeout_seconds, command.custom_fields],
      ['Set input', '', true, false, null, 60, [field]]);
    assert.deepEqual(list.items.find(({ id }) => id === shown.id).commands.length, 3, 'list items too');
    const request404 = await request(server.http, 'GET', `/core/v1/organization/models/${hidden.id}`, { key: customer.api_key });
    assert.deepEqual(answer(request404), [404, error('Model not found')]);
    assert.ok((await organization.get('/models?per_page=500')).items.some(({ id }) => id === hidden.id), 'the lab sees it');
    assert.deepEqual(await organization.get('/models?edge_only=true'), { items: [], next_page: null, has_next_page: false });
    assert.deepEqual((await organization.get(`/models?search=${encodeURIComponent(shown.name.toUpperCase())}`)).items.map(({ id }) => id), [shown.id]);
  });
});

describe('hardware keys and registrations', () => {
  test('made, changed, revoked', async () => {
    const at = `/models/${model.id}/hardware_keys`;
    const made = await partner.post(at, { name: 'Line 2', expected_count: '500', enforce_count: 'true' }, 201);
    assert.deepEqual([made.name, made.expected_count, made.enforce_count, made.used_count, made.revoked_at, made.first_used_at, made.last_used_at], ['Line 2', 500, true, 0, null, null, null]);
    assert.match(made.key, UUID);
    const changed = await partner.patch(`${at}/${made.id}`, { name: 'Line 3', expected_count: null, enforce_count: false });
    assert.deepEqual([changed.name, changed.expected_count, changed.enforce_count, changed.key], ['Line 3', null, false, made.key]);
    const revoked = await partner.post(`${at}/${made.id}/revoke`, {});
    assert.match(revoked.revoked_at, ISO);
    assert.equal((await partner.post(`${at}/${made.id}/revoke`, {})).revoked_at, revoked.revoked_at, 'a repeat changes nothing');
    await refusals(`/partner${at}`, [[{}, 'Parameter name is required'], [{ name: ' ' }, "Name can't be blank"], [{ name: 'x', expected_count: -1 }, 'Expected count is invalid'],
      [{ name: 'x', expected_count: 'many' }, 'Expected count is invalid'], [{ name: 'x', enforce_count: 'perhaps' }, 'Enforce count is invalid']]);
    assert.equal((await ask('PATCH', `/partner${at}/${UNKNOWN}`, { name: 'x' })).status, 404);
    assert.equal((await ask('POST', `/partner${at}/nonsense/revoke`, {})).status, 404);
    assert.deepEqual(answer(await ask('POST', `/partner/models/${UNKNOWN}/hardware_keys`, { name: 'x' })), [404, error('Model not found')]);
    const digital = await partner.post('/models', modelBody({ device_type: 'digital' }), 201);
    assert.equal((await ask('POST', `/partner/models/${digital.id}/hardware_keys`, { name: 'x' })).status, 422);
    const reader = await partner.post('/api_keys', { name: 'reader', scope: 'read' }, 201);
    const read = await ask('GET', `/partner${at}`, undefined, { key: reader.key });
    assert.ok(read.status === 403 || read.json.data.every(({ key }) => key === undefined || UUID.test(key)));
  });

  test('the provisioning log by model, result and time', async () => {
    const own = await makeModel(server);
    const from = new Date(Date.now() - 1000).toISOString();
    const device = await register(server, own.key, { sn: 'LOG-1' });
    await request(server.http, 'POST', '/v1/devices', { body: { hardware_key: own.key, firmware_version: '1.0.0', sn: 'LOG-1', mac: 'x' } });
    await request(server.http, 'POST', '/v1/devices', { body: { hardware_key: own.key, firmware_version: 'bad', sn: 'LOG-2', mac: 'x' } });
    const rows = await until(async () => {
      const { data } = await partner.get(`/registrations?model_id=${own.id}`);
      return data.length === 3 ? data : null;
    }, 'all three attempts are logged');
    assert.deepEqual(rows.map(({ result, error: text, sn }) => [result, text, sn]).sort(),
      [['created', null, 'LOG-1'], ['refused', 'Firmware version is invalid', 'LOG-2'], ['refused', 'Sn has already been taken', 'LOG-1']]);
    const created = rows.find(({ result }) => result === 'created');
    for (const name of ['id', 'created_at', 'address', 'model_id', 'hardware_key_id', 'sn', 'mac', 'cloud_id', 'result', 'error', 'device_id']) assert.ok(name in created, name);
    assert.deepEqual([created.device_id, created.model_id, created.address], [device.id, own.id, '127.0.0.1']);
    assert.match(created.hardware_key_id, UUID);
    assert.equal((await partner.get(`/registrations?model_id=${own.id}&result=created`)).data.length, 1);
    assert.equal((await partner.get(`/registrations?model_id=${own.id}&from=${from}`)).data.length, 3);
    assert.equal((await partner.get(`/registrations?model_id=${own.id}&to=${from}`)).data.length, 0);
    assert.equal((await partner.get(`/registrations?model_id=${own.id}&from=${Date.now() + 60000}`)).data.length, 0);
    assert.equal((await partner.get(`/registrations?model_id=${own.id}&per_page=2`)).page_info.has_next, true);
  });
});

describe('command definitions', () => {
  test('made, changed, deleted', async () => {
    const own = await makeModel(server);
    const at = `/models/${own.id}/commands`;
    const fields = [
      { name: 'text', type: 'string', required: true }, { name: 'n', type: 'integer', default: 5 },
      { name: 'a', type: 'select', options: [{ label: 'One', value: '1' }, { label: 'Two', value: 2 }] },
      { name: 'b', type: 'multiselect', options: { x: 'X' } },
      { name: 'c', type: 'select', typeName: 'dynamicListSingle', path: 'details.available_inputs' },
    ];
    const made = await partner.post(at, { name: 'set.it_now-2', friendly_name: 'Set it', description: 'Sets', active: false, with_file: true, file_type: 'firmware', timeout_seconds: 30, custom_fields: fields }, 201);
    assert.deepEqual([made.name, made.friendly_name, made.description, made.active, made.with_file, made.file_type, made.timeout_seconds], ['set.it_now-2', 'Set it', 'Sets', false, true, 'firmware', 30]);
    const [text, n, a, b, c] = made.custom_fields;
    assert.deepEqual([text.name, text.label, text.type, text.required, n.default], ['text', 'text', 'string', true, 5]);
    assert.equal(a.typeName, 'staticListSingle');
    assert.deepEqual(a.options, { 1: { label: 'One', order: 1, value: '1' }, 2: { label: 'Two', order: 2, value: '2' } });
    assert.deepEqual([b.typeName, b.options], ['staticListMulti', { x: { label: 'X', order: 1, value: 'x' } }]);
    assert.deepEqual([c.typeName, c.path, c.options], ['dynamicListSingle', 'details.available_inputs', undefined]);
    const changed = await partner.patch(`${at}/${made.id}`, { friendly_name: 'Changed', active: true });
    assert.deepEqual([changed.friendly_name, changed.active, changed.name, changed.custom_fields.length], ['Changed', true, 'set.it_now-2', 5]);
    assert.deepEqual(await partner.del(`${at}/${made.id}`), { success: true });
    assert.equal((await ask('DELETE', `/partner${at}/${made.id}`)).status, 404);
  });

  test('refusals', async () => {
    const own = await makeModel(server);
    const at = `/partner/models/${own.id}/commands`;
    const good = (fields) => ({ name: 'x', friendly_name: 'X', ...fields });
    await refusals(at, [
      [{ name: 'x' }, 'Parameter friendly_name is required'],
      [{ friendly_name: 'X' }, 'Parameter name is required'],
      [good({ name: '' }), "Name can't be blank"],
      [good({ name: 'with blank' }), 'Name is invalid'],
      [good({ name: 'ü' }), 'Name is invalid'],
      [good({ name: 'reboot' }), 'Name has already been taken'],
      [good({ timeout_seconds: -1 }), 'Timeout seconds is invalid'],
      [good({ custom_fields: {} }), 'Custom fields is invalid'],
    ]);
    for (const custom of [
      [{ name: 'a', type: 'select', typeName: 'staticListSingle', path: 'details.x' }],
      [{ name: 'a', type: 'select', typeName: 'dynamicListSingle', options: { a: 'A' } }],
      [{ name: 'a', type: 'select', typeName: 'dynamicListSingle' }],
      [{ name: 'a', type: 'nonsense' }], [{ type: 'string' }], [{ name: 'a', type: 'string' }, { name: 'a', type: 'text' }],
    ]) assert.equal((await ask('POST', at, good({ custom_fields: custom }))).status, 422, JSON.stringify(custom));
    assert.equal((await ask('POST', at, good({ name: 'y'.repeat(65) }))).status, 422);
    assert.equal((await partner.get(`/models/${own.id}/commands`)).data.length, 2, 'none was made');
  });
});

describe('customers and settings', () => {
  test('a customer is made with its key', async () => {
    const name = fresh('Harbour College');
    const reply = await ask('POST', '/partner/organizations', { name, admin_contact_email: 'a@example.com', admin_contact_name: 'A', finance_contact_email: 'f@example.com', finance_contact_name: 'F' });
    assert.ok([200, 201].includes(reply.status));
    assert.deepEqual(Object.keys(reply.json), ['id', 'name', 'lab', 'created_at', 'contacts', 'api_key']);
    assert.deepEqual(reply.json.contacts, { admin_email: 'a@example.com', admin_name: 'A', finance_email: 'f@example.com', finance_name: 'F' });
    const theirs = client(server, 'organization', reply.json.api_key);
    const info = await theirs.get('/info');
    assert.deepEqual(Object.keys(info), ['id', 'name', 'created_at', 'lab', 'partner', 'domain', 'mobile_domain', 'pricing_plan', 'contacts', 'statistics']);
    assert.deepEqual([info.id, info.name, info.lab, info.partner, info.pricing_plan], [reply.json.id, name, false, 'Northlight', 'self-hosted']);
    assert.deepEqual(Object.keys(info.statistics), ['devices', 'users', 'groups', 'spaces', 'open_tickets', 'open_incidents', 'pending_invoices']);
    assert.deepEqual([info.statistics.devices, info.statistics.spaces], [0, 1]);
    const { items: [root] } = await theirs.get('/spaces');
    assert.deepEqual([root.name, root.parent_id, root.space_type, root.full_path, root.devices_count], [name, null, 'root', name, 0]);
    const listed = await partner.get(`/organizations?search=${encodeURIComponent(name)}`);
    assert.equal(listed.data[0].id, reply.json.id);
    assert.ok(!JSON.stringify(listed).includes('mo_'));
    assert.equal((await partner.get(`/organizations/${reply.json.id}`)).name, name);
    await refusals('/partner/organizations', [[{ admin_contact_email: 'a@example.com' }, 'Parameter name is required'], [{ name: '', admin_contact_email: 'a@example.com' }, "Name can't be blank"],
      [{ name: 'x' }, 'Parameter admin_contact_email is required'], [{ name: 'x', admin_contact_email: 'nobody' }, 'Admin contact email is not an email']]);
    assert.deepEqual(answer(await ask('GET', `/partner/organizations/${UNKNOWN}`)), [404, error('Organization not found')]);
    assert.equal((await organization.get('/info')).lab, true);
  });

  test('overview and settings show what there is', async () => {
    const before = await partner.get('/overview');
    const device = await register(server, model.key);
    await call(device, 'POST', '/telemetry', {});
    const overview = await partner.get('/overview');
    assert.equal(overview.devices.total, before.devices.total + 1);
    assert.equal(overview.registrations_today, before.registrations_today + 1);
    const settings = await partner.get('/settings');
    assert.equal(settings.name, 'Northlight');
    assert.match(settings.short_code, /^.{4}$/);
    assert.ok(!/PRIVATE|secret_key|"key"/.test(JSON.stringify(settings)));
  });
});

describe('spaces', () => {
  test('created below the root or a parent; filters; refusals', async () => {
    const building = await organization.post('/spaces', { name: 'North', space_type: 'building', config: { temperature_units: 'celsius', unknown: 1 } });
    const room = await organization.post('/spaces', { name: 'Lobby', parent_id: String(building.id), space_type: 'room' });
    const { items: [root] } = await organization.get('/spaces?space_type=root');
    assert.equal(typeof building.id, 'number');
    assert.deepEqual([building.parent_id, room.parent_id, room.space_type, room.full_path, room.path, room.devices_count], [root.id, building.id, 'room', `${root.name}/North/Lobby`, `${root.name}/North/Lobby`, 0]);
    assert.deepEqual(building.config, { temperature_units: 'celsius' });
    assert.match(room.created_at, ISO);
    assert.deepEqual(await organization.get(`/spaces/${room.id}`), room);
    const found = async (query) => (await organization.get(`/spaces?${query}`)).items.map(({ id }) => id);
    assert.deepEqual(await found(`id=${room.id}`), [room.id]);
    assert.deepEqual(await found(`parent_id=${building.id}`), [room.id]);
    assert.deepEqual(await found('name=LOBB'), [room.id]);
    assert.deepEqual(await found('path_includes=north/lob'), [room.id]);
    assert.deepEqual(await found('space_type=room&name=north'), []);
    assert.deepEqual(await found('space_type=building&name=north'), [building.id]);
    assert.deepEqual(await found(`created_after=${Date.now() + 60000}`), []);
    assert.ok((await found(`created_before=${Math.floor(Date.now() / 1000) + 60}`)).includes(room.id));
    await refusals('/organization/spaces', [
      [{}, 'Parameter name is required'], [{ name: ' ' }, "Name can't be blank"], [{ name: 'a/b' }, 'Name is invalid'],
      [{ name: 'North' }, 'Name has already been taken'], [{ name: 'Lobby', parent_id: building.id }, 'Name has already been taken'],
      [{ name: 'x', parent_id: 999999 }, 'Space not found', 404], [{ name: 'x', parent_id: 'nonsense' }, 'Space not found', 404],
    ]);
    await organization.post('/spaces', { name: 'North', parent_id: building.id });
    assert.deepEqual(answer(await ask('GET', '/organization/spaces/999999')), [404, error('Space not found')]);
    assert.deepEqual(answer(await ask('GET', '/organization/spaces/x')), [404, error('Space not found')]);
    let parent = building;
    let refused;
    for (let depth = 2; depth <= 17 && !refused; depth++) {
      const reply = await ask('POST', '/organization/spaces', { name: `D${depth}`, parent_id: parent.id });
      if (reply.status === 422) refused = depth; else parent = reply.json;
    }
    assert.ok(refused >= 16 && refused <= 17, `depth is at most 16, refused at ${refused}`);
  });
});

describe('devices of an organization', () => {
  test('the object, exactly in its members', async () => {
    const device = await claimed({ sn: 'OBJ-1', mac: '11:22:33:44:55:66', name: 'Lobby panel', details: { a: 1 } });
    await call(device, 'POST', '/telemetry', { telemetries: { temp: 22 } });
    const shown = await organization.get(`/devices/${device.id}`);
    const specified = ['id', 'name', 'sn', 'mac', 'cloud_id', 'status', 'effective_status', 'merged_effective_status', 'last_seen_at', 'details', 'state', 'model', 'firmware', 'space', 'space_id',
      'space_name', 'space_tree_path_name', 'custom_parameters', 'partner', 'parent_id', 'config_version', 'applied_config_version', 'incidents_suspended', 'host_address', 'created_at', 'claimed_at'];
    assert.deepEqual(Object.keys(shown).slice(0, specified.length), specified);
    const { items: [root] } = await organization.get('/spaces?space_type=root');
    assert.deepEqual([shown.name, shown.sn, shown.mac, shown.cloud_id, shown.status, shown.effective_status, shown.details, shown.state, shown.model, shown.firmware, shown.space, shown.space_id, shown.space_name,
      shown.custom_parameters, shown.partner, shown.parent_id, shown.incidents_suspended],
    ['Lobby panel', 'OBJ-1', '11:22:33:44:55:66', null, 'online', 'ok', { a: 1 }, { status: 'online', temp: 22 }, { id: model.id, name: model.name, sub_model: null }, { version: '1.0.0' },
      { id: root.id, full_path: root.name }, root.id, root.name, {}, 'Northlight', null, false]);
    for (const name of ['last_seen_at', 'created_at', 'claimed_at']) assert.match(shown[name], ISO);
    assert.ok(!JSON.stringify(shown).includes(device.access_key));
    const theirs = await partner.get(`/devices/${device.id}`);
    for (const name of ['id', 'sn', 'mac', 'cloud_id', 'status', 'last_seen_at', 'details', 'state', 'model', 'firmware', 'name', 'organization', 'parent_id', 'created_at', 'hub_url', 'mqtt_hub_url', 'connected']) assert.ok(name in theirs, name);
    assert.deepEqual([theirs.organization.id, theirs.connected, theirs.hub_url, theirs.mqtt_hub_url], [server.organization_id, false, device.hub_url, device.mqtt_hub_url]);
  });

  test('list filters combine', async () => {
    const own = await makeModel(server);
    const space = await organization.post('/spaces', { name: fresh('Filter') });
    const sub = await organization.post('/spaces', { name: 'Sub', parent_id: space.id });
    const a = await claimed({ sn: 'FILTER-A', name: 'Alpha' }, own);
    const b = await claimed({ sn: 'FILTER-B', name: 'Beta' }, own);
    await register(server, own.key, { sn: 'FILTER-C', name: 'Unclaimed' });
    await organization.post(`/devices/${a.id}/move`, { space_id: space.id });
    await organization.post(`/devices/${b.id}/move`, { space_id: String(sub.id) });
    await call(b, 'POST', '/telemetry', { status: 'error' });
    const ids = async (query) => (await organization.get(`/devices?model_id=${own.id}&${query}`)).items.map(({ id }) => id);
    assert.deepEqual(await ids(''), [a.id, b.id], 'by creation; the unclaimed one is not theirs');
    assert.deepEqual(await ids(`space_id=${space.id}`), [a.id, b.id], 'with sub-spaces');
    assert.deepEqual(await ids(`space_id=${sub.id}`), [b.id]);
    assert.deepEqual(await ids('space_id=999999'), []);
    assert.deepEqual(await ids('status=error'), [b.id]);
    assert.deepEqual(await ids('status=online'), []);
    assert.deepEqual(await ids('search=ALPH'), [a.id]);
    assert.deepEqual(await ids('search=filter-b'), [b.id]);
    assert.deepEqual(await ids(`search=filter&status=error&space_id=${space.id}`), [b.id]);
    assert.deepEqual((await organization.get(`/devices?model_id=${UNKNOWN}`)).items, []);
    const mine = async (query) => (await partner.get(`/devices?model_id=${own.id}&${query}`)).data.map(({ sn }) => sn);
    assert.deepEqual(await mine(''), ['FILTER-A', 'FILTER-B', 'FILTER-C']);
    assert.deepEqual(await mine('unclaimed=true'), ['FILTER-C']);
    assert.deepEqual(await mine(`organization_id=${server.organization_id}`), ['FILTER-A', 'FILTER-B']);
    assert.deepEqual(await mine('sn=FILTER-B'), ['FILTER-B']);
    assert.deepEqual(await mine('sn=FILTER'), [], 'sn is exact');
    assert.deepEqual(await mine('status=error'), ['FILTER-B']);
    assert.deepEqual(await mine('search=unclaim'), ['FILTER-C']);
    const mac = (await partner.get(`/devices/${a.id}`)).mac;
    assert.deepEqual(await mine(`mac=${mac.replaceAll(':', '').toUpperCase()}`), ['FILTER-A'], 'matched normalised');
    assert.equal((await organization.get(`/spaces/${space.id}`)).devices_count >= 1, true);
  });

  test('claim by MAC and serial number, and by Cloud ID; every refusal; lookup', async () => {
    const customer = await partner.post('/organizations', { name: fresh('Claimer'), admin_contact_email: 'x@example.com' });
    const ours = client(server, 'organization', customer.api_key);
    const post = (path, body) => request(server.http, 'POST', `/core/v1/organization${path}`, { key: customer.api_key, body });
    const { items: [root] } = await ours.get('/spaces');
    const own = await makeModel(server);
    const cloud = await makeModel(server, { authentication_method: 'cloud_id' });
    const device = await register(server, own.key, { sn: 'CLAIM-1', mac: 'AA:BB:CC:00:00:01' });
    const wanted = { space_id: root.id, mac: 'aabbcc000001', sn: 'CLAIM-1' };
    const refused = async (body, status, text) => assert.deepEqual(answer(await post('/devices/claim', body)), [status, error(text)], JSON.stringify(body));
    await refused({}, 422, 'Parameter space_id is required');
    await refused({ ...wanted, space_id: 999999 }, 404, 'Space not found');
    const { items: [lab] } = await organization.get('/spaces?space_type=root');
    await refused({ ...wanted, space_id: lab.id }, 404, 'Space not found');
    await refused({ space_id: root.id, cloud_id: '' }, 422, "Cloud id can't be blank");
    await refused({ space_id: root.id, sn: 'CLAIM-1' }, 422, "Mac can't be blank");
    await refused({ space_id: root.id, mac: 'aabbcc000001' }, 422, "Sn can't be blank");
    await refused({ ...wanted, sn: 'OTHER' }, 404, 'Device not found');
    await refused(wanted, 404, 'Device not found');
    assert.equal((await post('/devices/claim/lookup', wanted)).json.result, 'unpublished');
    await partner.post(`/models/${own.id}/publish`, {});
    await partner.post(`/models/${cloud.id}/publish`, {});
    const lookup = (await post('/devices/claim/lookup', { mac: wanted.mac, sn: wanted.sn })).json;
    assert.deepEqual(lookup, { result: 'claimable', device_id: device.id, model: own.name, sn: 'CLAIM-1', children: 0 });
    const taken = await post('/devices/claim', { ...wanted, space_id: String(root.id), name: 'Ours' });
    assert.equal(taken.status, 200);
    assert.deepEqual([taken.json.id, taken.json.name, taken.json.space_id], [device.id, 'Ours', root.id]);
    await refused(wanted, 422, 'Device is already claimed');
    assert.deepEqual((await post('/devices/claim/lookup', wanted)).json, { result: 'claimed_here', device_id: device.id });
    assert.deepEqual((await ask('POST', '/organization/devices/claim/lookup', { mac: wanted.mac, sn: wanted.sn })).json, { result: 'claimed_elsewhere' });
    assert.deepEqual((await post('/devices/claim/lookup', { cloud_id: 'never-registered-1' })).json, { result: 'not_registered' });
    const byCloud = await register(server, cloud.key, { cloud_id: 'claim-by-cloud-id-1', mac: undefined });
    assert.equal((await post('/devices/claim', { space_id: root.id, cloud_id: 'claim-by-cloud-id-1' })).json.id, byCloud.id);
    const info = (await call(byCloud, 'GET', '')).json;
    assert.deepEqual([info.claimed, info.version], [customer.name, 1]);
    // Two owners at once: one wins.
    await register(server, own.key, { sn: 'CLAIM-RACE', mac: 'AA:BB:CC:00:00:02' });
    const race = { mac: 'AA:BB:CC:00:00:02', sn: 'CLAIM-RACE' };
    const both = await Promise.all([post('/devices/claim', { ...race, space_id: root.id }), ask('POST', '/organization/devices/claim', { ...race, space_id: lab.id })]);
    assert.deepEqual(both.map(({ status }) => status).sort(), [200, 422]);
    // Un-claiming sets it free.
    assert.equal((await post(`/devices/${device.id}/unclaim`, {})).status, 200);
    assert.deepEqual(answer(await post(`/devices/${device.id}/unclaim`, {})), [404, error('Device not found')]);
    assert.equal((await call(device, 'GET', '')).json.claimed, null);
  });

  test('update, move and delete', async () => {
    const device = await claimed();
    const at = `/organization/devices/${device.id}`;
    const changed = await organization.patch(`/devices/${device.id}`, { name: 'New name', configuration: { a: { b: 1 } }, unknown: 1 });
    assert.deepEqual([changed.name, changed.config_version, changed.applied_config_version], ['New name', 1, 0]);
    assert.equal((await organization.patch(`/devices/${device.id}`, { configuration: { c: 2 } })).config_version, 2);
    assert.deepEqual(await partner.get(`/devices/${device.id}/config`).then(({ version, config }) => ({ version, config })), { version: 2, config: { c: 2 } }, 'replaced, not merged');
    await refusals(at, [[{ name: '' }, "Name can't be blank"], [{ name: 'x'.repeat(256) }, 'Name is too long (maximum is 255 characters)'], [{ custom_parameters: { x: 1 } }, 'Unknown parameter x']], { method: 'PATCH' });
    const wrong = await ask('PATCH', at, { configuration: [1] });
    assert.equal(wrong.status, 422);
    const space = await organization.post('/spaces', { name: fresh('Move') });
    const levels = async () => (await call(device, 'POST', '/telemetry', {})).json.space_data_version;
    const before = await levels();
    assert.equal((await organization.post(`/devices/${device.id}/move`, { space_id: space.id })).space_id, space.id);
    assert.ok(await levels() > before, 'a move raises space_data_version');
    await refusals(`${at}/move`, [[{}, 'Parameter space_id is required'], [{ space_id: 999999 }, 'Space not found', 404]]);
    assert.deepEqual(await organization.del(`/devices/${device.id}`), { success: true });
    assert.deepEqual(answer(await ask('DELETE', at)), [404, error('Device not found')]);
    assert.deepEqual(answer(await ask('GET', at)), [404, error('Device not found')]);
    assert.deepEqual(answer(await call(device, 'GET', '')), [401, error('Not authorized')]);
    assert.deepEqual(answer(await ask('GET', `/partner/devices/${device.id}`)), [404, error('Errors::NotFound')]);
  });

  test('configuration: PUT with the base version', async () => {
    const device = await claimed();
    const at = `/organization/devices/${device.id}/config`;
    const first = await ask('PUT', at, { config: { a: 1 }, base_version: 0 });
    assert.deepEqual([first.status, first.json.version, first.json.config], [200, 1, { a: 1 }]);
    assert.deepEqual(answer(await ask('PUT', at, { config: { a: 2 }, base_version: 0 })), [422, error('Error setting config with old version, latest is 1')]);
    assert.equal((await ask('PUT', at, { config: { a: 3 }, base_version: 1 })).json.version, 2);
    const shown = await organization.get(`/devices/${device.id}/config`);
    assert.deepEqual([Object.keys(shown).slice(0, 3), shown.version, shown.config], [['version', 'last_updated', 'config'], 2, { a: 3 }]);
    const versions = await ask('GET', `${at}/versions`);
    assert.equal(versions.status, 200);
    assert.ok(JSON.stringify(versions.json).includes('{"a":1}'));
  });
});

describe('commands of an organization', () => {
  let own;
  before(async () => {
    own = await makeModel(server);
    const at = `/models/${own.id}/commands`;
    await partner.post(at, { name: 'set_input', friendly_name: 'Set input', custom_fields: [
      { name: 'input', type: 'select', required: true, options: { 33: 'HDMI 1', 34: 'HDMI 2' } }, { name: 'level', type: 'integer' }, { name: 'on', type: 'boolean' },
      { name: 'tags', type: 'multiselect', options: { a: 'A', b: 'B' } }, { name: 'when', type: 'date' }, { name: 'list', type: 'array' }] });
    await partner.post(at, { name: 'hidden', friendly_name: 'Hidden', active: false });
    await partner.post(at, { name: 'with_file', friendly_name: 'With file', with_file: true });
    await partner.post(`/models/${own.id}/publish`, {});
  });

  test('sent by name, friendly name or alias; the object; what the device gets', async () => {
    const device = await claimed({}, own);
    const post = (body) => organization.post(`/devices/${device.id}/commands`, body);
    const sent = await post({ name: 'set_input', file_id: null, extra_params: { input: '33', level: '5', on: 'true', tags: ['a', 'b'], list: [1] } });
    assert.deepEqual(Object.keys(sent), ['id', 'device_id', 'status', 'name', 'friendly_name', 'parameters', 'message', 'file_id', 'created_by', 'created_at', 'scheduled_at', 'delivered_at', 'finished_at']);
    assert.deepEqual([sent.device_id, sent.status, sent.name, sent.friendly_name, sent.parameters, sent.message, sent.file_id, sent.created_by, sent.scheduled_at, sent.delivered_at, sent.finished_at],
      [device.id, 'pending', 'set_input', 'Set input', { input: '33', level: 5, on: true, tags: ['a', 'b'], when: null, list: [1] }, null, null, null, null, null, null]);
    assert.match(sent.id, UUID);
    assert.deepEqual(await organization.get(`/devices/${device.id}/commands/${sent.id}`), sent);
    const plain = await post({ friendly_name: 'Set input', extra_params: { input: '34' } });
    assert.equal(plain.name, 'set_input');
    assert.equal((await post({ command: 'Set input', extra_params: { input: '34' } })).name, 'set_input');
    assert.equal((await post({ name: 'nonsense', friendly_name: 'Set input', extra_params: { input: '34' } })).name, 'set_input', 'the friendly name is tried second');
    const bare = await post({ name: 'reboot', extra_params: {}, file_id: null });
    assert.equal(bare.parameters, null);
    assert.deepEqual((await call(device, 'GET', '/command')).json.parameters, sent.parameters);
    const list = await organization.get(`/devices/${device.id}/commands?per_page=500`);
    assert.deepEqual([list.items.length, list.has_next_page, list.items[0].id], [5, false, bare.id], 'newest first');
    assert.deepEqual((await organization.get(`/devices/${device.id}/commands?status=done`)).items, []);
    assert.equal((await organization.get(`/devices/${device.id}/commands?status=pending&per_page=2`)).has_next_page, true);
    const theirs = await partner.get(`/devices/${device.id}/commands`);
    assert.deepEqual([theirs.page_info, theirs.data[0].parameters, theirs.data[0].id], [{ has_next: false, total_count: 5 }, null, bare.id]);
  });

  test('refusals', async () => {
    const device = await claimed({}, own);
    const at = `/organization/devices/${device.id}/commands`;
    await refusals(at, [
      [{}, 'Invalid command'], [{ name: 'nonsense' }, 'Invalid command'], [{ name: 'Set input' }, 'Invalid command'], [{ friendly_name: 'set_input' }, 'Invalid command'], [{ name: 5 }, 'Invalid command'],
      [{ name: 'set_input' }, 'Parameter input is required'], [{ name: 'set_input', extra_params: { input: '' } }, 'Parameter input is required'], [{ name: 'set_input', extra_params: { input: null } }, 'Parameter input is required'],
      [{ name: 'set_input', extra_params: { input: '35' } }, 'input is invalid'],
      [{ name: 'set_input', extra_params: { input: '33', level: 'x' } }, 'level is invalid'], [{ name: 'set_input', extra_params: { input: '33', level: 1.5 } }, 'level is invalid'],
      [{ name: 'set_input', extra_params: { input: '33', on: 'perhaps' } }, 'on is invalid'], [{ name: 'set_input', extra_params: { input: '33', tags: ['a', 'z'] } }, 'tags is invalid'],
      [{ name: 'set_input', extra_params: { input: '33', list: {} } }, 'list is invalid'],
      [{ name: 'set_input', extra_params: { input: '33', other: 1 } }, 'Unknown parameter other'], [{ name: 'reboot', extra_params: { x: 1 } }, 'Unknown parameter x'],
      [{ name: 'with_file' }, 'Parameter file_id is required'], [{ name: 'with_file', file_id: '' }, 'Parameter file_id is required'],
      [{ name: 'with_file', file_id: UNKNOWN }, 'File not found', 404],
      [{ name: 'reboot', scheduled_at: 'later' }, 'Scheduled at is invalid'],
    ]);
    assert.deepEqual((await organization.get(`/devices/${device.id}/commands`)).items, [], 'none was sent');
    assert.equal((await ask('POST', at, { name: 'hidden' })).status, 200, 'inactive ones only for labs');
    const customer = await partner.post('/organizations', { name: fresh('No lab'), admin_contact_email: 'x@example.com' });
    const other = await register(server, own.key);
    await partner.post('/devices/assign', { device_ids: [other.id], organization_id: customer.id });
    const refused = await request(server.http, 'POST', `/core/v1/organization/devices/${other.id}/commands`, { key: customer.api_key, body: { name: 'hidden' } });
    assert.deepEqual(answer(refused), [422, error('Invalid command')]);
    assert.deepEqual(answer(await ask('POST', `/organization/devices/${UNKNOWN}/commands`, { name: 'reboot' })), [404, error('Device not found')]);
    assert.deepEqual(answer(await ask('GET', `${at}/${UNKNOWN}`)), [404, error('Command not found')]);
    assert.deepEqual(answer(await ask('GET', `${at}/nonsense`)), [404, error('Command not found')]);
  });

  test('cancelled while it is open, also with a body, also when scheduled', async () => {
    const device = await claimed({}, own);
    const at = `/organization/devices/${device.id}/commands`;
    const send = (fields) => organization.post(`/devices/${device.id}/commands`, { name: 'reboot', ...fields });
    const pending = await send();
    const scheduled = await send({ scheduled_at: Date.now() + 3_600_000 });
    assert.equal(scheduled.status, 'scheduled');
    const cancelled = await ask('DELETE', `${at}/${pending.id}`, { any: 'body' });
    assert.deepEqual([cancelled.status, cancelled.json.id, cancelled.json.status], [200, pending.id, 'aborted']);
    assert.match(cancelled.json.finished_at, ISO);
    assert.equal((await organization.del(`/devices/${device.id}/commands/${scheduled.id}`)).status, 'aborted');
    for (const { id } of [pending, scheduled]) assert.deepEqual(answer(await ask('DELETE', `${at}/${id}`)), [422, error('Command cannot be cancelled')]);
    assert.deepEqual(answer(await ask('DELETE', `${at}/${UNKNOWN}`)), [404, error('Command not found')]);
    assert.deepEqual((await organization.get(`/devices/${device.id}/commands?status=aborted`)).items.map(({ id }) => id).sort(), [pending.id, scheduled.id].sort());
    assert.equal((await send({ scheduled_at: '2020-01-01T00:00:00Z' })).status, 'pending', 'a time that is past is now');
  });
});

describe('devices of a partner', () => {
  test('assign and unassign', async () => {
    const a = await register(server, model.key);
    const b = await register(server, model.key);
    const space = await organization.post('/spaces', { name: fresh('Assign') });
    const at = '/partner/devices/assign';
    await refusals(at, [[{ organization_id: server.organization_id }, 'Parameter device_ids is required'], [{ device_ids: [a.id] }, 'Parameter organization_id is required'],
      [{ device_ids: [a.id], organization_id: UNKNOWN }, 'Organization not found', 404], [{ device_ids: [a.id], organization_id: server.organization_id, space_id: 999999 }, 'Space not found', 404]]);
    const half = await ask('POST', at, { device_ids: [a.id, UNKNOWN], organization_id: server.organization_id });
    assert.equal(half.status, 404);
    assert.equal((await partner.get(`/devices/${a.id}`)).organization, null, 'all or none');
    const done = await ask('POST', at, { device_ids: [a.id, b.id], organization_id: server.organization_id, space_id: space.id });
    assert.ok([200, 201].includes(done.status), done.text);
    assert.equal((await organization.get(`/devices/${b.id}`)).space_id, space.id);
    assert.equal((await ask('POST', at, { device_ids: [a.id], organization_id: server.organization_id })).status, 422);
    assert.equal((await call(a, 'GET', '')).json.version, 1);
    const sent = await organization.post(`/devices/${a.id}/commands`, { name: 'reboot' });
    await call(a, 'POST', '/telemetry', { telemetries: { x: 1 } });
    assert.equal((await partner.get(`/devices/${a.id}/telemetries`)).length, 1);
    const free = await ask('POST', `/partner/devices/${a.id}/unassign`, {});
    assert.ok([200, 201].includes(free.status), free.text);
    assert.deepEqual(answer(await ask('GET', `/organization/devices/${a.id}`)), [404, error('Device not found')]);
    const row = (await partner.get(`/devices/${a.id}/commands`)).data.find(({ id }) => id === sent.id);
    assert.ok(!row || row.status === 'aborted');
    assert.deepEqual(await partner.get(`/devices/${a.id}/telemetries`), [], 'the history of the former owner is gone');
    assert.equal((await call(a, 'GET', '')).status, 200, 'its key stays valid');
    assert.equal((await ask('POST', `/partner/devices/${UNKNOWN}/unassign`, {})).status, 404);
  });

  test('telemetries: newest first, bounded, by window in every form of time', async () => {
    const device = await claimed();
    const base = Math.floor(Date.now() / 1000) * 1000 - 600_000;
    for (let n = 0; n < 6; n++) await call(device, 'POST', '/telemetry', { telemetries: { n }, timestamp: base + n * 60_000 });
    const of = async (query) => (await partner.get(`/devices/${device.id}/telemetries${query}`)).map(({ telemetries }) => telemetries.n);
    assert.deepEqual(await of(''), [5, 4, 3, 2, 1, 0]);
    assert.deepEqual(await of('?limit=2'), [5, 4]);
    assert.deepEqual(await of('?limit=99999'), [5, 4, 3, 2, 1, 0]);
    const from = base + 60_000;
    const to = base + 180_000;
    const windows = [[from, to], [from / 1000, to / 1000], [new Date(from).toISOString(), new Date(to).toISOString()], [new Date(from).toISOString().replace('.000Z', ''), String(to)]];
    const results = [];
    for (const [f, t] of windows) results.push(await of(`?from=${encodeURIComponent(f)}&to=${encodeURIComponent(t)}`));
    for (const result of results) assert.deepEqual(result, results[0]);
    assert.ok(results[0].includes(1) && results[0].includes(2) && !results[0].includes(0) && !results[0].includes(4), JSON.stringify(results[0]));
    assert.deepEqual(await of('?from=null&to='), [5, 4, 3, 2, 1, 0]);
    const [row] = await partner.get(`/devices/${device.id}/telemetries?limit=1`);
    assert.deepEqual(Object.keys(row), ['created_at', 'device_timestamp', 'telemetries']);
    assert.deepEqual(row.telemetries, { n: 5, status: 'online' });
    const theirs = await organization.get(`/devices/${device.id}/telemetries`);
    assert.ok((theirs.items ?? theirs).length === 6);
  });

  test('unknown devices say Errors::NotFound, deletion works on claimed ones and is safe to repeat', async () => {
    for (const [method, path] of [['GET', ''], ['DELETE', ''], ['GET', '/telemetries'], ['GET', '/config'], ['GET', '/commands']]) {
      for (const id of [UNKNOWN, 'nonsense']) assert.deepEqual(answer(await ask(method, `/partner/devices/${id}${path}`)), [404, error('Errors::NotFound')], `${method} ${path}`);
    }
    const device = await claimed();
    assert.deepEqual(await partner.del(`/devices/${device.id}`), { success: true });
    assert.deepEqual(answer(await ask('DELETE', `/partner/devices/${device.id}`)), [404, error('Errors::NotFound')]);
    const unclaimed = await register(server, model.key);
    assert.deepEqual(await partner.get(`/devices/${unclaimed.id}/config`).then(({ version, config, last_updated: at }) => [version, config, ISO.test(at)]), [0, {}, true]);
  });

  test('rotating a key is once and idempotent per Idempotency-Key', async () => {
    const device = await claimed();
    const rotate = (key) => ask('POST', `/partner/devices/${device.id}/rotate_key`, {}, { headers: key ? { 'idempotency-key': key } : {} });
    const first = await rotate('r1');
    const again = await rotate('r1');
    assert.equal(again.text, first.text);
    assert.equal((await request(server.http, 'GET', `/v1/devices/${device.id}`, { key: first.json.access_key })).status, 200);
    const second = await rotate();
    assert.notEqual(second.json.access_key, first.json.access_key);
    assert.equal((await request(server.http, 'GET', `/v1/devices/${device.id}`, { key: first.json.access_key })).status, 401);
  });
});

describe('claims in detail', () => {
  const post = (path, body) => ask('POST', `/organization${path}`, body);
  let root;
  before(async () => { [root] = (await organization.get('/spaces?space_type=root')).items; });

  test('the code on a label of MAC and serial number, in the usual spellings of the MAC', async () => {
    const { short_code: shortCode } = await partner.get('/settings');
    const code = (mac, sn) => shortCode + createHash('sha256').update(mac + sn).digest('hex').slice(0, 20);
    const device = await register(server, model.key, { sn: 'QR-1', mac: 'aa:bb:cc:dd:ee:01' });
    for (const mac of ['aa:bb:cc:dd:ee:01', 'AA:BB:CC:DD:EE:01', 'AA-BB-CC-DD-EE-01', 'aabbccddee01', 'AABBCCDDEE01']) {
      assert.equal((await post('/devices/claim/lookup', { cloud_id: code(mac, 'QR-1') })).json.device_id, device.id, mac);
    }
    assert.equal((await post('/devices/claim/lookup', { cloud_id: code('aabbccddee01', 'QR-2') })).json.result, 'not_registered');
    assert.equal((await post('/devices/claim/lookup', { cloud_id: `ZZZZ${code('aabbccddee01', 'QR-1').slice(4)}` })).json.result, 'not_registered', 'the short code belongs to it');
    assert.equal((await post('/devices/claim', { space_id: root.id, cloud_id: code('aabbccddee01', 'QR-1') })).json.id, device.id);
    await organization.del(`/devices/${device.id}`);
    assert.equal((await post('/devices/claim/lookup', { cloud_id: code('aabbccddee01', 'QR-1') })).json.result, 'not_registered');
  });

  test('two devices with one MAC and serial number are ambiguous', async () => {
    const other = await makeModel(server);
    const identity = { sn: 'TWICE', mac: 'aa:bb:cc:dd:ee:02' };
    await register(server, model.key, identity);
    const second = await register(server, other.key, identity);
    assert.deepEqual(answer(await post('/devices/claim', { space_id: root.id, ...identity })), [422, error('Provided identifiers are ambiguous')]);
    await assign(server, second.id);
    assert.equal((await post('/devices/claim', { space_id: root.id, ...identity })).status, 200, 'one is taken: the other is meant');
  });

  test('children come along, cannot be claimed alone, follow, and go with their parent', async () => {
    const application = await makeModel(server, { device_type: 'application' });
    const parent = await register(server, model.key, { sn: 'PARENT', mac: 'aa:bb:cc:dd:ee:03' });
    const app = (fields) => register(server, application.key, { parent_id: parent.id, ...fields });
    const child = await app({ sn: 'CHILD-1', mac: 'aa:bb:cc:dd:ee:04' });
    const part = await register(server, model.key, { sn: 'PART', mac: 'aa:bb:cc:dd:ee:05', parent_id: parent.id });
    assert.equal((await post('/devices/claim/lookup', { sn: 'CHILD-1', mac: 'aa:bb:cc:dd:ee:04' })).json.result, 'child');
    assert.deepEqual(answer(await post('/devices/claim', { space_id: root.id, sn: 'CHILD-1', mac: 'aa:bb:cc:dd:ee:04' })), [404, error('Device not found')]);
    assert.equal((await post('/devices/claim/lookup', { sn: 'PARENT', mac: 'aa:bb:cc:dd:ee:03' })).json.children, 2);
    assert.equal((await post('/devices/claim', { space_id: root.id, sn: 'PARENT', mac: 'aa:bb:cc:dd:ee:03' })).status, 200);
    for (const one of [child, part]) {
      const shown = await organization.get(`/devices/${one.id}`);
      assert.deepEqual([shown.parent_id, shown.space_id], [parent.id, root.id]);
    }
    const late = await app({ sn: 'CHILD-2', mac: 'aa:bb:cc:dd:ee:06' });
    assert.equal((await organization.get(`/devices/${late.id}`)).space_id, root.id, 'claimed at registration');
    assert.ok((await call(late, 'POST', '/telemetry', {})).json.space_data_version >= 1);
    const space = await organization.post('/spaces', { name: fresh('Family') });
    assert.deepEqual(answer(await post(`/devices/${child.id}/move`, { space_id: space.id })), [422, error('Application devices follow their parent')]);
    await organization.post(`/devices/${parent.id}/move`, { space_id: space.id });
    assert.equal((await organization.get(`/devices/${child.id}`)).space_id, space.id);
    assert.equal((await organization.get(`/devices/${part.id}`)).space_id, root.id, 'physical ones stay');
    await organization.post(`/devices/${parent.id}/unclaim`, {});
    for (const one of [parent, child, late]) assert.equal((await call(one, 'GET', '')).json.claimed, null);
    await assign(server, parent.id);
    await partner.del(`/devices/${parent.id}`);
    for (const one of [child, late]) assert.deepEqual(answer(await call(one, 'GET', '')), [401, error('Not authorized')], 'application children are deleted too');
    const left = await partner.get(`/devices/${part.id}`);
    assert.equal(left.parent_id, null, 'physical children are only detached');
  });
});

describe('data of a device', () => {
  test('a change is made as a whole or not at all', async () => {
    const device = await claimed({ name: 'Before' });
    for (const body of [{ name: 'After', configuration: [1] }, { name: 'After', configuration: { a: 1 }, custom_parameters: { unknown: 1 } }, { configuration: { a: 1 }, name: '' }]) {
      assert.equal((await ask('PATCH', `/organization/devices/${device.id}`, body)).status, 422);
    }
    const shown = await organization.get(`/devices/${device.id}`);
    assert.deepEqual([shown.name, shown.config_version], ['Before', 0]);
    assert.deepEqual((await call(device, 'POST', '/telemetry', {})).json.info_version, 1, 'only the claim counted');
  });

  test('history: a row at the change of status, by window and status, on both sides', async () => {
    const device = await claimed();
    await call(device, 'POST', '/telemetry', { telemetries: { temp: 1 } });
    await call(device, 'POST', '/telemetry', { status: 'error', telemetries: { temp: 2 } });
    const at = `/devices/${device.id}/history`;
    const rows = await until(async () => {
      const page = await partner.get(at);
      return page.data.some(({ state }) => state.status === 'error') ? page : null;
    }, 'the history of the change of status');
    assert.equal(typeof rows.page_info.has_next, 'boolean');
    const [row] = rows.data;
    assert.deepEqual(Object.keys(row), ['created_at', 'state', 'device_id']);
    assert.deepEqual([row.device_id, row.state.status, row.state.temp], [device.id, 'error', 2]);
    assert.match(row.created_at, ISO);
    assert.ok((await partner.get(`${at}?status=error`)).data.every(({ state }) => state.status === 'error'));
    assert.deepEqual((await partner.get(`${at}?status=unavailable`)).data, [], 'accepted and never produced');
    assert.deepEqual((await partner.get(`${at}?to=2020-01-01T00:00:00Z&from=0`)).data, []);
    const histories = await organization.get(`/devices/histories?device_id=${device.id}&status=error`);
    assert.deepEqual(Object.keys(histories.items[0]), ['uuid', 'device_id', 'name', 'model', 'partner', 'space_id', 'state', 'created_at']);
    assert.deepEqual([histories.items[0].uuid, histories.items[0].model, histories.items[0].partner], [device.id, model.name, 'Northlight']);
    assert.ok((await partner.get('/devices/histories')).data.some(({ device_id: id }) => id === device.id));
  });

  test('series of one and several keys', async () => {
    const device = await claimed();
    const base = Math.floor(Date.now() / 1000) * 1000 - 300_000;
    for (let n = 0; n < 5; n++) await call(device, 'POST', '/telemetry', { telemetries: { temp: 20 + n, mode: n < 3 ? 'eco' : 'full' }, timestamp: base + n * 30_000 });
    const { series } = await organization.get(`/devices/${device.id}/series?keys=temp,mode,none&from=${base - 1000}&to=${base + 400_000}`);
    assert.deepEqual(series.map(({ key }) => key), ['temp', 'mode', 'none']);
    assert.deepEqual(series[0].points.map(([at, low, average, high]) => [at - base, low, average, high]), [0, 1, 2, 3, 4].map((n) => [n * 30_000, 20 + n, 20 + n, 20 + n]));
    assert.deepEqual(series[1].points.map(([at, value]) => [at - base, value]), [[0, 'eco'], [90_000, 'full']], 'text as changes');
    assert.deepEqual(series[2].points, []);
    assert.deepEqual((await partner.get(`/devices/${device.id}/series?keys=temp&from=${base}&to=${base + 60_000}&points=2000`)).series[0].points.length, 3);
    assert.equal((await ask('GET', `/organization/devices/${device.id}/series`)).status, 422);
  });

  test('the audit log names the actor and never a secret', async () => {
    const own = await makeModel(server);
    const device = await claimed({}, own);
    const rotated = await partner.post(`/devices/${device.id}/rotate_key`, {});
    const made = await partner.post('/api_keys', { name: 'audited' }, 201);
    const rows = (await partner.get('/audit?per_page=500')).data;
    for (const action of ['model.create', 'device.assign', 'device.rotate_key', 'api_key.create', 'hardware_key.read']) assert.ok(rows.some((row) => row.action === action), action);
    const text = JSON.stringify(rows);
    for (const secret of [own.key, device.access_key, rotated.access_key, made.key, server.partner_key]) assert.ok(!text.includes(secret));
    const ours = JSON.stringify((await organization.get('/audit?per_page=500')).items);
    assert.ok(!ours.includes('hardware_key.read') && !ours.includes(own.id), 'each tenant its own log');
  });
});

describe('what a change does to connected clients', () => {
  const mqttModel = () => makeModel(server, { communication_protocol: 'mqtt' });
  const connected = async (device) => connect(server, { id: device.id, key: device.access_key });

  test('a kick ends the session with 0x98 and lets it come back; a rotated key ends it with 0x87 and does not', async () => {
    const device = await claimed({}, await mqttModel());
    const first = await connected(device);
    assert.equal((await partner.get(`/devices/${device.id}`)).connected, true);
    assert.deepEqual(answer(await ask('POST', `/partner/devices/${device.id}/disconnect`, {})), [200, '{"success":true}']);
    await first.closed;
    assert.deepEqual(first.disconnects, [0x98]);
    const second = await connected(device);
    const rotated = await partner.post(`/devices/${device.id}/rotate_key`, {});
    await second.closed;
    assert.deepEqual(second.disconnects, [0x87]);
    const refused = await connected(device).then(() => null, (reason) => reason.code);
    assert.equal(refused, 0x86);
    const third = await connect(server, { id: device.id, key: rotated.access_key });
    third.end(true);
    await until(async () => !(await partner.get(`/devices/${device.id}`)).connected, 'it is gone');
  });

  test('a revoked key ends the sessions that used it, and no others', async () => {
    const key = await organization.post('/api_keys', { name: 'mqtt' }, 201);
    const revoked = await connect(server, { clientId: '', username: 'org', password: key.key });
    const other = await connect(server, { clientId: '', username: 'org', password: server.organization_key });
    await organization.del(`/api_keys/${key.id}`);
    await revoked.closed;
    assert.deepEqual(revoked.disconnects, [0x87]);
    assert.equal(other.connected, true);
    other.end(true);
  });

  test('claim and un-claim leave the device connected; it hears of its space', async () => {
    const device = await register(server, (await mqttModel()).key);
    const hub = await connected(device);
    assert.deepEqual(await subscribe(hub, `v1/device/${device.id}/space_info`), [1]);
    await assign(server, device.id);
    assert.equal((await hub.next('/space_info')).json.device_id, device.id);
    await partner.post(`/devices/${device.id}/unassign`, {});
    await assign(server, device.id);
    await hub.next('/space_info');
    assert.equal(hub.connected, true);
    hub.end(true);
  });
});
