// Incidents of devices and people, and the events that devices report (device-api.md 7.3, 9, 10.3; management-api.md 2,
// 3.2, 3.6, 5.7, 6.1, 9; mqtt.md 3, 5, 6).
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { assign, client, makeModel, register, request, startInstallation } from './support/server.js';
import { connect, publish, subscribe } from './support/mqtt.js';
import { follow } from './support/sse.js';
import { configured } from './support/config.js';

const INCIDENT = ['id', 'device_id', 'device_name', 'status', 'priority', 'severity', 'title', 'description', 'issue', 'origin', 'device_model', 'sub_model',
  'partner_name', 'space_id', 'space_tree_path_name', 'acknowledged_by', 'created_at', 'updated_at', 'closed_at'];
const SUCCESS = [200, '{"success":true}'];
let server;
let partner;
let organization;
let model;
const open = new Set(); // clients and streams

before(async () => {
  server = await startInstallation({ args: configured('[limits]\nmanagement_requests = 0\ndevice_requests = 0\ndevice_events = 5\ndevice_incidents = 8\nincidents_open = 6\n') });
  partner = client(server, 'partner', server.partner_key);
  organization = client(server, 'organization', server.organization_key);
  model = await makeModel(server);
});
after(async () => {
  for (const one of open) await one();
  await server.stop();
});

const answer = ({ status, text }) => [status, text];
const error = (text) => JSON.stringify({ error: text });

async function newDevice({ claimed = true, key = model.key, ...fields } = {}) {
  const device = await register(server, key, fields);
  device.call = (method, path = '', body) => request(server.http, method, `/v1/devices/${device.id}${path}`, { key: device.access_key, body });
  device.raise = async (body) => {
    const reply = await device.call('POST', '/incidents', body);
    assert.equal(reply.status, 200, reply.text);
    assert.deepEqual(Object.keys(reply.json), ['incident_id']);
    return reply.json.incident_id;
  };
  device.active = async () => (await device.call('GET', '/incidents')).json;
  device.status = async () => (await organization.get(`/devices/${device.id}`)).effective_status;
  device.listed = async (query = '') => (await organization.get(`/devices/${device.id}/incidents?${query}`)).items;
  if (claimed) await assign(server, device.id);
  return device;
}
const asOrganization = (method, path, body) => request(server.http, method, `/core/v1/organization${path}`, { key: server.organization_key, body });
async function connected(options) {
  const one = await connect(server, options);
  open.add(() => one.endAsync(true));
  return one;
}

