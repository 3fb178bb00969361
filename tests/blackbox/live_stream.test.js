// The live stream (management-api.md 9): what is shown to whom, filters, resuming, masked secrets.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { assign, client, makeModel, register, request, startInstallation } from './support/server.js';
import { unlimited } from './support/config.js';
import { connect, publish, subscribe } from './support/mqtt.js';
import { exchange, head } from './support/raw.js';
import { follow } from './support/sse.js';

const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
let server;
let partner;
let organization;
let model;
let stranger;

before(async () => {
  server = await startInstallation({ args: [...unlimited(), '--metrics', '127.0.0.1:0'] });
  partner = client(server, 'partner', server.partner_key);
  organization = client(server, 'organization', server.organization_key);
  model = await makeModel(server);
  await partner.post(`/models/${model.id}/publish`, {}); // customers claim published models only
  stranger = await partner.post('/organizations', { name: 'Stranger', admin_contact_email: 'x@example.com' });
});
after(() => server.stop());

const open = (tenant, query = '', options = {}) => follow(server, tenant, { key: tenant === 'partner' ? server.partner_key : server.organization_key, query, ...options });
const call = (device, method, path, body) => request(server.http, method, `/v1/devices/${device.id}${path}`, { key: device.access_key, body });
const of = (device, type, more = () => true) => (data) => data.device_id === device.id && data.type === type && more(data);

async function newDevice(options = {}) {
  const device = await register(server, (options.model ?? model).key);
  if (options.claimed !== false) await assign(server, device.id);
  return device;
}

/** Everything that came before this call has arrived when the event it makes has. */
async function settle(stream, device) {
  const n = Math.random();
  await call(device, 'POST', '/telemetry', { telemetries: { settle: n } });
  await stream.next((data) => data.type === 'telemetry' && data.payload?.telemetries?.settle === n, 'the last event');
}

test('the head: an event stream that is not kept anywhere, for the right key only', async () => {
  const stream = await open('partner');
  assert.equal(stream.status, 200);
  assert.match(stream.headers['content-type'], /^text\/event-stream/);
  assert.match(stream.headers['cache-control'], /no-store|no-cache/);
  stream.close();
  for (const [tenant, key] of [['partner', server.organization_key], ['organization', server.partner_key], ['partner', 'mp_x'], ['partner', undefined]]) {
    const refused = await follow(server, tenant, { key });
    assert.deepEqual([refused.status, refused.text], [401, '{"error":"Not authorized"}']);
  }
  const asked = await exchange(server.http, head('HEAD', '/core/v1/partner/stream', { Authorization: server.partner_key }), { head: true });
  assert.equal(asked.status, 200);
  const overTls = await open('organization', '', { tls: true });
  assert.equal(overTls.status, 200);
  overTls.close();
});

test('telemetry, command, config, status and registration, with their members', async () => {
  const theirs = await open('partner');
  const ours = await open('organization');
  const device = await newDevice();
  const registered = await theirs.next(of(device, 'registration'), 'registration');
  assert.match(registered.data.at, ISO);
  assert.equal(registered.data.payload.result, 'created');
  await call(device, 'POST', '/telemetry', { telemetries: { temp: 22 } });
  await organization.patch(`/devices/${device.id}`, { configuration: { a: 1 } });
  const sent = await organization.post(`/devices/${device.id}/commands`, { name: 'reboot' });
  await call(device, 'GET', '/command');
  await call(device, 'POST', '/command', { id: sent.id, status: 'done' });
  for (const stream of [theirs, ours]) {
    const telemetry = (await stream.next(of(device, 'telemetry'), 'telemetry')).data;
    assert.match(telemetry.at, ISO);
    assert.deepEqual([telemetry.direction, telemetry.transport, telemetry.payload.telemetries], ['up', 'https', { temp: 22 }]);
    await stream.next(of(device, 'status'), 'status');
    await stream.next(of(device, 'config'), 'config');
    const states = [];
    for (const status of ['pending', 'done']) {
      const command = (await stream.next(of(device, 'command', ({ payload }) => payload.status === status), `command ${status}`)).data;
      assert.equal(command.payload.id, sent.id);
      states.push(command.payload.status);
    }
    assert.deepEqual(states, ['pending', 'done']);
  }
  assert.ok(!ours.events.some(({ data }) => data.type === 'registration'), 'the provisioning log is the partner\'s');
  theirs.close();
  ours.close();
});

