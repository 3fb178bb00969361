// Spaces changed, moved, removed and found by path (management-api.md 3.5), and what the devices in them are told of it
// (device-api.md 3.3, 7.4; mqtt.md 5.1).
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { assign, client, makeModel, register, request, startInstallation } from './support/server.js';
import { connect, subscribe } from './support/mqtt.js';

let server;
let organization;
let root;
const answer = ({ status, text }) => [status, text];
const error = (text) => JSON.stringify({ error: text });
const ask = (method, path, body) => request(server.http, method, `/core/v1/organization${path}`, { key: server.organization_key, body });
const refused = async (method, path, body, text, status = 422) => assert.deepEqual(answer(await ask(method, path, body)), [status, error(text)], `${method} ${path} ${JSON.stringify(body)}`);

before(async () => {
  server = await startInstallation();
  organization = client(server, 'organization', server.organization_key);
  [root] = (await organization.get('/spaces')).items;
});
after(() => server.stop());

test('find_or_create makes what is missing of a path, and finds it again', async () => {
  const lobby = await organization.post('/spaces/find_or_create', { name: 'Campus/North/Lobby', space_type: 'room', config: { maintenance: true } });
  assert.deepEqual([lobby.name, lobby.space_type, lobby.path, lobby.config], ['Lobby', 'room', `${root.name}/Campus/North/Lobby`, { maintenance: true }]);
  const north = await organization.get(`/spaces/${lobby.parent_id}`);
  assert.deepEqual([north.name, north.space_type, north.config], ['North', 'space', {}]);
  assert.deepEqual(await organization.post('/spaces/find_or_create', { name: 'Campus/North/Lobby', space_type: 'site' }), lobby);
  assert.equal((await organization.post('/spaces/find_or_create', { name: 'Lobby', parent_id: String(north.id) })).id, lobby.id);
  const many = await Promise.all(Array.from({ length: 6 }, () => organization.post('/spaces/find_or_create', { name: 'Race/A/B' })));
  assert.equal(new Set(many.map(({ id }) => id)).size, 1);
  assert.equal((await organization.get('/spaces?path_includes=race')).items.length, 3);
  await refused('POST', '/spaces/find_or_create', {}, 'Parameter name is required');
  await refused('POST', '/spaces/find_or_create', { name: ' ' }, "Name can't be blank");
  for (const name of ['/', 'A//B', 'A/', '/A', 'A/ /B']) await refused('POST', '/spaces/find_or_create', { name }, 'Name is invalid');
  await refused('POST', '/spaces/find_or_create', { name: 'x', parent_id: 999999 }, 'Space not found', 404);
  await refused('POST', '/spaces/find_or_create', { name: `Half/${'x'.repeat(256)}` }, 'Name is too long (maximum is 255 characters)');
  await refused('POST', '/spaces/find_or_create', { name: `Half${'/d'.repeat(16)}` }, 'Parent is too deep (maximum depth is 16)');
  assert.deepEqual((await organization.get('/spaces?name=half')).items, [], 'nothing is left of a refused path');
});

test('a change keeps what it does not name; configuration is merged by key', async () => {
  const hall = await organization.post('/spaces', { name: 'Hall', space_type: 'room', config: { general: { temperature_units: 'celsius' }, img: 'a.png' } });
  assert.deepEqual(hall.config, { temperature_units: 'celsius', img: 'a.png' });
  const changed = await organization.put(`/spaces/${hall.id}`, { name: 'Great hall', config: { priority_factor: 1, inherit_location: 'false', img: null, unknown: 1 } });
  assert.deepEqual([changed.name, changed.space_type, changed.path], ['Great hall', 'room', `${root.name}/Great hall`]);
  assert.deepEqual(changed.config, { temperature_units: 'celsius', priority_factor: '1', inherit_location: false });
  assert.deepEqual(await organization.get(`/spaces/${hall.id}`), changed);
  assert.deepEqual(await organization.put(`/spaces/${hall.id}`, {}), changed);
  for (const config of [{ priority_factor: '2' }, { temperature_units: 'kelvin' }, { location: 'here' }, { location: { coordinates: { lat: 91, lng: 0 } } }, { location: { coordinates: { lat: 1 } } },
    { location: { utc_offset: 'x' } }, { maintenance: 'maybe' }, { events: [] }, { img: 7 }, { general: { temperature_units: 7 } }]) await refused('PUT', `/spaces/${hall.id}`, { config }, 'Config is invalid');
  await refused('PUT', `/spaces/${hall.id}`, { config: 'x' }, 'Config must be an object');
  await refused('PUT', `/spaces/${hall.id}`, { name: 'a/b' }, 'Name is invalid');
  await refused('PUT', `/spaces/${hall.id}`, { name: ' ' }, "Name can't be blank");
  await refused('PUT', `/spaces/${root.id}`, { name: 'Another' }, 'Name is invalid');
  await refused('PUT', '/spaces/999999', { name: 'x' }, 'Space not found', 404);
  assert.deepEqual(await organization.get(`/spaces/${hall.id}`), changed);
});