describe('incidents of a device', () => {
  test('it makes, reads and closes them', async () => {
    const device = await newDevice({ name: 'Lobby' });
    assert.deepEqual(await device.active(), []);
    const id = await device.raise({ title: 'Fan stuck', priority: 'HIGH', description: 'since noon', issue: 'fan' });
    assert.equal(await device.raise({ title: 'Fan stuck again', priority: 1, issue: 'fan' }), id, 'one active incident of an issue');
    const second = await device.raise({ title: 'Dust', priority: '5' });
    const [newest, oldest] = await device.active();
    assert.deepEqual(Object.keys(oldest), ['id', 'device_id', 'status', 'priority', 'title', 'description', 'issue', 'created_at', 'updated_at']);
    assert.deepEqual({ ...oldest, created_at: 0, updated_at: 0 }, { id, device_id: device.id, status: 'active', priority: 'high', title: 'Fan stuck', description: 'since noon', issue: 'fan', created_at: 0, updated_at: 0 });
    assert.deepEqual([newest.id, newest.priority, newest.description], [second, 'planning', null]);
    assert.match(newest.issue, /./);
    assert.deepEqual(answer(await device.call('DELETE', `/incidents/${id}`)), SUCCESS);
    assert.deepEqual(answer(await device.call('DELETE', `/incidents/${id}`)), [404, error('Incident not found')]);
    assert.notEqual(await device.raise({ title: 'Fan stuck', issue: 'fan' }), id, 'a closed one is over');
    const other = await newDevice();
    for (const unknown of [randomUUID(), 'nonsense', await other.raise({ title: 'x' })]) {
      assert.deepEqual(answer(await device.call('DELETE', `/incidents/${unknown}`)), [404, error('Incident not found')]);
    }
    const mine = await organization.post('/incidents', { device_id: device.id, title: 'Seen by me' }, 201);
    assert.deepEqual(answer(await device.call('DELETE', '/incidents')), SUCCESS);
    assert.deepEqual((await device.active()).map(({ id: left }) => left), [mine.id], 'all closes what the device made');
    assert.deepEqual(answer(await device.call('DELETE', `/incidents/${mine.id}`)), SUCCESS);
    assert.deepEqual(answer(await device.call('DELETE', '/incidents')), SUCCESS);
  });

  test('what is refused', async () => {
    const device = await newDevice();
    for (const [body, text] of [
      [{}, "Title can't be blank"], [{ title: null }, "Title can't be blank"], [{ title: ' ' }, "Title can't be blank"], [{ title: {} }, 'Title is invalid'],
      [{ title: 'x'.repeat(256) }, 'Title is too long (maximum is 255 characters)'],
      ...[0, 6, '7', 'urgent', 2.5, true, {}].map((priority) => [{ title: 'x', priority }, 'Priority must be between 1 and 5']),
      [{ title: 'x', issue: 'x'.repeat(65) }, 'Issue is too long (maximum is 64 characters)'], [{ title: 'x', issue: [] }, 'Issue is invalid'],
      [{ title: 'x', description: 'x'.repeat(10001) }, 'Description is too long (maximum is 10000 characters)'],
    ]) {
      assert.deepEqual(answer(await device.call('POST', '/incidents', body)), [422, error(text)]);
    }
    assert.deepEqual(await device.active(), []);
  });

  test('an unclaimed device, or one whose incidents are suspended, is told an id and nothing is stored', async () => {
    const free = await newDevice({ claimed: false });
    assert.match(await free.raise({ title: 'x' }), /^[0-9a-f-]{36}$/);
    assert.deepEqual(await free.active(), []);
    const device = await newDevice();
    const id = await device.raise({ title: 'before', issue: 'a' });
    await organization.post(`/devices/${device.id}/suspend_incidents`);
    await device.raise({ title: 'meanwhile', issue: 'b' });
    assert.deepEqual(answer(await asOrganization('POST', '/incidents', { device_id: device.id, title: 'x' })), [422, error('Incidents are suspended for this device')]);
    assert.deepEqual((await device.active()).map((one) => one.id), [id]);
    assert.deepEqual(answer(await device.call('DELETE', `/incidents/${id}`)), SUCCESS);
    await organization.post(`/devices/${device.id}/resume_incidents`);
    await device.raise({ title: 'again', issue: 'b' });
    assert.equal((await device.active()).length, 1);
  });

  test('there is an end to how many', async () => {
    const device = await newDevice();
    const ids = [];
    for (let i = 0; i < 6; i++) ids.push(await device.raise({ title: `${i}` }));
    assert.deepEqual(answer(await device.call('POST', '/incidents', { title: 'x' })), [422, error('Too many incidents (maximum is 6)')]);
    for (const id of ids) await device.call('DELETE', `/incidents/${id}`);
    for (let i = 0; i < 2; i++) await device.raise({ title: `${i}` });
    const reply = await device.call('POST', '/incidents', { title: 'x' });
    assert.deepEqual(answer(reply), [429, error('Incident limit reached')]);
    assert.ok(Number(reply.headers['retry-after']) > 0);
  });
});

