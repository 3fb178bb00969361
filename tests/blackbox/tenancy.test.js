// Every route of the program, asked by everybody who must not get anything (management-api.md 1.2, 11.8; device-api.md
// 1.3): the specified refusal, and nothing changed. Routes are read from the route tables.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { client, makeModel, password, register, request, setup, startServer, until, expiring } from './support/server.js';
import { configured, unlimited } from './support/config.js';
import { blob, editDatabase } from './support/database.js';
import { readRoutes } from './support/routes.js';
import { twoPartners } from './support/tenants.js';

const NOT_AUTHORIZED = [401, '{"error":"Not authorized"}'];
const FORBIDDEN = [403, '{"error":"Forbidden"}'];
const answer = ({ status, text }) => [status, text];
const routes = readRoutes().filter(({ access }) => ['PARTNER', 'ORGANIZATION', 'DEVICE', 'USER', 'SYSTEM'].includes(access));
const isEdge = ({ path }) => /\/edges?\//.test(path); // refused to everybody: there is no on-site proxy
const isStream = ({ path }) => path.endsWith('/stream');

let server;
let a;          // the tenant with everything: partner A, organization A, their objects
let outsiders;  // keys of others

/** Two partners and a mail of each of A's tenants, which no API queues yet by itself. */
async function build() {
  const mails = { partner: randomUUID(), organization: randomUUID() };
  const built = await twoPartners(unlimited(), ({ dir, partner_id: partnerId, customer }) => {
    for (const [id, kind, tenant, owner] of [[mails.partner, 1, 'partner', partnerId], [mails.organization, 2, 'organization', customer.id]]) {
      editDatabase(dir, `INSERT INTO mail (id, tenant_kind, tenant_no, kind, recipient, subject, text, state, created_at)
        VALUES (${blob(id)}, ${kind}, (SELECT no FROM ${tenant} WHERE id = ${blob(owner)}), 3, 'x@example.com', 'Ticket', 'Secret room', 3, ${Date.now()});`);
    }
  });
  return { ...built, mails };
}

