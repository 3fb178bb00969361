// Armed traces (management-api.md 9): every packet and call of one device, for who watches it, without secrets.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { assign, client, makeModel, register, request, startInstallation } from './support/server.js';
import { unlimited } from './support/config.js';
import { connect, connectUrl, publish, subscribe } from './support/mqtt.js';
import { follow } from './support/sse.js';

let server;
let partner;
let organization;
let model;
let plain;
let stranger;

before(async () => {
  server = await startInstallation({ args: [...unlimited(), '--mqtt-open', '127.0.0.1:0'] });
  partner = client(server, 'partner', server.partner_key);
  organization = client(server, 'organization', server.organization_key);
  model = await makeModel(server);
  plain = await makeModel(server, { communication_protocol: 'https' });
  stranger = await partner.post('/organizations', { name: 'Stranger', admin_contact_email: 'x@example.com' });
});
after(() => server.stop());

const keyOf = (tenant) => (tenant === 'partner' ? server.partner_key : server.organization_key);
const open = (tenant, query = '') => follow(server, tenant, { key: keyOf(tenant), query });
const trace = (tenant, method, device, body, key = keyOf(tenant)) =>
  request(server.http, method, `/core/v1/${tenant}/devices/${device.id}/trace`, { key, body });
const call = (device, method, path, body, key = device.access_key) => request(server.http, method, `/v1/devices/${device.id}${path}`, { key, body });
const wire = (packet, more = () => true) => (data) => data.type === 'wire' && data.payload?.packet === packet && more(data);

async function newDevice(of = model) {
  const device = await register(server, of.key);
  await assign(server, device.id);
  return device;
}

/** Everything that came before this call has arrived when the event it makes has. */
async function settle(stream, device) {
  const n = Math.random();
  await call(device, 'POST', '/telemetry', { telemetries: { settle: n } });
  await stream.next((data) => data.type === 'telemetry' && data.payload?.telemetries?.settle === n, 'the last event');
}

test('arming: who may, for how long, and its line in the audit log', async () => {
  const device = await newDevice();
  for (const tenant of ['partner', 'organization']) {
    const armed = await trace(tenant, 'POST', device, {});
    assert.equal(armed.status, 200);
    assert.equal(armed.json.minutes, 15);
    const left = Date.parse(armed.json.until) - Date.now();
    assert.ok(left > 14 * 60_000 && left <= 15 * 60_000 + 1000, armed.text);
    assert.equal((await trace(tenant, 'POST', device)).json.minutes, 15, 'without a body');
    assert.equal((await trace(tenant, 'POST', device, { minutes: 60 })).json.minutes, 60);
    for (const minutes of [0, 61, -1, 1.5, 'x', []]) {
      const refused = await trace(tenant, 'POST', device, { minutes });
      assert.deepEqual([refused.status, refused.json], [422, { error: 'Minutes is invalid' }], JSON.stringify(minutes));
    }
    assert.deepEqual((await trace(tenant, 'DELETE', device)).json, { success: true });
    const log = await client(server, tenant, keyOf(tenant)).get('/audit');
    const rows = (log.data ?? log.items).filter((row) => row.object_id === device.id);
    assert.ok(rows.some((row) => row.action === 'device.trace'), JSON.stringify(rows));
    assert.ok(rows.some((row) => row.action === 'device.trace_end'));
  }
  const other = await partner.post(`/organizations/${stranger.id}/api_keys`, {}).catch(() => null);
  if (other?.key) assert.equal((await trace('organization', 'POST', device, {}, other.key)).status, 404);
  const unclaimed = await register(server, model.key);
  assert.equal((await trace('organization', 'POST', unclaimed, {})).status, 404);
  assert.equal((await trace('partner', 'POST', unclaimed, {})).status, 200);
  assert.equal((await trace('partner', 'POST', unclaimed, {}, server.organization_key)).status, 401);
});

