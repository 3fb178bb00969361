// What system administrators do (management-api.md 10.2): partners, a model's API version, status, audit.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import tls from 'node:tls';
import { assign, client, makeModel, password, register, request, startInstallation, startServer } from './support/server.js';
import { unlimited } from './support/config.js';
import { connect, publish, subscribe } from './support/mqtt.js';

let server;
let partner;
let model;
let headers;
const args = [...unlimited(), '--metrics', '127.0.0.1:0'];
before(async () => {
  server = await startInstallation({ args });
  partner = client(server, 'partner', server.partner_key);
  model = await makeModel(server);
  const { status, headers: reply, json } = await request(server.http, 'POST', '/core/v1/session', { body: { email: server.email, password } });
  assert.equal(status, 200);
  headers = { cookie: reply['set-cookie'][0].split(';')[0], 'x-csrf-token': json.csrf_token };
});
after(() => server.stop());

const call = (method, path, body, options = { headers }) => request(server.http, method, `/core/v1/system${path}`, { body, ...options });
async function refused(reply, status, text) {
  const { status: got, json } = await reply;
  assert.deepEqual([got, json], [status, { error: text }]);
}

test('partners are added, renamed, suspended', async () => {
  const made = await call('POST', '/partners', { name: 'Southlight', short_code: 'STH1' });
  assert.equal(made.status, 201, made.text);
  assert.deepEqual([made.json.name, made.json.short_code, made.json.suspended, made.json.organizations], ['Southlight', 'STH1', false, 1]);
  await refused(call('POST', '/partners', { name: 'Again', short_code: 'STH1' }), 422, 'Short code has already been taken');
  await refused(call('POST', '/partners', {}), 422, 'Parameter name is required');
  await refused(call('POST', '/partners', { name: 'x', short_code: 'abc' }), 422, 'Short code is invalid');
  const { data, page_info: page } = (await call('GET', '/partners')).json;
  assert.deepEqual([data.map(({ name }) => name), page.total_count], [['Northlight', 'Southlight'], 2]);

  // Whoever made it may act for it.
  const tenant = await request(server.http, 'POST', '/core/v1/session/tenant', { headers, body: { kind: 'partner', id: made.json.id } });
  assert.equal(tenant.status, 200, tenant.text);
  const created = await request(server.http, 'POST', '/core/v1/partner/models', { headers, body: { name: 'S', communication_protocol: 'https', device_type: 'physical' } });
  assert.equal(created.status, 201, created.text);
  const keys = (await request(server.http, 'GET', `/core/v1/partner/models/${created.json.id}/hardware_keys`, { headers })).json.data;
  const device = await register(server, keys[0].key, { cloud_id: 'STH1aaaaaaaaaaaaaaaa' });
  const telemetry = () => request(server.http, 'POST', `/v1/devices/${device.id}/telemetry`, { key: device.access_key, body: {} });
  const registration = () => request(server.http, 'POST', '/v1/devices', { body: { hardware_key: keys[0].key, firmware_version: '1.0.0', sn: randomUUID(), cloud_id: `STH1${randomUUID().slice(0, 16)}` } });
  assert.equal((await telemetry()).status, 201);

  const changed = (await call('PATCH', `/partners/${made.json.id}`, { suspended: true, name: 'Southlight Ltd' })).json;
  assert.deepEqual([changed.name, changed.suspended, changed.devices], ['Southlight Ltd', true, 1]);
  assert.equal((await telemetry()).status, 503);
  assert.equal((await registration()).status, 503);
  assert.ok([401, 403].includes((await request(server.http, 'GET', '/core/v1/partner/models', { headers })).status));
  await call('PATCH', `/partners/${made.json.id}`, { suspended: false });
  assert.equal((await telemetry()).status, 201);
  assert.equal((await registration()).status, 201);
  await refused(call('PATCH', `/partners/${randomUUID()}`, {}), 404, 'Partner not found');
  await refused(call('PATCH', `/partners/${made.json.id}`, { suspended: 3 }), 422, 'Suspended is invalid');
  const audit = (await call('GET', '/audit?object_kind=partner')).json;
  assert.deepEqual(audit.data.map(({ action }) => action), ['partner.update', 'partner.update', 'partner.create']);
  await request(server.http, 'POST', '/core/v1/session/tenant', { headers, body: { kind: 'partner', id: data[0].id } });
});