describe('incidents for people', () => {
  test('the object, acknowledging, comments, closing', async () => {
    const room = await organization.post('/spaces', { name: 'Object room' });
    const device = await newDevice({ name: 'Lobby', sub_model: 'XL' });
    await organization.post(`/devices/${device.id}/move`, { space_id: room.id });
    const made = await organization.post('/incidents', { device_id: device.id, title: 'Broken', description: 'glass', priority: 1 }, 201);
    assert.deepEqual(Object.keys(made), [...INCIDENT, 'comments']);
    assert.deepEqual({ ...made, id: 0, issue: 0, created_at: 0, updated_at: 0 }, {
      id: 0, device_id: device.id, device_name: 'Lobby', status: 'active', priority: 'critical', severity: 'critical', title: 'Broken', description: 'glass', issue: 0,
      origin: 'user', device_model: model.name, sub_model: 'XL', partner_name: 'Northlight', space_id: room.id, space_tree_path_name: room.path, acknowledged_by: null,
      created_at: 0, updated_at: 0, closed_at: null, comments: [],
    });
    const { name } = (await organization.get('/api_keys')).items[0];
    const seen = await organization.post(`/incidents/${made.id}/acknowledge`, {}, 200);
    assert.equal(seen.acknowledged_by, name);
    assert.equal((await organization.post(`/incidents/${made.id}/acknowledge`, {}, 200)).updated_at, seen.updated_at);
    const commented = await organization.post(`/incidents/${made.id}/comments`, { text: 'On my way' }, 201);
    assert.deepEqual(commented.comments.map(({ text, user }) => [text, user]), [['On my way', null]]);
    assert.deepEqual(await organization.get(`/incidents/${made.id}`), commented);
    assert.deepEqual(answer(await asOrganization('DELETE', `/incidents/${made.id}`)), SUCCESS);
    const closed = await organization.get(`/incidents/${made.id}`);
    assert.equal(closed.status, 'closed');
    assert.ok(closed.closed_at);
    const audit = await organization.get('/audit?object_kind=incident');
    assert.deepEqual(audit.items.filter(({ object_id }) => object_id === made.id).map(({ action }) => action),
      ['incident.close', 'incident.comment', 'incident.acknowledge', 'incident.create']);
  });

  test('what is refused', async () => {
    const device = await newDevice();
    const { id } = await organization.post('/incidents', { device_id: device.id, title: 'x' }, 201);
    const free = await newDevice({ claimed: false });
    for (const [method, path, body, status, text] of [
      ['POST', '/incidents', { title: 'x' }, 422, 'Parameter device_id is required'],
      ['POST', '/incidents', { device_id: randomUUID(), title: 'x' }, 404, 'Device not found'],
      ['POST', '/incidents', { device_id: free.id, title: 'x' }, 404, 'Device not found'],
      ['POST', '/incidents', { device_id: device.id }, 422, 'Parameter title is required'],
      ['POST', '/incidents', { device_id: device.id, title: ' ' }, 422, "Title can't be blank"],
      ['POST', '/incidents', { device_id: device.id, title: 'x', priority: 9 }, 422, 'Priority must be between 1 and 5'],
      ['POST', `/incidents/${id}/comments`, {}, 422, 'Parameter text is required'],
      ['POST', `/incidents/${id}/comments`, { text: '' }, 422, "Text can't be blank"],
      ...['GET', 'DELETE'].map((verb) => [verb, `/incidents/${randomUUID()}`, undefined, 404, 'Incident not found']),
      ['DELETE', '/incidents/7', undefined, 404, 'Incident not found'],
      ['POST', `/incidents/${randomUUID()}/acknowledge`, {}, 404, 'Incident not found'],
      ['POST', `/incidents/${randomUUID()}/comments`, { text: 'x' }, 404, 'Incident not found'],
      ['GET', '/incidents?from=soon', undefined, 422, 'Timestamp is invalid'],
    ]) {
      assert.deepEqual(answer(await asOrganization(method, path, body)), [status, error(text)], `${method} ${path}`);
    }
    await organization.del(`/incidents/${id}`);
    assert.deepEqual(answer(await asOrganization('DELETE', `/incidents/${id}`)), [404, error('Incident not found')]);
    assert.deepEqual(answer(await asOrganization('POST', `/incidents/${id}/acknowledge`, {})), [422, error('Incident is closed')]);
  });

  test('the list with its filters, for the owner and for the maker', async () => {
    const other = await makeModel(server, { name: 'Listed panel' });
    const [site, room] = [await organization.post('/spaces', { name: 'Listed site' }), null];
    const floor = room ?? await organization.post('/spaces', { name: 'Floor', parent_id: site.id });
    const device = await newDevice({ key: other.key, sub_model: 'S9' });
    await organization.post(`/devices/${device.id}/move`, { space_id: floor.id });
    const a = await device.raise({ title: 'Fan STUCK 100%', description: 'left_fan', issue: 'fan', priority: 2 });
    const b = await device.raise({ title: 'Dust', issue: 'dust', priority: 4 });
    await device.call('DELETE', `/incidents/${b}`);
    const rebadged = await newDevice({ key: other.key, custom_model_name: 'Rebadged', custom_partner_name: 'Eastlight' });
    const c = await rebadged.raise({ title: 'x' });
    const all = `from=0&to=${Date.now() + 60_000}`;
    for (const list of [async (query) => (await organization.get(`/incidents?${query}`)).items, async (query) => (await partner.get(`/incidents?${query}`)).data]) {
      const ids = async (query) => (await list(`device_id=${device.id}&${query}`)).map(({ id }) => id);
      assert.deepEqual(await ids(''), [b, a], 'newest first, within the last week');
      assert.deepEqual(Object.keys((await list(`device_id=${device.id}`))[0]), INCIDENT);
      for (const [query, expected] of [
        [`status=active&${all}`, [a]], [`status=closed&${all}`, [b]], ['status=open', []], ['priority=high', [a]], ['priority=4', [b]], ['priority=x', []],
        ['title=stuck', [a]], ['title=100%25', [a]], ['title=%25', [a]], ['description=t_f', [a]], ['description=txf', []], ['issue=fan', [a]], ['issue=fa', []],
        ['device_model=Listed%20panel', [b, a]], ['device_model=Listed', []], ['sub_model=S9', [b, a]], ['sub_model=S', []], ['partner_name=Northlight', [b, a]],
        ['partner_name=North', []], [`space_id=${site.id}`, [b, a]], [`space_id=${floor.id}`, [b, a]], ['space_id=999999', []], ['space_id=x', []],
        ['from=2001-01-01&to=2001-01-02', []], ['from=null&to=', [b, a]], ['per_page=1', [b]], ['per_page=1&page=2', [a]], ['page=9', []],
        ['status=active&priority=2&issue=fan&title=fan&space_id=' + site.id, [a]],
      ]) {
        assert.deepEqual(await ids(query), expected, query);
      }
      for (const [query, expected] of [['device_model=Rebadged', [c]], ['device_model=Listed%20panel', []], ['partner_name=Eastlight', [c]], ['partner_name=Northlight', []]]) {
        assert.deepEqual((await list(`device_id=${rebadged.id}&${query}`)).map(({ id }) => id), expected, query);
      }
      assert.deepEqual((await list('device_id=nonsense')), []);
    }
    assert.deepEqual((await device.listed(all)).map(({ id }) => id), [b, a]);
    assert.deepEqual((await partner.get(`/devices/${device.id}/incidents?status=active`)).data.map(({ id }) => id), [a]);
    const page = await organization.get(`/incidents?device_id=${device.id}&per_page=1`);
    assert.deepEqual([page.next_page, page.has_next_page], [2, true]);
    assert.deepEqual((await partner.get(`/incidents?device_id=${device.id}&per_page=1`)).page_info, { has_next: true, total_count: 2 });
  });

  test('the space shifts the priority when it is read, and the effective status with it', async () => {
    const site = await organization.post('/spaces', { name: 'Quiet site', config: { priority_factor: '-1' } });
    const floor = await organization.post('/spaces', { name: 'Floor', parent_id: site.id });
    const loud = await organization.post('/spaces', { name: 'Loud', parent_id: floor.id, config: { priority_factor: '1' } });
    const own = await organization.post('/spaces', { name: 'Own', parent_id: site.id, config: { inherit_priority_factor: false } });
    const device = await newDevice();
    await device.call('POST', '/telemetry', {});
    const id = await device.raise({ title: 'x', priority: 2 });
    const in_ = async (space) => {
      await organization.post(`/devices/${device.id}/move`, { space_id: space.id });
      return [(await organization.get(`/incidents/${id}`)).priority, (await device.listed())[0].priority, await device.status()];
    };
    assert.deepEqual(await in_(floor), ['moderate', 'moderate', 'warning']);
    assert.equal((await device.listed('priority=moderate')).length, 1);
    assert.equal((await device.listed('priority=high')).length, 0);
    assert.deepEqual(await in_(loud), ['critical', 'critical', 'error']);
    assert.equal((await device.listed('priority=critical')).length, 1);
    assert.deepEqual(await in_(own), ['high', 'high', 'error']);
    assert.equal((await device.listed('priority=high')).length, 1);
    assert.equal((await device.active())[0].priority, 'high', 'the device reads what it said');
  });

  test('effective status: the most urgent active incident decides', async () => {
    const device = await newDevice();
    assert.equal(await device.status(), 'never_seen');
    await device.call('POST', '/telemetry', {});
    assert.equal(await device.status(), 'ok');
    await device.raise({ title: 'x', priority: 'planning' });
    assert.equal(await device.status(), 'ok');
    await device.raise({ title: 'x', priority: 'low' });
    assert.equal(await device.status(), 'warning');
    const id = await device.raise({ title: 'x', priority: 'critical' });
    assert.equal(await device.status(), 'error');
    await device.call('DELETE', `/incidents/${id}`);
    assert.equal(await device.status(), 'warning');
    await device.call('DELETE', '/incidents');
    assert.equal(await device.status(), 'ok');
  });

  test('un-claiming takes them away', async () => {
    const device = await newDevice();
    await device.call('POST', '/telemetry', {});
    const id = await device.raise({ title: 'x', priority: 1 });
    await device.call('POST', '/events', { name: 'n', category: 'c' });
    await organization.post(`/devices/${device.id}/unclaim`);
    await assign(server, device.id);
    assert.deepEqual([await device.active(), await device.listed('from=0')], [[], []]);
    assert.deepEqual((await organization.get(`/devices/${device.id}/events`)).items, []);
    assert.equal((await asOrganization('GET', `/incidents/${id}`)).status, 404);
    assert.equal(await device.status(), 'ok');
  });
});

