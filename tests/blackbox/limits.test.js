// Limits over HTTP (device-api.md 1.7, 1.8; management-api.md 1.7), mostly with small ones from a configuration file.
import assert from 'node:assert/strict';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import tls from 'node:tls';
import { after, before, describe, test } from 'node:test';
import { assign, client, makeModel, register, request, setup, startInstallation, startServer } from './support/server.js';
import { configured } from './support/config.js';
import { exchange, head, open } from './support/raw.js';

/** A PROXY protocol header, version 2, for TCP over IPv4 from this address, with something behind it that is to be skipped. */
const proxyHeader = (from) => Buffer.from([...Buffer.from('\r\n\r\n\0\r\nQUIT\n'), 0x21, 0x11, 0, 18, ...from, 10, 0, 0, 1, 200, 1, 1, 187, 4, 0, 3, 1, 2, 3]);

const error = (text) => JSON.stringify({ error: text });
const answer = ({ status, text }) => [status, text];
const LIMITED = [429, error('Too many requests')];

function retryAfter(reply, most = 30) {
  const seconds = Number(reply.headers['retry-after']);
  assert.ok(Number.isInteger(seconds) && seconds >= 1 && seconds <= most, `Retry-After: ${reply.headers['retry-after']}`);
  return seconds;
}

