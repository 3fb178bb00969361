// Corners of the management APIs: what the other files of this folder do not look at.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { assign, client, makeModel, register, request, startInstallation, until, expiring, inOneMinute } from './support/server.js';
import { configured, unlimited } from './support/config.js';
import { open } from './support/raw.js';
import { follow } from './support/sse.js';

let server;
let model;
let device;

before(async () => {
  server = await startInstallation({ args: unlimited() });
  model = await makeModel(server);
  device = await register(server, model.key, { name: 'Lobby panel' });
  await assign(server, device.id);
});
after(() => server.stop());

const answer = ({ status, text }) => [status, text];
const error = (text) => JSON.stringify({ error: text });
const ask = (method, path, options = {}) => request(server.http, method, `/core/v1${path}`,
  { key: path.startsWith('/partner') ? server.partner_key : server.organization_key, ...options });

describe('windows of time', () => {
  const lists = () => ['/organization/devices/histories', `/organization/devices/${device.id}/telemetries`,
    `/organization/devices/${device.id}/series?keys=temp`, '/organization/audit', '/partner/devices/histories',
    `/partner/devices/${device.id}/history`, `/partner/devices/${device.id}/telemetries`, '/partner/registrations', '/partner/audit'];
  const withQuery = (path, query) => `${path}${path.includes('?') ? '&' : '?'}${query}`;

  test('what is no time is refused, everywhere with the same words', async () => {
    for (const path of lists()) {
      for (const query of ['from=yesterday', 'to=2026-13-01', 'from=0&to=1e300']) {
        assert.deepEqual(answer(await ask('GET', withQuery(path, query))), [422, error('Timestamp is invalid')], `${path} ${query}`);
      }
    }
  });

  test('null and empty are absent', async () => {
    for (const path of [...lists(), '/organization/spaces?created_after=null&created_before=']) {
      const reply = await ask('GET', withQuery(path, 'from=null&to='));
      assert.equal(reply.status, 200, `${path} ${reply.text}`);
    }
  });
});

test('a text that is longer than any name is in no name', async () => {
  for (const characters of [2000, 2049, 50_001, 200_000]) {
    for (const [path, member] of [['/organization/devices', 'search'], ['/partner/devices', 'search'], ['/organization/devices/histories', 'name'],
      ['/organization/models', 'search'], ['/organization/spaces', 'path_includes'], ['/partner/organizations', 'search']]) {
      const reply = await ask('GET', path, { body: { [member]: '%_\\a'.repeat(characters / 4) } });
      assert.equal(reply.status, 200, `${path} ${characters} ${reply.text.slice(0, 200)}`);
      assert.deepEqual(reply.json.items ?? reply.json.data, []);
    }
  }
});

test('a search is counted like any list', async () => {
  for (let i = 0; i < 5; i++) await register(server, model.key, { name: `Needle ${i}` });
  const { json } = await ask('GET', '/partner/devices?search=needle&per_page=2&page=2');
  assert.deepEqual(json.data.map(({ name }) => name), ['Needle 2', 'Needle 3']);
  assert.deepEqual(json.page_info, { has_next: true, total_count: 5 });
  const last = (await ask('GET', '/partner/devices?search=needle&per_page=2&page=3')).json;
  assert.deepEqual([last.data.length, last.page_info], [1, { has_next: false, total_count: 5 }]);
});

test('a partner\'s command is unknown whatever is in it', async () => {
  const reply = await ask('POST', `/partner/devices/${device.id}/commands`, { raw: 'no JSON' });
  assert.deepEqual(answer(reply), [404, error('Unknown endpoint')]);
});

