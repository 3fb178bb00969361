// Customers changed by their partner (management-api.md 5.9), settings of both kinds of tenant (5.10, 6.2), the legacy
// registration key (device-api.md 2.2), suspension (1.3.4).
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { client, makeModel, register, request, startInstallation } from './support/server.js';
import { connect } from './support/mqtt.js';
import { unlimited } from './support/config.js';

let server;
let partner;
let lab;
let model;
before(async () => {
  server = await startInstallation({ args: unlimited() });
  partner = client(server, 'partner', server.partner_key);
  lab = client(server, 'organization', server.organization_key);
  model = await makeModel(server);
  await partner.post(`/models/${model.id}/publish`);
});
after(() => server.stop());

const call = (method, path, { key = server.partner_key, body } = {}) => request(server.http, method, `/core/v1${path}`, { key, body });
async function refused(reply, status, text) {
  const { status: got, json } = await reply;
  assert.deepEqual([got, json], [status, { error: text }]);
}
const newCustomer = (name) => partner.post('/organizations', { name, admin_contact_email: 'a@example.com' });

describe('customers', () => {
  test('are changed, and so is the name of their root space', async () => {
    const customer = await newCustomer('Harbour College');
    const own = client(server, 'organization', customer.api_key);
    const room = await own.post('/spaces', { name: 'Lobby' });
    const changed = await partner.patch(`/organizations/${customer.id}`,
      { name: 'Nordlys A/S', display_name: 'Nordlys', sandbox: true, contacts: { finance_email: 'f@example.com', admin_name: 'Ada' } });
    assert.deepEqual([changed.name, changed.display_name, changed.sandbox, changed.suspended], ['Nordlys A/S', 'Nordlys', true, false]);
    assert.deepEqual(changed.contacts, { admin_email: 'a@example.com', admin_name: 'Ada', finance_email: 'f@example.com', finance_name: null });
    assert.equal((await own.get(`/spaces/${room.id}`)).full_path, 'Nordlys A-S/Lobby');
    assert.equal((await own.get('/info')).name, 'Nordlys A/S');
    assert.deepEqual(await partner.patch(`/organizations/${customer.id}`, {}), changed);
    assert.equal((await partner.patch(`/organizations/${customer.id}`, { display_name: null })).display_name, null);
    const patch = (body) => call('PATCH', `/partner/organizations/${customer.id}`, { body });
    await refused(patch({ name: '' }), 422, "Name can't be blank");
    await refused(patch({ name: null }), 422, "Name can't be blank");
    await refused(patch({ sandbox: 'perhaps' }), 422, 'Sandbox is invalid');
    await refused(patch({ suspended: 7 }), 422, 'Suspended is invalid');
    await refused(patch({ contacts: [] }), 422, 'Contacts is invalid');
    await refused(patch({ contacts: { admin_email: 'x' } }), 422, 'Admin email is not an email');
    await refused(call('PATCH', `/partner/organizations/${randomUUID()}`, { body: {} }), 404, 'Organization not found');
    await refused(call('PATCH', `/partner/organizations/${server.organization_id}`, { body: { suspended: true } }), 422, 'The lab organization cannot be suspended');
  });

  test('a suspended one is let in nowhere, its devices wait; then all is as before', async () => {
    const customer = await newCustomer('Late Payers');
    const device = await register(server, model.key);
    await partner.post('/devices/assign', { device_ids: [device.id], organization_id: customer.id });
    const mqtt = await connect(server, { clientId: device.id, username: device.id, password: device.access_key, reconnectPeriod: 0 });
    const telemetry = () => request(server.http, 'POST', `/v1/devices/${device.id}/telemetry`, { key: device.access_key, body: {} });
    assert.equal((await telemetry()).status, 201);
    assert.equal((await partner.patch(`/organizations/${customer.id}`, { suspended: true })).suspended, true);
    assert.equal((await telemetry()).status, 503);
    await refused(call('GET', '/organization/info', { key: customer.api_key }), 403, 'Forbidden');
    await mqtt.closed;
    await partner.patch(`/organizations/${customer.id}`, { suspended: false });
    assert.equal((await telemetry()).status, 201);
    assert.equal((await call('GET', '/organization/info', { key: customer.api_key })).status, 200);
  });

  test('many at once, each for itself', async () => {
    const { status, json } = await call('POST', '/partner/organizations/bulk',
      { body: [{ name: 'One', admin_contact_email: 'a@example.com' }, { name: 'Two' }, 7, { name: 'Three', admin_contact_email: 'a@example.com', sandbox: true }] });
    assert.equal(status, 200);
    assert.deepEqual(json.results.map(({ success, error }) => [success, error]),
      [[true, undefined], [false, 'Parameter admin_contact_email is required'], [false, 'Item is invalid'], [true, undefined]]);
    assert.match(json.results[0].organization.api_key, /^mo_/);
    assert.equal((await client(server, 'organization', json.results[3].organization.api_key).get('/info')).name, 'Three');
    await refused(call('POST', '/partner/organizations/bulk', { body: {} }), 422, 'Body must be an array');
    await refused(call('POST', '/partner/organizations/bulk', { body: [] }), 422, "Body can't be blank");
    await refused(call('POST', '/partner/organizations/bulk', { body: Array(101).fill({}) }), 422, 'Too many items, maximum is 100');
  });
});