describe('rates, small', () => {
  let server;
  let model;
  before(async () => {
    const keys = setup();
    // Made without limits, watched with them.
    let running = Object.assign(await startServer({ dir: keys.dir }), keys);
    model = await makeModel(running);
    await running.stop();
    running = await startServer({ dir: keys.dir, ports: { https: null, mqtt: null }, args: configured([
      '[limits]', 'device_requests = 5', 'address_requests = 4', 'management_requests = 6', 'failed_signins_account = 3',
      '[server]', 'connections_per_address = 2', 'trusted_proxies = 127.0.0.1', 'limits_exempt = 198.51.100.0/24, 2001:db8:1::/48',
      '[listener tls]', 'kind = https', 'address = 127.0.0.1:0',
      '[listener tls-proxied]', 'kind = https', 'address = 127.0.0.1:0', 'proxy_protocol = yes',
      '[listener mqtt-proxied]', 'kind = mqtt', 'address = 127.0.0.1:0', 'proxy_protocol = yes'].join('\n')) });
    const stop = running.stop;
    server = Object.assign(running, keys, { stop: async () => { await stop(); keys.remove(); } });
  });
  after(() => server.stop());

  const from = (address, method, path, options = {}) => request(server.http, method, path, { ...options, headers: { 'x-forwarded-for': address, ...options.headers } });
  const register1 = (address, options) => from(address, 'POST', '/v1/devices', { body: {}, ...options });

  test('a device: every request counts, also failed ones; another device is not concerned', async () => {
    const device = await register(server, model.key);
    const other = await register(server, model.key);
    const at = `/v1/devices/${device.id}`;
    const key = device.access_key;
    const replies = [
      await request(server.http, 'GET', at, { key }), await request(server.http, 'POST', `${at}/telemetry`, { key, raw: '{' }),
      await request(server.http, 'HEAD', `${at}/command`, { key }), await request(server.http, 'POST', `${at}/command`, { key, body: {} }), await request(server.http, 'POST', `${at}/telemetry`, { key, body: {} }),
    ];
    assert.deepEqual(replies.map(({ status }) => status), [200, 400, 200, 422, 201]);
    const limited = await request(server.http, 'POST', `${at}/telemetry`, { key, body: { telemetries: { lost: 1 } } });
    assert.deepEqual(answer(limited), LIMITED);
    assert.equal(limited.headers['content-type'], 'application/json; charset=utf-8');
    let last = retryAfter(limited);
    for (let n = 0; n < 20; n++) {
      const again = await request(server.http, 'GET', at, { key });
      assert.deepEqual(answer(again), LIMITED, 'never 401 or 403');
      const seconds = retryAfter(again);
      assert.ok(seconds <= last, 'further calls do not extend the window');
      last = seconds;
    }
    assert.equal((await request(server.http, 'GET', `/v1/devices/${other.id}`, { key: other.access_key })).status, 200);
    assert.deepEqual(answer(await request(server.https, 'GET', at, { key, tls: true })), LIMITED, 'one count for every listener');
    assert.equal((await request(server.http, 'GET', `${at}/nothing`, { key })).status, 404, 'unknown routes come first');
  });

  test('somebody else\'s wrong keys use up nothing of a device', async () => {
    const device = await register(server, model.key);
    const at = `/v1/devices/${device.id}`;
    const wrong = [];
    for (let n = 0; n < 12; n++) wrong.push((await from('192.0.2.66', 'GET', at, { key: '0'.repeat(32) })).status);
    assert.deepEqual([...new Set(wrong)], [401, 429], wrong.join());
    assert.equal((await request(server.http, 'GET', at, { key: device.access_key })).status, 200);
    assert.equal((await from('192.0.2.66', 'GET', at, { key: device.access_key })).status, 200, 'not even from there');
  });

  test('unauthenticated routes: per source address; loopback and exempt networks are not counted', async () => {
    for (let n = 0; n < 4; n++) assert.equal((await register1('192.0.2.1')).status, 400);
    const limited = await register1('192.0.2.1');
    assert.deepEqual(answer(limited), LIMITED);
    retryAfter(limited);
    assert.deepEqual(answer(await from('192.0.2.1', 'POST', '/v1/devices/bulk_create', { body: [] })), LIMITED);
    assert.equal((await register1('192.0.2.2')).status, 400);
    for (const address of ['198.51.100.7', '2001:db8:1::5', '::1', '127.0.0.1']) {
      for (let n = 0; n < 8; n++) assert.equal((await register1(address)).status, 400, address);
    }
    for (const path of ['/', '/healthz', '/partners/']) assert.equal((await from('192.0.2.1', 'GET', path)).status, 200, `${path} is not counted`);
    for (let n = 0; n < 5; n++) assert.equal((await from('192.0.2.3', 'GET', '/')).status, 200);
    assert.equal((await register1('192.0.2.3')).status, 400);
  });

  test('of a proxy\'s list the address it wrote counts; a /64 is one address', async () => {
    for (let n = 0; n < 4; n++) assert.equal((await register1(`203.0.113.${n}, 192.0.2.30`)).status, 400);
    assert.equal((await register1('198.51.100.1, 192.0.2.30')).status, 429, 'what the client claims does not help');
    for (let n = 0; n < 4; n++) assert.equal((await register1(`2001:db8:2::${n + 1}`)).status, 400);
    assert.equal((await register1('2001:db8:2::ffff')).status, 429);
    assert.equal((await register1('2001:db8:2:1::1')).status, 400);
    assert.equal((await register1('nonsense')).status, 400, 'an unreadable list changes nothing');
  });

  test('behind a PROXY v2 header, before TLS, the address in it counts, and no header of HTTP changes it', async () => {
    const [, proxied] = server.listeners.filter(({ kind }) => kind === 'https');
    const statuses = async (address, count) => {
      const socket = net.connect(proxied.port, proxied.host);
      socket.write(proxyHeader(address));
      const agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
      agent.createConnection = () => tls.connect({ socket, rejectUnauthorized: false });
      const seen = [];
      for (let n = 0; n < count; n++) {
        seen.push((await request(proxied, 'POST', '/v1/devices', { body: {}, tls: true, agent, headers: { 'x-forwarded-for': `203.0.113.${n}` } })).status);
      }
      agent.destroy();
      return seen;
    };
    assert.deepEqual(await statuses([192, 0, 2, 50], 5), [400, 400, 400, 400, 429]);
    assert.deepEqual(await statuses([192, 0, 2, 51], 2), [400, 400]);
    assert.deepEqual(await statuses([192, 0, 2, 50], 1), [429], 'on another connection of that address too');
    const bare = await open(proxied);
    bare.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await bare.end();
  });

  test('MQTT behind a PROXY v2 header: connections count for the address in it', async () => {
    const peers = [];
    const connack = async (address) => {
      const { id, access_key: key } = await register(server, model.key);
      const peer = await open(server.mqtt);
      const text = (value) => Buffer.concat([Buffer.from([0, value.length]), Buffer.from(value)]);
      const body = Buffer.concat([text('MQTT'), Buffer.from([5, 0xc2, 0, 60, 0]), text(id), text(id), text(key)]);
      peer.send(Buffer.concat([proxyHeader(address), Buffer.from([0x10, body.length]), body]));
      peers.push(peer);
      await peer.until(() => peer.ended || peer.data.length > 3, 'CONNACK');
      return peer.data[3];
    };
    const seen = [];
    for (const last of [60, 60, 60, 61]) seen.push(await connack([192, 0, 2, last]));
    assert.deepEqual(seen, [0, 0, undefined, 0]);
    for (const peer of peers) peer.destroy();
  });

  test('wrong management keys count for their address', async () => {
    const guess = () => from('192.0.2.40', 'GET', '/core/v1/partner/models', { key: 'mp_guess' });
    for (let n = 0; n < 4; n++) assert.equal((await guess()).status, 401);
    assert.deepEqual(answer(await guess()), LIMITED);
    assert.equal((await from('192.0.2.40', 'GET', '/core/v1/organization/info', { key: server.organization_key })).status, 200, 'a right key has a count of its own');
  });

  test('a management key: its own count', async () => {
    const { key } = (await request(server.http, 'POST', '/core/v1/partner/api_keys', { key: server.partner_key, body: { name: 'limited' } })).json;
    for (let n = 0; n < 6; n++) assert.equal((await request(server.http, 'GET', '/core/v1/partner/overview', { key })).status, 200);
    const limited = await request(server.http, 'GET', '/core/v1/partner/overview', { key });
    assert.deepEqual(answer(limited), LIMITED);
    retryAfter(limited);
    assert.deepEqual(answer(await request(server.http, 'POST', '/core/v1/partner/models', { key, body: {} })), LIMITED);
    assert.equal((await request(server.http, 'GET', '/core/v1/partner/overview', { key: server.partner_key })).status, 200);
  });

  test('failed claims are counted, found devices are not', async () => {
    const { key } = (await request(server.http, 'POST', '/core/v1/organization/api_keys', { key: server.organization_key, body: { name: 'claims' } })).json;
    const lookup = (n) => request(server.http, 'POST', '/core/v1/organization/devices/claim', { key, body: { space_id: 1, cloud_id: `guess-${n}-0123456789` } });
    for (let n = 0; n < 3; n++) assert.deepEqual(answer(await lookup(n)), [404, error('Device not found')]);
    const limited = await lookup(4);
    assert.deepEqual(answer(limited), LIMITED);
    retryAfter(limited, 60);
  });
});

