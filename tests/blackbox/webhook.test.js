// A partner's webhook (management-api.md 5.10, 8.1): what it is told, in order, tried again, over restarts, and where it may
// never reach.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, test } from 'node:test';
import { configured } from './support/config.js';
import { startReceiver } from './support/receiver.js';
import { assign, client, makeModel, register, request, setup, startServer, until } from './support/server.js';

const loopback = '[notify]\nallowed_networks = 127.0.0.1\nfirst_retry = 20ms\nsecond_retry = 30ms\ntimeout = 10m\n[limits]\nmanagement_requests = 0\n';
const secret = 'the maker knows';

let keys;
let server;
let receiver;
let partner;
let model;

const start = async (config) => Object.assign(await startServer({ dir: keys.dir, args: configured(config) }), keys);
const connect = async (config = loopback) => {
  server = await start(config);
  partner = client(server, 'partner', keys.partner_key);
};
const hook = (webhook) => partner.patch('/settings', { webhook });
const deliveries = async (query = '') => (await partner.get(`/webhook_deliveries${query}`)).data;
const of = (id) => (call) => call.json.device_id === id;

before(async () => {
  keys = setup();
  receiver = await startReceiver();
  await connect();
  model = await makeModel(server);
});
after(async () => {
  await server.stop();
  await receiver.close();
  keys.remove();
});

test('settings: the URL, a secret that can be read again, and the events (5.10)', async () => {
  assert.equal((await partner.get('/settings')).webhook, null);
  assert.deepEqual(await partner.post('/settings/webhook/test', {}, 422), { error: "Webhook url can't be blank" });
  for (const [webhook, error] of [
    ['x', 'Webhook is invalid'], [{ url: 'ftp://example.com' }, 'Url is invalid'], [{ url: 'http://' }, 'Url is invalid'],
    [{ url: 'http://a b' }, 'Url is invalid'], [{ url: receiver.url, events: ['born'] }, 'Events is invalid'],
    [{ url: receiver.url, events: 'born' }, 'Events is invalid'],
  ]) {
    assert.deepEqual(await partner.patch('/settings', { webhook }, 422), { error }, JSON.stringify(webhook));
  }
  const { webhook } = await hook({ url: receiver.url });
  assert.deepEqual(webhook.events, ['registered_device', 'claimed_device', 'deleted_device', 'license_updated']);
  assert.match(webhook.secret, /^\w{43}$/);
  assert.equal((await hook({ secret })).webhook.secret, secret);
  assert.equal((await hook({ secret: '*****', events: ['claimed_device'] })).webhook.secret, secret);
  const reader = await partner.post('/api_keys', { name: 'reader', scope: 'read' });
  assert.equal((await client(server, 'partner', reader.key).get('/settings')).webhook.secret, '*****');
  const withSecrets = receiver.url.replace('://', '://ada:swordfish@').concat('?token=plover');
  assert.equal((await hook({ url: withSecrets })).webhook.url, withSecrets);
  assert.match((await client(server, 'partner', reader.key).get('/settings')).webhook.url, /^http:\/\/\*{5}@[^?]+\?\*{5}$/);
  await hook({ url: receiver.url, events: null });
  const audit = JSON.stringify((await partner.get('/audit?action=settings.update')).data);
  assert.ok(audit.includes(receiver.url) && !audit.includes(secret) && !/swordfish|plover/.test(audit), audit);
});