test('settings of an organization', async () => {
  const customer = await newCustomer('Own Settings');
  const own = client(server, 'organization', customer.api_key);
  assert.deepEqual(await own.get('/settings'), { name: 'Own Settings', display_name: null,
    contacts: { admin_email: 'a@example.com', admin_name: null, finance_email: null, finance_name: null }, notification_emails: [], daily_report_hour: null });
  const changed = await own.patch('/settings', { display_name: 'Own', notification_emails: ['n@example.com'], daily_report_hour: 7, contacts: { admin_name: 'Bo' } });
  assert.deepEqual(changed, { name: 'Own Settings', display_name: 'Own',
    contacts: { admin_email: 'a@example.com', admin_name: 'Bo', finance_email: null, finance_name: null }, notification_emails: ['n@example.com'], daily_report_hour: 7 });
  assert.deepEqual(await own.get('/settings'), changed);
  assert.equal((await own.patch('/settings', { daily_report_hour: null })).daily_report_hour, null);
  const patch = (body) => call('PATCH', '/organization/settings', { key: customer.api_key, body });
  await refused(patch({ daily_report_hour: 24 }), 422, 'Daily report hour is invalid');
  await refused(patch({ notification_emails: 'n@example.com' }), 422, 'Notification emails is invalid');
  await refused(patch({ notification_emails: ['x'] }), 422, 'Notification emails is not an email');
  assert.ok((await own.get('/audit?action=settings.update')).items.length >= 2);
});

describe('settings of a partner', () => {
  const patch = (body) => call('PATCH', '/partner/settings', { body });

  test('are changed one by one', async () => {
    const before_ = await partner.get('/settings');
    assert.deepEqual([before_.domain, before_.self_signup, before_.notifications, before_.branding, before_.legacy_registration],
      [null, false, { referral_emails: true, ticket_emails: true }, { logo: null, color: null, product_name: null }, { enabled: false, partner_key: null }]);
    const changed = await partner.patch('/settings', { name: 'Northlight II', domain: 'https://cloud.example.com', self_signup: true,
      notifications: { ticket_emails: false }, branding: { color: '#1a2B3c', product_name: 'Panels' } });
    assert.deepEqual([changed.name, changed.domain, changed.self_signup, changed.notifications, changed.branding],
      ['Northlight II', 'https://cloud.example.com', true, { referral_emails: true, ticket_emails: false }, { logo: null, color: '#1a2B3c', product_name: 'Panels' }]);
    assert.deepEqual(await partner.get('/settings'), changed);
    const info = await lab.get('/info');
    assert.deepEqual([info.partner, info.domain, info.mobile_domain], ['Northlight II', 'https://cloud.example.com', 'https://cloud.example.com']);
    const again = await partner.patch('/settings', { domain: null, branding: { color: null } });
    assert.deepEqual([again.domain, again.branding.color, again.branding.product_name], [null, null, 'Panels']);
    await refused(patch({ name: ' ' }), 422, "Name can't be blank");
    await refused(patch({ domain: 'cloud.example.com' }), 422, 'Domain is invalid');
    await refused(patch({ mobile_domain: 'https://x/y' }), 422, 'Mobile domain is invalid');
    await refused(patch({ branding: 'blue' }), 422, 'Branding is invalid');
    await refused(patch({ branding: { color: 'blue' } }), 422, 'Color is invalid');
    await refused(patch({ branding: { logo: 'https://x' } }), 422, 'Logo is invalid');
    await refused(patch({ self_signup: 3 }), 422, 'Self signup is invalid');
    await refused(patch({ notifications: { ticket_emails: 3 } }), 422, 'Ticket emails is invalid');
    await refused(patch({ legacy_registration: 3 }), 422, 'Legacy registration is invalid');
  });

  test('the short code: four characters, a warning once there are devices', async () => {
    await register(server, model.key);
    const { warnings } = await partner.patch('/settings', { short_code: 'NLZ9' });
    assert.equal(warnings.length, 1);
    const again = await partner.patch('/settings', { short_code: 'NLZ9' });
    assert.deepEqual([again.short_code, again.warnings], ['NLZ9', undefined]);
    for (const code of ['abc', 'abcde', 'a-cd', '']) await refused(patch({ short_code: code }), 422, 'Short code is invalid');
  });

  test('the legacy key registers devices while it is on', async () => {
    const legacy = (key, fields = { model_id: model.id }) => request(server.http, 'POST', '/v1/devices', {
      body: { partner_key: key, firmware_version: '1.0.0', sn: randomUUID(), mac: randomUUID(), success: false, error: null, ...fields } });
    const { legacy_registration: on } = await partner.patch('/settings', { legacy_registration: true });
    assert.equal(on.enabled, true);
    assert.equal((await legacy(on.partner_key)).status, 201);
    assert.equal((await legacy(on.partner_key, { model: model.name })).status, 201);
    await refused(legacy(on.partner_key, { model: 'none' }), 404, 'Model not found');
    await refused(legacy(randomUUID()), 400, 'Hardware key is invalid');
    const reader = await partner.post('/api_keys', { name: 'read', scope: 'read' }, 201);
    assert.equal((await call('GET', '/partner/settings', { key: reader.key })).json.legacy_registration.partner_key, '*****');
    assert.deepEqual((await partner.patch('/settings', { legacy_registration: false })).legacy_registration, { enabled: false, partner_key: null });
    await refused(legacy(on.partner_key), 400, 'Hardware key is invalid');
    assert.deepEqual((await partner.patch('/settings', { legacy_registration: { enabled: true } })).legacy_registration, on);
    const audit = await partner.get('/audit?action=settings.update&per_page=500');
    assert.ok(audit.data.length > 0 && !JSON.stringify(audit).includes(on.partner_key));
  });
});