test('MQTT: each packet with its name, both ways, and no secret', async () => {
  const device = await newDevice();
  const stream = await open('organization', `?device_id=${device.id}`);
  await trace('organization', 'POST', device, { minutes: 5 });
  await connect(server, { id: device.id, key: 'wrong-secret' }).catch(() => {});
  await stream.next(wire('CONNACK', ({ code, direction }) => code === 0x86 && direction === 'down'), 'the refused CONNECT');
  const hub = await connect(server, { id: device.id, key: device.access_key, properties: { userProperties: { access_key: device.access_key, lot: '7' } } });
  const asked = await stream.next(wire('CONNECT', ({ payload }) => payload.user_properties?.lot === '7'), 'CONNECT');
  assert.deepEqual([asked.data.direction, asked.data.transport, asked.data.device_id, asked.data.payload.client_id], ['up', 'mqtt', device.id, device.id]);
  assert.equal(asked.data.payload.user_properties.access_key, '*****');
  assert.ok(asked.data.size > 40);
  await stream.next(wire('CONNACK', ({ code }) => code === undefined), 'CONNACK');
  await subscribe(hub, [`v1/device/${device.id}/command`, 'v1/device/other/command']);
  const wanted = (await stream.next(wire('SUBSCRIBE'), 'SUBSCRIBE')).data;
  assert.deepEqual(wanted.payload.filters[0], { filter: `v1/device/${device.id}/command`, qos: 1 });
  const granted = (await stream.next(wire('SUBACK'), 'SUBACK')).data;
  assert.equal(granted.payload.reasons.length, 2);
  assert.ok(granted.code >= 0x80, 'the refusal');
  await publish(hub, `v1/device/${device.id}/telemetry`, `{"telemetries":{"temp":5},"access\\u005ftoken":"${device.access_key}"}`,
    { properties: { userProperties: { access_key: device.access_key } } });
  const up = (await stream.next(wire('PUBLISH', ({ direction }) => direction === 'up'), 'PUBLISH')).data;
  assert.deepEqual([up.topic, up.qos, up.payload.message.telemetries, up.payload.message.access_token, up.payload.user_properties.access_key],
    ['telemetry', 1, { temp: 5 }, '*****', '*****']);
  await stream.next(wire('PUBACK', ({ direction, code }) => direction === 'down' && code === undefined), 'PUBACK');
  await publish(hub, `v1/device/${device.id}/telemetry`, `{"access_token":"${device.access_key}"`);
  const torn = (await stream.next(wire('PUBLISH', ({ payload }) => payload.message === '*****'), 'what is no JSON')).data;
  assert.equal(torn.direction, 'up');
  const refused = (await stream.next(wire('PUBACK', ({ code }) => code >= 0x80), 'its refusal')).data;
  assert.ok(refused.payload.reason, 'says why');
  const sent = await organization.post(`/devices/${device.id}/commands`, { name: 'reboot' });
  const down = (await stream.next(wire('PUBLISH', ({ direction, topic }) => direction === 'down' && topic === 'command'), 'the command')).data;
  assert.equal(down.payload.message.id, sent.id);
  await stream.next(wire('PUBACK', ({ direction }) => direction === 'up'), 'its PUBACK');
  const closed = hub.closed;
  hub.stream.write(Buffer.from([0x32, 0x03, 0x00, 0x05, 0x41]));
  const malformed = (await stream.next((data) => data.type === 'wire' && data.payload.error, 'the malformed packet')).data;
  assert.deepEqual([malformed.direction, malformed.payload.packet, malformed.code], ['up', 'PUBLISH', 0x81]);
  await stream.next(wire('DISCONNECT', ({ direction, code }) => direction === 'down' && code === 0x81), 'DISCONNECT');
  await closed;
  const text = JSON.stringify(stream.events);
  assert.ok(!text.includes(device.access_key) && !text.includes('wrong-secret'), 'a secret');
  assert.ok(!/"password"/.test(text), 'no password');
  stream.close();
});

test('a PUBLISH with a topic alias is shown with its topic, both ways', async () => {
  const device = await newDevice();
  const stream = await open('organization', `?device_id=${device.id}`);
  const hub = await connect(server, { id: device.id, key: device.access_key, properties: { topicAliasMaximum: 4 }, autoUseTopicAlias: true, autoAssignTopicAlias: true });
  const topic = `v1/device/${device.id}/user/aliased`;
  await subscribe(hub, topic);
  await trace('organization', 'POST', device, { minutes: 5 });
  for (const text of ['one', 'two', 'three']) await publish(hub, topic, text);
  for (const direction of ['up', 'down']) {
    for (const text of ['one', 'two', 'three']) {
      const { data } = await stream.next(wire('PUBLISH', (packet) => packet.direction === direction && packet.payload.message === text), `${text} ${direction}`);
      assert.equal(data.topic, 'user/aliased', `${text} ${direction}`);
      assert.ok(data.payload.topic_alias > 0, 'with an alias');
    }
  }
  hub.end(true);
  stream.close();
});

