// Parents and children, telemetry of several devices in one call, what a device says of itself, and replacement
// (device-api.md 2.3.3, 2.5, 2.6, 3.4, 3.5, 7.2 to 7.5; mqtt.md 3.2, 13).
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { assign, client, makeModel, register, request, startInstallation, until } from './support/server.js';
import { connect, publish, subscribe } from './support/mqtt.js';
import { unlimited } from './support/config.js';

const FIVE = ['id', 'access_key', 'hub_url', 'hub_url_static_cert', 'mqtt_hub_url'];
const LEVELS = ['config_version', 'command', 'info_version', 'new_licenses', 'latest_fw_version', 'latest_fw_file_id', 'space_data_version', 'success'];
let server;
let partner;
let organization;
let model;
let sensor;

before(async () => {
  server = await startInstallation({ args: unlimited() });
  partner = client(server, 'partner', server.partner_key);
  organization = client(server, 'organization', server.organization_key);
  model = await makeModel(server);
  sensor = await makeDigital({ name: 'Zone Sensor', device_type: 'digital' });
});
after(() => server.stop());

const makeDigital = (fields) => partner.post('/models', { communication_protocol: 'mqtt', authentication_method: 'mac_sn', ...fields });
const answer = ({ status, text }) => [status, text];
const error = (text) => JSON.stringify({ error: text });

function withCall(device) {
  device.call = (method, path = '', body, options = {}) =>
    request(server.http, method, `/v1/devices/${device.id}${path}`, { key: device.access_key, body, ...options });
  device.get = async (path = '') => (await device.call('GET', path)).json;
  return device;
}
async function newDevice({ claimed = false, key = model.key, ...fields } = {}) {
  const device = withCall(await register(server, key, fields));
  if (claimed) await assign(server, device.id);
  return device;
}
async function newChild(parent, fields = {}) {
  const reply = await parent.call('POST', '/children', { model_id: sensor.id, firmware_version: '1.2.0', ...fields });
  assert.equal(reply.status, 201, reply.text);
  assert.deepEqual(Object.keys(reply.json), FIVE);
  return withCall(reply.json);
}

describe('children', () => {
  test('a parent registers children, lists them, and they are claimed with it', async () => {
    const parent = await newDevice({ claimed: true });
    assert.deepEqual(await parent.get('/children'), []);
    const child = await newChild(parent, { name: 'Zone 1', sn: 'A-17', details: { floor: 2 } });
    await newChild(parent, { sn: 'A-17' }); // serials of children are not unique
    const [first, second] = await parent.get('/children');
    assert.deepEqual(Object.keys(first), ['id', 'sn', 'mac', 'state', 'last_seen', 'name', 'firmware_version', 'vendor', 'model', 'claimed', 'details']);
    assert.deepEqual({ ...first, vendor: undefined, claimed: undefined }, {
      id: child.id, sn: 'A-17', mac: null, state: null, last_seen: null, name: 'Zone 1', firmware_version: '1.2.0',
      vendor: undefined, model: 'Zone Sensor', claimed: undefined, details: { floor: 2 },
    });
    assert.equal(first.claimed, (await organization.get('/info')).name);
    assert.equal(second.name, 'Zone Sensor');
    assert.equal((await organization.get(`/devices/${child.id}`)).parent_id, parent.id);
    assert.equal((await child.call('POST', '/telemetry', { telemetries: { level: 4 } })).status, 201);
    assert.deepEqual((await parent.get('/children'))[0].state, { status: 'online', level: 4 });
  });

  test('what is refused', async () => {
    const parent = await newDevice();
    const cases = [
      [{ firmware_version: '1.0.0' }, 404, 'Model not found'],
      [{ model_id: randomUUID(), firmware_version: '1.0.0' }, 404, 'Model not found'],
      [{ model_id: 7, firmware_version: '1.0.0' }, 404, 'Model not found'],
      [{ model_id: sensor.id }, 422, "Firmware version can't be blank"],
      [{ model_id: sensor.id, firmware_version: 'new' }, 422, 'Firmware version is invalid'],
      [{ model_id: sensor.id, firmware_version: '1.0.0', details: [] }, 422, 'Details must be an object'],
      [{ model_id: sensor.id, firmware_version: '1.0.0', name: 'x'.repeat(256) }, 422, 'Name is too long (maximum is 255 characters)'],
    ];
    for (const [body, status, text] of cases) {
      assert.deepEqual(answer(await parent.call('POST', '/children', body)), [status, error(text)]);
    }
    assert.deepEqual(await parent.get('/children'), []);
    const stranger = await newDevice();
    for (const method of ['GET', 'POST']) {
      const reply = await request(server.http, method, `/v1/devices/${parent.id}/children`, { key: stranger.access_key, body: method === 'POST' ? {} : undefined });
      assert.deepEqual(answer(reply), [401, error('Not authorized')]);
    }
  });
});