test('an administrator of a customer is invited: the one named, or the contact', async () => {
  const unique = randomUUID().slice(0, 8);
  const customer = await partner.post('/organizations', { name: 'Invited', admin_contact_email: `boss-${unique}@example.com`, admin_contact_name: 'Boss' });
  const own = client(server, 'organization', customer.api_key);
  const invite = (body) => call('POST', `/partner/organizations/${customer.id}/invite`, { body });
  assert.deepEqual((await invite({})).json, { success: true });
  assert.deepEqual((await invite({ email: `two-${unique}@example.com`, name: 'Two' })).json, { success: true });
  assert.deepEqual((await own.get('/users')).items.map(({ email, name }) => [email, name]),
    [[`boss-${unique}@example.com`, 'Boss'], [`two-${unique}@example.com`, 'Two']]);
  await refused(invite({ email: 'x' }), 422, 'Email is not an email');
  const other = await partner.post('/organizations', { name: 'Other', admin_contact_email: `boss-${unique}@example.com` });
  const again = call('POST', `/partner/organizations/${other.id}/invite`, { body: {} });
  assert.deepEqual((await again).json, { success: true }, 'who has an account consents, wherever it is at home');
  await refused(call('POST', `/partner/organizations/${randomUUID()}/invite`, { body: {} }), 404, 'Organization not found');
  // Where an administrator has come already, only the organization itself invites: a partner is no way in (section 7).
  await refused(call('POST', `/partner/organizations/${server.organization_id}/invite`, { body: { email: 'intruder@example.com' } }), 422,
    'The organization has an administrator already');
});

test('the overview counts active incidents by priority', async () => {
  const device = await register(server, model.key);
  const customer = await newCustomer('Troubled');
  await partner.post('/devices/assign', { device_ids: [device.id], organization_id: customer.id });
  const before_ = (await partner.get('/overview')).open_incidents;
  assert.deepEqual(Object.keys(before_), ['critical', 'high', 'moderate', 'low', 'planning']);
  const incident = (priority) => request(server.http, 'POST', `/v1/devices/${device.id}/incidents`, { key: device.access_key, body: { title: 'x', priority } });
  for (const priority of [1, 3, 3]) assert.equal((await incident(priority)).status, 200);
  assert.deepEqual((await partner.get('/overview')).open_incidents, { ...before_, critical: before_.critical + 1, moderate: before_.moderate + 2 });
});