describe('who is told', () => {
  test('the device and its owner over MQTT, the live stream, and presence', async () => {
    const device = await newDevice();
    await device.call('POST', '/telemetry', {});
    const hub = await connected({ id: device.id, key: device.access_key });
    const app = await connected({ username: 'org', password: server.organization_key });
    const topic = `v1/device/${device.id}/incidents`;
    await subscribe(hub, topic);
    await subscribe(app, [topic, `v1/device/${device.id}/presence`]);
    const stream = await follow(server, 'partner', { key: server.partner_key, query: `?types=incident&device_id=${device.id}` });
    open.add(() => stream.close());
    const id = await device.raise({ title: 'Fan', priority: 2, issue: 'fan' });
    const expected = await device.active();
    for (const one of [hub, app]) {
      const message = await one.next(topic);
      assert.deepEqual(message.json, expected);
      assert.equal(message.properties.contentType, 'application/json');
    }
    await app.next((message) => message.topic.endsWith('/presence') && message.json.effective_status === 'error');
    const opened = await stream.next(({ payload }) => payload?.status === 'active');
    assert.deepEqual([opened.data.type, opened.data.payload.id, opened.data.payload.origin], ['incident', id, 'device']);
    await device.call('DELETE', `/incidents/${id}`);
    await stream.next(({ payload }) => payload?.status === 'closed' && payload.id === id);
    await app.next((message) => message.topic.endsWith('/presence') && message.json.effective_status === 'ok');
    const second = await device.raise({ title: 'Second' });
    assert.deepEqual((await hub.next(topic)).json.map((one) => one.id), [second], 'only the new one');
    await organization.post('/incidents', { device_id: device.id, title: 'Third' }, 201);
    assert.deepEqual((await hub.next(topic)).json.map(({ title }) => title), ['Third']);
    await publish(hub, `v1/device/${device.id}/sync`, '');
    assert.deepEqual((await hub.next(topic)).json.map(({ title }) => title), ['Third', 'Second'], 'a sync brings all active ones');
  });
});