test('MQTT is seen too, with topic and QoS, and secrets are masked', async () => {
  const stream = await open('organization');
  const device = await newDevice();
  const hub = await connect(server, { id: device.id, key: device.access_key });
  await stream.next(of(device, 'status'), 'the connection');
  await subscribe(hub, `v1/device/${device.id}/command`);
  await publish(hub, `v1/device/${device.id}/telemetry`, { telemetries: { temp: 5 }, access_token: device.access_key },
    { properties: { userProperties: { access_key: device.access_key } } });
  const telemetry = (await stream.next(of(device, 'telemetry'), 'telemetry')).data;
  assert.deepEqual([telemetry.direction, telemetry.transport, telemetry.qos, telemetry.payload.telemetries.temp], ['up', 'mqtt', 1, 5]);
  assert.match(telemetry.topic, /telemetry$/);
  await organization.post(`/devices/${device.id}/commands`, { name: 'reboot' });
  await hub.next('/command');
  await stream.next(of(device, 'command', ({ payload }) => payload.status === 'pending'), 'the command');
  hub.end(true);
  assert.ok(!JSON.stringify(stream.events).includes(device.access_key));
  const partnerStream = await open('partner');
  const rotated = await partner.post(`/devices/${device.id}/rotate_key`, {});
  await settle(partnerStream, await newDevice());
  assert.ok(!JSON.stringify(partnerStream.events).includes(rotated.access_key));
  assert.ok(!JSON.stringify(partnerStream.events).includes(model.key));
  stream.close();
  partnerStream.close();
});

test('refused uplinks are seen while somebody looks', async () => {
  const device = await newDevice();
  const stream = await open('partner', `?device_id=${device.id}`);
  await call(device, 'POST', '/telemetry', { telemetries: { bad: [1] } });
  const refused = (await stream.next((data) => data.code === 422, 'the refusal')).data;
  assert.deepEqual([refused.direction, refused.transport, refused.method, refused.path], ['up', 'https', 'POST', `/v1/devices/${device.id}/telemetry`]);
  assert.equal(stream.events.filter(({ data }) => data.code === 422).length, 1, 'once');
  stream.close();
});

test('filters by device, model, type and space', async () => {
  const other = await makeModel(server);
  const a = await newDevice();
  const b = await newDevice({ model: other });
  const space = await organization.post('/spaces', { name: 'Stream' });
  const sub = await organization.post('/spaces', { name: 'Sub', parent_id: space.id });
  await organization.post(`/devices/${b.id}/move`, { space_id: sub.id });
  const streams = {
    device: await open('organization', `?device_id=${a.id}`),
    model: await open('organization', `?model_id=${other.id}`),
    types: await open('organization', '?types=command,config'),
    telemetry: await open('organization', '?types=telemetry'),
    space: await open('organization', `?space_id=${space.id}&types=telemetry`),
    all: await open('organization'),
  };
  for (const device of [a, b]) {
    await call(device, 'POST', '/telemetry', { telemetries: { temp: 1 } });
    await organization.post(`/devices/${device.id}/commands`, { name: 'reboot' });
  }
  await organization.patch(`/devices/${a.id}`, { configuration: { end: 1 } });
  await organization.patch(`/devices/${b.id}`, { configuration: { end: 1 } });
  await call(a, 'POST', '/telemetry', { telemetries: { end: 1 } });
  await call(b, 'POST', '/telemetry', { telemetries: { end: 1 } });
  const end = ({ payload }) => payload?.telemetries?.end === 1;
  await streams.device.next(of(a, 'telemetry', end));
  await streams.model.next(of(b, 'telemetry', end));
  await streams.types.next(of(b, 'config'));
  await streams.telemetry.next(of(b, 'telemetry', end));
  await streams.space.next(of(b, 'telemetry', end));
  await streams.all.next(of(b, 'telemetry', end));
  const seen = (stream, member) => [...new Set(stream.events.map(({ data }) => data[member]))].sort();
  assert.deepEqual(seen(streams.device, 'device_id'), [a.id]);
  assert.deepEqual(seen(streams.model, 'device_id'), [b.id]);
  assert.deepEqual(seen(streams.types, 'type'), ['command', 'config']);
  assert.deepEqual(seen(streams.types, 'device_id'), [a.id, b.id].sort());
  assert.deepEqual(seen(streams.telemetry, 'type'), ['telemetry']);
  assert.deepEqual(seen(streams.space, 'device_id'), [b.id], 'with sub-spaces, without others');
  for (const type of ['telemetry', 'command', 'config']) assert.ok(seen(streams.all, 'type').includes(type));
  for (const stream of Object.values(streams)) stream.close();
});