before(async () => {
  const built = await build();
  server = built.server;
  const partner = client(server, 'partner', server.partner_key);
  const organization = client(server, 'organization', built.customer.api_key);
  const { model } = built;
  const device = await register(server, model.key, { details: { marker: 'A' } });
  const second = await register(server, model.key);
  await partner.post('/devices/assign', { device_ids: [device.id, second.id], organization_id: built.customer.id });
  const free = await register(server, model.key, { sn: 'FREE', mac: '02:00:00:00:00:99' });
  const space = await organization.post('/spaces', { name: 'Secret room' });
  await request(server.http, 'POST', `/v1/devices/${device.id}/telemetry`, { key: device.access_key, body: { telemetries: { temp: 1 } } });
  await organization.patch(`/devices/${device.id}`, { configuration: { a: 1 } });
  await partner.put(`/models/${model.id}/config_schema`, { type: 'object' });
  const command = await organization.post(`/devices/${device.id}/commands`, { name: 'reboot' });
  const rule = await partner.post(`/models/${model.id}/rules`, { name: 'Secret rule' }, 201);
  const incident = await organization.post('/incidents', { device_id: device.id, title: 'Secret trouble' }, 201);
  const product = await partner.post('/products', { name: 'Feature' }, 201);
  const license = await partner.post('/licenses', { organization_id: built.customer.id, product_id: product.id, data: 'secret' }, 201);
  await partner.post(`/licenses/${license.id}/assign`, { device_id: device.id }, 200);
  const person = {}, group = {};
  for (const [tenant, api] of [['PARTNER', partner], ['ORGANIZATION', organization]]) {
    group[tenant] = await api.post('/groups', { name: 'Secret group' });
    person[tenant] = await api.post('/users', { email: `secret.${tenant}@example.com`, name: 'Secret person', group_ids: [group[tenant].id] });
  }
  const referral = await partner.post('/referrals', { email: 'secret.referral@example.com' }, 201);
  const noteOn = { devices: await organization.post(`/devices/${device.id}/notes`, { content: 'Secret note' }), spaces: await organization.post(`/spaces/${space.id}/notes`, { content: 'Secret note' }) };
  const ticket = await organization.post('/tickets', { device_id: device.id, title: 'Secret ticket' }, 201);
  const rollout = await organization.post('/rollouts', { name: 'Secret rollout', target: { device_ids: [device.id] }, command: { name: 'reboot' } }, 201);
  const asset = await organization.post(`/spaces/${space.id}/assets`, { name: 'Secret chair' }, 201);
  const definition = (await partner.get(`/models/${model.id}/commands`)).data[0];
  const upload = (path, key, raw) => request(server.http, 'POST', path, { key, raw, headers: { 'content-type': 'text/plain' } });
  const file = (await upload(`/core/v1/partner/models/${model.id}/files?name=A&file_type=other`, server.partner_key, 'secret')).json;
  const ownFile = (await upload('/core/v1/organization/files?name=A&file_type=other', built.customer.api_key, 'secret')).json;
  const dump = (await upload(`/v1/devices/${device.id}/dumps`, device.access_key, 'secret')).json;
  const hardwareKey = (await partner.get(`/models/${model.id}/hardware_keys`)).data[0];
  const partnerRead = await partner.post('/api_keys', { name: 'read', scope: 'read' }, 201);
  const organizationRead = await organization.post('/api_keys', { name: 'read', scope: 'read' }, 201);
  const revoked = { PARTNER: await partner.post('/api_keys', { name: 'revoked' }, 201), ORGANIZATION: await organization.post('/api_keys', { name: 'revoked' }, 201) };
  await partner.del(`/api_keys/${revoked.PARTNER.id}`);
  await organization.del(`/api_keys/${revoked.ORGANIZATION.id}`);
  const expired = {};
  for (const [tenant, api] of [['PARTNER', partner], ['ORGANIZATION', organization]]) {
    expired[tenant] = await expiring((at) => api.post('/api_keys', { name: 'expired', expires_at: at }, 201));
  }
  await until(async () => (await request(server.http, 'GET', '/core/v1/organization/info', { key: expired.ORGANIZATION.key })).status === 401, 'a key expires');
  await partner.patch('/settings', { webhook: { url: 'http://127.0.0.1:9/', events: [] } });
  const delivery = await partner.post('/settings/webhook/test', {});
  await until(async () => (await partner.get(`/webhook_deliveries/${delivery.id}`)).state === 'failed', 'a refused address is given up');
  const { sn, mac } = await partner.get(`/devices/${device.id}`);
  a = { referral, rollout, person, group, asset, noteOn, ticket,
    partner, organization, identity: { sn, mac }, delivery, mails: built.mails, model, device, second, free, space, command, product, license, incident, rule, definition, hardwareKey, file, ownFile, dump, partnerRead, organizationRead, customer: built.customer,
    keys: { PARTNER: server.partner_key, ORGANIZATION: built.customer.api_key, DEVICE: device.access_key } };
  outsiders = { foreignPartner: built.foreignPartnerKey, foreignOrganization: built.foreign.api_key, foreign: built.foreign, sibling: built.sibling, revoked, expired };
});
after(() => server.stop());

/** The path with A's objects in it. A parameter that is not known here fails: say which object it names. */
function fill(route, objects = {}) {
  const segments = route.path.split('/');
  return segments.map((segment, i) => {
    if (!segment.startsWith(':')) return segment;
    const ids = { asset_id: a.asset.id, note_id: a.noteOn[segments[i - 3]]?.id,
      m: a.model.id, key_id: a.hardwareKey.id, command_def_id: a.definition.id, command_id: a.command.id, incident_id: a.incident.id, rule_id: a.rule.id, license_id: a.license.id, n: 1,
      file_id: a.file.id, dump_id: a.dump.id, mime: 'text%2Fplain', type: 'text', subtype: 'plain', filename: 'intruder.txt',
      id: { rollouts: a.rollout.id, partners: a.model.id, tickets: a.ticket.id, referrals: a.referral.id, users: a.person[route.access]?.id, groups: a.group[route.access]?.id,
        devices: a.device.id, models: a.model.id, spaces: a.space.id, organizations: a.customer.id, products: a.product.id, licenses: a.license.id, dumps: a.dump.id,
        files: route.access === 'PARTNER' ? a.file.id : a.ownFile.id,
        webhook_deliveries: a.delivery.id, mails: route.access === 'ORGANIZATION' ? a.mails.organization : a.mails.partner, api_keys: route.access === 'PARTNER' ? a.partnerRead.id : a.organizationRead.id }[segments[i - 1]], ...objects };
    const value = ids[segment.slice(1)];
    if (value === undefined) throw new Error(`${route.method} ${route.path}: which object is ${segment}?`);
    return value;
  }).join('/');
}