test('the API version of a model decides how its devices are answered, at once', async () => {
  const device = await register(server, model.key);
  const config = async () => Object.keys((await request(server.http, 'GET', `/v1/devices/${device.id}/config`, { key: device.access_key })).json);
  assert.deepEqual(await config(), ['name', 'version', 'last_updated', 'config', 'device_id']);
  assert.equal((await call('PATCH', `/models/${model.id}`, { api_version: '1.0.4' })).json.api_version, '1.0.4');
  assert.deepEqual(await config(), ['version', 'last_updated']);
  assert.equal((await partner.get(`/models/${model.id}`)).api_version, '1.0.4');
  assert.equal((await call('PATCH', `/models/${model.id}`, { api_version: '1.0.7' })).json.api_version, '1.0.7');
  assert.deepEqual(await config(), ['name', 'version', 'last_updated', 'config', 'device_id']);
  await refused(call('PATCH', `/models/${model.id}`, {}), 422, 'Parameter api_version is required');
  await refused(call('PATCH', `/models/${model.id}`, { api_version: '2.0.0' }), 422, 'Api version is invalid');
  await refused(call('PATCH', `/models/${randomUUID()}`, { api_version: '1.0.0' }), 404, 'Model not found');
});

test('status; nobody else is let in', async () => {
  const status = (await call('GET', '/status')).json;
  assert.match(status.version, /^\d+\.\d+\.\d+/);
  assert.ok(status.connections.open >= 1 && status.uptime_seconds >= 0 && status.devices >= 1, JSON.stringify(status));
  assert.ok(status.counters.muster_http_requests_total > 0);
  for (const path of ['/status', '/partners', '/audit']) {
    for (const key of [undefined, server.partner_key, server.organization_key]) {
      await refused(call('GET', path, undefined, { key }), 401, 'Not authorized');
    }
  }
  await refused(call('POST', '/partners', { name: 'x' }, { headers: { cookie: headers.cookie } }), 403, 'Forbidden');
});

test('status: the disk, the certificate, rates, backup', async () => {
  const { json: status } = await call('GET', '/status');
  const { disk, certificate, rates, queues } = status;
  assert.equal(disk.total_bytes, Number(execFileSync('df', ['-B1', '--output=size', server.dir], { encoding: 'utf8' }).split('\n')[1]));
  assert.ok(disk.free_bytes > 0 && disk.free_bytes < disk.total_bytes, JSON.stringify(disk));
  assert.ok(disk.registry_bytes >= 4096 && disk.telemetry_bytes >= 4096 && disk.telemetry_segments === 1 && disk.files_bytes === 0, JSON.stringify(disk));
  assert.match(certificate.fingerprint, /^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
  const seen = await new Promise((resolve, reject) => {
    const socket = tls.connect({ host: server.https.host, port: server.https.port, rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate());
      socket.destroy();
    });
    socket.on('error', reject);
  });
  assert.deepEqual([certificate.fingerprint, Date.parse(certificate.expires_at)], [seen.fingerprint256, Date.parse(seen.valid_to)]);
  assert.ok(certificate.self_signed && certificate.expires_in_days > 3640 && certificate.expires_in_days < 3660);
  assert.ok(rates.seconds >= 0 && rates.seconds <= 120 && rates.http_requests >= 0 && rates.telemetry_samples >= 0, JSON.stringify(rates));
  assert.deepEqual([queues.deliveries, queues.mails, status.last_backup_at, status.backup_age_seconds], [0, 0, null, null]);
});