test('Last-Event-ID resumes: nothing is lost, nothing comes twice', async () => {
  const device = await newDevice();
  const first = await open('organization', `?device_id=${device.id}&types=telemetry`);
  await call(device, 'POST', '/telemetry', { telemetries: { n: 1 } });
  const seen = await first.next((data) => data.payload?.telemetries?.n === 1);
  assert.ok(seen.id, 'events have ids');
  await first.close();
  for (let n = 2; n <= 6; n++) await call(device, 'POST', '/telemetry', { telemetries: { n } });
  const second = await open('organization', `?device_id=${device.id}&types=telemetry`, { headers: { 'last-event-id': seen.id } });
  await second.next((data) => data.payload?.telemetries?.n === 6);
  assert.deepEqual(second.events.map(({ data }) => data.payload.telemetries.n), [2, 3, 4, 5, 6]);
  assert.equal(new Set(second.events.map(({ id }) => id)).size, 5);
  await second.close();
  for (const id of ['nonsense', '', '-5', '99999999999999999999', seen.id.replace(/.$/, 'x')]) {
    const stream = await open('organization', `?device_id=${device.id}&types=telemetry`, { headers: { 'last-event-id': id } });
    assert.equal(stream.status, 200, id);
    await settle(stream, device);
    stream.close();
  }
  const foreign = await follow(server, 'organization', { key: stranger.api_key, headers: { 'last-event-id': seen.id } });
  const own = await register(server, model.key);
  await partner.post('/devices/assign', { device_ids: [own.id], organization_id: stranger.id });
  await settle(foreign, own);
  assert.ok(!foreign.events.some(({ data }) => data.device_id === device.id), 'resuming shows nobody else\'s past');
  foreign.close();
});