describe('the defaults', () => {
  let server;
  let model;
  before(async () => {
    server = await startInstallation();
    model = await makeModel(server);
  });
  after(() => server.stop());

  const many = async (count, one) => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
    const replies = await Promise.all(Array.from({ length: count }, () => one(agent)));
    agent.destroy();
    return replies.map(({ status }) => status);
  };
  const counts = (statuses, ok) => [statuses.filter((status) => status === ok).length, statuses.filter((status) => status === 429).length];

  test('150 requests of a device in 30 s', async () => {
    const device = await register(server, model.key);
    const statuses = await many(160, (agent) => request(server.http, 'GET', `/v1/devices/${device.id}/command`, { key: device.access_key, agent }));
    assert.deepEqual(counts(statuses, 200), [150, 10]);
  });

  test('600 requests of a key in 30 s', async () => {
    const { key } = await client(server, 'partner', server.partner_key).post('/api_keys', { name: 'many' }, 201);
    const statuses = await many(610, (agent) => request(server.http, 'GET', '/core/v1/partner/settings', { key, agent }));
    assert.deepEqual(counts(statuses, 200), [600, 10]);
  });

  test('loopback has no limit per address, and nobody believes a forwarded one without being told', async () => {
    const statuses = await many(650, (agent) => request(server.http, 'POST', '/v1/devices', { body: {}, agent, headers: { 'x-forwarded-for': '192.0.2.1' } }));
    assert.deepEqual(counts(statuses, 400), [650, 0]);
  });
});