/** A body that would do something if it were let in. */
function bodyOf({ method, path }) {
  if (method === 'GET' || method === 'DELETE') return undefined;
  const own = { name: 'Intruder', friendly_name: 'Intruder', kind: 'organization', id: a.customer.id, communication_protocol: 'mqtt', device_type: 'physical',
    configuration: { hacked: true }, config: { hacked: true }, telemetries: { hacked: 1 }, status: 'done', admin_contact_email: 'i@example.com' };
  if (path.endsWith('/access')) return [{ user_id: a.person.ORGANIZATION.id, role: 'admin' }];
  if (/_users$/.test(path)) return { user_ids: [a.person.PARTNER.id, a.person.ORGANIZATION.id] };
  if (path.endsWith('_user')) return { email: a.person.ORGANIZATION.email };
  if (/\/(parameters|telemetry_keys|widgets)$/.test(path)) return [{ name: 'Intruder', key: 'intruder', type: 'text' }];
  if (path.endsWith('/organization/settings')) return { daily_report_hour: 3 };
  if (path.endsWith('/bulk')) return { device_ids: [a.device.id], action: 'delete' };
  if (path.includes('/licenses')) return { organization_id: a.customer.id, data: 'hacked', device_id: a.device.id, license_id: a.license.id, id: a.license.id, state: 'inuse', expires_at: 1 };
  if (path.endsWith('/assign')) return { device_ids: [a.free.id], organization_id: outsiders.foreign.id };
  if (path.endsWith('/claim') || path.endsWith('/lookup')) return { space_id: a.space.id, ...a.identity };
  if (path.endsWith('/commands')) return { ...own, name: 'reboot' };
  if (/\/rollouts(\/preview)?$/.test(path)) return { name: 'Intruder', target: { device_ids: [a.device.id] }, command: { name: 'reboot' } };
  if (path.endsWith('/move')) return { space_id: a.space.id };
  return own;
}

const call = (route, options) => request(server.http, route.method, fill(route), { body: bodyOf(route), ...options });
const describeCall = (route, who) => `${route.method} ${route.path} by ${who}`;

// What the calls of the test themselves change, or the clock.
const volatile = new Set(['last_used_at', 'key_last_used_at', 'last_seen_at', 'last_seen', 'local_time', 'current_time', 'messages_per_minute', 'url']);

/** Everything A can read, by every GET route whose answer does not grow by reading or by the clock. */
async function snapshot() {
  const seen = {};
  for (const route of routes.filter((one) => one.method === 'GET' && a.keys[one.access] && !isStream(one) && !isEdge(one) && !/\/(audit|icon|histories|history|timeline)$/.test(one.path))) {
    const reply = await call(route, { key: a.keys[route.access] });
    if (reply.status !== 200) { // what needs parameters of its own
      assert.equal(reply.status, 422, `${route.path}: ${reply.text}`);
      continue;
    }
    seen[`${route.access} ${route.path}`] = JSON.stringify(reply.json, (name, value) => (volatile.has(name) ? undefined : value));
  }
  return seen;
}

async function unchangedBy(act) {
  const before = await snapshot();
  assert.ok(Object.keys(before).length > 20, 'the snapshot sees much');
  await act();
  const after_ = await snapshot();
  for (const name of Object.keys(before)) assert.equal(after_[name], before[name], `${name} changed`);
}