describe('tenancy', () => {
  test('an organization sees its own devices, from the claim to the un-claim', async () => {
    const stream = await open('organization');
    const foreign = await follow(server, 'organization', { key: stranger.api_key });
    const mine = await newDevice();
    const theirs = await register(server, model.key);
    await partner.post('/devices/assign', { device_ids: [theirs.id], organization_id: stranger.id });
    const free = await newDevice({ claimed: false });
    for (const device of [mine, theirs, free]) await call(device, 'POST', '/telemetry', { telemetries: { owner: device.id } });
    await settle(stream, mine);
    await settle(foreign, theirs);
    const ids = ({ events }) => new Set(events.map(({ data }) => data.device_id));
    assert.ok(ids(stream).has(mine.id) && !ids(stream).has(theirs.id) && !ids(stream).has(free.id));
    assert.ok(ids(foreign).has(theirs.id) && !ids(foreign).has(mine.id) && !ids(foreign).has(free.id));
    assert.ok(!JSON.stringify(foreign.events).includes(mine.id), 'not in a payload either');
    await partner.post(`/devices/${mine.id}/unassign`, {});
    await call(mine, 'POST', '/telemetry', { telemetries: { after: 'unclaim' } });
    const rest = await newDevice();
    await settle(stream, rest);
    assert.ok(!stream.events.some(({ data }) => data.payload?.telemetries?.after === 'unclaim'));
    stream.close();
    foreign.close();
  });

  test('a filter by somebody else\'s device shows nothing', async () => {
    const mine = await newDevice();
    const stream = await follow(server, 'organization', { key: stranger.api_key, query: `?device_id=${mine.id}` });
    if (stream.status === 200) {
      await call(mine, 'POST', '/telemetry', { telemetries: { x: 1 } });
      const watching = await open('organization', `?device_id=${mine.id}`);
      await settle(watching, mine);
      assert.deepEqual(stream.events, []);
      watching.close();
      stream.close();
    } else {
      assert.deepEqual([stream.status, stream.text], [404, '{"error":"Device not found"}']);
    }
  });

  test('a revoked key ends its stream', async () => {
    const key = await organization.post('/api_keys', { name: 'stream' }, 201);
    const stream = await follow(server, 'organization', { key: key.key });
    const kept = await open('organization');
    await organization.del(`/api_keys/${key.id}`);
    await stream.closed;
    assert.equal((await follow(server, 'organization', { key: key.key })).status, 401);
    await settle(kept, await newDevice());
    kept.close();
  });
});

test('a slow reader is told how many it missed, and goes on; nobody else misses anything', async () => {
  const device = await newDevice();
  const other = await newDevice();
  const slow = await open('organization', `?device_id=${device.id}&types=telemetry`, { paused: true });
  const quick = await open('organization', `?device_id=${other.id}&types=telemetry`);
  const big = Object.fromEntries(Array.from({ length: 60 }, (_, n) => [`k${n}`, 'x'.repeat(1000)]));
  let sent = 0;
  let rounds = 0;
  const many = async (count, make) => {
    const round = ++rounds;
    let n = 0;
    await Promise.all(Array.from({ length: 8 }, async () => { while (n < count) { sent++; await call(device, 'POST', '/telemetry', { telemetries: make(n++) }); } }));
    await call(other, 'POST', '/telemetry', { telemetries: { beside: round } });
    await quick.next((data) => data.payload?.telemetries?.beside === round);
  };
  const isFull = async () => /^muster_live_events_dropped_total [1-9]/m.test((await request(server.metrics, 'GET', '/metrics')).text);
  // What the connection holds, the kernel decides: some hundred kilobytes or as many megabytes as its settings allow.
  while (!(await isFull()) && rounds < 80) {
    await many(25, (n) => ({ ...big, n }));
    slow.sip(200_000);
  }
  await many(100, (n) => ({ n })); // some of which find the queue full, too
  slow.resume();
  const dropped = await slow.next((data) => data.type === 'dropped', 'the notice');
  assert.ok(dropped.data.count >= 1);
  await settle(slow, device);
  const told = slow.events.filter(({ data }) => data.type === 'dropped').reduce((sum, { data }) => sum + data.count, 0);
  const got = slow.events.filter(({ data }) => data.type === 'telemetry').length;
  assert.equal(got + told, sent + 1, 'every event is shown or counted');
  assert.deepEqual(quick.events.map(({ data }) => data.type), Array.from({ length: rounds }, () => 'telemetry'));
  slow.close();
  quick.close();
});

test('many streams at once get the same, and closing them disturbs nobody', async () => {
  const device = await newDevice();
  const streams = await Promise.all(Array.from({ length: 20 }, () => open('organization', `?device_id=${device.id}&types=telemetry`)));
  for (let n = 0; n < 10; n++) streams[n].close();
  await call(device, 'POST', '/telemetry', { telemetries: { fan: 1 } });
  await Promise.all(streams.slice(10).map((stream) => stream.next((data) => data.payload?.telemetries?.fan === 1)));
  for (const stream of streams) stream.close();
  assert.equal((await call(device, 'GET', '')).status, 200);
});
