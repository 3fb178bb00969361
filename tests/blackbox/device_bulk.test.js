// Many devices in one call (management-api.md 5.7, 6.1): bulk actions, claims from a table, exports.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { assign, client, makeModel, register, request, startInstallation } from './support/server.js';
import { unlimited } from './support/config.js';

let server;
let partner;
let organization;
let model;
before(async () => {
  server = await startInstallation({ args: unlimited() });
  partner = client(server, 'partner', server.partner_key);
  organization = client(server, 'organization', server.organization_key);
  model = await makeModel(server);
});
after(() => server.stop());

const call = (method, path, options) => request(server.http, method, `/core/v1${path}`, { key: server.organization_key, ...options });
async function newDevices(count, fields = {}, claimed = true) {
  const devices = [];
  for (let i = 0; i < count; i++) devices.push(await register(server, model.key, fields));
  if (claimed) await assign(server, devices.map(({ id }) => id));
  return devices;
}
const ids = (devices) => devices.map(({ id }) => id);
const bulk = (devices, action, fields = {}) => call('POST', '/organization/devices/bulk', { body: { device_ids: devices, action, ...fields } });
async function refused(reply, status, text) {
  const { status: got, json } = await reply;
  assert.deepEqual([got, json], [status, { error: text }]);
}
const SUCCESS = { success: true };
const failure = (error) => ({ success: false, error });

describe('bulk', () => {
  test('each action, each device for itself', async () => {
    const devices = await newDevices(20); // more than one transaction's worth
    const unknown = randomUUID();
    const all = [...ids(devices), unknown];
    const results = (value, last = failure('Device not found')) =>
      ({ results: Object.fromEntries([...ids(devices).map((id) => [id, value]), [unknown, last]]) });
    const each = (read) => Promise.all(ids(devices).map((id) => organization.get(`/devices/${id}`).then(read)));
    const unanimous = async (read, value) => assert.deepEqual([...new Set(await each(read))], [value]);

    assert.deepEqual((await bulk(all, 'suspend')).json, results(SUCCESS));
    await unanimous((device) => device.incidents_suspended, true);
    assert.deepEqual((await bulk([...all, all[0]], 'resume')).json, results(SUCCESS));
    await unanimous((device) => device.incidents_suspended, false);

    assert.deepEqual((await bulk(all, 'configuration', { configuration: { volume: 4 } })).json, results(SUCCESS));
    await unanimous((device) => device.config_version, 1);
    assert.deepEqual((await bulk(all, 'configuration', { configuration: 4 })).json, results(failure('Configuration must be an object')));

    const space = await organization.post('/spaces', { name: 'Annex' });
    assert.deepEqual((await bulk(all, 'move', { space_id: space.id })).json, results(SUCCESS));
    await unanimous((device) => device.space_id, space.id);
    assert.deepEqual((await bulk(all, 'move', { space_id: 999999 })).json, results(failure('Space not found')));

    assert.deepEqual((await bulk(all, 'command', { name: 'reboot' })).json, results(SUCCESS));
    assert.deepEqual((await bulk(all, 'command', { name: 'none' })).json, results(failure('Invalid command')));
    for (const id of ids(devices).slice(0, 3)) assert.equal((await organization.get(`/devices/${id}/commands`)).items.length, 1);

    const audit = await organization.get('/audit?action=device.suspend_incidents&per_page=500');
    assert.equal(audit.items.length, devices.length);

    assert.deepEqual((await bulk(all, 'delete')).json, results(SUCCESS));
    assert.deepEqual((await bulk(all, 'delete')).json, results(failure('Device not found')));
    const gone = await request(server.http, 'GET', `/v1/devices/${devices[19].id}`, { key: devices[19].access_key });
    assert.equal(gone.status, 401);
  });

  test('refusals', async () => {
    await refused(bulk(undefined, 'delete'), 422, 'Parameter device_ids is required');
    await refused(bulk([], 'delete'), 422, 'Parameter device_ids is required');
    await refused(bulk([7], 'delete'), 422, 'Device ids is invalid');
    await refused(bulk(Array.from({ length: 501 }, () => randomUUID()), 'delete'), 422, 'Too many devices, maximum is 500');
    await refused(bulk(['x']), 422, 'Parameter action is required');
    await refused(bulk(['x'], 'paint'), 422, 'Action is invalid');
    await refused(bulk(['x'], 'configuration'), 422, 'Parameter configuration is required');
    await refused(bulk(['x'], 'move'), 422, 'Parameter space_id is required');
    assert.deepEqual((await bulk(['x'], 'delete')).json, { results: { x: failure('Device not found') } });
  });
});