test('status: who sends most, over both protocols, and for whom most waits', async () => {
  const [loud, quiet] = [await register(server, model.key), await register(server, model.key)];
  await assign(server, [loud.id]);
  const hub = await connect(server, { id: loud.id, key: loud.access_key });
  const away = await connect(server, { id: quiet.id, key: quiet.access_key, clean: false, properties: { sessionExpiryInterval: 600 } });
  await subscribe(away, `v1/device/${quiet.id}/user/#`);
  await publish(away, `v1/device/${quiet.id}/user/hello`, 'x');
  await new Promise((done) => { away.end(false, {}, done); });
  for (let n = 0; n < 40; n++) await publish(hub, `v1/device/${loud.id}/telemetry`, JSON.stringify({ telemetries: { n } }));
  for (let n = 0; n < 5; n++) await request(server.http, 'GET', `/v1/devices/${loud.id}/command`, { key: loud.access_key });
  const partner = await connect(server, { username: 'partner', password: server.partner_key, clientId: 'watcher', clean: false, properties: { sessionExpiryInterval: 600 } });
  await subscribe(partner, `v1/device/+/telemetry`);
  await new Promise((done) => { partner.end(false, {}, done); });
  const text = JSON.stringify({ telemetries: { text: 'y'.repeat(900) } });
  for (let n = 0; n < 3; n++) await publish(hub, `v1/device/${loud.id}/telemetry`, text);
  hub.end(true);

  const { json: status } = await call('GET', '/status');
  const [first] = status.top_talkers.devices;
  assert.deepEqual([status.top_talkers.seconds, first.device_id, first.tenant.kind], [60, loud.id, 'organization']);
  assert.ok(first.messages > 5 && first.messages <= 48, `${first.messages} of 48`);
  const second = status.top_talkers.devices.find(({ device_id: id }) => id === quiet.id);
  assert.deepEqual([second.messages, second.tenant.kind, second.tenant.name], [1, 'partner', 'Northlight']);
  const [behind, ...others] = status.slow_consumers;
  assert.deepEqual([behind.kind, behind.client_id, behind.tenant.kind, behind.connected, behind.queued_messages], ['application', 'watcher', 'partner', false, 3]);
  assert.ok(behind.queued_bytes > 3 * text.length && behind.queued_bytes < 8000, JSON.stringify(behind));
  assert.ok(others.every(({ queued_bytes: bytes }) => bytes <= behind.queued_bytes), 'most first');
});

test('what status tells of disk, certificate and queues is on the metrics page too', async () => {
  const { text } = await request(server.metrics, 'GET', '/metrics');
  const value = (name) => Number(text.match(new RegExp(`^${name} (\\d+)$`, 'm'))?.[1]);
  const { json: status } = await call('GET', '/status');
  assert.equal(value('muster_disk_bytes'), status.disk.total_bytes);
  assert.ok(value('muster_disk_free_bytes') > 0 && value('muster_registry_bytes') > 0 && value('muster_telemetry_bytes') > 0);
  assert.deepEqual([value('muster_files_bytes'), value('muster_deliveries_waiting'), value('muster_mails_waiting')], [0, 0, 0]);
  assert.equal(value('muster_certificate_expiry_seconds') * 1000, Date.parse(status.certificate.expires_at));
  assert.doesNotMatch(text, /muster_last_backup_seconds/);
});