describe('events', () => {
  const event = { name: 'door', category: 'access', int_key_1: 7, int_key_2: '-2147483648', str_key_1: 'alias', string_key_2: 12 };

  test('they are stored and listed on both sides', async () => {
    const device = await newDevice();
    const at = new Date(Date.now() - 60_000).toISOString();
    assert.deepEqual(answer(await device.call('POST', '/events', { ...event, timestamp: at })), [200, '{"status":true}']);
    assert.deepEqual(answer(await device.call('POST', '/events', { name: 'late', category: 'x', timestamp: 12345 })), [200, '{"status":true}']);
    const { items } = await organization.get(`/devices/${device.id}/events`);
    assert.deepEqual(items.map(({ name }) => name), ['late', 'door']);
    assert.deepEqual(Object.keys(items[1]), ['id', 'device_id', 'name', 'category', 'int_key_1', 'int_key_2', 'string_key_1', 'string_key_2', 'timestamp', 'created_at']);
    assert.deepEqual({ ...items[1], id: 0, created_at: 0 }, { id: 0, device_id: device.id, name: 'door', category: 'access', int_key_1: 7, int_key_2: -2147483648,
      string_key_1: 'alias', string_key_2: '12', timestamp: at, created_at: 0 });
    assert.equal(items[0].timestamp, items[0].created_at, 'a time that cannot be is replaced');
    assert.deepEqual([items[0].int_key_1, items[0].string_key_1], [null, null]);
    assert.deepEqual((await partner.get(`/devices/${device.id}/events?category=access`)).data.map(({ name }) => name), ['door']);
    assert.deepEqual((await organization.get(`/devices/${device.id}/events?order=ASC&per_page=1`)).items.map(({ name }) => name), ['door']);
  });

  test('what is refused, and the limit of a day', async () => {
    const device = await newDevice();
    for (const [change, text] of [
      [{ name: undefined }, "Name can't be blank"], [{ name: '' }, "Name can't be blank"], [{ category: null }, "Category can't be blank"],
      [{ name: 'x'.repeat(256) }, 'Name is too long (maximum is 255 characters)'], [{ category: {} }, 'Category is invalid'],
      [{ int_key_1: 2147483648 }, 'Int key 1 is invalid'], [{ int_key_2: 'x' }, 'Int key 2 is invalid'], [{ int_key_1: 1.5 }, 'Int key 1 is invalid'],
      [{ str_key_1: 'x'.repeat(256) }, 'String key 1 is too long (maximum is 255 characters)'], [{ string_key_2: [] }, 'String key 2 is invalid'],
      [{ timestamp: 'soon' }, 'Timestamp is invalid'],
    ]) {
      assert.deepEqual(answer(await device.call('POST', '/events', { ...event, ...change })), [422, error(text)]);
    }
    for (let i = 0; i < 5; i++) assert.equal((await device.call('POST', '/events', event)).status, 200);
    const reply = await device.call('POST', '/events', event);
    assert.deepEqual(answer(reply), [429, error('Event limit reached')]);
    assert.ok(Number(reply.headers['retry-after']) > 0 && Number(reply.headers['retry-after']) <= 86400);
    const free = await newDevice({ claimed: false });
    for (let i = 0; i < 6; i++) assert.deepEqual(answer(await free.call('POST', '/events', event)), [200, '{"status":true}']);
    assert.deepEqual((await partner.get(`/devices/${free.id}/events`)).data, []);
  });

  test('over MQTT they have the same answers, and both ways reach applications and the live stream', async () => {
    const device = await newDevice();
    const topic = `v1/device/${device.id}/events`;
    const hub = await connected({ id: device.id, key: device.access_key, properties: { sessionExpiryInterval: 60 } });
    const app = await connected({ username: 'partner', password: server.partner_key });
    await subscribe(app, topic);
    const stream = await follow(server, 'organization', { key: server.organization_key, query: `?types=event&device_id=${device.id}` });
    open.add(() => stream.close());
    assert.equal((await publish(hub, topic, { ...event, access_token: device.access_key })).code, 0);
    assert.equal((await app.next('/events')).json.access_token, undefined);
    assert.equal((await stream.next(({ topic: name }) => name === 'events')).data.payload.name, 'door');
    assert.equal((await publish(hub, topic, { ...event, name: 'twice' }, { qos: 2 })).code, 0);
    await device.call('POST', '/events', { ...event, name: 'by HTTPS' });
    const relayed = await app.next(({ json }) => json.name === 'by HTTPS');
    assert.deepEqual({ ...relayed.json, timestamp: 0 }, { name: 'by HTTPS', category: 'access', int_key_1: 7, int_key_2: -2147483648, string_key_1: 'alias', string_key_2: '12', timestamp: 0 });
    const refused = await publish(hub, topic, { name: 'x' });
    assert.equal(refused.code, 0x99);
    assert.deepEqual((await organization.get(`/devices/${device.id}/events?order=ASC`)).items.map(({ name }) => name), ['door', 'twice', 'by HTTPS']);
    for (let i = 0; i < 2; i++) await publish(hub, topic, event);
    assert.equal((await publish(hub, topic, event)).code, 0x97);
  });
});

