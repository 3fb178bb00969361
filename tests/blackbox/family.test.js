// Parents and children over MQTT: heads of the family's queues on command/children, reports on commands, telemetry for
// children; and what a device hears of itself (mqtt.md 3 to 7).
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { assign, client, makeModel, register, request, startInstallation, until } from './support/server.js';
import { connect, publish, subscribe } from './support/mqtt.js';
import { unlimited } from './support/config.js';

let server;
let organization;
let model;
let sensor;

before(async () => {
  server = await startInstallation({ args: unlimited() });
  organization = client(server, 'organization', server.organization_key);
  const partner = client(server, 'partner', server.partner_key);
  model = await makeModel(server);
  sensor = await partner.post('/models', { name: 'Zone', device_type: 'digital', communication_protocol: 'mqtt', authentication_method: 'mac_sn' });
  for (const { id } of [model, sensor]) {
    await partner.post(`/models/${id}/commands`, { name: 'paint', friendly_name: 'Paint' });
  }
});
after(() => server.stop());

const topic = (device, rest) => `v1/device/${device.id}/${rest}`;
const callOf = (device) => (method, path = '', body) =>
  request(server.http, method, `/v1/devices/${device.id}${path}`, { key: device.access_key, body });
const send = async (device) => {
  const command = await organization.post(`/devices/${device.id}/commands`, { name: 'paint' });
  assert.equal(command.status, 'pending', JSON.stringify(command));
  return command.id;
};
const statusOf = async (device, id) => (await organization.get(`/devices/${device.id}/commands/${id}`)).status;
const ids = (message) => message.json.map((command) => command.id);

async function family() {
  const parent = await register(server, model.key);
  await assign(server, parent.id);
  parent.call = callOf(parent);
  const children = [];
  for (let i = 0; i < 2; i++) {
    const { json } = await parent.call('POST', '/children', { model_id: sensor.id, firmware_version: '1.0.0' });
    children.push({ ...json, call: callOf(json) });
  }
  return [parent, ...children];
}

describe('command/children', () => {
  test('the heads of the family come in one array, on subscribe and with each new head', async () => {
    const [parent, a, b] = await family();
    const [own, first] = [await send(parent), await send(a)];
    const device = await connect(server, { id: parent.id, key: parent.access_key });
    assert.deepEqual(await subscribe(device, topic(parent, 'command/children')), [1]);
    const message = await device.next('command/children');
    assert.deepEqual(message.json, [
      { id: own, device_id: parent.id, status: 'pending', name: 'paint', parameters: {} },
      { id: first, device_id: a.id, status: 'pending', name: 'paint', parameters: {} },
    ]);
    assert.equal(message.properties.responseTopic, topic(parent, 'command/children/update'));
    assert.equal(message.properties.contentType, 'application/json');
    assert.equal(message.properties.correlationData, undefined);
    await until(async () => (await organization.get(`/devices/${a.id}/commands/${first}`)).delivered_at, 'it is delivered');

    const second = await send(b);
    assert.deepEqual(ids(await device.next('command/children')), [own, first, second]);
    const next = await send(a); // behind the first: no head yet
    const done = await publish(device, topic(parent, 'command/children/update'), { id: first, status: 'done' });
    assert.equal(done.code, 0);
    assert.deepEqual(ids(await device.next('command/children')), [own, next, second]);
    assert.equal(await statusOf(a, first), 'done');
    device.end(true);
  });

  test('without the own command for who gets it on its own topic', async () => {
    const [parent, a] = await family();
    const [own, first] = [await send(parent), await send(a)];
    for (const name of ['command', 'commands']) {
      const device = await connect(server, { id: parent.id, key: parent.access_key });
      await subscribe(device, [topic(parent, name), topic(parent, 'command/children')]);
      assert.equal((await device.next(`/${name}`)).json.id, own);
      assert.deepEqual(ids(await device.next('command/children')), [first]);
      device.end(true);
    }
  });

  test('a child that is moved below a parent brings its head along', async () => {
    const [parent] = await family();
    const other = await register(server, model.key);
    await assign(server, other.id);
    const id = await send(other);
    const device = await connect(server, { id: parent.id, key: parent.access_key });
    await subscribe(device, topic(parent, 'command/children'));
    assert.equal((await callOf(other)('PUT', '', { parent_id: parent.id })).status, 200);
    assert.deepEqual(ids(await device.next('command/children')), [id]);
    device.end(true);
  });

  test('reports: one or an array, each on its own', async () => {
    const [parent, a, b] = await family();
    const [first, second] = [await send(a), await send(b)];
    const device = await connect(server, { id: parent.id, key: parent.access_key });
    await subscribe(device, topic(parent, 'reply'));
    const update = topic(parent, 'command/children/update');
    const report = (body) => publish(device, update, body, { properties: { responseTopic: topic(parent, 'reply') } });
    const outcome = await report([{ id: first, status: 'in_progress' }, { id: first, status: 'never' }, 7, { id: parent.id, status: 'done' }, { id: second, status: 'done' }]);
    assert.equal(outcome.code, 0);
    const reply = await device.next('/reply');
    assert.equal(reply.properties.userProperties.status, '200');
    assert.deepEqual(reply.json, [
      { success: true }, { error: 'invalid status: done/in-progress/failed' }, { error: 'Body must be an object' },
      { error: 'no command' }, { success: true },
    ]);
    assert.deepEqual([await statusOf(a, first), await statusOf(b, second)], ['in_progress', 'done']);
    const refused = [
      [[{ id: second, status: 'failed' }], 'no command'],
      [{ id: second, status: 'failed' }, 'no command'],
      [[7, 8], 'Body must be an object'],
      ['7', 'Body must be an object'],
      [Array.from({ length: 101 }, () => ({ id: first, status: 'done' })), 'Too many commands, maximum is 100'],
    ];
    for (const [body, text] of refused) {
      const result = await report(body);
      assert.equal(result.code, 0x99, JSON.stringify(body));
      assert.deepEqual((await device.next('/reply')).json, { error: text });
    }
    assert.equal(await statusOf(a, first), 'in_progress');
    const [stranger] = await family();
    const other = await connect(server, { id: stranger.id, key: stranger.access_key });
    assert.equal((await publish(other, topic(stranger, 'command/children/update'), [{ id: first, status: 'done' }])).code, 0x99);
    assert.equal(await statusOf(a, first), 'in_progress');
    other.end(true);
    device.end(true);
  });
});