describe('sizes', () => {
  let server;
  let device;
  let organization;
  before(async () => {
    server = await startInstallation({ args: configured([
      '[http]', 'body_max = 4096', 'bulk_body_max = 8192', 'headers_max = 2048',
      '[limits]', 'device_requests = 0', 'management_requests = 0', 'telemetry_max = 1024', 'telemetry_string_max = 10', 'telemetry_key_max = 8', 'state_keys_max = 5', 'state_max = 100',
      'config_max = 512', 'details_max = 64', 'commands_open = 3'].join('\n')) });
    organization = client(server, 'organization', server.organization_key);
    const model = await makeModel(server);
    device = await register(server, model.key);
    device.model = model;
    await assign(server, device.id);
  });
  after(() => server.stop());

  const post = (path, body, options) => request(server.http, 'POST', `/v1/devices/${device.id}${path}`, { key: device.access_key, body, ...options });
  const sized = (bytes) => `{"x":"${'y'.repeat(bytes - 8)}"}`;

  test('a body is read to its limit and no further', async () => {
    assert.equal((await post('/command', undefined, { raw: sized(4096) })).status, 422);
    assert.deepEqual(answer(await post('/command', undefined, { raw: sized(4097) })), [413, error('Payload too large')]);
    const chunked = await exchange(server.http, `${head('POST', `/v1/devices/${device.id}/command`, { Authorization: device.access_key, 'Transfer-Encoding': 'chunked' })}1001\r\n${sized(4097)}\r\n0\r\n\r\n`);
    assert.deepEqual(answer(chunked), [413, error('Payload too large')]);
    const huge = await exchange(server.http, head('POST', `/v1/devices/${device.id}/command`, { Authorization: device.access_key, 'Content-Length': 1e12 }));
    assert.deepEqual(answer(huge), [413, error('Payload too large')], 'by its length alone');
    assert.equal((await request(server.http, 'POST', '/v1/devices/bulk_create', { raw: `["${'y'.repeat(6000)}"]` })).status, 201, 'bulk calls have a limit of their own');
    assert.equal((await request(server.http, 'POST', '/v1/devices/bulk_create', { raw: `["${'y'.repeat(9000)}"]` })).status, 413);
    assert.deepEqual(answer(await exchange(server.http, head('GET', '/', { 'X-Padding': 'x'.repeat(2048) }))), [431, error('Headers too large')]);
    assert.equal((await exchange(server.http, head('GET', '/', { 'X-Padding': 'x'.repeat(1500) }))).status, 200);
  });

  test('telemetry, configuration, details and the queue', async () => {
    const telemetry = (telemetries, more = {}) => post('/telemetry', { telemetries, ...more });
    assert.deepEqual(answer(await telemetry({}, { padding: 'x'.repeat(1024) })), [413, error('Payload too large')]);
    assert.deepEqual(answer(await telemetry({ a: 'x'.repeat(11) })), [422, error('Common telemetries.a is too long (maximum is 10 bytes)')]);
    assert.equal((await telemetry({ k23456789: 1 })).status, 422);
    assert.equal((await telemetry({ a: 1, b: 2, c: 3, d: 4 })).status, 201);
    assert.equal((await telemetry({ e: 1, f: 2, g: 3 })).status, 422, 'too many keys in the merged state');
    assert.equal((await telemetry({ e: 1, f: 2, g: 3 }, { override: true })).status, 201, 'but not when it replaces the state');
    assert.deepEqual(answer(await post('/config', { config: { x: 'y'.repeat(600) } })), [413, error('Payload too large')]);
    assert.equal((await post('/config', { config: { x: 'y'.repeat(400) } })).status, 200);
    const details = await request(server.http, 'POST', '/v1/devices', { body: { hardware_key: device.model.key, firmware_version: '1.0.0', sn: 'x', mac: 'x', details: { x: 'y'.repeat(64) } } });
    assert.deepEqual(answer(details), [422, error('Details is too long (maximum is 64 characters)')]);
    for (let n = 0; n < 3; n++) await organization.post(`/devices/${device.id}/commands`, { name: 'reboot' });
    const fourth = await request(server.http, 'POST', `/core/v1/organization/devices/${device.id}/commands`, { key: server.organization_key, body: { name: 'reboot' } });
    assert.equal(fourth.status, 422);
    const { id } = (await organization.get(`/devices/${device.id}/commands`)).items[0];
    await organization.del(`/devices/${device.id}/commands/${id}`);
    assert.equal((await organization.post(`/devices/${device.id}/commands`, { name: 'reboot' })).status, 'pending');
  });
});

describe('times', () => {
  let server;
  before(async () => {
    server = await startInstallation({ args: configured('[http]\nrequest_timeout = 400ms\nkeep_alive_timeout = 1500ms\n') });
  });
  after(() => server.stop());

  const timedOut = async (peer) => {
    const reply = await peer.reply();
    assert.deepEqual(answer(reply), [408, error('Request timeout')]);
    await peer.end();
  };

  test('half a request line, half a head, half a body, half a chunk: 408 and the end', async () => {
    const halves = ['GET / HT', 'GET / HTTP/1.1\r\nHost: x\r\n', `${head('POST', '/v1/devices', { 'Content-Length': 10 })}{"a"`, `${head('POST', '/v1/devices', { 'Transfer-Encoding': 'chunked' })}5\r\n{"a`];
    await Promise.all(halves.map(async (half) => {
      const peer = await open(server.http);
      peer.send(half);
      await timedOut(peer);
    }));
  });

  test('a byte now and then does not hold a connection for ever', async () => {
    const peer = await open(server.http);
    peer.send('GET /');
    const timer = setInterval(() => peer.send('a'), 100);
    try {
      await timedOut(peer);
    } finally {
      clearInterval(timer);
    }
  });

  test('an idle connection is closed without a word, but not before its time', async () => {
    const fresh = await open(server.http);
    const used = await open(server.http);
    used.send(head('GET', '/'));
    assert.equal((await used.reply()).status, 200);
    const since = Date.now();
    await used.end();
    assert.ok(Date.now() - since >= 1400, `after ${Date.now() - since} ms`);
    await fresh.end();
    const slow = await open(server.http);
    slow.send(head('GET', '/') + head('GET', '/').slice(0, 10));
    assert.equal((await slow.reply()).status, 200);
    await timedOut(slow);
  });
});