test('settings: what holds, where it is from, what can be changed, and that it is', async () => {
  const { json: before } = await call('GET', '/settings');
  const { limits, server: own, tls: certificate, http } = before.settings;
  assert.deepEqual([limits.management_requests.value, limits.management_requests.source, limits.management_requests.editable], [0, 'file', false]);
  assert.deepEqual(limits.device_updates, { value: 10, default: 10, source: 'default', editable: true, type: 'number', help: 'Update Device calls of one device in an hour' });
  assert.deepEqual([http.request_timeout.value, http.request_timeout.type, http.body_max.type, own.public_url.type], [30000, 'duration', 'size', 'text']);
  for (const fixed of [own.loops, own.trusted_proxies, own.limits_exempt, certificate.private_key, before.settings.notify.allowed_networks]) assert.equal(fixed.editable, false);
  assert.deepEqual(before.listeners.map(({ kind }) => kind), ['http', 'https', 'mqtt', 'mqtts', 'metrics']);
  assert.equal(before.smtp.password, null);
  const device = await register(server, model.key);
  assert.deepEqual([before.urls.hub_url, before.urls.mqtt_hub_url], [device.hub_url, device.mqtt_hub_url]);

  const { status, json: after } = await call('PATCH', '/settings', { settings: { limits: { device_updates: 2 }, server: { public_url: 'https://hub.example.com' }, http: { keep_alive_timeout: '90s' } } });
  assert.equal(status, 200, JSON.stringify(after));
  assert.deepEqual([after.settings.limits.device_updates.value, after.settings.limits.device_updates.source], [2, 'changed']);
  assert.deepEqual([after.settings.http.keep_alive_timeout.value, after.urls.hub_url], [90000, 'https://hub.example.com']);
  assert.deepEqual((await call('GET', '/settings')).json, after);
  assert.equal((await register(server, model.key)).hub_url, 'https://hub.example.com');
  const rename = () => request(server.http, 'PUT', `/v1/devices/${device.id}`, { key: device.access_key, body: { name: 'x' } });
  assert.deepEqual([(await rename()).status, (await rename()).status, (await rename()).status], [200, 200, 429]);
  const [{ detail: changes }] = (await call('GET', '/audit?action=system.settings')).json.data;
  assert.deepEqual([changes.before['limits.device_updates'], changes.after['limits.device_updates'], changes.after['http.keep_alive_timeout']], ['10', '2', '90000ms']);
  assert.equal((await call('PATCH', '/settings', { settings: { limits: { device_updates: null } } })).json.settings.limits.device_updates.source, 'default');
  assert.equal((await rename()).status, 200);
});

test('settings that cannot be changed, or not to this', async () => {
  const change = (section, name, value) => call('PATCH', '/settings', { settings: { [section]: { [name]: value } } });
  await refused(change('limits', 'management_requests', 5), 422, 'Setting limits.management_requests is set in the configuration file');
  for (const [section, name] of [['server', 'loops'], ['server', 'trusted_proxies'], ['tls', 'private_key'], ['notify', 'allowed_networks']]) {
    await refused(change(section, name, '1'), 422, `Setting ${section}.${name} can only be set in the configuration file`);
  }
  await refused(change('limits', 'nonsense', 5), 422, 'Unknown setting limits.nonsense');
  await refused(change('nowhere', 'x', 5), 422, 'Unknown setting nowhere.x');
  await refused(change('limits', 'device_updates', -1), 422, 'Setting limits.device_updates must be a whole number');
  await refused(change('limits', 'device_updates', {}), 422, 'Setting limits.device_updates must be a whole number');
  await refused(change('limits', 'device_updates', 'many'), 422, 'Setting limits.device_updates must be a whole number from 0 to 2147483647');
  await refused(change('http', 'body_max', '1 parsec'), 422, 'Setting http.body_max must be a size such as 4096, 256KiB or 4MiB');
  await refused(change('http', 'headers_max', 100), 422, 'Setting http.headers_max must be at least 4096');
  const url = 'a URL such as https://hub.example.com, without a slash at the end';
  for (const wrong of ['hub.example.com', 'https://hub.example.com/', 'ftp://hub.example.com', 'https://hub example.com', 'https://']) await refused(change('server', 'public_url', wrong), 422, `Setting server.public_url must be ${url}`);
  await refused(change('server', 'public_url', 5), 422, 'Setting server.public_url must be a text');
  await refused(change('server', 'log_level', 'loud'), 422, 'Setting server.log_level must be debug, info, warn or error');
  for (const settings of [null, 5, [], { limits: 5 }]) await refused(call('PATCH', '/settings', { settings }), 422, 'Settings is invalid');
  // All or nothing.
  await refused(call('PATCH', '/settings', { settings: { limits: { device_events: 7 }, http: { headers_max: 1 } } }), 422, 'Setting http.headers_max must be at least 4096');
  assert.equal((await call('GET', '/settings')).json.settings.limits.device_events.value, 100);
});