describe('children/telemetries', () => {
  test('a parent reports for its children; each child\'s own topic tells of it, tokens are gone', async () => {
    const [parent, a, b] = await family();
    const app = await connect(server, { username: 'org', password: server.organization_key, clientId: 'family' });
    await subscribe(app, ['v1/device/+/telemetry', 'v1/device/+/children/telemetries']);
    const device = await connect(server, { id: parent.id, key: parent.access_key });
    await subscribe(device, topic(parent, 'reply'));
    const body = { [a.id]: { access_token: a.access_key, telemetries: { temp: 21.5 } }, [b.id]: { status: 'offline' }, x: {} };
    for (const qos of [1, 2]) {
      await new Promise((resolve, reject) => {
        device.publish(topic(parent, 'children/telemetries'), JSON.stringify(body), { qos, properties: { responseTopic: topic(parent, 'reply') } },
          (error) => (error ? reject(error) : resolve()));
      });
      const reply = await device.next('/reply');
      assert.equal(reply.properties.userProperties.status, '201');
      assert.deepEqual([reply.json[a.id].success, reply.json[b.id].success, reply.json.x], [true, true, { error: 'Child not found' }]);
      const relayed = await app.next('children/telemetries');
      assert.deepEqual(relayed.json, { ...body, [a.id]: { telemetries: { temp: 21.5 } } });
      const mine = await app.next(topic(a, 'telemetry'));
      assert.deepEqual([mine.json.status, mine.json.telemetries], ['online', { temp: 21.5 }]);
    }
    assert.deepEqual((await a.call('GET')).json.state, { status: 'online', temp: 21.5 });
    assert.deepEqual((await b.call('GET')).json.state, { status: 'offline' });
    const many = Object.fromEntries(Array.from({ length: 101 }, (_, i) => [i, {}]));
    assert.equal((await publish(device, topic(parent, 'children/telemetries'), many)).code, 0x99);
    assert.equal((await publish(device, topic(parent, 'children/telemetries'), '[]')).code, 0x99);
    device.end(true);
    app.end(true);
  });
});

test('a device that subscribes to its own telemetry hears what it sends over HTTPS, and what its parent says of it', async () => {
  const [parent, a] = await family();
  const device = await connect(server, { id: a.id, key: a.access_key });
  assert.deepEqual(await subscribe(device, topic(a, 'telemetry')), [1]);
  assert.equal((await a.call('POST', '/telemetry', { telemetries: { temp: 1 } })).status, 201);
  assert.deepEqual((await device.next('/telemetry')).json.telemetries, { temp: 1 });
  assert.equal((await parent.call('POST', '/children/telemetries', { [a.id]: { telemetries: { temp: 2 } } })).status, 201);
  assert.deepEqual((await device.next('/telemetry')).json.telemetries, { temp: 2 });
  device.end(true);
});

test('a parent lists its children, for its owner and its maker; a device lists its registrations (management-api.md 5.7, 6.1)', async () => {
  const partner = client(server, 'partner', server.partner_key);
  const [parent, ...children] = await family();
  const owned = await organization.get(`/devices/${parent.id}/children`);
  assert.deepEqual(owned.items.map(({ id, parent_id: of }) => [id, of]), children.map(({ id }) => [id, parent.id]));
  assert.deepEqual([owned.next_page, owned.has_next_page], [null, false]);
  assert.deepEqual(owned.items[0], await organization.get(`/devices/${children[0].id}`));
  assert.equal((await organization.get(`/devices/${parent.id}/children?per_page=1`)).next_page, 2);
  const made = await partner.get(`/devices/${parent.id}/children`);
  assert.deepEqual([made.data.map(({ id }) => id), made.page_info], [children.map(({ id }) => id), { has_next: false, total_count: 2 }]);
  assert.deepEqual((await organization.get(`/devices/${children[0].id}/children`)).items, []);
  const { data: [line], page_info: info } = await partner.get(`/devices/${parent.id}/registrations`);
  assert.deepEqual([line.device_id, line.result, info.total_count], [parent.id, 'created', 1]);
  for (const [api, key, path] of [['partner', server.partner_key, 'children'], ['partner', server.partner_key, 'registrations'], ['organization', server.organization_key, 'children']]) {
    assert.equal((await request(server.http, 'GET', `/core/v1/${api}/devices/00000000-0000-4000-8000-000000000000/${path}`, { key })).status, 404);
  }
});