test('a device is registered, claimed and deleted (8.1)', async () => {
  const { id } = await register(server, model.key, { sn: 'W-1', mac: '02:57:00:00:00:01', name: 'Lobby', firmware_version: '1.2.3' });
  const registered = await receiver.next(of(id));
  const { event_id: eventId, created_at: createdAt, ...members } = registered.json;
  assert.deepEqual(members, {
    event_type: 'registered_device', secret, device_id: id, device_sn: 'W-1', device_mac: '02:57:00:00:00:01', device_cloud_id: null,
    device_name: 'Lobby', device_model_id: model.id, device_model_name: model.name, device_firmware_version: '1.2.3',
    claiming_organization_name: null, claiming_organization_display_name: null,
  });
  assert.match(eventId, /^[0-9a-f-]{36}$/);
  assert.match(createdAt, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  assert.equal(registered.headers['content-type'], 'application/json');
  const signature = createHmac('sha256', secret).update(registered.text).digest('hex');
  assert.equal(registered.headers['x-muster-signature'], `sha256=${signature}`);
  await assign(server, id);
  const claimed = (await receiver.next(of(id))).json;
  assert.deepEqual([claimed.event_type, claimed.claiming_organization_name, claimed.claiming_organization_email],
    ['claimed_device', 'Northlight Lab', null]);
  await partner.del(`/devices/${id}`);
  const deleted = (await receiver.next(of(id))).json;
  assert.deepEqual([deleted.event_type, deleted.device_sn, deleted.claiming_organization_name], ['deleted_device', 'W-1', 'Northlight Lab']);
  const listed = await until(async () => {
    const rows = (await deliveries()).filter(({ payload }) => payload.device_id === id);
    return rows.every(({ state }) => state === 'delivered') && rows;
  }, 'three delivered');
  assert.deepEqual(listed.map(({ event_type: type }) => type), ['deleted_device', 'claimed_device', 'registered_device']);
  assert.ok(!JSON.stringify(listed).includes(secret));
  assert.deepEqual(listed[2].id, eventId);
});

test('only the chosen events', async () => {
  await hook({ events: ['claimed_device'] });
  const { id } = await register(server, model.key);
  await assign(server, id);
  await receiver.next(of(id));
  assert.deepEqual((await deliveries()).filter(({ payload }) => payload.device_id === id).map(({ event_type: type }) => type), ['claimed_device']);
  await hook({ events: null });
});

test('a failed try is repeated, and later events of the device wait for it', async () => {
  const seen = [];
  receiver.answer = ({ json }) => {
    seen.push(json);
    return seen.length < 3 ? 500 : 200;
  };
  const { id } = await register(server, model.key);
  await assign(server, id);
  await partner.del(`/devices/${id}`);
  await until(() => seen.length === 5, 'five calls');
  assert.deepEqual(seen.map(({ event_type: type }) => type),
    ['registered_device', 'registered_device', 'registered_device', 'claimed_device', 'deleted_device']);
  assert.equal(new Set(seen.slice(0, 3).map(({ event_id: event }) => event)).size, 1);
});

test('after three tries it is given up, listed, and sent again on demand', async () => {
  receiver.answer = () => 302; // not followed
  const { id } = await register(server, model.key);
  const failed = await until(async () => (await deliveries('?state=failed')).find(({ payload }) => payload.device_id === id), 'given up');
  assert.deepEqual([failed.attempts, failed.status, failed.error], [3, 302, 'HTTP status 302']);
  assert.ok(receiver.calls.every(({ path }) => path === '/hook'));
  assert.equal(receiver.calls.filter(of(id)).length, 3);
  receiver.answer = () => 204;
  assert.equal((await partner.post(`/webhook_deliveries/${failed.id}/retry`, {})).state, 'waiting');
  const again = await until(async () => {
    const row = await partner.get(`/webhook_deliveries/${failed.id}`);
    return row.state === 'delivered' && row;
  }, 'delivered');
  assert.deepEqual([again.attempts, again.status, again.error], [1, 204, null]);
  assert.deepEqual(await partner.get('/webhook_deliveries/nonsense', undefined, 404), { error: 'Delivery not found' });
  const sent = await partner.post('/settings/webhook/test', {});
  assert.equal(sent.event_type, 'test');
  assert.equal((await receiver.next(({ json }) => json.event_id === sent.id)).json.secret, secret);
});

test('what was committed is delivered after a kill, in order', async () => {
  receiver.answer = () => null; // the first call stays open
  const { id } = await register(server, model.key);
  await receiver.next(of(id));
  await assign(server, id); // behind it
  await server.kill();
  receiver.answer = () => 200;
  await connect();
  const types = [(await receiver.next(of(id))).json.event_type, (await receiver.next(of(id))).json.event_type];
  assert.deepEqual(types, ['registered_device', 'claimed_device']);
});

test('addresses that are not allowed are never connected to, whatever they are called', async () => {
  const other = await startReceiver('127.0.0.2');
  try {
    const refused = async (url) => {
      await hook({ url });
      const { id } = await partner.post('/settings/webhook/test', {});
      const row = await until(async () => {
        const read = await partner.get(`/webhook_deliveries/${id}`);
        return read.state === 'failed' && read;
      }, `${url} given up`);
      assert.equal(row.error, 'The address is not allowed', url);
      assert.equal(row.status, null);
    };
    await refused(other.url); // only 127.0.0.1 is allowed
    await server.stop();
    await connect('[notify]\nfirst_retry = 1ms\nsecond_retry = 1ms\n');
    const before = receiver.calls.length;
    for (const host of ['127.0.0.1', 'localhost', '127.1', '2130706433', '0x7f000001', '[::ffff:127.0.0.1]', '[::1]', '0.0.0.0']) {
      await refused(`http://${host}:${receiver.port}/hook`);
    }
    await refused('http://169.254.169.254/latest/meta-data/');
    await refused('https://10.0.0.1/');
    assert.deepEqual([receiver.calls.length - before, other.calls.length], [0, 0]);
  } finally {
    await other.close();
  }
});

test('one tenant does not see the deliveries of another', async () => {
  const [row] = await deliveries();
  const organization = await request(server.http, 'GET', `/core/v1/partner/webhook_deliveries/${row.id}`, { key: keys.organization_key });
  assert.equal(organization.status, 401);
});