test('the tables are read: every kind of access has its routes', () => {
  for (const access of ['PARTNER', 'ORGANIZATION', 'DEVICE', 'USER', 'SYSTEM']) assert.ok(routes.filter((route) => route.access === access).length >= 4, access);
  assert.ok(routes.length > 60, `${routes.length} routes`);
  for (const route of routes) assert.doesNotThrow(() => fill(route));
});

test('without a key, with an unknown, wrong, revoked or expired one, with a key of another kind: 401 and nothing changes', async () => {
  await unchangedBy(async () => {
    for (const route of routes) {
      const others = { nobody: undefined, 'an unknown partner key': `mp_${'x'.repeat(43)}`, 'an unknown organization key': `mo_${'x'.repeat(43)}`, 'a hardware key': a.model.key,
        'the partner\'s': server.partner_key, 'the organization\'s': a.keys.ORGANIZATION, 'the device\'s': a.device.access_key, 'another device\'s': a.second.access_key, rubbish: 'Basic eDp5' };
      if (route.access === 'PARTNER') delete others['the partner\'s'];
      if (route.access === 'ORGANIZATION') delete others['the organization\'s'];
      if (route.access === 'DEVICE') delete others['the device\'s'];
      if (outsiders.revoked[route.access]) {
        others['a revoked key'] = outsiders.revoked[route.access].key;
        others['an expired key'] = outsiders.expired[route.access].key;
      }
      for (const [who, key] of Object.entries(others)) {
        const reply = await call(route, { key });
        assert.deepEqual(answer(reply), NOT_AUTHORIZED, describeCall(route, who));
        assert.equal(reply.headers['content-type'], 'application/json; charset=utf-8');
      }
    }
  });
});

test('another tenant\'s key: its objects do not exist, and lists show nothing of them', async () => {
  const secrets = [a.device.id, a.second.id, a.free.id, a.model.id, a.customer.id, a.command.id, a.hardwareKey.id, a.model.key, a.definition.id, a.organizationRead.id, a.partnerRead.id, 'Secret room', 'Secret group', 'Secret person', 'Secret chair', 'Secret note', 'Secret ticket', 'secret.referral', 'Secret rollout'];
  await unchangedBy(async () => {
    for (const route of routes.filter((one) => ['PARTNER', 'ORGANIZATION'].includes(one.access) && !isStream(one))) {
      const keys = route.access === 'PARTNER' ? { 'another partner': outsiders.foreignPartner }
        : { 'a sibling organization': outsiders.sibling.api_key, 'a customer of another partner': outsiders.foreign.api_key };
      for (const [who, key] of Object.entries(keys)) {
        const reply = await call(route, { key });
        const what = `${describeCall(route, who)}: ${reply.status} ${reply.text.slice(0, 300)}`;
        if (route.path.endsWith('/devices/bulk')) { // answers by the ids that were sent
          assert.deepEqual(reply.json.results, { [a.device.id]: { success: false, error: 'Device not found' } }, what);
          continue;
        }
        // Models belong to the partner and are shown to all its customers.
        const shared = (who === 'a sibling organization' && /\/models/.test(route.path)) || isEdge(route);
        if (route.access === 'PARTNER' && route.path.includes('/tickets/:')) {
          assert.deepEqual(answer(reply), NOT_AUTHORIZED, what); // management-api.md 4
        } else if (route.path.includes(':') && !shared) {
          assert.equal(reply.status, 404, what);
          assert.match(reply.text, /^\{"error":"(\w[\w ]* not found|Errors::NotFound)"\}$/, what);
        } else {
          assert.ok(reply.status < 500, what);
        }
        for (const secret of secrets.filter((one) => !(shared && [a.model.id, a.definition.id].includes(one)))) assert.ok(!reply.text.includes(secret), `${what} shows ${secret}`);
      }
    }
  });
});