test('what somebody says on an open listener is no packet of the device', async () => {
  const device = await newDevice();
  await trace('partner', 'POST', device);
  const stream = await open('partner', `?device_id=${device.id}&types=wire,telemetry`);
  const tool = await connectUrl(`mqtt://127.0.0.1:${server['mqtt-open'].port}`, { clientId: 'x', username: device.id, password: 'x' });
  tool.end(true);
  await settle(stream, device);
  assert.deepEqual(stream.events.filter(({ data }) => data.type === 'wire' && data.transport === 'mqtt'), []);
  stream.close();
});

test('HTTPS: each call with its status, also one with a wrong key', async () => {
  const device = await newDevice(plain);
  const stream = await open('partner', `?device_id=${device.id}&types=wire`);
  await trace('partner', 'POST', device, {});
  await call(device, 'POST', '/telemetry', { telemetries: { temp: 1 }, access_token: device.access_key });
  const stored = (await stream.next((data) => data.code === 201, 'telemetry')).data;
  assert.deepEqual([stored.type, stored.transport, stored.method, stored.path], ['wire', 'https', 'POST', `/v1/devices/${device.id}/telemetry`]);
  assert.deepEqual(stored.payload.request, { telemetries: { temp: 1 }, access_token: '*****' });
  assert.equal(stored.payload.response.success, true);
  await call(device, 'GET', '/config');
  await stream.next((data) => data.method === 'GET' && data.code === 200, 'a read');
  await call(device, 'POST', '/telemetry', { telemetries: { bad: [1] } });
  await stream.next((data) => data.code === 422 && data.payload.response.error, 'a refusal');
  await call(device, 'GET', '', undefined, 'wrong-secret');
  await stream.next((data) => data.code === 401, 'a wrong key');
  assert.ok(stream.events.every(({ data }) => data.type === 'wire'));
  const text = JSON.stringify(stream.events);
  assert.ok(!text.includes(device.access_key) && !text.includes('wrong-secret'), 'a secret');
  stream.close();
});

test('only streams of that device get it, only while it is armed, and it ends when the device changes hands', async () => {
  const device = await newDevice(plain);
  const other = await newDevice(plain);
  const streams = { all: await open('partner'), other: await open('partner', `?device_id=${other.id}`), own: await open('partner', `?device_id=${device.id}`) };
  const wires = (name) => streams[name].events.filter(({ data }) => data.type === 'wire').length;
  await call(device, 'GET', '/config');
  await trace('partner', 'POST', device, {});
  await call(device, 'GET', '/command');
  await call(other, 'GET', '/command');
  await streams.own.next((data) => data.type === 'wire' && data.path.endsWith('/command'), 'the call');
  await settle(streams.all, device);
  await settle(streams.other, other);
  assert.equal(wires('all'), 0, 'a stream of all devices');
  assert.equal(wires('other'), 0, 'a stream of another device');
  await trace('partner', 'DELETE', device);
  await settle(streams.own, device); // a traced call is told after the event that it made
  const before = wires('own');
  await call(device, 'GET', '/command');
  await settle(streams.own, device);
  assert.equal(wires('own'), before, 'ended');
  await trace('organization', 'POST', device, {});
  await organization.post(`/devices/${device.id}/unclaim`, {});
  await call(device, 'GET', '/command');
  await settle(streams.own, device);
  assert.equal(wires('own'), before, 'changed hands');
  for (const stream of Object.values(streams)) stream.close();
});

test('a tenant has at most 100 armed traces', async () => {
  const devices = [];
  for (let i = 0; i < 101; i++) devices.push(await register(server, plain.key));
  for (const device of devices.slice(0, 100)) await trace('partner', 'POST', device, {});
  const over = await trace('partner', 'POST', devices[100], {});
  assert.deepEqual([over.status, over.json], [422, { error: 'Too many armed traces (maximum is 100)' }]);
  assert.equal((await trace('partner', 'POST', devices[0], {})).status, 200, 'again');
  await trace('partner', 'DELETE', devices[0]);
  assert.equal((await trace('partner', 'POST', devices[100], {})).status, 200);
  for (const device of devices.slice(1)) await trace('partner', 'DELETE', device);
});