describe('commands of a family (device-api.md 4.2)', () => {
  const pending = (one, options = {}) => request(server.http, 'GET', `/v1/devices/${one.id}/command/pending_commands`, { key: one.access_key, ...options });
  const send = (one, name = 'reboot') => client(server, 'organization', server.organization_key).post(`/devices/${one.id}/commands`, { name });

  test('the heads of the parent and of its children, each delivered by it', async () => {
    const application = await makeModel(server, { device_type: 'application', api_version: '1.0.7' });
    const parent = await register(server, model.key);
    await assign(server, parent.id);
    const children = [];
    for (let i = 0; i < 3; i++) children.push(await register(server, application.key, { parent_id: parent.id }));
    assert.deepEqual(answer(await pending(parent)), [200, '[]']);

    const last = await send(children[2]);
    const own = await send(parent);
    await send(parent, 'dump'); // behind the head
    const first = await send(children[0]);
    const commands = [[own, parent], [first, children[0]], [last, children[2]]];
    const expected = JSON.stringify(commands.map(([{ id, name }, { id: owner }]) => ({ id, device_id: owner, status: 'pending', name, parameters: {} })));
    assert.deepEqual(answer(await pending(parent)), [200, expected]);
    assert.deepEqual(answer(await pending(parent)), [200, expected], 'until they are final');
    for (const [{ id }, { id: owner }] of commands) {
      assert.notEqual((await ask('GET', `/organization/devices/${owner}/commands/${id}`)).json.delivered_at, null, 'fetched is delivered');
    }
    assert.deepEqual((await pending(children[0])).json.map(({ id }) => id), [first.id], 'a child has no family');
    assert.deepEqual(answer(await pending({ id: parent.id, access_key: children[0].access_key })), [401, error('Not authorized')]);

    await request(server.http, 'POST', `/v1/devices/${children[0].id}/command`, { key: children[0].access_key, body: { id: first.id, status: 'done' } });
    assert.deepEqual((await pending(parent)).json.map(({ id }) => id), [own.id, last.id]);
  });
});

test('a live stream ends when its key expires', async () => {
  let stream;
  const api = client(server, 'organization', server.organization_key);
  const key = await expiring((at) => api.post('/api_keys', { name: 'short', expires_at: at }, 201), async (made) => {
    stream = await follow(server, 'organization', { key: made.key });
    assert.ok(stream.status === 200 || Date.now() >= Date.parse(made.expires_at));
    return stream.status === 200;
  });
  await stream.closed;
  assert.ok(Date.now() >= Date.parse(key.expires_at));
});

test('failed look-ups count like failed claims; networks without limits may guess', async () => {
  const limited = await startInstallation({ args: configured(['[limits]', 'failed_signins_account = 0', 'failed_signins_address = 2',
    '[server]', 'trusted_proxies = 127.0.0.1', 'limits_exempt = 198.51.100.0/24'].join('\n')) });
  const guess = (address, action, body) => request(limited.http, 'POST', `/core/v1/organization/devices/${action}`,
    { key: limited.organization_key, body: { cloud_id: 'guess-0123456789', ...body }, headers: { 'x-forwarded-for': address } });
  const statuses = async (...args) => {
    const seen = [];
    for (let n = 0; n < 4; n++) seen.push((await guess(...args)).status);
    return seen;
  };
  for (const address of ['198.51.100.7', '127.0.0.1']) {
    assert.deepEqual(await statuses(address, 'claim/lookup'), [200, 200, 200, 200], address);
    assert.deepEqual(await statuses(address, 'claim', { space_id: 1 }), [404, 404, 404, 404], address);
  }
  const once = (round, n) => `192.0.2.${10 * round + n}`;
  assert.deepEqual(await inOneMinute((round) => statuses(once(round, 1), 'claim/lookup')), [200, 200, 429, 429]);
  assert.deepEqual(await inOneMinute((round) => statuses(once(round, 2), 'claim', { space_id: 1 })), [404, 404, 429, 429]);
  const free = await register(limited, (await makeModel(limited, { authentication_method: 'cloud_id' })).key, { cloud_id: 'known-0123456789' });
  for (let n = 0; n < 4; n++) {
    assert.equal((await guess('192.0.2.3', 'claim/lookup', { cloud_id: 'known-0123456789' })).json.device_id, free.id, 'what is found is no guess');
  }
  await limited.stop();
});