test('a key that may only read writes nothing', async () => {
  await unchangedBy(async () => {
    for (const route of routes.filter((one) => ['PARTNER', 'ORGANIZATION'].includes(one.access) && one.writes)) {
      const reply = await call(route, { key: route.access === 'PARTNER' ? a.partnerRead.key : a.organizationRead.key });
      assert.deepEqual(answer(reply), FORBIDDEN, describeCall(route, 'a reading key'));
    }
    for (const route of routes.filter((one) => ['PARTNER', 'ORGANIZATION'].includes(one.access) && !one.writes)) {
      assert.ok(route.method === 'GET' || /(lookup|rule_id\/test|rollouts\/preview)$/.test(route.path), `${route.method} ${route.path} writes without being marked as writing`);
    }
  });
});

test('a session: no cookie and no token, no entry; no tenant but its own', async () => {
  const reply = await request(server.http, 'POST', '/core/v1/session', { body: { email: server.email, password } });
  assert.equal(reply.status, 200);
  const cookie = reply.headers['set-cookie'][0].split(';')[0];
  const token = { 'x-csrf-token': reply.json.csrf_token };
  await unchangedBy(async () => {
    for (const route of routes.filter(({ access, writes }) => access !== 'DEVICE' && writes)) {
      assert.deepEqual(answer(await call(route, { headers: { cookie } })), FORBIDDEN, describeCall(route, 'a session without its token'));
      assert.deepEqual(answer(await call(route, { headers: { cookie, 'x-csrf-token': 'x'.repeat(reply.json.csrf_token.length) } })), FORBIDDEN);
      assert.deepEqual(answer(await call(route, { headers: token })), NOT_AUTHORIZED, describeCall(route, 'a token without a session'));
    }
    // Ada acts for the lab organization, not for this customer.
    for (const route of routes.filter((one) => one.access === 'ORGANIZATION' && one.path.includes(':') && !/\/models/.test(one.path) && !isEdge(one))) {
      assert.equal((await call(route, { headers: { cookie, ...token } })).status, 404, describeCall(route, 'a session of another organization'));
    }
  });
  for (const route of routes.filter(({ access }) => access === 'DEVICE')) assert.deepEqual(answer(await call(route, { headers: { cookie, ...token } })), NOT_AUTHORIZED);
});

test('objects are found below their own parent only', async () => {
  const other = await makeModel(server);
  for (const route of routes.filter(({ path }) => /\/models\/:m\/.*:(?!n\b)/.test(path))) {
    const reply = await request(server.http, route.method, fill(route, { m: other.id }), { key: server.partner_key, body: bodyOf(route) });
    assert.equal(reply.status, 404, `${route.method} ${route.path} below another model: ${reply.text}`);
  }
  for (const route of routes.filter(({ path }) => /\/devices\/:id\/.*:command_id/.test(path))) {
    const reply = await request(server.http, route.method, fill(route, { id: a.second.id }), { key: a.keys[route.access], body: bodyOf(route) });
    assert.deepEqual(answer(reply), [404, '{"error":"Command not found"}'], `${route.method} ${route.path} below another device`);
  }
});