test('a move takes what lies below with it', async () => {
  const make = (name, parent) => organization.post('/spaces', { name, parent_id: parent?.id });
  const a = await make('A');
  const b = await make('B');
  const inner = await make('Inner', a);
  const deep = await make('Deep', inner);
  await organization.put(`/spaces/${inner.id}`, { parent_id: b.id, name: 'Moved' });
  assert.equal((await organization.get(`/spaces/${deep.id}`)).path, `${root.name}/B/Moved/Deep`);
  assert.deepEqual((await organization.get(`/spaces?parent_id=${b.id}`)).items.map(({ id }) => id), [inner.id]);
  for (const parent of [inner, deep]) await refused('PUT', `/spaces/${inner.id}`, { parent_id: parent.id }, 'Parent is invalid');
  await refused('PUT', `/spaces/${root.id}`, { parent_id: b.id }, 'Parent is invalid');
  await refused('PUT', `/spaces/${inner.id}`, { parent_id: 999999 }, 'Space not found', 404);
  await make('Moved', a);
  await refused('PUT', `/spaces/${inner.id}`, { parent_id: a.id }, 'Name has already been taken');
  const low = await organization.post('/spaces/find_or_create', { name: `Low${'/d'.repeat(14)}` });
  await refused('PUT', `/spaces/${inner.id}`, { parent_id: low.id }, 'Parent is too deep (maximum depth is 16)');
  assert.equal((await organization.get(`/spaces/${deep.id}`)).path, `${root.name}/B/Moved/Deep`);
});

test('only an empty space is deleted, and never the root', async () => {
  const upper = await organization.post('/spaces', { name: 'Upper' });
  const lower = await organization.post('/spaces', { name: 'Lower', parent_id: upper.id });
  await refused('DELETE', `/spaces/${upper.id}`, undefined, 'Space is not empty');
  await refused('DELETE', `/spaces/${root.id}`, undefined, 'Root space cannot be deleted');
  const device = await register(server, (await makeModel(server)).key);
  await assign(server, device.id);
  await organization.post(`/devices/${device.id}/move`, { space_id: lower.id });
  await refused('DELETE', `/spaces/${lower.id}`, undefined, 'Space is not empty');
  await organization.post(`/devices/${device.id}/move`, { space_id: root.id });
  for (const { id } of [lower, upper]) assert.deepEqual(answer(await ask('DELETE', `/spaces/${id}`)), [200, '{"success":true}']);
  await refused('DELETE', `/spaces/${lower.id}`, undefined, 'Space not found', 404);
  await refused('POST', `/devices/${device.id}/move`, { space_id: lower.id }, 'Space not found', 404);
});

test('devices are told of changes of their space and of what it inherits, and of no other', async () => {
  const model = await makeModel(server);
  const site = await organization.post('/spaces', { name: 'Site' });
  const room = await organization.post('/spaces', { name: 'Room', parent_id: site.id });
  const own = await organization.post('/spaces', { name: 'Own', parent_id: site.id, config: { temperature_units: 'celsius' } });
  const place = async (space) => {
    const device = await register(server, model.key);
    await assign(server, device.id);
    await organization.post(`/devices/${device.id}/move`, { space_id: space.id });
    const mqtt = await connect(server, { id: device.id, key: device.access_key });
    await subscribe(mqtt, [`v1/device/${device.id}/space_info`]);
    await mqtt.next('/space_info');
    const version = async () => (await request(server.http, 'POST', `/v1/devices/${device.id}/telemetry`, { key: device.access_key, body: { telemetries: {} } })).json.space_data_version;
    return { mqtt, version, pushed: () => mqtt.next('/space_info').then(({ json }) => json) };
  };
  const inRoom = await place(room);
  const inOwn = await place(own);
  try {
    const before = [await inRoom.version(), await inOwn.version()];
    await organization.put(`/spaces/${site.id}`, { config: { temperature_units: 'fahrenheit' } });
    assert.equal((await inRoom.pushed()).temperature_units, 'fahrenheit');
    assert.deepEqual([await inRoom.version(), await inOwn.version()], [before[0] + 1, before[1]], 'what a space sets itself it does not inherit');
    await organization.put(`/spaces/${site.id}`, { config: { location: { coordinates: { lat: 52.37, lng: 4.9 }, utc_offset: 60, name: 'Amsterdam' } } });
    for (const device of [inRoom, inOwn]) assert.equal((await device.pushed()).location.name, 'Amsterdam');
    await organization.put(`/spaces/${site.id}`, { name: 'Renamed site' });
    await organization.put(`/spaces/${room.id}`, { name: 'Renamed room' });
    assert.equal((await inRoom.pushed()).name, 'Renamed room');
    await organization.put(`/spaces/${room.id}`, { config: { inherit_location: false } });
    assert.equal((await inRoom.pushed()).location, null);
    await organization.put(`/spaces/${room.id}`, { parent_id: own.id });
    assert.equal((await inRoom.pushed()).temperature_units, 'celsius');
    assert.deepEqual([await inRoom.version(), await inOwn.version()], [before[0] + 5, before[1] + 1]);
  } finally {
    await Promise.all([inRoom, inOwn].map(({ mqtt }) => mqtt.endAsync(true)));
  }
});