describe('telemetry of several devices', () => {
  test('a parent reports for its children, entries are independent', async () => {
    const parent = await newDevice({ claimed: true });
    const [a, b] = [await newChild(parent), await newChild(parent)];
    const other = await newDevice();
    const proven = await newDevice();
    const reply = await parent.call('POST', '/children/telemetries', {
      [a.id]: { telemetries: { temp: 21.5 } }, [b.id]: { status: 'offline' }, [other.id]: { telemetries: { temp: 1 } },
      [proven.id]: { access_token: proven.access_key, telemetries: { temp: 2 } }, nonsense: {}, [randomUUID()]: { status: 'online' },
    });
    assert.equal(reply.status, 201);
    const results = Object.values(reply.json);
    assert.deepEqual(Object.keys(results[0]), LEVELS);
    assert.equal(results[0].success, true);
    assert.equal(results[1].success, true);
    assert.deepEqual(results[2], { error: 'Child not found' });
    assert.equal(results[3].success, true);
    assert.deepEqual(results.slice(4), [{ error: 'Child not found' }, { error: 'Child not found' }]);
    assert.deepEqual((await a.get()).state, { status: 'online', temp: 21.5 });
    assert.deepEqual((await b.get()).state, { status: 'offline' });
    assert.deepEqual((await other.get()).state, {});
    assert.deepEqual((await proven.get()).state, { status: 'online', temp: 2 });
  });

  test('one faulty entry does not touch the others, and each has the limits of a single message', async () => {
    const parent = await newDevice();
    const [a, b, c] = [await newChild(parent), await newChild(parent), await newChild(parent)];
    const reply = await parent.call('POST', '/children/telemetries', {
      [a.id]: { telemetries: { temp: [1] } }, [b.id]: 7, [c.id]: { telemetries: { long: 'x'.repeat(1001) } },
    });
    assert.equal(reply.status, 201);
    assert.deepEqual(reply.json, {
      [a.id]: { error: 'Common telemetries.temp must be string, number or boolean' }, [b.id]: { error: 'Body must be an object' },
      [c.id]: { error: 'Common telemetries.long is too long (maximum is 1000 bytes)' },
    });
    assert.deepEqual(answer(await parent.call('POST', '/children/telemetries', {})), [201, '{}']);
    assert.deepEqual(answer(await parent.call('POST', '/children/telemetries', [])), [422, error('Body must be an object')]);
    const many = Object.fromEntries(Array.from({ length: 101 }, () => [randomUUID(), {}]));
    assert.deepEqual(answer(await parent.call('POST', '/children/telemetries', many)), [422, error('Too many devices, maximum is 100')]);
  });

  test('mass telemetry: each entry proves itself, tokens are stored nowhere, a header is ignored', async () => {
    const [a, b] = [await newDevice({ claimed: true }), await newDevice()];
    const send = (body, key) => request(server.http, 'POST', '/v1/devices/telemetries', { body, key });
    const reply = await send({
      [a.id]: { access_token: a.access_key, telemetries: { temp: 3 }, message: 'fine' },
      [b.id]: { access_token: a.access_key, telemetries: { temp: 4 } }, [randomUUID()]: { access_token: b.access_key }, x: {},
    }, 'whatever');
    assert.equal(reply.status, 201);
    const results = Object.values(reply.json);
    assert.equal(results[0].success, true);
    assert.ok(results[0].space_data_version >= 1);
    for (const result of results.slice(1)) assert.deepEqual(result, { error: 'Invalid access token' });
    assert.deepEqual((await b.get()).state, {});
    const seen = await organization.get(`/devices/${a.id}`);
    assert.notEqual(seen.last_seen_at, null);
    assert.deepEqual(seen.state, { status: 'online', temp: 3 });
    const raw = JSON.stringify(await organization.get(`/devices/${a.id}/telemetries`));
    assert.ok(!raw.includes(a.access_key) && !raw.includes('access_token'));
    assert.deepEqual(answer(await send({ [a.id]: { telemetries: {} } })), [201, JSON.stringify({ [a.id]: { error: 'Invalid access token' } })]);
  });
});