test('the timeline holds what happened to a device, each side its own edits', async () => {
  const device = await newDevice();
  await organization.patch(`/devices/${device.id}`, { name: 'Renamed' });
  const { id } = await organization.post(`/devices/${device.id}/commands`, { name: 'reboot' });
  await device.call('POST', '/command', { id, status: 'done' });
  const incident = await device.raise({ title: 'Fan' });
  await device.call('DELETE', `/incidents/${incident}`);
  for (const version of ['1.0.1', '1.0.1', '1.1.0']) assert.equal((await device.call('PUT', '', { firmware_version: version })).status, 200);
  const told = ({ type, what, text, id: object }) => [type, what, text, object];
  const { items } = await organization.get(`/devices/${device.id}/timeline?order=ASC`);
  assert.deepEqual(Object.keys(items[0]), ['at', 'type', 'what', 'text', 'actor', 'id']);
  assert.deepEqual(items.map(told).filter(([type]) => type !== 'status'), [
    ['registration', 'registered', null, null], ['claim', 'claimed', null, null], ['edit', 'update', null, null],
    ['command', 'created', 'Reboot device', id], ['command', 'done', 'Reboot device', id], ['incident', 'opened', 'Fan', incident], ['incident', 'closed', 'Fan', incident],
    ['firmware', 'changed', '1.0.0 → 1.0.1', null], ['firmware', 'changed', '1.0.1 → 1.1.0', null],
  ]);
  const { data } = await partner.get(`/devices/${device.id}/timeline?from=0`);
  assert.equal(data.some(({ what }) => what === 'update'), false);
  assert.ok(data.some(({ type }) => type === 'incident'));
  assert.deepEqual((await partner.get(`/devices/${device.id}/timeline?to=2001-01-01&from=0`)).data, []);
});