test('what a person does with a session is in the audit log', async () => {
  const enter = async () => {
    const reply = await request(server.http, 'POST', '/core/v1/session', { body: { email: server.email, password: server.password } });
    const headers = { cookie: reply.headers['set-cookie'][0].split(';')[0], 'x-csrf-token': reply.json.csrf_token };
    return { user: reply.json.user, call: (method, path, body) => request(server.http, method, `/core/v1/session${path}`, { body, headers }) };
  };
  const { user, call } = await enter();
  assert.equal((await call('POST', '/tenant', { kind: 'organization', id: server.organization_id })).status, 200);
  assert.equal((await call('POST', '/password', { current: server.password, password: `${server.password}!` })).status, 200);
  assert.equal((await call('POST', '/password', { current: `${server.password}!`, password: server.password })).status, 200);
  assert.equal((await call('DELETE', '')).status, 200);
  const { data } = (await ask('GET', '/partner/audit?object_kind=user')).json;
  assert.deepEqual(data.map(({ action }) => action), ['session.delete', 'user.password', 'user.password', 'session.tenant', 'session.create']);
  for (const row of data) assert.deepEqual([row.actor_kind, row.actor, row.object_id, row.address], ['user', user.name, user.id, '127.0.0.1']);
});

test('the audit log says what became of a device, and no value that may be secret', async () => {
  const one = await register(server, model.key, { name: 'Before' });
  await assign(server, one.id);
  const api = client(server, 'organization', server.organization_key);
  const room = await api.post('/spaces', { name: 'Audited room' });
  const root = room.parent_id;
  await api.patch(`/devices/${one.id}`, { name: 'After "all"', configuration: { pin: 'hidden' } });
  await api.patch(`/devices/${one.id}`, { custom_parameters: {} });
  await api.post(`/devices/${one.id}/move`, { space_id: room.id });
  await api.del(`/devices/${one.id}`);
  const { items } = await api.get(`/audit?object_id=${one.id}`);
  assert.deepEqual(items.map(({ action, detail }) => [action, detail]), [
    ['device.delete', { before: { name: 'After "all"', config_version: 1 } }],
    ['device.move', { before: { space_id: root }, after: { space_id: room.id } }],
    ['device.update', { before: {}, after: { custom_parameters: 'changed' } }],
    ['device.update', { before: { name: 'Before', config_version: 0 }, after: { name: 'After "all"', config_version: 1 } }],
  ]);
  const { data } = await client(server, 'partner', server.partner_key).get(`/audit?object_id=${one.id}`);
  assert.deepEqual(data.map(({ action, detail }) => [action, detail]), [['device.assign', { after: { space_id: root } }]]);
});

test('strangers cannot fill the memory with bodies that they never finish', async () => {
  const MIB = 1024 * 1024;
  const begin = async (path, sent) => {
    const peer = await open(server.http);
    peer.send(`POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: ${sent + 1}\r\n\r\n`);
    peer.send(Buffer.alloc(sent, ' '));
    return peer;
  };
  const peers = await Promise.all(Array.from({ length: 24 }, () => begin('/v1/devices/bulk_create', 4 * MIB - 1)));
  const refused = [];
  for (const peer of peers) peer.reply().then((reply) => refused.push(reply), () => {}); // the others wait for their last byte
  await until(() => peers.filter(({ ended }) => ended).length >= 8 && refused.length, 'what does not fit is refused');
  assert.ok(refused.length < 24, 'not all of them');
  for (const reply of refused) {
    assert.deepEqual([reply.status, reply.text], [503, error('Service unavailable')]);
    assert.ok(Number(reply.headers['retry-after']) >= 1);
  }
  await register(server, model.key); // an ordinary registration needs no more than everybody has
  const document = JSON.stringify({ telemetries: {}, padding: 'x'.repeat(100_000) });
  const known = await request(server.http, 'POST', `/v1/devices/${device.id}/telemetry`, { key: device.access_key, raw: document });
  assert.equal(known.status, 201, 'who says who it is has room');
  for (const peer of peers) peer.destroy();
  const items = Array.from({ length: 25 }, () => ({ padding: 'x'.repeat(100_000) }));
  await until(async () => (await request(server.http, 'POST', '/v1/devices/bulk_create', { body: items }).catch(() => ({}))).status === 201,
    'the room is given back');
});