describe('what a device says of itself', () => {
  test('its reports reach subscribers in their order, also where some tell the firmware, which is looked at later', async () => {
    const device = await newDevice();
    const reader = await connect(server, { username: 'partner', password: server.partner_key, clientId: 'reader' });
    assert.deepEqual(await subscribe(reader, [`v1/device/${device.id}/telemetry`]), [1]);
    const link = await connect(server, { id: device.id, key: device.access_key });
    const numbers = Array.from({ length: 20 }, (_, n) => n);
    await Promise.all(numbers.map((n) => publish(link, `v1/device/${device.id}/telemetry`,
      n % 2 ? { n } : { common: { status: 'online', firmware_version: '1.0.0' }, custom: { n } })));
    await reader.next(({ json }) => json.n === 19);
    assert.deepEqual(reader.messages.map(({ json }) => json.n ?? json.custom.n), numbers);
    await Promise.all([reader.endAsync(), link.endAsync()]);
  });

  test('Update Device answers the information document with details and test', async () => {
    const device = await newDevice({ claimed: true });
    const reply = await device.call('PUT', '', { firmware_version: '2.0.0', name: 'Lobby', sub_model: 'XL', host_address: '10.0.0.7', details: { a: [1, { b: 2 }] } });
    assert.equal(reply.status, 200, reply.text);
    assert.deepEqual(Object.keys(reply.json), ['id', 'partner', 'config', 'state', 'last_seen', 'custom', 'name', 'firmware_version', 'claimed', 'version', 'details', 'test']);
    assert.deepEqual([reply.json.firmware_version, reply.json.name, reply.json.details, reply.json.test], ['2.0.0', 'Lobby', { a: [1, { b: 2 }] }, true]);
    const seen = await organization.get(`/devices/${device.id}`);
    assert.deepEqual([seen.name, seen.model.sub_model, seen.host_address, seen.firmware.version, seen.details], ['Lobby', 'XL', '10.0.0.7', '2.0.0', { a: [1, { b: 2 }] }]);
    assert.equal((await device.get()).version, reply.json.version, 'the device itself does not raise info_version');
    assert.deepEqual((await device.call('PUT', '', { sub_model: '', details: {} })).json.details, {});
    assert.equal((await organization.get(`/devices/${device.id}`)).model.sub_model, null);
  });

  test('what is refused changes nothing', async () => {
    const device = await newDevice();
    const before = await device.get();
    const cases = [
      [{ firmware_version: '2.0.0', colour: 'red' }, 400, 'Unknown parameter: colour'],
      [{ firmware_version: 'two' }, 422, 'Firmware version is invalid'],
      [{ firmware_version: ' ' }, 422, "Firmware version can't be blank"],
      [{ name: [] }, 422, 'Name is invalid'],
      [{ name: 'x'.repeat(256) }, 422, 'Name is too long (maximum is 255 characters)'],
      [{ firmware_version: '2.0.0', details: 'x' }, 422, 'Details must be an object'],
      [{ firmware_version: '2.0.0', config_version: -1 }, 422, 'Config version is invalid'],
      [{ firmware_version: '2.0.0', parent_id: randomUUID() }, 422, 'Parent is invalid'],
      [{ firmware_version: '2.0.0', parent_id: device.id }, 422, 'Parent is invalid'],
    ];
    for (const [body, status, text] of cases) {
      assert.deepEqual(answer(await device.call('PUT', '', body)), [status, error(text)]);
    }
    assert.deepEqual({ ...(await device.get()), last_seen: 0 }, { ...before, last_seen: 0 });
  });

  test('ten calls an hour, also failed ones', async () => {
    const device = await newDevice();
    for (let i = 0; i < 9; i++) assert.equal((await device.call('PUT', '', { name: `n${i}` })).status, 200);
    assert.equal((await device.call('PUT', '', { x: 1 })).status, 400);
    const refused = await device.call('PUT', '', { name: 'eleven' });
    assert.deepEqual(answer(refused), [429, error('Too many requests')]);
    assert.ok(Number(refused.headers['retry-after']) >= 1 && Number(refused.headers['retry-after']) <= 3600);
    assert.equal((await device.get()).name, 'n8');
  });

  test('config_version confirms a configuration; a version that never was does not', async () => {
    const device = await newDevice({ claimed: true });
    await organization.patch(`/devices/${device.id}`, { configuration: { volume: 4 } });
    const applied = async () => (await organization.get(`/devices/${device.id}`)).applied_config_version;
    assert.equal((await device.call('PUT', '', { config_version: 9 })).status, 200);
    assert.equal(await applied(), 0);
    assert.equal((await device.call('PUT', '', { config_version: '1', space_version: 1 })).status, 200);
    assert.equal(await applied(), 1);
  });

  test('a parent is taken and left; a circle, another owner, another type is not', async () => {
    const [a, b, c] = [await newDevice(), await newDevice(), await newDevice({ claimed: true })];
    const parentOf = async (device) => (await partner.get(`/devices/${device.id}`)).parent_id;
    assert.equal((await a.call('PUT', '', { parent_id: b.id })).status, 200);
    assert.equal(await parentOf(a), b.id);
    assert.equal((await b.get('/children')).length, 1);
    assert.deepEqual(answer(await b.call('PUT', '', { parent_id: a.id })), [422, error('Parent is invalid')]);
    assert.deepEqual(answer(await a.call('PUT', '', { parent_id: c.id })), [422, error('Parent is invalid')]);
    const child = await newChild(b);
    assert.deepEqual(answer(await a.call('PUT', '', { parent_id: child.id })), [422, error('Parent is invalid')]);
    assert.equal((await a.call('PUT', '', { parent_id: null })).status, 200);
    assert.equal(await parentOf(a), null);
  });

  test('over MQTT: update, with the firmware version in its other shape', async () => {
    const device = await newDevice();
    const mqtt = await connect(server, { clientId: device.id, username: device.id, password: device.access_key });
    await publish(mqtt, `v1/device/${device.id}/update`, { firmwareVersion: { latest_fw_version: '3.1.0' }, name: 'By MQTT' });
    assert.deepEqual([(await device.get()).firmware_version, (await device.get()).name], ['3.1.0', 'By MQTT']);
    const refused = await publish(mqtt, `v1/device/${device.id}/update`, { colour: 1 });
    assert.equal(refused.code, 0x99);
    await mqtt.endAsync(true);
    assert.equal((await device.call('PUT', '', { firmwareVersion: {} })).status, 400);
  });

  test('cloud settings', async () => {
    const device = await newDevice({ claimed: true });
    const suspended = async () => (await organization.get(`/devices/${device.id}`)).incidents_suspended;
    const put = (body) => device.call('PUT', '/cloud_settings', body);
    assert.deepEqual(answer(await put({ property: 'incidents.suspend_creation', value: true })), [200, '{"success":true}']);
    assert.equal(await suspended(), true);
    assert.deepEqual(answer(await put({ 'incidents.suspend_creation': 'false' })), [200, '{"success":true}']);
    assert.equal(await suspended(), false);
    for (const body of [{}, { property: 'volume', value: true }, { volume: 1 }]) {
      assert.deepEqual(answer(await put(body)), [422, error('Unknown property')]);
    }
    assert.deepEqual(answer(await put({ 'incidents.suspend_creation': 3 })), [422, error('Value is invalid')]);
  });

  test('space: read, moved to Unsorted and back to the parent', async () => {
    const parent = await newDevice();
    assert.deepEqual(answer(await parent.call('GET', '/space')), [422, error('Device not in space')]);
    assert.deepEqual(answer(await parent.call('PUT', '/space/move', { target: 'unsorted' })), [422, error('Device not in space')]);
    const lobby = await organization.post('/spaces', { name: `Lobby ${parent.id}`, config: { temperature_units: 'fahrenheit', location: { coordinates: { lat: 52.37, lng: 4.9 }, utc_offset: 60, name: 'Amsterdam' } } });
    await assign(server, parent.id);
    await organization.post(`/devices/${parent.id}/move`, { space_id: lobby.id });
    const child = await newChild(parent);
    const space = await child.get('/space');
    assert.deepEqual(Object.keys(space), ['location', 'temperature_units', 'maintenance', 'name', 'local_time', 'device_id']);
    assert.deepEqual([space.temperature_units, space.location.name, space.name], ['fahrenheit', 'Amsterdam', lobby.name]);
    assert.match(space.local_time, /\+01:00$/);
    const moved = await child.call('PUT', '/space/move', { target: 'unsorted' });
    assert.deepEqual([moved.status, moved.json.name], [200, 'Unsorted']);
    const unsorted = (await organization.get('/spaces?name=Unsorted')).items;
    assert.equal(unsorted.length, 1);
    assert.equal((await organization.get(`/devices/${child.id}`)).space_id, unsorted[0].id);
    const back = await child.call('PUT', '/space/move', { target: 'follow_parent' });
    assert.deepEqual([back.status, back.json.name], [200, lobby.name]);
    assert.deepEqual(answer(await parent.call('PUT', '/space/move', { target: 'follow_parent' })), [422, error('Device has no parent')]);
    assert.deepEqual(answer(await parent.call('PUT', '/space/move', { target: 'cellar' })), [422, error('invalid target: follow_parent/unsorted')]);
    const app = await makeDigital({ name: 'Player', device_type: 'application' });
    const key = (await partner.get(`/models/${app.id}/hardware_keys`)).data[0].key;
    const application = await newDevice({ key, parent_id: parent.id });
    assert.deepEqual(answer(await application.call('PUT', '/space/move', { target: 'unsorted' })), [422, error('Application devices follow their parent')]);
    const second = await newChild(parent);
    await second.call('PUT', '/space/move', { target: 'unsorted' });
    assert.equal((await organization.get('/spaces?name=Unsorted')).items.length, 1);
  });
});