test('ids in bodies and queries are not a way in either', async () => {
  const as = (key) => ({ post: (path, body) => request(server.http, 'POST', `/core/v1${path}`, { key, body }), get: (path) => request(server.http, 'GET', `/core/v1${path}`, { key }) });
  const theirs = as(outsiders.foreign.api_key);
  const sibling = as(outsiders.sibling.api_key);
  const foreignPartner = as(outsiders.foreignPartner);
  await unchangedBy(async () => {
    assert.equal((await foreignPartner.post('/partner/devices/assign', { device_ids: [a.free.id], organization_id: outsiders.foreign.id })).status, 404, 'a foreign device');
    assert.equal((await foreignPartner.post('/partner/devices/assign', { device_ids: [a.free.id], organization_id: a.customer.id })).status, 404, 'a foreign organization');
    assert.equal((await request(server.http, 'POST', '/core/v1/partner/devices/assign', { key: server.partner_key, body: { device_ids: [a.free.id], organization_id: outsiders.foreign.id } })).status, 404, 'a customer of another partner');
    assert.equal((await request(server.http, 'POST', '/core/v1/partner/devices/assign', { key: server.partner_key, body: { device_ids: [a.free.id], organization_id: outsiders.sibling.id, space_id: a.space.id } })).status, 404, 'a space of another customer');
    const { items: [root] } = (await theirs.get('/organization/spaces')).json;
    const claim = await theirs.post('/organization/devices/claim', { space_id: root.id, ...a.identity });
    assert.deepEqual(answer(claim), [422, '{"error":"Device is already claimed"}']);
    assert.deepEqual((await theirs.post('/organization/devices/claim/lookup', a.identity)).json, { result: 'claimed_elsewhere' });
    assert.deepEqual(answer(await sibling.post('/organization/spaces', { name: 'x', parent_id: a.space.id })), [404, '{"error":"Space not found"}']);
    for (const query of [`space_id=${a.space.id}`, `model_id=${a.model.id}`, `search=${a.device.id}`]) {
      assert.deepEqual((await sibling.get(`/organization/devices?${query}`)).json.items, [], query);
    }
    for (const path of [`/organization/devices/histories?device_id=${a.device.id}`, `/organization/spaces?id=${a.space.id}`, `/organization/spaces?parent_id=${a.space.id}`]) assert.deepEqual((await sibling.get(path)).json.items, [], path);
    for (const path of [`/partner/devices?model_id=${a.model.id}`, `/partner/devices?organization_id=${a.customer.id}`, `/partner/devices/histories?device_id=${a.device.id}`]) assert.deepEqual((await foreignPartner.get(path)).json.data, [], path);
    const log = await foreignPartner.get(`/partner/registrations?model_id=${a.model.id}`);
    assert.ok(log.status === 404 || log.json.data.length === 0);
    for (const [tenant, key] of [['partner', outsiders.foreignPartner], ['organization', outsiders.sibling.api_key]]) {
      const stream = await request(server.http, 'GET', `/core/v1/${tenant}/stream?device_id=${a.device.id}`, { key });
      assert.deepEqual(answer(stream), [404, '{"error":"Device not found"}']);
    }
  });
});

test('no secret is in the data folder or the log as it is', async () => {
  const keys = setup();
  const debug = configured('[server]\nlog_level = debug\n[limits]\nmanagement_requests = 0\n');
  const own = Object.assign(await startServer({ dir: keys.dir, args: debug }), keys);
  const partner = client(own, 'partner', keys.partner_key);
  const model = await makeModel(own);
  const device = await register(own, model.key);
  const once = (path, body) => request(own.http, 'POST', `/core/v1/partner${path}`, { key: keys.partner_key, body, headers: { 'idempotency-key': 'an idempotency key' } }).then(({ json }) => json);
  const customer = await once('/organizations', { name: 'Customer', admin_contact_email: 'x@example.com' });
  const apiKey = await once('/api_keys', { name: 'made' });
  const hardwareKey = await once(`/models/${model.id}/hardware_keys`, { name: 'made' });
  const rotated = await once(`/devices/${device.id}/rotate_key`, {});
  const signedIn = await request(own.http, 'POST', '/core/v1/session', { body: { email: keys.email, password } });
  await partner.patch(`/models/${model.id}/hardware_keys/${hardwareKey.id}`, { name: 'changed' });
  await request(own.http, 'POST', '/v1/devices', { body: { hardware_key: model.key, firmware_version: '1.0.0', sn: 'dup', mac: 'dup', details: {} } });
  await request(own.http, 'POST', `/v1/devices/${device.id}/telemetry`, { key: rotated.access_key, body: { telemetries: { a: 1 }, access_token: rotated.access_key } });
  const secrets = { 'partner key': keys.partner_key, 'organization key': keys.organization_key, 'customer key': customer.api_key, 'API key': apiKey.key, 'hardware key': model.key, 'second hardware key': hardwareKey.key,
    'access key': device.access_key, 'rotated key': rotated.access_key, password, cookie: signedIn.headers['set-cookie'][0].split(';')[0].split('=')[1], 'idempotency key': 'an idempotency key' };
  for (const [name, secret] of Object.entries(secrets)) assert.ok(secret?.length >= 12, name);
  const look = (when) => {
    for (const entry of readdirSync(keys.dir, { recursive: true, withFileTypes: true }).filter((one) => one.isFile())) {
      const file = join(entry.parentPath ?? entry.path, entry.name);
      const bytes = readFileSync(file);
      for (const [name, secret] of Object.entries(secrets)) {
        assert.ok(!bytes.includes(secret), `${name} is in ${file} ${when}`);
        const raw = Buffer.from(secret.replaceAll('-', ''), 'hex');
        if (raw.length === 16) assert.ok(!bytes.includes(raw), `${name} is in ${file} in binary ${when}`);
      }
    }
  };
  look('while it runs');
  await own.stop();
  look('afterwards');
  for (const [name, secret] of Object.entries(secrets)) assert.ok(!own.log.includes(secret), `${name} is in the log`);
  keys.remove();
});

