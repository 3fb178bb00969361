// Products and licences: signatures, states and actions, what devices see over HTTPS and MQTT, who may do what
// (device-api.md 6, management-api.md 5.8, 6.1, 6.2, mqtt.md 3 to 5).
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createPublicKey, randomUUID, verify } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { assign, client, makeModel, register, request, setup, startServer } from './support/server.js';
import { connect, publish, subscribe } from './support/mqtt.js';
import { follow } from './support/sse.js';
import { unlimited } from './support/config.js';
import { blob, editDatabase } from './support/database.js';

const FUTURE = '2099-01-01T00:00:00.000Z';
const LICENSE = ['id', 'product_id', 'data', 'signature', 'expires_at', 'state', 'action', 'device_id', 'organization_id', 'created_at', 'error'];
let keys;
let server;
let partner;
let organization;
let model;

async function start() {
  server = Object.assign(await startServer({ dir: keys.dir, args: unlimited() }), keys);
  partner = client(server, 'partner', server.partner_key);
  organization = client(server, 'organization', server.organization_key);
}

before(async () => {
  keys = setup();
  await start();
  model = await makeModel(server);
});
after(async () => {
  await server.stop();
  keys.remove();
});

const answer = ({ status, text }) => [status, text];
const refused = (status, text) => [status, JSON.stringify({ error: text })];
const asPartner = (method, path, body) => request(server.http, method, `/core/v1/partner${path}`, { key: server.partner_key, body });
const asOwner = (method, path, body) => request(server.http, method, `/core/v1/organization${path}`, { key: server.organization_key, body });
const topic = (device, rest) => `v1/device/${device.id}/${rest}`;

async function newDevice({ claimed = true, of = model } = {}) {
  const device = await register(server, of.key);
  if (claimed) await assign(server, device.id);
  device.call = (method, path, body) => request(server.http, method, `/v1/devices/${device.id}${path}`, { key: device.access_key, body });
  device.report = (body) => device.call('POST', '/licenses', body);
  device.waits = async () => (await device.call('POST', '/telemetry', {})).json.new_licenses;
  return device;
}
const newLicense = (fields = {}) => partner.post('/licenses', { organization_id: server.organization_id, data: 'feature=4k', ...fields }, 201);
const give = (license, device) => partner.post(`/licenses/${license.id}/assign`, { device_id: device.id }, 200);
const look = async (license) => (await partner.get('/licenses?per_page=500')).data.find(({ id }) => id === license.id);
/** A licence on a device: fetched, and reported as `state`. */
async function held(device, state, fields) {
  const license = await newLicense(fields);
  await give(license, device);
  await device.call('GET', '/licenses');
  if (state) assert.equal((await device.report({ id: license.id, state })).status, 200);
  return license;
}