describe('replacement', () => {
  const again = (fields) => request(server.http, 'POST', '/v1/devices', { body: { hardware_key: model.key, firmware_version: '2.0.0', mac: '02:99:00:00:00:01', ...fields } });

  test('the next registration with that serial gets the same id and a new key; the rest stays', async () => {
    const device = await newDevice({ claimed: true, name: 'Old friend', sn: `R-${randomUUID()}` });
    const { sn } = await organization.get(`/devices/${device.id}`);
    await device.call('POST', '/telemetry', { telemetries: { level: 9 } });
    const mqtt = await connect(server, { clientId: device.id, username: device.id, password: device.access_key, clean: false, properties: { sessionExpiryInterval: 600 } });
    assert.deepEqual(answer(await again({ sn })), [422, error('Sn has already been taken')]);
    const waiting = await organization.post(`/devices/${device.id}/replace`, {});
    assert.equal(waiting.replacement_sn, sn);
    assert.ok(Date.parse(waiting.replacement_until) > Date.now() + 6 * 86_400_000);
    const closed = new Promise((resolve) => mqtt.once('disconnect', (packet) => resolve(packet.reasonCode)));
    const replaced = await again({ sn });
    assert.equal(replaced.status, 201, replaced.text);
    assert.equal(replaced.json.id, device.id);
    assert.notEqual(replaced.json.access_key, device.access_key);
    assert.equal(await closed, 0x87);
    await mqtt.endAsync(true);
    assert.deepEqual(answer(await device.call('GET')), [401, error('Not authorized')]);
    device.access_key = replaced.json.access_key;
    assert.deepEqual([(await device.get()).state.level, (await device.get()).firmware_version], [9, '2.0.0']);
    const seen = await organization.get(`/devices/${device.id}`);
    assert.deepEqual([seen.name, seen.mac, seen.replacement_until], ['Old friend', '02:99:00:00:00:01', null]);
    const next = await connect(server, { clientId: device.id, username: device.id, password: device.access_key, clean: false, properties: { sessionExpiryInterval: 600 } });
    assert.equal(next.connack.sessionPresent, false, 'the session of the unit before is gone');
    await next.endAsync();
    const log = (await partner.get('/registrations?result=replaced')).data;
    assert.equal(log[0].device_id, device.id);
    assert.deepEqual(answer(await again({ sn })), [422, error('Sn has already been taken')]);
  });

  test('for another serial; cancelled; and another record is in the way', async () => {
    const device = await newDevice({ sn: `R-${randomUUID()}` });
    const other = await newDevice({ sn: `R-${randomUUID()}` });
    const taken = (await partner.get(`/devices/${other.id}`)).sn;
    const sn = `R-${randomUUID()}`;
    await partner.post(`/devices/${device.id}/replace`, { sn: taken });
    assert.deepEqual(answer(await again({ sn: taken })), [422, error('Sn has already been taken')]);
    await partner.post(`/devices/${device.id}/replace`, { sn });
    assert.deepEqual(await partner.del(`/devices/${device.id}/replace`), { success: true });
    const fresh = await again({ sn });
    assert.notEqual(fresh.json.id, device.id);
    assert.equal((await device.get()).id, device.id);
    const child = await newChild(device);
    const refused = await request(server.http, 'POST', `/core/v1/partner/devices/${child.id}/replace`, { key: server.partner_key, body: {} });
    assert.deepEqual(answer(refused), [422, error('Device is registered by its parent')]);
  });
});