describe('suspended', () => {
  test('a device is told 503 and nothing else, its owner and its maker 403', async () => {
    const keys = setup();
    let running = Object.assign(await startServer({ dir: keys.dir }), keys);
    const partner = client(running, 'partner', keys.partner_key);
    const model = await makeModel(running);
    await partner.post(`/models/${model.id}/publish`, {});
    const customer = await partner.post('/organizations', { name: 'Late payer', admin_contact_email: 'x@example.com' });
    const device = await register(running, model.key);
    const other = await register(running, model.key);
    await partner.post('/devices/assign', { device_ids: [device.id], organization_id: customer.id });
    const ask = (method, path, key, body) => request(running.http, method, path, { key, body });
    const device503 = async (one) => {
      for (const [method, path] of [['GET', ''], ['POST', '/telemetry'], ['GET', '/command'], ['POST', '/config'], ['DELETE', '']]) {
        const reply = await ask(method, `/v1/devices/${one.id}${path}`, one.access_key, method === 'POST' ? {} : undefined);
        assert.deepEqual(answer(reply), [503, '{"error":"Service unavailable"}'], `${method} ${path}`);
        assert.ok(Number(reply.headers['retry-after']) >= 1);
      }
    };
    await running.stop();

    editDatabase(keys.dir, `UPDATE organization SET suspended = 1 WHERE id = ${blob(customer.id)};`);
    running = Object.assign(await startServer({ dir: keys.dir }), keys);
    await device503(device);
    assert.equal((await ask('GET', `/v1/devices/${other.id}`, other.access_key)).status, 200);
    assert.deepEqual(answer(await ask('GET', `/v1/devices/${device.id}`, other.access_key)), NOT_AUTHORIZED, 'a wrong key stays wrong');
    assert.ok([401, 403].includes((await ask('GET', '/core/v1/organization/devices', customer.api_key)).status));
    assert.equal((await ask('GET', '/core/v1/partner/devices', keys.partner_key)).status, 200);
    await running.stop();

    editDatabase(keys.dir, `UPDATE organization SET suspended = 0; UPDATE partner SET suspended = 1;`);
    running = Object.assign(await startServer({ dir: keys.dir }), keys);
    await device503(device);
    await device503(other);
    const registration = await ask('POST', '/v1/devices', undefined, { hardware_key: model.key, firmware_version: '1.0.0', sn: 'x', mac: 'x' });
    assert.deepEqual(answer(registration), [503, '{"error":"Service unavailable"}']);
    for (const [path, key] of [['/core/v1/partner/devices', keys.partner_key], ['/core/v1/organization/devices', customer.api_key]]) assert.ok([401, 403].includes((await ask('GET', path, key)).status), path);
    await running.stop();

    editDatabase(keys.dir, `UPDATE partner SET suspended = 0;`);
    running = Object.assign(await startServer({ dir: keys.dir }), keys);
    assert.equal((await ask('GET', `/v1/devices/${device.id}`, device.access_key)).status, 200, 'and all is as before');
    await running.stop();
    keys.remove();
  });
});