test('a backup made while the program runs is a data folder to start on', async () => {
  const device = await register(server, model.key);
  const to = (server_, method, path, options) => request(server_.http, method, path, options);
  const report = (value) => to(server, 'POST', `/v1/devices/${device.id}/telemetry`, { key: device.access_key, body: { telemetries: { value } } });
  assert.equal((await report(41)).status, 201);
  const traffic = { on: true };
  const busy = (async () => { while (traffic.on) await report(1); })();
  const made = await call('POST', '/backup');
  assert.equal(made.status, 201, made.text);
  traffic.on = false;
  await busy;
  const later = await register(server, model.key);
  const status = (await call('GET', '/status')).json;
  assert.ok(status.last_backup_at >= made.json.created_at && status.backup_age_seconds >= 0);
  const copy = await startServer({ dir: join(server.dir, 'backups', made.json.name), args: unlimited() });
  try {
    const { json: kept } = await to(copy, 'GET', '/core/v1/system/settings', { headers });
    assert.deepEqual([kept.settings.server.public_url.value, kept.settings.server.public_url.source], ['https://hub.example.com', 'changed'], 'a change outlives the program');
    const seen = await to(copy, 'GET', `/core/v1/partner/devices/${device.id}`, { key: server.partner_key });
    assert.equal(seen.status, 200, seen.text);
    const samples = (await to(copy, 'GET', `/core/v1/partner/devices/${device.id}/telemetries?limit=1000`, { key: server.partner_key })).json;
    assert.equal(samples.at(-1).telemetries.value, 41);
    assert.equal((await to(copy, 'GET', `/core/v1/partner/devices/${later.id}`, { key: server.partner_key })).status, 404);
    assert.equal((await to(copy, 'POST', `/v1/devices/${device.id}/telemetry`, { key: device.access_key, body: {} })).status, 201);
  } finally {
    await copy.stop();
  }
  assert.equal((await call('GET', '/audit?action=system.backup')).json.data[0].object_id, made.json.name);
});

test('at SIGHUP the file wins over what was changed, and holds it', async () => {
  const file = args[args.indexOf('--config') + 1];
  const old = readFileSync(file, 'utf8');
  writeFileSync(file, `${old}[server]\npublic_url = https://file.example.com\n[retention]\ndump_days = 7\n`);
  server.signal('SIGHUP');
  const look = async () => (await call('GET', '/settings')).json.settings;
  let settings;
  do settings = await look(); while (settings.server.public_url.source !== 'file');
  assert.deepEqual([settings.server.public_url.value, settings.retention.dump_days.value], ['https://file.example.com', 7]);
  assert.deepEqual([settings.http.keep_alive_timeout.value, settings.http.keep_alive_timeout.source], [90000, 'changed'], 'what the file does not name stays');
  await refused(call('PATCH', '/settings', { settings: { server: { public_url: null } } }), 422, 'Setting server.public_url is set in the configuration file');
  // Once the file does not name it any more, what was changed holds again, without a new start.
  writeFileSync(file, old);
  server.signal('SIGHUP');
  do settings = await look(); while (settings.server.public_url.source === 'file');
  assert.deepEqual([settings.server.public_url.value, settings.server.public_url.source], ['https://hub.example.com', 'changed']);
  assert.deepEqual([settings.retention.dump_days.value, settings.retention.dump_days.source], [settings.retention.dump_days.default, 'default']);
});