describe('claim_csv', () => {
  const claimCsv = (text, query = '') => call('POST', `/organization/devices/claim_csv${query}`, { raw: text, headers: { 'content-type': 'text/csv' } });

  test('each row is a claim of its own', async () => {
    const [a, b, taken] = await Promise.all((await newDevices(3, {}, false)).map(({ id }) => partner.get(`/devices/${id}`)));
    await assign(server, taken.id);
    const space = await organization.post('/spaces', { name: 'Hall, east' });
    const rows = ['mac,sn,space_id,name,comment', `${a.mac},${a.sn},${space.id},"Panel, ""A""",x`, `${b.mac},${b.sn},,,`,
      `${taken.mac},${taken.sn},${space.id},,`, `${b.mac},unknown,${space.id},,`, `,${b.sn},${space.id},,`];
    const { status, json } = await claimCsv(`${rows.join('\r\n')}\r\n`);
    assert.equal(status, 200);
    assert.deepEqual(json.results, [
      { row: 2, success: true, device_id: a.id }, { row: 3, ...failure('Parameter space_id is required') },
      { row: 4, ...failure('Device is already claimed') }, { row: 5, ...failure('Device not found') },
      { row: 6, ...failure("Mac can't be blank") },
    ]);
    const claimed = await organization.get(`/devices/${a.id}`);
    assert.deepEqual([claimed.name, claimed.space_name], ['Panel, "A"', 'Hall, east']);
    assert.deepEqual((await claimCsv(`sn;mac\n${b.sn};${b.mac}\n`, `?space_id=${space.id}`)).json.results, [{ row: 2, success: true, device_id: b.id }]);
  });

  test('guesses are counted; refusals', async () => {
    const { items: [root] } = await organization.get('/spaces');
    const guesses = Array.from({ length: 30 }, (_, i) => `02:ff:ff:ff:ff:${i},none-${i},${root.id}`); // ten a minute may fail
    const { json: { results } } = await claimCsv(['mac,sn,space_id', ...guesses].join('\n'));
    assert.deepEqual(new Set(results.map(({ error }) => error)), new Set(['Device not found', 'Too many requests']));
    await refused(claimCsv(''), 422, "Csv can't be blank");
    await refused(claimCsv('mac,sn\n'), 422, "Csv can't be blank");
    await refused(claimCsv('space_id,name\n1,x\n'), 422, 'Csv must have a column cloud_id, or mac and sn');
    await refused(claimCsv('mac,sn\n"x'), 422, 'Csv is invalid');
    await refused(claimCsv('mac,sn\na,b,c\n'), 422, 'Csv is invalid');
    await refused(claimCsv(Buffer.from('mac,sn\na,\xff\n', 'latin1')), 422, 'Csv is invalid');
    await refused(claimCsv('mac,sn\na,b\0\n'), 422, 'Csv is invalid');
    await refused(claimCsv(`mac,sn\na,${'\u00e4'.repeat(513)}\n`), 422, 'Csv is invalid');
    await refused(claimCsv(`mac,sn\n${'a,b\n'.repeat(501)}`), 422, 'Too many devices, maximum is 500');
  });
});

describe('devices.csv', () => {
  const lines = (reply) => reply.text.split('\r\n').slice(0, -1);

  test('all devices of the tenant, with the filters of the list', async () => {
    const devices = await newDevices(150, { name: '=cmd("x"), y' }); // several chunks
    const reply = await call('GET', '/organization/devices.csv');
    assert.equal(reply.status, 200);
    assert.equal(reply.headers['content-type'], 'text/csv; charset=utf-8');
    assert.equal(reply.headers['content-disposition'], 'attachment; filename="devices.csv"');
    const [header, ...rows] = lines(reply);
    assert.equal(header, 'id,name,sn,mac,cloud_id,model,sub_model,firmware_version,status,last_seen_at,space_id,space,created_at,claimed_at,virtual');
    assert.equal(rows.length, (await organization.get('/devices?per_page=500')).items.length);
    assert.equal(new Set(rows.map((row) => row.slice(0, 36))).size, rows.length);
    const row = rows.find((one) => one.startsWith(devices[0].id));
    assert.match(row, /^[0-9a-f-]{36},"'=cmd\(""x""\), y",/);
    await request(server.http, 'POST', `/v1/devices/${devices[7].id}/telemetry`, { key: devices[7].access_key, body: { status: 'error' } });
    const failed = lines(await call('GET', '/organization/devices.csv?status=error'));
    assert.deepEqual(failed.slice(1).map((one) => one.split(',')[0]), [devices[7].id]);
    const found = lines(await call('GET', `/organization/devices.csv?search=${devices[3].id}`));
    assert.deepEqual(found.slice(1).map((one) => one.slice(0, 36)), [devices[3].id]);
    const free = await register(server, model.key);
    const whole = await request(server.http, 'GET', '/core/v1/partner/devices.csv?unclaimed=true', { key: server.partner_key });
    assert.match(lines(whole)[0], /,organization,/);
    assert.ok(lines(whole).some((one) => one.startsWith(free.id)) && !whole.text.includes(devices[0].id));
    const head = await call('HEAD', '/organization/devices.csv');
    assert.deepEqual([head.status, head.text], [200, '']);
    assert.equal((await call('GET', '/organization/devices.csv', { key: server.partner_key })).status, 401);
  });
});