describe('signatures', () => {
  test('the signature is over the bytes of data, and verifies with the public key', async () => {
    const { public_key: pem } = await partner.get('/settings/license_key');
    assert.match(pem, /^-----BEGIN PUBLIC KEY-----\n[^]*-----END PUBLIC KEY-----\n$/);
    const key = createPublicKey(pem);
    assert.ok(key.asymmetricKeyType === 'rsa' && key.asymmetricKeyDetails.modulusLength >= 2048);
    const dir = mkdtempSync(join(tmpdir(), 'license-'));
    try {
      for (const data of ['feature=4k;sn=A-17', '  blanks stay \n', '许可证 ü "quoted" \\', 'x'.repeat(4096)]) {
        const license = await newLicense({ data });
        assert.equal(license.data, data);
        const signature = Buffer.from(license.signature, 'base64');
        assert.ok(verify('sha256', Buffer.from(data), key, signature), data.slice(0, 20));
        assert.ok(!verify('sha256', Buffer.from(`${data}!`), key, signature));
        const file = (name, bytes) => { writeFileSync(join(dir, name), bytes); return join(dir, name); };
        execFileSync('openssl', ['dgst', '-sha256', '-verify', file('key.pem', pem), '-signature', file('signature', signature), file('data', data)]);
      }
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});

describe('products', () => {
  test('are made, listed and changed', async () => {
    const made = await partner.post('/products', { name: 'Screens', kind: 'metered', telemetry_key: 'screens', model_ids: [model.id] }, 201);
    assert.deepEqual(Object.keys(made), ['id', 'name', 'kind', 'telemetry_key', 'model_ids', 'created_at']);
    assert.deepEqual([made.name, made.kind, made.telemetry_key, made.model_ids], ['Screens', 'metered', 'screens', [model.id]]);
    const changed = await partner.patch(`/products/${made.id}`, { name: 'Displays', kind: 'digital', model_ids: [] });
    assert.deepEqual([changed.name, changed.kind, changed.telemetry_key, changed.model_ids], ['Displays', 'digital', null, []]);
    const list = await partner.get('/products');
    assert.deepEqual(list.data.find(({ id }) => id === made.id), changed);
    assert.deepEqual(list.page_info, { has_next: false, total_count: list.data.length });
  });

  test('what is refused', async () => {
    await partner.post('/products', { name: 'Taken' }, 201);
    const cases = [
      [{}, 422, 'Parameter name is required'], [{ name: ' ' }, 422, "Name can't be blank"], [{ name: 'Taken' }, 422, 'Name has already been taken'],
      [{ name: 'x'.repeat(256) }, 422, 'Name is too long (maximum is 255 characters)'], [{ name: [] }, 422, 'Name is invalid'],
      [{ name: 'P', kind: 'liquid' }, 422, 'Kind is invalid'], [{ name: 'P', kind: 'metered' }, 422, 'Parameter telemetry_key is required'],
      [{ name: 'P', model_ids: 'all' }, 422, 'Model ids is invalid'], [{ name: 'P', model_ids: [randomUUID()] }, 404, 'Model not found'],
      [{ name: 'P', model_ids: [7] }, 404, 'Model not found'],
    ];
    for (const [body, status, text] of cases) assert.deepEqual(answer(await asPartner('POST', '/products', body)), refused(status, text));
    assert.deepEqual(answer(await asPartner('PATCH', `/products/${randomUUID()}`, { name: 'P' })), refused(404, 'Product not found'));
    assert.ok(!(await partner.get('/products')).data.some(({ name }) => name === 'P'));
  });
});

describe('licences by people and keys', () => {
  test('a new one', async () => {
    const product = await partner.post('/products', { name: 'Feature' }, 201);
    const license = await newLicense({ product_id: product.id, expires_at: FUTURE });
    assert.deepEqual(Object.keys(license), LICENSE);
    assert.deepEqual({ ...license, id: 0, signature: 0, created_at: 0 }, {
      id: 0, product_id: product.id, data: 'feature=4k', signature: 0, expires_at: FUTURE, state: 'pending', action: null, device_id: null,
      organization_id: server.organization_id, created_at: 0, error: null,
    });
    assert.deepEqual(await look(license), license);
    assert.deepEqual((await organization.get('/licenses?per_page=500')).items.find(({ id }) => id === license.id), license);
    const once = { key: server.partner_key, headers: { 'idempotency-key': randomUUID() }, body: { organization_id: server.organization_id, data: 'once' } };
    const replies = [await request(server.http, 'POST', '/core/v1/partner/licenses', once), await request(server.http, 'POST', '/core/v1/partner/licenses', once)];
    assert.deepEqual(answer(replies[1]), answer(replies[0]));
    assert.equal(replies[0].status, 201);
  });

  test('what is refused', async () => {
    const own = { organization_id: server.organization_id, data: 'x' };
    const cases = [
      [{}, 422, 'Parameter organization_id is required'], [{ ...own, organization_id: randomUUID() }, 404, 'Organization not found'],
      [{ ...own, data: undefined }, 422, 'Parameter data is required'], [{ ...own, data: ' ' }, 422, "Data can't be blank"],
      [{ ...own, data: {} }, 422, 'Data is invalid'], [{ ...own, data: 'x'.repeat(4097) }, 422, 'Data is too long (maximum is 4096 characters)'],
      [{ ...own, product_id: randomUUID() }, 404, 'Product not found'], [{ ...own, expires_at: 'soon' }, 422, 'Expires at is invalid'],
    ];
    const count = (await partner.get('/licenses')).page_info.total_count;
    for (const [body, status, text] of cases) assert.deepEqual(answer(await asPartner('POST', '/licenses', body)), refused(status, text));
    assert.equal((await partner.get('/licenses')).page_info.total_count, count);
    const license = await newLicense();
    const expired = await newLicense({ expires_at: '2020-01-01' });
    const narrow = await partner.post('/products', { name: 'Narrow', model_ids: [(await makeModel(server)).id] }, 201);
    const misfit = await newLicense({ product_id: narrow.id });
    const [device, free] = [await newDevice(), await newDevice({ claimed: false })];
    const assignments = [
      [license, {}, 422, 'Parameter device_id is required'], [license, { device_id: randomUUID() }, 404, 'Device not found'],
      [license, { device_id: free.id }, 422, 'Device belongs to another organization'], [expired, { device_id: device.id }, 422, 'License has expired'],
      [misfit, { device_id: device.id }, 422, 'Product is not for this model'],
    ];
    for (const [{ id }, body, status, text] of assignments) assert.deepEqual(answer(await asPartner('POST', `/licenses/${id}/assign`, body)), refused(status, text));
    for (const act of ['unassign', 'revoke']) {
      assert.deepEqual(answer(await asPartner('POST', `/licenses/${license.id}/${act}`, {})), refused(422, 'License is not assigned'));
    }
    assert.deepEqual(answer(await asPartner('POST', `/licenses/${license.id}/renew`, {})), refused(422, 'Parameter expires_at is required'));
    assert.deepEqual(answer(await asPartner('POST', `/licenses/${license.id}/renew`, { expires_at: 'x' })), refused(422, 'Expires at is invalid'));
    for (const act of ['assign', 'unassign', 'revoke', 'renew']) {
      assert.deepEqual(answer(await asPartner('POST', `/licenses/${randomUUID()}/${act}`, { device_id: device.id, expires_at: FUTURE })), refused(404, 'License not found'));
    }
    await give(license, device);
    const other = await newDevice();
    assert.deepEqual(answer(await asPartner('POST', `/licenses/${license.id}/assign`, { device_id: other.id })), refused(422, 'License is already assigned'));
    assert.deepEqual(await look(license), { ...license, action: 'add', device_id: device.id });
  });

  test('the owner assigns its licences to its devices and revokes them; lists', async () => {
    const device = await newDevice();
    const license = await newLicense();
    const given = await asOwner('POST', `/devices/${device.id}/licenses`, { license_id: license.id });
    assert.deepEqual([given.status, given.json], [200, { ...license, action: 'add', device_id: device.id }]);
    assert.deepEqual((await organization.get(`/devices/${device.id}/licenses`)).items, [given.json]);
    assert.deepEqual((await partner.get(`/devices/${device.id}/licenses`)).data, [given.json]);
    assert.deepEqual((await partner.get(`/licenses?device_id=${device.id}`)).data, [given.json]);
    assert.deepEqual((await partner.get(`/licenses?device_id=${randomUUID()}`)).data, []);
    assert.deepEqual((await partner.get(`/licenses?device_id=${device.id}&state=inuse`)).data, []);
    assert.deepEqual(answer(await asPartner('GET', '/licenses?state=used')), refused(422, 'State is invalid'));
    assert.deepEqual((await partner.get(`/licenses?organization_id=${randomUUID()}`)).data, []);
    assert.ok((await partner.get(`/licenses?organization_id=${server.organization_id}`)).data.length > 0);
    const wanted = await partner.post('/products', { name: `Wanted ${device.id}` });
    const ofProduct = await newLicense({ product_id: wanted.id });
    assert.deepEqual((await partner.get(`/licenses?product_id=${wanted.id}`)).data, [ofProduct]);
    assert.deepEqual((await organization.get(`/licenses?product_id=${wanted.id}`)).items, [ofProduct]);
    assert.deepEqual((await partner.get(`/licenses?product_id=${wanted.id}&device_id=${device.id}`)).data, []);
    for (const nothing of [randomUUID(), 'x']) assert.deepEqual(await partner.get(`/licenses?product_id=${nothing}`), { data: [], page_info: { has_next: false, total_count: 0 } });
    assert.deepEqual(answer(await asOwner('POST', `/devices/${device.id}/licenses`, {})), refused(422, 'Parameter license_id is required'));
    assert.deepEqual(answer(await asOwner('POST', `/devices/${device.id}/licenses`, { license_id: randomUUID() })), refused(404, 'License not found'));
    const other = await newDevice();
    assert.deepEqual(answer(await asOwner('DELETE', `/devices/${other.id}/licenses/${license.id}`)), refused(404, 'License not found'));
    assert.deepEqual(answer(await asOwner('DELETE', `/devices/${device.id}/licenses/${license.id}`)), [200, '{"success":true}']);
    assert.deepEqual((await organization.get(`/devices/${device.id}/licenses`)).items, []);
    const actions = (await partner.get('/audit?object_kind=license')).data.map(({ action }) => action);
    for (const action of ['license.create', 'license.assign']) assert.ok(actions.includes(action), action);
    assert.ok((await organization.get('/audit?object_kind=license')).items.some(({ action }) => action === 'license.revoke'));
  });

  test('the maker\'s server is told of each change', async () => {
    await partner.patch('/settings', { webhook: { url: 'https://127.0.0.1:9/never', events: ['license_updated'] } });
    const device = await newDevice();
    const license = await newLicense();
    await give(license, device);
    await device.call('GET', '/license');
    await device.report({ id: license.id, state: 'inuse' });
    await partner.post(`/licenses/${license.id}/revoke`, {}, 200);
    await device.report({ id: license.id, state: 'removed' });
    const told = (await partner.get('/webhook_deliveries')).data.reverse().map(({ payload }) => [payload.event_type, payload.license_id, payload.device_id, payload.action, payload.state]);
    assert.deepEqual(told, [
      ['license_updated', license.id, device.id, 'add', 'pending'], ['license_updated', license.id, device.id, null, 'inuse'],
      ['license_updated', license.id, device.id, 'remove', 'inuse'], ['license_updated', license.id, null, null, 'removed'],
    ]);
    await partner.patch('/settings', { webhook: null });
  });

  test('no more than fifty on a device', async () => {
    const device = await newDevice();
    for (let i = 0; i < 50; i++) await give(await newLicense({ data: `n=${i}` }), device);
    const one = await newLicense();
    assert.deepEqual(answer(await asPartner('POST', `/licenses/${one.id}/assign`, { device_id: device.id })), refused(422, 'Too many licenses'));
  });
});

describe('by the device, over HTTPS', () => {
  test('waiting ones, oldest action first, in the shape of the API version', async () => {
    const device = await newDevice();
    assert.deepEqual([answer(await device.call('GET', '/license')), answer(await device.call('GET', '/licenses'))], [[200, '{}'], [200, '[]']]);
    const [first, second] = [await newLicense({ expires_at: FUTURE }), await newLicense({ data: 'b' })];
    await give(second, device);
    await give(first, device);
    assert.equal(await device.waits(), true);
    const before = Date.now();
    const { json: one } = await device.call('GET', '/license');
    assert.deepEqual(Object.keys(one), ['id', 'device_id', 'data', 'signature', 'action', 'add', 'current_time']);
    assert.deepEqual([one.id, one.device_id, one.data, one.signature, one.action, one.add], [second.id, device.id, 'b', second.signature, 'add', true]);
    assert.ok(Date.parse(one.current_time) >= before - 1000);
    const { json: all } = await device.call('GET', '/licenses');
    assert.deepEqual(all.map(({ id }) => id), [second.id, first.id]);
    assert.equal(all[1].expires_at, FUTURE);
    assert.equal((await device.report({ id: second.id, state: 'inuse' })).status, 200);
    assert.equal((await device.call('GET', '/license')).json.id, first.id);
    assert.equal((await device.report({ id: first.id, state: 'inuse' })).status, 200);
    assert.equal(await device.waits(), false);
  });

  test('every switch of state', async () => {
    const device = await newDevice();
    const table = {
      pending: { inuse: 'inuse', removed: 'removed', error: 'error', pending: 'pending' },
      inuse: { inuse: 'inuse', removed: 'removed', error: null, pending: 'inuse' },
      error: { inuse: 'inuse', removed: 'removed', error: 'error', pending: 'error' },
      removed: { inuse: null, removed: 'removed', error: null, pending: 'removed' },
    };
    for (const [from, row] of Object.entries(table)) {
      for (const [to, result] of Object.entries(row)) {
        const license = await held(device, from === 'pending' ? undefined : from, { expires_at: from === 'inuse' ? FUTURE : undefined });
        const reply = await device.report({ id: license.id, state: to, error: 'why' });
        const now = await look(license);
        if (result === null) {
          assert.deepEqual(answer(reply), refused(422, `State can't switch to ${to} from ${from}`));
          assert.equal(now.state, from);
        } else {
          assert.deepEqual(answer(reply), [200, JSON.stringify({ data: license.data, signature: license.signature, id: license.id, expires_at: license.expires_at })], `${from} to ${to}`);
          const waits = from === 'pending' && to === 'pending';
          const keeps = result !== 'removed';
          assert.deepEqual([now.state, now.action, now.device_id], [result, waits ? 'add' : null, keeps ? device.id : null], `${from} to ${to}`);
          if (to === 'error') assert.equal(now.error, 'why');
        }
        if (now.device_id) await partner.post(`/licenses/${license.id}/unassign`, {}, 200);
      }
    }
  });

  test('what is refused', async () => {
    const [device, other] = [await newDevice(), await newDevice()];
    const license = await held(device);
    const cases = [
      [{ state: 'inuse' }, 422, "Id can't be blank"], [{ id: license.id }, 422, 'State is invalid'], [{ id: license.id, state: 'used' }, 422, 'State is invalid'],
      [{ id: randomUUID(), state: 'inuse' }, 404, "Couldn't find License"], [{ id: 'x', state: 'inuse' }, 404, "Couldn't find License"],
      [{ id: license.id, state: 'error', error: {} }, 422, 'Error is invalid'],
      [{ id: license.id, state: 'error', error: 'x'.repeat(4097) }, 422, 'Error is too long (maximum is 4096 characters)'],
    ];
    for (const [body, status, text] of cases) assert.deepEqual(answer(await device.report(body)), refused(status, text));
    assert.deepEqual(answer(await other.report({ id: license.id, state: 'inuse' })), refused(404, "Couldn't find License"));
    assert.deepEqual(answer(await device.call('POST', '/license', { id: license.id, state: 'inuse' })).slice(0, 1), [200], 'the alias');
    assert.equal((await look(license)).state, 'inuse');
  });

  test('renew, revoke and unassign', async () => {
    const device = await newDevice();
    const license = await held(device, 'inuse');
    const renew = (expiresAt) => partner.post(`/licenses/${license.id}/renew`, { expires_at: expiresAt }, 200);
    assert.deepEqual([(await renew(FUTURE)).action, await device.waits()], ['update', true]);
    const { json: update } = await device.call('GET', '/license');
    assert.deepEqual([update.action, update.update, update.expires_at, update.add], ['update', true, FUTURE, undefined]);
    assert.equal((await device.report({ id: license.id, state: 'inuse' })).json.expires_at, FUTURE);
    assert.deepEqual([(await renew(null)).expires_at, (await device.call('GET', '/license')).json.expires_at], [null, undefined]);
    const revoked = await partner.post(`/licenses/${license.id}/revoke`, {}, 200);
    assert.deepEqual([revoked.action, revoked.state, revoked.device_id], ['remove', 'inuse', device.id]);
    assert.deepEqual(answer(await asPartner('POST', `/licenses/${license.id}/renew`, { expires_at: FUTURE })), refused(422, 'License is being removed'));
    const { json: remove } = await device.call('GET', '/license');
    assert.deepEqual([remove.action, remove.remove], ['remove', true]);
    assert.equal((await device.report({ id: license.id, state: 'inuse' })).status, 200);
    assert.equal((await look(license)).action, 'remove', 'a removal goes on waiting');
    assert.equal((await device.report({ id: license.id, state: 'removed' })).status, 200);
    assert.deepEqual([(await look(license)).state, await device.waits()], ['removed', false]);
    const other = await newDevice();
    assert.deepEqual([(await give(license, other)).state, (await look(license)).action], ['pending', 'add']);
    assert.equal((await device.report({ id: license.id, state: 'removed' })).status, 200, 'the former device says so again');
    assert.equal((await look(license)).device_id, other.id);
    /* never fetched: simply taken back */
    assert.deepEqual([(await partner.post(`/licenses/${license.id}/revoke`, {}, 200)).device_id, await other.waits()], [null, false]);
    const last = await held(device, 'inuse');
    const back = await partner.post(`/licenses/${last.id}/unassign`, {}, 200);
    assert.deepEqual([back.state, back.action, back.device_id, await device.waits()], ['pending', null, null, false]);
  });

  test('un-claim and deletion give licences back to the organization', async () => {
    const [device, doomed] = [await newDevice(), await newDevice()];
    const [one, two] = [await held(device, 'inuse'), await held(doomed, 'inuse')];
    await organization.post(`/devices/${device.id}/unclaim`, {}, 200);
    await organization.del(`/devices/${doomed.id}`);
    for (const license of [one, two]) assert.deepEqual(await look(license), license);
    assert.equal(await device.waits(), false);
  });
});

describe('over MQTT', () => {
  const ids = (message) => message.json.map(({ id, action }) => `${id} ${action}`);

  test('generation 2: all that wait, as an array, at each change; reports', async () => {
    const device = await newDevice();
    const [one, two] = [await newLicense(), await newLicense({ expires_at: FUTURE })];
    await give(one, device);
    const hub = await connect(server, { id: device.id, key: device.access_key });
    assert.deepEqual(await subscribe(hub, topic(device, 'license')), [1]);
    const pushed = await hub.next('/license');
    assert.deepEqual(ids(pushed), [`${one.id} add`]);
    assert.deepEqual(Object.keys(pushed.json[0]), ['id', 'device_id', 'data', 'signature', 'action', 'add', 'current_time']);
    assert.equal(pushed.properties.responseTopic, topic(device, 'license/update'));
    assert.equal(pushed.properties.correlationData, undefined);
    await give(two, device);
    assert.deepEqual(ids(await hub.next('/license')), [`${one.id} add`, `${two.id} add`]);
    assert.equal((await publish(hub, topic(device, 'license/update'), { id: one.id, state: 'inuse' })).code, 0);
    assert.equal((await publish(hub, topic(device, 'license/update'), { id: two.id, state: 'inuse' })).code, 0);
    await partner.post(`/licenses/${one.id}/renew`, { expires_at: FUTURE }, 200);
    assert.deepEqual(ids(await hub.next('/license')), [`${one.id} update`]);
    await partner.post(`/licenses/${two.id}/revoke`, {}, 200); /* it was pushed, so it was fetched */
    assert.deepEqual(ids(await hub.next('/license')), [`${one.id} update`, `${two.id} remove`]);
    for (const [body, text] of [[{ id: one.id, state: 'error' }, "State can't switch to error from inuse"], [{ id: randomUUID(), state: 'inuse' }, "Couldn't find License"], [{ state: 'inuse' }, "Id can't be blank"]]) {
      assert.equal((await publish(hub, topic(device, 'license/update'), body)).code, 0x99, text);
    }
    assert.equal((await publish(hub, topic(device, 'license/update'), { id: two.id, state: 'removed' })).code, 0);
    assert.deepEqual([(await look(one)).action, (await look(two)).state], ['update', 'removed']);
    hub.end(true);
  });

  test('generation 1: one object a message, with Correlation Data that stands for the id', async () => {
    const device = await newDevice();
    const [one, two] = [await newLicense(), await newLicense({ data: 'b' })];
    await give(one, device);
    await give(two, device);
    const hub = await connect(server, { id: device.id, key: device.access_key });
    await subscribe(hub, [topic(device, 'commands'), topic(device, 'license')]);
    for (const license of [one, two]) {
      const message = await hub.next('/license');
      assert.deepEqual([message.json.id, message.json.add, message.properties.correlationData.toString()], [license.id, true, license.id]);
    }
    const { code } = await publish(hub, topic(device, 'license/update'), { state: 'inuse' }, { properties: { correlationData: Buffer.from(two.id) } });
    assert.deepEqual([code, (await look(two)).state], [0, 'inuse']);
    const three = await newLicense();
    await give(three, device);
    assert.equal((await hub.next('/license')).json.id, three.id, 'only what it does not have yet');
    await new Promise((resolve) => { hub.unsubscribe(topic(device, 'commands'), resolve); });
    assert.deepEqual(ids(await hub.next('/license')), [`${one.id} add`, `${three.id} add`], 'another generation, another shape');
    hub.end(true);
  });

  test('on resume, after a restart of the server, by the API version; the live stream tells', async () => {
    const device = await newDevice();
    const persistent = { id: device.id, key: device.access_key, clean: false, properties: { sessionExpiryInterval: 3600 } };
    let hub = await connect(server, persistent);
    await subscribe(hub, topic(device, 'license'));
    hub.end();
    await hub.closed;
    const stream = await follow(server, 'organization', { key: server.organization_key, query: `?device_id=${device.id}&types=license` });
    const license = await newLicense();
    await give(license, device);
    const { data } = await stream.next((event) => event.type === 'license');
    assert.equal(data.payload.id, license.id);
    stream.close();
    const elder = await makeModel(server);
    const old = await newDevice({ of: elder });
    await give(await newLicense(), old);
    await server.kill();
    editDatabase(keys.dir, `UPDATE model SET api_version = 6 WHERE id = ${blob(elder.id)}`);
    await start();
    assert.deepEqual(Object.keys((await request(server.http, 'GET', `/v1/devices/${old.id}/license`, { key: old.access_key })).json),
      ['id', 'data', 'signature', 'action', 'add', 'current_time'], 'device_id only from 1.0.7');
    device.call = (method, path, body) => request(server.http, method, `/v1/devices/${device.id}${path}`, { key: device.access_key, body });
    assert.equal(await device.waits(), true);
    hub = await connect(server, persistent);
    assert.equal(hub.connack.sessionPresent, true);
    assert.deepEqual(ids(await hub.next('/license')), [`${license.id} add`]);
    hub.end(true);
  });
});
