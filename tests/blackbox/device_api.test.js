// The device API over HTTP (device-api.md 1, 2.1-2.4, 2.7, 3.1-3.3, 4, 5, 7.1, 10): exact replies, the order of checks,
// and what HTTP itself demands.
import assert from 'node:assert/strict';
import { createHmac, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { assign, client, makeModel, register, request, setup, startInstallation, startServer, until } from './support/server.js';
import { exchange, head, open } from './support/raw.js';
import { unlimited } from './support/config.js';
import { blob, editDatabase } from './support/database.js';

const NOT_AUTHORIZED = '{"error":"Not authorized"}';
const JSON_TYPE = 'application/json; charset=utf-8';
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
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

/** A device of the common model with call(method, path below the device, body). */
async function newDevice({ claimed = false, on = server, key = model.key, ...fields } = {}) {
  const device = await register(on, key, fields);
  if (claimed) await assign(on, device.id);
  device.call = (method, path = '', body, options = {}) =>
    request(on.http, method, `/v1/devices/${device.id}${path}`, { key: device.access_key, body, ...options });
  device.get = async (path = '') => (await device.call('GET', path)).json;
  return device;
}

const answer = ({ status, text }) => [status, text];
const error = (text) => JSON.stringify({ error: text });
const post = (path, body, options) => request(server.http, 'POST', path, { body, ...options });
const send = (device, name, fields = {}) => organization.post(`/devices/${device.id}/commands`, { name, ...fields });

let serial = 0;
/** A registration body of the common model that is right in every field. */
const good = (fields = {}) => ({ hardware_key: model.key, firmware_version: '1.0.0', sn: `G-${++serial}`, mac: '11:22:33:44:55:66', ...fields });

describe('hosts, routes and authentication', () => {
  test('GET / answers JSON, a page to browsers, nothing to HEAD; the Host header does not matter', async () => {
    const plain = await request(server.http, 'GET', '/');
    assert.deepEqual(answer(plain), [200, '{"name":"Muster","status":"ok"}']);
    assert.equal(plain.headers['content-type'], JSON_TYPE);
    const page = await request(server.http, 'GET', '/', { headers: { accept: 'text/html,application/xhtml+xml' } });
    assert.equal(page.status, 200);
    assert.match(page.headers['content-type'], /^text\/html/);
    assert.deepEqual(answer(await request(server.http, 'HEAD', '/')), [200, '']);
    const other = await request(server.http, 'GET', '/', { headers: { host: 'old-entry.example.com' } });
    assert.deepEqual(answer(other), [200, '{"name":"Muster","status":"ok"}']);
  });

  test('HEAD / over a fresh TLS connection without SNI, TLS 1.2 and 1.3', async () => {
    for (const version of ['TLSv1.2', 'TLSv1.3']) {
      const reply = await exchange(server.https, head('HEAD', '/'), { secure: true, head: true, minVersion: version, maxVersion: version, servername: '' });
      assert.deepEqual([reply.status, reply.text], [200, '']);
      assert.ok(Number(reply.headers['content-length']) > 0);
    }
  });

  test('every failure of authentication is the same 401', async () => {
    const device = await newDevice();
    const other = await newDevice();
    const gone = await newDevice();
    assert.equal((await gone.call('DELETE')).status, 200);
    const cases = [
      [device.id, undefined], [device.id, ''], [device.id, other.access_key], [device.id, '0'.repeat(32)], [device.id, 'x'],
      [device.id, `Basic ${device.access_key}`], [device.id, `${device.access_key}0`], [device.id, device.access_key.slice(1)],
      [device.id, model.key], [device.id, server.partner_key], [device.id, server.organization_key],
      [randomUUID(), device.access_key], ['nonsense', device.access_key], [device.id.slice(1), device.access_key],
      [`${device.id}%2F`, device.access_key], [gone.id, gone.access_key],
    ];
    for (const [id, key] of cases) {
      for (const [method, path] of [['GET', ''], ['GET', '/command'], ['POST', '/telemetry'], ['POST', '/config'], ['DELETE', '']]) {
        const reply = await request(server.http, method, `/v1/devices/${id}${path}`, { headers: key === undefined ? {} : { authorization: key }, raw: method === 'POST' ? '{' : undefined });
        assert.deepEqual(answer(reply), [401, NOT_AUTHORIZED], `${method} ${id}${path} with ${key}`);
        assert.equal(reply.headers['content-type'], JSON_TYPE);
      }
    }
    assert.equal((await device.call('GET')).status, 200, 'nothing happened to the device');
  });

  test('the key is accepted bare, with Bearer in any case, and under any case of the header', async () => {
    const device = await newDevice();
    for (const headers of [{ authorization: device.access_key }, { AUTHORIZATION: `Bearer ${device.access_key}` },
      { Authorization: `bearer ${device.access_key}` }, { aUTHORIZATION: `BEARER ${device.access_key}` }]) {
      const reply = await request(server.http, 'GET', `/v1/devices/${device.id}/`, { headers });
      assert.equal(reply.status, 200, JSON.stringify(headers));
    }
  });

  test('unknown routes are 404 and wrong methods 405 with Allow, before any authentication', async () => {
    const device = await newDevice();
    for (const [method, path] of [['GET', '/v1'], ['GET', '/v1/nothing'], ['POST', `/v1/devices/${device.id}/nothing`], ['GET', `/v1/devices/${device.id}/command/x/y`],
      ['GET', '/v2/devices'], ['DELETE', '/core/v1/nothing'], ['GET', `/v1/devices/${device.id}%2Fcommand/x`], ['GET', `//v1/devices/${device.id}`]]) {
      const reply = await request(server.http, method, path);
      assert.deepEqual(answer(reply), [404, error('Unknown endpoint')], `${method} ${path}`);
      assert.equal(reply.headers['content-type'], JSON_TYPE);
    }
    for (const [method, path, allow] of [['PUT', `/v1/devices/${device.id}/telemetry`, ['POST']], ['GET', '/v1/devices', ['POST']], ['PATCH', '/v1/devices/bulk_create', ['POST']],
      ['GET', '/v1/devices/bulk_create', ['POST']], ['GET', '/v1/devices-1', ['POST']],
      ['DELETE', `/v1/devices/${device.id}/command`, ['GET', 'HEAD', 'POST']], ['POST', '/', ['GET', 'HEAD']], ['OPTIONS', '/v1/devices', ['POST']]]) {
      const reply = await request(server.http, method, path);
      assert.deepEqual(answer(reply), [405, error('Method not allowed')], `${method} ${path}`);
      for (const name of allow) assert.ok(reply.headers.allow.split(/, */).includes(name), `${path}: Allow is ${reply.headers.allow}`);
    }
  });

  test('one trailing slash is ignored everywhere, two are not', async () => {
    const device = await newDevice();
    assert.equal((await device.call('GET', '/')).status, 200);
    assert.equal((await device.call('POST', '/telemetry/', {})).status, 201);
    assert.equal((await post('/v1/devices/', good())).status, 201);
    assert.equal((await post('/v1/devices/bulk_create/', [good()])).status, 201);
    assert.equal((await request(server.http, 'GET', '/core/v1/organization/info/', { key: server.organization_key })).status, 200);
    assert.equal((await request(server.http, 'GET', '/healthz/')).status, 200);
    assert.equal((await device.call('GET', '/command//')).status, 404);
  });

  test('segments are decoded once, after the split', async () => {
    const device = await newDevice();
    const hex = (text) => `%${text.charCodeAt(0).toString(16).padStart(2, '0')}`;
    const encoded = `${hex(device.id[0])}${device.id.slice(1)}`;
    assert.equal((await request(server.http, 'GET', `/v1/devices/${encoded}/%63ommand`, { key: device.access_key })).status, 200);
    const twice = `%25${hex(device.id[0]).slice(1)}${device.id.slice(1)}`;
    assert.equal((await request(server.http, 'GET', `/v1/devices/${twice}`, { key: device.access_key })).status, 401);
  });

  test('HEAD works wherever GET does, with the length and without the body', async () => {
    const device = await newDevice();
    for (const path of ['', '/command', '/config']) {
      const got = await device.call('GET', path);
      const raw = await open(server.http);
      raw.send(head('HEAD', `/v1/devices/${device.id}${path}`, { Authorization: device.access_key }));
      const asked = await raw.reply({ head: true });
      assert.equal(asked.status, 200);
      assert.equal(asked.headers['content-type'], JSON_TYPE);
      assert.equal(asked.headers['content-length'], String(Buffer.byteLength(got.text)));
      raw.send(head('GET', '/', { Connection: 'close' }));
      assert.equal((await raw.reply()).status, 200, 'nothing came between');
      await raw.end();
    }
    const raw = await open(server.http);
    raw.send(head('HEAD', `/v1/devices/${device.id}`, { Connection: 'close' }));
    assert.equal((await raw.reply({ head: true })).status, 401);
    await raw.end();
  });

  test('every reply is compact JSON with its type and length', async () => {
    const device = await newDevice({ claimed: true, name: 'Küche / Erdgeschoß – ☃ 😀' });
    for (const reply of [await device.call('GET'), await device.call('GET', '/command'), await device.call('GET', '/config'),
      await device.call('POST', '/telemetry', { telemetries: { 'a/b': 'ü/"\\\n' } }), await device.call('POST', '/config', { a: { b: '/ü' } }),
      await device.call('POST', '/command', { id: randomUUID(), status: 'done' })]) {
      assert.equal(reply.headers['content-type'], JSON_TYPE);
      assert.equal(reply.headers['content-length'], String(Buffer.byteLength(reply.text)));
      assert.equal(reply.text, JSON.stringify(reply.json), 'compact, "/" and UTF-8 not escaped');
    }
    const { text } = await device.call('GET');
    assert.ok(text.includes('"name":"Küche / Erdgeschoß – ☃ 😀"'), text);
    assert.ok(text.includes('"a/b":"ü/\\"\\\\\\n"'), text);
  });
});

describe('HTTP', () => {
  test('chunked bodies, with extensions and trailers', async () => {
    const device = await newDevice();
    const reply = await exchange(server.http,
      `${head('POST', `/v1/devices/${device.id}/telemetry`, { Authorization: device.access_key, 'Transfer-Encoding': 'chunked' })}`
      + '10;note=x\r\n{"telemetries":{\r\n8\r\n"a":77}}\r\n0\r\nTrailer: x\r\n\r\n');
    assert.equal(reply.status, 201);
    assert.equal((await device.get()).state.a, 77);
  });

  test('a body by node, streamed in pieces', async () => {
    const device = await newDevice();
    const status = await new Promise((resolve, reject) => {
      const call = http.request({ ...server.http, method: 'POST', path: `/v1/devices/${device.id}/telemetry`, headers: { authorization: device.access_key } },
        (reply) => { reply.resume(); resolve(reply.statusCode); });
      call.on('error', reject);
      call.write('{"telemetries":');
      setImmediate(() => { call.write('{"b":'); call.end('5}}'); });
    });
    assert.equal(status, 201);
    assert.equal((await device.get()).state.b, 5);
  });

  test('Expect: 100-continue is answered before the body is sent; another expectation is 417', async () => {
    const device = await newDevice();
    const path = `/v1/devices/${device.id}/telemetry`;
    const body = '{"telemetries":{"c":1}}';
    const peer = await open(server.http);
    peer.send(head('POST', path, { Authorization: device.access_key, 'Content-Length': body.length, Expect: '100-continue' }));
    assert.equal((await peer.reply()).status, 100);
    peer.send(body);
    assert.equal((await peer.reply()).status, 201);
    // One that is refused by its head alone is not asked to send.
    peer.send(head('POST', path, { Authorization: 'wrong', 'Content-Length': body.length, Expect: '100-continue' }));
    const refused = await peer.reply();
    assert.deepEqual(answer(refused), [401, NOT_AUTHORIZED]);
    peer.destroy();
    const other = await exchange(server.http, head('POST', path, { Authorization: device.access_key, 'Content-Length': 2, Expect: 'tea' }) + '{}');
    assert.deepEqual(answer(other), [417, error('Expectation failed')]);
  });

  test('pipelined requests are answered in order, also when they change something', async () => {
    const device = await newDevice();
    const auth = { Authorization: device.access_key };
    const at = `/v1/devices/${device.id}`;
    const telemetry = (n) => { const body = JSON.stringify({ telemetries: { n } }); return head('POST', `${at}/telemetry`, { ...auth, 'Content-Length': body.length }) + body; };
    const peer = await open(server.http);
    peer.send([head('GET', `${at}/config`, auth), telemetry(1), head('GET', at, auth), telemetry(2), head('GET', at, auth), head('GET', '/v1/nothing'), head('GET', '/')].join(''));
    assert.equal(JSON.parse((await peer.reply()).text).version, 0);
    assert.equal((await peer.reply()).status, 201);
    assert.equal(JSON.parse((await peer.reply()).text).state.n, 1);
    assert.equal((await peer.reply()).status, 201);
    assert.equal(JSON.parse((await peer.reply()).text).state.n, 2);
    assert.equal((await peer.reply()).status, 404);
    assert.equal((await peer.reply()).text, '{"name":"Muster","status":"ok"}');
    peer.destroy();
  });

  test('connections are kept or closed as the client asks, in 1.0 and 1.1', async () => {
    const kept = await open(server.http);
    for (let n = 0; n < 3; n++) {
      kept.send(head('GET', '/'));
      const reply = await kept.reply();
      assert.equal(reply.status, 200);
      assert.notEqual(reply.headers.connection, 'close');
    }
    kept.send(head('GET', '/', { Connection: 'close' }));
    assert.equal((await kept.reply()).headers.connection?.toLowerCase(), 'close');
    await kept.end();
    const old = await open(server.http);
    old.send(head('GET', '/', {}, '1.0'));
    const reply = await old.reply();
    assert.deepEqual(answer(reply), [200, '{"name":"Muster","status":"ok"}']);
    await old.end();
    const oldKept = await open(server.http);
    oldKept.send(head('GET', '/', { Connection: 'keep-alive' }, '1.0'));
    assert.equal((await oldKept.reply()).headers.connection?.toLowerCase(), 'keep-alive');
    oldKept.send(head('GET', '/', {}, '1.0'));
    assert.equal((await oldKept.reply()).status, 200);
    await oldKept.end();
  });

  test('a client that goes in the middle of its request, or before the reply, disturbs nobody', async () => {
    const device = await newDevice();
    for (let n = 0; n < 10; n++) {
      const half = await open(server.http);
      half.send(head('POST', `/v1/devices/${device.id}/telemetry`, { Authorization: device.access_key, 'Content-Length': 100 }) + '{"tele');
      half.destroy();
      const whole = await open(server.http);
      const body = JSON.stringify({ telemetries: { gone: n } });
      whole.send(head('POST', `/v1/devices/${device.id}/telemetry`, { Authorization: device.access_key, 'Content-Length': body.length }) + body);
      whole.destroy();
    }
    assert.equal((await device.call('POST', '/telemetry', { telemetries: { still: true } })).status, 201);
    assert.equal((await device.get()).state.still, true);
  });

  test('413, 414 and 431 by size, with the specified texts', async () => {
    const device = await newDevice();
    const big = await device.call('POST', '/telemetry', undefined, { raw: `{"x":"${'y'.repeat(256 * 1024)}"}` });
    assert.deepEqual(answer(big), [413, error('Payload too large')]);
    const telemetry = await device.call('POST', '/telemetry', { telemetries: { a: 1 }, padding: 'x'.repeat(128 * 1024) });
    assert.deepEqual(answer(telemetry), [413, error('Payload too large')]);
    const config = await device.call('POST', '/config', { padding: 'x'.repeat(128 * 1024) });
    assert.deepEqual(answer(config), [413, error('Payload too large')]);
    const uri = await exchange(server.http, head('GET', `/${'a'.repeat(9000)}`));
    assert.deepEqual(answer(uri), [414, error('URI too long')]);
    const headers = await exchange(server.http, head('GET', '/', { 'X-Padding': 'x'.repeat(17000) }));
    assert.deepEqual(answer(headers), [431, error('Headers too large')]);
  });
});

describe('bodies', () => {
  test('the content type is not looked at, an empty body is {}, a body on GET and DELETE is ignored', async () => {
    const device = await newDevice();
    for (const headers of [{ 'content-type': 'text/plain' }, { 'content-type': 'application/octet-stream' }, { 'content-type': '' }]) {
      assert.equal((await device.call('POST', '/telemetry', undefined, { raw: '{"telemetries":{}}', headers })).status, 201);
    }
    assert.equal((await device.call('POST', '/telemetry')).status, 201);
    assert.equal((await device.call('POST', '/telemetry', undefined, { raw: '' })).status, 201);
    const none = await exchange(server.http, head('POST', `/v1/devices/${device.id}/telemetry`, { Authorization: device.access_key }));
    assert.equal(none.status, 201);
    assert.deepEqual(answer(await request(server.http, 'POST', '/v1/devices')), [400, error('Hardware key is invalid')]);
    assert.equal((await device.call('GET', '/command', undefined, { raw: 'rubbish' })).status, 200);
    assert.equal((await device.call('GET', '/config', undefined, { raw: '[1]' })).status, 200);
    assert.deepEqual(answer(await device.call('DELETE', '', undefined, { raw: '{' })), [200, '{"success":true}']);
  });

  test('JSON that is none is 400, a wrong root 422, both after authentication', async () => {
    const device = await newDevice();
    for (const path of ['/telemetry', '/config', '/command']) {
      for (const raw of ['{', '{"a":1,}', 'x', '{}{}', '\u0000']) {
        assert.deepEqual(answer(await device.call('POST', path, undefined, { raw })), [400, error('Invalid JSON')], `${path} ${raw}`);
      }
      for (const raw of ['[]', '"x"', '1', 'null', 'true']) {
        assert.deepEqual(answer(await device.call('POST', path, undefined, { raw })), [422, error('Body must be an object')], `${path} ${raw}`);
      }
    }
    assert.deepEqual(answer(await post('/v1/devices', [])), [422, error('Body must be an object')]);
    assert.deepEqual(answer(await post('/v1/devices/bulk_create', {})), [422, error('Body must be an array')]);
    assert.deepEqual(answer(await post('/v1/devices-1', undefined, { raw: '{' })), [400, error('Invalid JSON')]);
  });

  test('of duplicate keys the last wins', async () => {
    const device = await newDevice();
    assert.equal((await device.call('POST', '/telemetry', undefined, { raw: '{"telemetries":{"z":0},"telemetries":{"a":1,"b":2,"a":3}}' })).status, 201);
    const { state } = await device.get();
    assert.deepEqual([state.a, state.b, state.z], [3, 2, undefined]);
    const raw = `{"hardware_key":"nonsense","firmware_version":"1.0.0","sn":"dup-1","mac":"1","sn":"dup-2","hardware_key":"${model.key}"}`;
    const reply = await request(server.http, 'POST', '/v1/devices', { raw });
    assert.equal(reply.status, 201);
    assert.equal((await partner.get(`/devices/${reply.json.id}`)).sn, 'dup-2');
  });

  test('32 levels are read, 33 are not', async () => {
    const device = await newDevice();
    const nested = (levels) => `{"config":{"a":${'['.repeat(levels - 2)}${']'.repeat(levels - 2)}}}`;
    assert.equal((await device.call('POST', '/config', undefined, { raw: nested(32) })).status, 200);
    assert.deepEqual(answer(await device.call('POST', '/config', undefined, { raw: nested(33) })), [400, error('Invalid JSON')]);
  });

  test('digits for integers, words for booleans, numbers for strings', async () => {
    const device = await newDevice();
    assert.equal((await device.call('POST', '/telemetry', { telemetries: { a: 1, b: 2 } })).status, 201);
    assert.equal((await device.call('POST', '/telemetry', { telemetries: { c: 3 }, override: 'true' })).status, 201);
    assert.deepEqual(await device.get().then(({ state }) => state), { status: 'online', c: 3 });
    assert.equal((await device.call('POST', '/telemetry', { telemetries: { d: 4 }, override: 'false' })).status, 201);
    assert.deepEqual(await device.get().then(({ state }) => state), { status: 'online', c: 3, d: 4 });
    const set = await device.call('POST', '/config', { config: { a: 1 }, version: '7' });
    assert.equal(set.json.version, 7);
    const numbered = await register(server, model.key, { sn: 1234567, name: 42 });
    const shown = await partner.get(`/devices/${numbered.id}`);
    assert.deepEqual([shown.sn, shown.name], ['1234567', '42']);
    assert.deepEqual(answer(await post('/v1/devices', good({ sn: 1234567 }))), [422, error('Sn has already been taken')]);
  });
});

describe('registration', () => {
  test('201 with exactly the five fields', async () => {
    const reply = await post('/v1/devices', good({ success: false, error: null, device_model: randomUUID(), unknown: { x: [1] } }), { key: 'ignored' });
    assert.equal(reply.status, 201);
    const base = `https://127.0.0.1:${server.https.port}`;
    assert.equal(reply.text, JSON.stringify({ id: reply.json.id, access_key: reply.json.access_key, hub_url: base, hub_url_static_cert: base, mqtt_hub_url: `mqtt://127.0.0.1:${server.mqtt.port}` }));
    assert.match(reply.json.id, /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/);
    assert.match(reply.json.access_key, /^[0-9a-f]{32}$/);
    assert.equal(reply.headers['content-type'], JSON_TYPE);
    const overTls = await request(server.https, 'POST', '/v1/devices', { tls: true, body: good() });
    assert.equal(overTls.status, 201);
    assert.equal(overTls.json.hub_url, base);
  });

  test('the checks and their order: each body is wrong in all that follows too', async () => {
    await post('/v1/devices', good({ sn: 'TAKEN' }));
    const cloud = await makeModel(server, { authentication_method: 'cloud_id' });
    const application = await makeModel(server, { device_type: 'application' });
    const keys = `/models/${model.id}/hardware_keys`;
    const revoked = await partner.post(keys, { name: 'revoked' });
    await partner.post(`${keys}/${revoked.id}/revoke`, {});
    const limited = await partner.post(keys, { name: 'limited', expected_count: 1, enforce_count: true });
    assert.equal((await post('/v1/devices', good({ hardware_key: limited.key }))).status, 201);
    const taken = `cid-${randomUUID().slice(0, 8)}`;
    const cloudBody = (fields) => ({ hardware_key: cloud.key, firmware_version: '1.0.0', sn: `C-${++serial}`, ...fields });
    assert.equal((await post('/v1/devices', cloudBody({ cloud_id: taken, sn: 'TAKEN' }))).status, 201, 'a serial number is unique within its model');
    const parentDevice = await newDevice();

    const cases = [
      [{}, 400, 'Hardware key is invalid'],
      [{ hardware_key: null, firmware_version: '' }, 400, 'Hardware key is invalid'],
      [{ hardware_key: '', sn: 'TAKEN' }, 400, 'Hardware key is invalid'],
      [{ hardware_key: randomUUID() }, 400, 'Hardware key is invalid'],
      [{ hardware_key: 'nonsense' }, 400, 'Hardware key is invalid'],
      [{ hardware_key: { x: 1 } }, 400, 'Hardware key is invalid'],
      [{ hardware_key: revoked.key }, 400, 'Hardware key is invalid'],
      [{ partner_key: randomUUID(), model_id: model.id, firmware_version: '1.0.0', sn: 'L-1', mac: '1' }, 400, 'Hardware key is invalid'],
      [{ hardware_key: limited.key }, 422, 'Hardware key limit reached'],
      [{ hardware_key: model.key }, 422, "Firmware version can't be blank"],
      [{ hardware_key: model.key, firmware_version: null, sn: 'TAKEN', mac: 'x' }, 422, "Firmware version can't be blank"],
      [{ hardware_key: model.key, firmware_version: '  ', sn: 'TAKEN' }, 422, "Firmware version can't be blank"],
      [{ hardware_key: model.key, firmware_version: 'bad', details: 1 }, 422, "Sn can't be blank"],
      [{ hardware_key: model.key, firmware_version: 'bad', sn: 'TAKEN', details: 1 }, 422, "Mac can't be blank"],
      [{ hardware_key: cloud.key, firmware_version: 'bad', details: 1 }, 422, "Sn can't be blank"],
      [{ hardware_key: cloud.key, firmware_version: 'bad', sn: 'x', cloud_id: '' }, 422, "Cloud id can't be blank"],
      [{ hardware_key: application.key, firmware_version: 'bad', sn: 'x', mac: 'x' }, 422, "Parent can't be blank"],
      [good({ firmware_version: '1.0', details: 1, sn: 'TAKEN' }), 422, 'Firmware version is invalid'],
      [good({ firmware_version: '1.0.0.0' }), 422, 'Firmware version is invalid'],
      [good({ firmware_version: '01.0.0' }), 422, 'Firmware version is invalid'],
      [good({ firmware_version: 'v1.0.0' }), 422, 'Firmware version is invalid'],
      [good({ firmware_version: 1 }), 422, 'Firmware version is invalid'],
      [good({ cloud_id: 'short', details: 1, sn: 'TAKEN' }), 422, 'Cloud id is invalid'],
      [good({ cloud_id: 'x'.repeat(65) }), 422, 'Cloud id is invalid'],
      [good({ cloud_id: 'with blank in' }), 422, 'Cloud id is invalid'],
      [good({ nano_id: 'with/slash1' }), 422, 'Cloud id is invalid'],
      [good({ details: [], sn: 'TAKEN' }), 422, 'Details must be an object'],
      [good({ details: 'text', parent_id: 'x' }), 422, 'Details must be an object'],
      [good({ parent_id: randomUUID(), sn: 'TAKEN' }), 422, 'Parent is invalid'],
      [good({ parent_id: 'nonsense', sn: 'TAKEN' }), 422, 'Parent is invalid'],
      [{ hardware_key: application.key, firmware_version: '1.0.0', sn: 'a', mac: 'a', parent_id: randomUUID() }, 422, 'Parent is invalid'],
      [cloudBody({ cloud_id: taken, sn: 'TAKEN' }), 422, 'Cloud id has already been taken'],
      [good({ cloud_id: taken, sn: 'TAKEN' }), 422, 'Cloud id has already been taken'],
      [good({ sn: 'TAKEN' }), 422, 'Sn has already been taken'],
      [good({ sn: 'x'.repeat(256) }), 422, 'Sn is too long (maximum is 255 characters)'],
      [good({ name: 'ü'.repeat(256) }), 422, 'Name is too long (maximum is 255 characters)'],
      [good({ firmware_version: `1.0.0-${'x'.repeat(250)}` }), 422, 'Firmware version is too long (maximum is 255 characters)'],
      [good({ sub_model: 'x'.repeat(256) }), 422, 'Sub model is too long (maximum is 255 characters)'],
      [good({ host_address: 'x'.repeat(256) }), 422, 'Host address is too long (maximum is 255 characters)'],
      [good({ details: { x: 'y'.repeat(65536) } }), 422, 'Details is too long (maximum is 65536 characters)'],
    ];
    for (const [body, status, text] of cases) {
      const reply = await post('/v1/devices', body);
      assert.deepEqual(answer(reply), [status, error(text)], JSON.stringify(body).slice(0, 300));
      assert.equal(/already/.test(reply.text), /taken/.test(reply.text), 'only duplicates say "already"');
    }
    assert.equal((await post('/v1/devices', good({ sn: 'x'.repeat(255), name: 'ü'.repeat(255) }))).status, 201);
    assert.equal((await post('/v1/devices', good({ firmware_version: '1.2.3-rc.1+build.5' }))).status, 201);
    const child = await post('/v1/devices', { hardware_key: application.key, firmware_version: '1.0.0', sn: 'app', mac: 'app', parent_id: parentDevice.id });
    assert.equal(child.status, 201);
    assert.equal((await partner.get(`/devices/${child.json.id}`)).parent_id, parentDevice.id);
  });

  test('what is registered is shown: names, identifiers as sent, details, the legacy alias', async () => {
    const cloud = await makeModel(server, { authentication_method: 'cloud_id' });
    const { id } = (await post('/v1/devices', { hardware_key: cloud.key.toUpperCase(), firmware_version: '1.0.0', sn: 'N-1', nano_id: 'nano-0123456789', mac: 'AA-bb-CC-dd-EE-ff', details: { inputs: { a: [1] } }, sub_model: 'S', host_address: '10.0.0.1' })).json;
    const shown = await partner.get(`/devices/${id}`);
    assert.deepEqual([shown.sn, shown.cloud_id, shown.mac, shown.name, shown.model.name, shown.model.sub_model, shown.firmware.version],
      ['N-1', 'nano-0123456789', 'AA-bb-CC-dd-EE-ff', cloud.name, cloud.name, 'S', '1.0.0']);
    assert.deepEqual(shown.details, { inputs: { a: [1] } });
    assert.equal(shown.last_seen_at, null, 'registration is no contact');
    assert.equal(shown.status, null);
    assert.equal(shown.organization, null);
  });

  test('of many registrations of one identity at once exactly one gets 201', async () => {
    const cloud = await makeModel(server, { authentication_method: 'cloud_id' });
    const bodies = [good({ sn: 'RACE' }), { hardware_key: cloud.key, firmware_version: '1.0.0', sn: 'RACE', cloud_id: 'race-0123456789' }];
    for (const body of bodies) {
      const replies = await Promise.all(Array.from({ length: 12 }, () => post('/v1/devices', body)));
      assert.equal(replies.filter(({ status }) => status === 201).length, 1);
      for (const reply of replies) if (reply.status !== 201) assert.match(reply.text, /^\{"error":"(Sn|Cloud id) has already been taken"\}$/);
    }
    assert.equal((await partner.get('/devices?sn=RACE')).data.length, 2);
  });

  test('a duplicate marks the existing device and leaves a row in the provisioning log', async () => {
    const device = await newDevice({ sn: 'MARK' });
    assert.equal((await post('/v1/devices', good({ sn: 'MARK' }))).status, 422);
    await until(async () => (await partner.get(`/devices/${device.id}`)).refused_registration_at, 'the refusal is shown at the device');
    const rows = await until(async () => {
      const { data } = await partner.get(`/registrations?model_id=${model.id}&result=refused`);
      const found = data.filter(({ sn }) => sn === 'MARK');
      return found.length ? found : null;
    }, 'the refusal is logged');
    assert.deepEqual([rows[0].result, rows[0].error, rows[0].model_id, rows[0].address], ['refused', 'Sn has already been taken', model.id, '127.0.0.1']);
    const { data } = await partner.get(`/registrations?model_id=${model.id}&result=created`);
    const created = data.find(({ device_id: id }) => id === device.id);
    assert.deepEqual([created.sn, created.error, created.result], ['MARK', null, 'created']);
    assert.match(created.created_at, ISO);
  });

  test('the key\'s use is counted, and enforced when asked', async () => {
    const keys = `/models/${model.id}/hardware_keys`;
    const key = await partner.post(keys, { name: 'three', expected_count: 3, enforce_count: true });
    const replies = await Promise.all(Array.from({ length: 8 }, () => post('/v1/devices', good({ hardware_key: key.key }))));
    assert.deepEqual(replies.map(({ status }) => status).sort(), [201, 201, 201, 422, 422, 422, 422, 422]);
    const shown = (await partner.get(keys)).data.find(({ id }) => id === key.id);
    assert.equal(shown.used_count, 3);
    assert.match(shown.first_used_at, ISO);
    assert.match(shown.last_used_at, ISO);
    await partner.patch(`${keys}/${key.id}`, { enforce_count: false });
    assert.equal((await post('/v1/devices', good({ hardware_key: key.key }))).status, 201, 'above the expected count, but not enforced');
    await partner.post(`${keys}/${key.id}/revoke`, {});
    assert.deepEqual(answer(await post('/v1/devices', good({ hardware_key: key.key }))), [400, error('Hardware key is invalid')]);
    const survivor = replies.find(({ status }) => status === 201).json;
    assert.equal((await request(server.http, 'GET', `/v1/devices/${survivor.id}`, { key: survivor.access_key })).status, 200, 'revoking does not touch devices');
  });

  test('deletion frees the identity at once and kills the key', async () => {
    const cloud = await makeModel(server, { authentication_method: 'cloud_id' });
    const body = { hardware_key: cloud.key, firmware_version: '1.0.0', sn: 'FREE', cloud_id: 'free-0123456789', mac: '00:00:00:00:00:01' };
    const first = (await post('/v1/devices', body)).json;
    const at = `/v1/devices/${first.id}`;
    assert.deepEqual(answer(await request(server.http, 'DELETE', at, { key: first.access_key })), [200, '{"success":true}']);
    for (const [method, path] of [['DELETE', at], ['GET', at], ['GET', `${at}/command`], ['POST', `${at}/telemetry`], ['POST', `${at}/config`]]) {
      assert.deepEqual(answer(await request(server.http, method, path, { key: first.access_key })), [401, NOT_AUTHORIZED]);
    }
    const second = await post('/v1/devices', body);
    assert.equal(second.status, 201);
    assert.notEqual(second.json.id, first.id);
    assert.notEqual(second.json.access_key, first.access_key);
    assert.equal((await request(server.http, 'GET', '/core/v1/partner/devices/' + first.id, { key: server.partner_key })).status, 404);
  });

  test('bulk: independent items in order, at most 25', async () => {
    const items = [good({ sn: 'B-1' }), {}, good({ sn: 'B-2', firmware_version: 'x' }), good({ sn: 'B-1' }), good({ sn: 'B-3' })];
    const reply = await post('/v1/devices/bulk_create', items);
    assert.equal(reply.status, 201);
    assert.deepEqual(reply.json.map((item) => item.error ?? Object.keys(item).join()),
      ['id,access_key,hub_url,hub_url_static_cert,mqtt_hub_url', 'Hardware key is invalid', 'Firmware version is invalid', 'Sn has already been taken', 'id,access_key,hub_url,hub_url_static_cert,mqtt_hub_url']);
    for (const { id, access_key: key } of [reply.json[0], reply.json[4]]) assert.equal((await request(server.http, 'GET', `/v1/devices/${id}`, { key })).status, 200);
    const alias = await post('/v1/devices-1', Array.from({ length: 25 }, () => good()));
    assert.equal(alias.status, 201);
    assert.equal(alias.json.length, 25);
    assert.ok(alias.json.every(({ access_key: key }) => /^[0-9a-f]{32}$/.test(key)));
    assert.deepEqual(answer(await post('/v1/devices/bulk_create', Array.from({ length: 26 }, () => good({ sn: 'NEVER' })))), [422, error('Too many devices, maximum is 25')]);
    assert.equal((await partner.get('/devices?sn=NEVER')).data.length, 0);
    const mixed = await post('/v1/devices/bulk_create', [1, null, 'x', good()]);
    assert.equal(mixed.status, 201);
    assert.deepEqual(mixed.json.slice(0, 3).map((item) => typeof item.error), ['string', 'string', 'string']);
    assert.match(mixed.json[3].access_key, /^[0-9a-f]{32}$/);
  });
});

describe('telemetry', () => {
  const reply = (fields = {}) => JSON.stringify({ config_version: 0, command: false, info_version: 0, new_licenses: false, latest_fw_version: null, latest_fw_file_id: null, space_data_version: 0, success: true, ...fields });

  test('201 with the eight fields in order; they are levels', async () => {
    const device = await newDevice();
    assert.deepEqual(answer(await device.call('POST', '/telemetry', { telemetries: { temp: 22 } })), [201, reply()]);
    await assign(server, device.id);
    const claimed = await device.call('POST', '/telemetry', {});
    assert.deepEqual(answer(claimed), [201, reply({ info_version: 1, space_data_version: claimed.json.space_data_version })]);
    assert.ok(claimed.json.space_data_version >= 1);
    await organization.patch(`/devices/${device.id}`, { configuration: { a: 1 } });
    const sent = await send(device, 'reboot');
    const level = await device.call('POST', '/telemetry', {});
    assert.deepEqual([level.json.config_version, level.json.command], [1, true]);
    await device.call('POST', '/command', { id: sent.id, status: 'in_progress' });
    assert.equal((await device.call('POST', '/telemetry', {})).json.command, true, 'also in progress');
    await device.call('POST', '/command', { id: sent.id, status: 'done' });
    assert.equal((await device.call('POST', '/telemetry', {})).json.command, false);
    await organization.patch(`/devices/${device.id}`, { name: 'Renamed' });
    assert.equal((await device.call('POST', '/telemetry', {})).json.info_version, 2);
    const unclaimed = await partner.post(`/devices/${device.id}/unassign`, {});
    assert.equal(unclaimed.error, undefined);
    const free = await device.call('POST', '/telemetry', {});
    assert.deepEqual([free.json.space_data_version, free.json.info_version], [0, 3]);
    await assign(server, device.id);
    const again = await device.call('POST', '/telemetry', {});
    assert.ok(again.json.space_data_version > claimed.json.space_data_version, 'a value is never given twice');
    assert.equal(again.json.config_version, 1, 'un-claiming leaves the configuration');
  });

  test('every refusal, and that it changes nothing', async () => {
    const device = await newDevice();
    await device.call('POST', '/telemetry', { telemetries: { kept: 1 } });
    const cases = [
      [{ telemetries: [] }, 422, "Missing 'telemetries' object"],
      [{ telemetries: 'x' }, 422, "Missing 'telemetries' object"],
      [{ telemetries: 5 }, 422, "Missing 'telemetries' object"],
      [{ telemetries: { kept: 2, a: { b: 1 } } }, 422, 'Common telemetries.a must be string, number or boolean'],
      [{ telemetries: { kept: 2, list: [] } }, 422, 'Common telemetries.list must be string, number or boolean'],
      [{ telemetries: { kept: 2, text: 'x'.repeat(1001) } }, 422, 'Common telemetries.text is too long (maximum is 1000 bytes)'],
      [{ telemetries: { kept: 2, text: 'ü'.repeat(501) } }, 422, 'Common telemetries.text is too long (maximum is 1000 bytes)'],
      [{ telemetries: { kept: 2 }, status: 'asleep' }, 422, 'Status must be online, offline or error'],
      [{ telemetries: { kept: 2 }, status: 'ONLINE' }, 422, 'Status must be online, offline or error'],
      [{ telemetries: { kept: 2 }, timestamp: 'yesterday' }, 422, 'Timestamp is invalid'],
      [{ telemetries: { kept: 2 }, timestamp: {} }, 422, 'Timestamp is invalid'],
    ];
    for (const [body, status, text] of cases) assert.deepEqual(answer(await device.call('POST', '/telemetry', body)), [status, error(text)], JSON.stringify(body).slice(0, 200));
    for (const body of [{ telemetries: { ['k'.repeat(129)]: 1 } }, { telemetries: Object.fromEntries(Array.from({ length: 1001 }, (_, n) => [`k${n}`, n])) },
      { telemetries: Object.fromEntries(Array.from({ length: 70 }, (_, n) => [`k${n}`, 'x'.repeat(1000)])) }]) {
      assert.equal((await device.call('POST', '/telemetry', body)).status, 422);
    }
    assert.deepEqual((await device.get()).state, { status: 'online', kept: 1 });
    assert.equal((await device.call('POST', '/telemetry', { telemetries: { text: 'x'.repeat(1000), ['k'.repeat(128)]: true } })).status, 201);
  });

  test('state is merged: values stay, null deletes, override replaces', async () => {
    const device = await newDevice();
    const state = async (body) => { assert.equal((await device.call('POST', '/telemetry', body)).status, 201); return (await device.get()).state; };
    assert.deepEqual(await state({ telemetries: { a: 1, b: 'x', c: true, d: null } }), { status: 'online', a: 1, b: 'x', c: true });
    assert.deepEqual(await state({ telemetries: { b: null, e: 2.5 }, status: 'error', message: 'hot' }), { status: 'error', a: 1, c: true, e: 2.5 });
    assert.deepEqual(await state({}), { status: 'online', a: 1, c: true, e: 2.5 });
    assert.deepEqual(await state({ telemetries: { f: -1, g: null }, override: true, status: 'offline' }), { status: 'offline', f: -1 });
    assert.deepEqual(await state({ telemetries: {}, override: true }), { status: 'online' });
    assert.deepEqual(await state({ telemetries: { big: 9007199254740991, small: -9007199254740991, half: 0.1, huge: 1e300 } }),
      { status: 'online', big: 9007199254740991, small: -9007199254740991, half: 0.1, huge: 1e300 });
    assert.ok((await device.call('GET')).text.includes('"big":9007199254740991'), 'integers stay exact');
    const shown = await partner.get(`/devices/${device.id}`);
    assert.equal(shown.status, 'online');
    assert.equal(shown.state.half, 0.1);
  });

  test('the legacy body: common and custom', async () => {
    const device = await newDevice();
    assert.equal((await device.call('POST', '/telemetry', { common: { status: 'error', firmware_version: '2.0.0', temp: 3, drop: { x: 1 } }, custom: { volume: 5, list: [1], text: 'x' } })).status, 201);
    const info = await device.get();
    assert.deepEqual(info.state, { status: 'error', temp: 3, volume: 5, text: 'x' });
    assert.equal(info.firmware_version, '2.0.0');
    assert.equal((await device.call('POST', '/telemetry', { common: { temp: 4 }, custom: {}, telemetries: { temp: 5 } })).status, 201);
    assert.equal((await device.get()).state.temp, 5, 'telemetries beside them wins');
  });

  test('times: ISO with and without zone, seconds, milliseconds; outside the window the receipt counts', async () => {
    const device = await newDevice();
    const at = new Date(Math.floor(Date.now() / 1000) * 1000 - 60_000);
    const iso = at.toISOString();
    const forms = [iso, iso.replace('.000Z', ''), iso.replace('.000Z', 'Z'), iso.replace('.000Z', '.000+00:00'), new Date(at.getTime() + 7_200_000).toISOString().replace('Z', '+02:00'), at.getTime(), at.getTime() / 1000, String(at.getTime() / 1000)];
    for (const [n, timestamp] of forms.entries()) assert.equal((await device.call('POST', '/telemetry', { telemetries: { n }, timestamp })).status, 201, String(timestamp));
    const rows = await partner.get(`/devices/${device.id}/telemetries`);
    assert.equal(rows.length, forms.length);
    for (const row of rows) assert.deepEqual([row.created_at, row.device_timestamp], [iso, iso]);
    assert.deepEqual(rows.map(({ telemetries }) => telemetries.n), forms.map((_, n) => n).reverse(), 'newest first');
    const before = Date.now();
    assert.equal((await device.call('POST', '/telemetry', { telemetries: { n: 99 }, timestamp: '2020-01-02T03:04:05Z' })).status, 201);
    const old = (await partner.get(`/devices/${device.id}/telemetries?limit=1`))[0];
    assert.equal(old.device_timestamp, '2020-01-02T03:04:05.000Z');
    assert.ok(Date.parse(old.created_at) >= before - 1000);
    const none = await device.call('POST', '/telemetry', { telemetries: { n: 100 } });
    assert.equal(none.status, 201);
    assert.equal((await partner.get(`/devices/${device.id}/telemetries?limit=1`))[0].device_timestamp, null);
  });

  test('contact is seen at once, registration is none', async () => {
    const device = await newDevice({ claimed: true });
    assert.equal((await organization.get(`/devices/${device.id}`)).effective_status, 'never_seen');
    assert.equal((await device.call('GET', '/command')).status, 200);
    assert.match((await organization.get(`/devices/${device.id}`)).last_seen_at, ISO);
    await device.call('POST', '/telemetry', { status: 'error' });
    const shown = await organization.get(`/devices/${device.id}`);
    assert.deepEqual([shown.status, shown.effective_status, shown.merged_effective_status, shown.state.status], ['error', 'error', 'error', 'error']);
  });
});

describe('commands', () => {
  let withFields;

  before(async () => {
    withFields = await partner.post(`/models/${model.id}/commands`, { name: 'set_input', friendly_name: 'Set input', custom_fields: [
      { name: 'input', label: 'Input', type: 'select', required: true, options: { 33: 'HDMI 1' } }, { name: 'note', type: 'string' }] });
    await partner.post(`/models/${model.id}/commands`, { name: 'quick', friendly_name: 'Quick', timeout_seconds: 1 });
  });

  test('one after the other: {} or the head, until it is final', async () => {
    const device = await newDevice({ claimed: true });
    assert.deepEqual(answer(await device.call('GET', '/command')), [200, '{}']);
    const first = await send(device, 'set_input', { extra_params: { input: '33' } });
    const second = await send(device, 'reboot');
    const shown = (status) => JSON.stringify({ id: first.id, device_id: device.id, status, name: 'set_input', parameters: { input: '33', note: null } });
    assert.deepEqual(answer(await device.call('GET', '/command')), [200, shown('pending')]);
    assert.deepEqual(answer(await device.call('GET', '/command')), [200, shown('pending')], 'fetching is no acknowledgement');
    assert.match((await organization.get(`/devices/${device.id}/commands/${first.id}`)).delivered_at, ISO);
    const report = (body) => device.call('POST', '/command', body).then(answer);
    assert.deepEqual(await report({ id: first.id, status: 'in_progress' }), [200, '{"success":true}']);
    assert.deepEqual(answer(await device.call('GET', '/command')), [200, shown('in_progress')], 'the firmware finds its command after a reboot');
    assert.deepEqual(await report({ id: first.id, status: 'in-progress', message: 'still' }), [200, '{"success":true}']);
    const whole = JSON.parse((await device.call('GET', '/command')).text);
    assert.deepEqual(await report({ ...whole, status: 'done', message: 'finished' }), [200, '{"success":true}'], 'the whole object posted back');
    assert.deepEqual(await report({ id: first.id, status: 'done' }), [200, '{"success":true}'], 'a repeat');
    assert.deepEqual(await report({ id: first.id, status: 'failed' }), [404, error('no command')], 'final in another state');
    assert.deepEqual(await report({ id: first.id, status: 'in_progress' }), [404, error('no command')]);
    const done = await organization.get(`/devices/${device.id}/commands/${first.id}`);
    assert.deepEqual([done.status, done.message], ['done', 'finished']);
    assert.match(done.finished_at, ISO);
    assert.deepEqual((await device.get('/command')).id, second.id, 'the next one');
    assert.deepEqual(await report({ id: second.id, status: 'error', message: 'no' }), [200, '{"success":true}']);
    assert.equal((await organization.get(`/devices/${device.id}/commands/${second.id}`)).status, 'failed');
    assert.deepEqual(await report({ id: second.id, status: 'error' }), [200, '{"success":true}']);
    assert.deepEqual(answer(await device.call('GET', '/command')), [200, '{}']);
  });

  test('the refusals', async () => {
    const device = await newDevice({ claimed: true });
    const other = await newDevice({ claimed: true });
    const foreign = await send(other, 'reboot');
    const own = await send(device, 'reboot');
    for (const [body, status, text] of [
      [{}, 422, 'invalid status: done/in-progress/failed'],
      [{ id: own.id }, 422, 'invalid status: done/in-progress/failed'],
      [{ id: own.id, status: 'pending' }, 422, 'invalid status: done/in-progress/failed'],
      [{ id: own.id, status: 'aborted' }, 422, 'invalid status: done/in-progress/failed'],
      [{ id: own.id, status: 'Done' }, 422, 'invalid status: done/in-progress/failed'],
      [{ id: own.id, status: null }, 422, 'invalid status: done/in-progress/failed'],
      [{ status: 'done' }, 422, "Id can't be blank"],
      [{ status: 'done', id: '' }, 422, "Id can't be blank"],
      [{ status: 'done', id: null }, 422, "Id can't be blank"],
      [{ status: 'done', id: randomUUID() }, 404, 'no command'],
      [{ status: 'done', id: 'nonsense' }, 404, 'no command'],
      [{ status: 'done', id: 12 }, 404, 'no command'],
      [{ status: 'done', id: foreign.id }, 404, 'no command'],
      [{ status: 'done', id: own.id, message: 'x'.repeat(4097) }, 422, 'Message is too long (maximum is 4096 characters)'],
    ]) assert.deepEqual(answer(await device.call('POST', '/command', body)), [status, error(text)], JSON.stringify(body).slice(0, 200));
    assert.equal((await organization.get(`/devices/${other.id}/commands/${foreign.id}`)).status, 'pending');
    assert.equal((await organization.get(`/devices/${device.id}/commands/${own.id}`)).status, 'pending');
    assert.equal((await device.call('POST', '/command', { id: own.id, status: 'done', message: 'ü'.repeat(4096) })).status, 200);
  });

  test('a cancelled command is no command any more; the next moves up', async () => {
    const device = await newDevice({ claimed: true });
    const first = await send(device, 'reboot');
    const second = await send(device, 'dump');
    await device.call('POST', '/command', { id: first.id, status: 'in_progress' });
    const cancelled = await organization.del(`/devices/${device.id}/commands/${first.id}`);
    assert.equal(cancelled.status, 'aborted');
    assert.deepEqual(answer(await device.call('POST', '/command', { id: first.id, status: 'done' })), [404, error('no command')]);
    assert.equal((await device.get('/command')).id, second.id);
  });

  test('a timeout runs from delivery, ends the command with "Timed out", and lets the next one through', async () => {
    const device = await newDevice({ claimed: true });
    const waiting = await newDevice({ claimed: true });
    const first = await send(device, 'quick');
    const second = await send(device, 'reboot');
    const unseen = await send(waiting, 'quick');
    assert.equal((await device.get('/command')).id, first.id);
    const failed = await until(async () => {
      const command = await organization.get(`/devices/${device.id}/commands/${first.id}`);
      return command.status === 'pending' ? null : command;
    }, 'the command times out');
    assert.deepEqual([failed.status, failed.message], ['failed', 'Timed out']);
    assert.ok(Date.parse(failed.finished_at) - Date.parse(failed.delivered_at) >= 1000, 'not early');
    assert.deepEqual(answer(await device.call('POST', '/command', { id: first.id, status: 'done' })), [404, error('no command')]);
    assert.equal((await device.get('/command')).id, second.id);
    const still = await organization.get(`/devices/${waiting.id}/commands/${unseen.id}`);
    assert.deepEqual([still.status, still.delivered_at], ['pending', null], 'what was not delivered does not time out');
  });

  test('a scheduled command enters the queue at its time', async () => {
    const device = await newDevice({ claimed: true });
    const at = new Date(Date.now() + 3000);
    const scheduled = await send(device, 'reboot', { scheduled_at: at.toISOString() });
    assert.deepEqual([scheduled.status, scheduled.scheduled_at], ['scheduled', at.toISOString()]);
    assert.deepEqual(answer(await device.call('GET', '/command')), [200, '{}']);
    const now = await send(device, 'dump');
    assert.equal((await device.get('/command')).id, now.id, 'what is due comes before');
    const early = await until(async () => {
      const command = await organization.get(`/devices/${device.id}/commands/${scheduled.id}`);
      return command.status === 'scheduled' ? null : { command, seen: Date.now() };
    }, 'the command becomes pending');
    assert.equal(early.command.status, 'pending');
    assert.ok(early.seen >= at.getTime());
    assert.equal((await device.get('/command')).id, now.id, 'it is behind what was there before');
    await device.call('POST', '/command', { id: now.id, status: 'done' });
    assert.equal((await device.get('/command')).id, scheduled.id);
  });

  test('commands die with the device and with its claim', async () => {
    const device = await newDevice({ claimed: true });
    const sent = await send(device, 'reboot');
    await partner.post(`/devices/${device.id}/unassign`, {});
    assert.deepEqual(answer(await device.call('GET', '/command')), [200, '{}']);
    assert.deepEqual(answer(await device.call('POST', '/command', { id: sent.id, status: 'done' })), [404, error('no command')]);
    assert.equal(withFields.name, 'set_input');
  });
});

describe('configuration', () => {
  test('Get and Set Config, exactly', async () => {
    const device = await newDevice({ claimed: true, name: 'Lobby panel' });
    const created = (await partner.get(`/devices/${device.id}`)).created_at;
    const shown = (version, updated, config) => JSON.stringify({ name: 'Lobby panel', version, last_updated: updated, config, device_id: device.id });
    assert.deepEqual(answer(await device.call('GET', '/config')), [200, shown(0, created, {})]);
    const set = await device.call('POST', '/config', { config: { volume: 40, z: { b: [1, 'ü'], a: null } } });
    assert.equal(set.status, 200);
    assert.equal(set.text, JSON.stringify({ success: true, name: 'Lobby panel', version: 1, last_updated: set.json.last_updated, config: { volume: 40, z: { b: [1, 'ü'], a: null } }, device_id: device.id }));
    assert.match(set.json.last_updated, ISO);
    const got = await device.call('GET', '/config');
    assert.equal(got.text, shown(1, set.json.last_updated, { volume: 40, z: { b: [1, 'ü'], a: null } }));
    assert.equal((await organization.get(`/devices/${device.id}`)).applied_config_version, 1);
  });

  test('an echo changes nothing, however often', async () => {
    const device = await newDevice({ claimed: true });
    await organization.patch(`/devices/${device.id}`, { configuration: { volume: 40, list: [1, { a: 2 }] } });
    const first = await device.call('GET', '/config');
    for (let n = 0; n < 5; n++) {
      const set = await device.call('POST', '/config', undefined, { raw: (await device.call('GET', '/config')).text });
      assert.deepEqual([set.status, set.json.version, set.json.last_updated], [200, 1, first.json.last_updated]);
      assert.equal((await device.call('POST', '/telemetry', {})).json.config_version, 1);
    }
    assert.equal((await device.call('GET', '/config')).text, first.text);
    assert.equal((await organization.get(`/devices/${device.id}`)).applied_config_version, 1);
    const raw = await device.call('POST', '/config', { volume: 40, list: [1, { a: 2 }], version: 1, last_updated: first.json.last_updated });
    assert.equal(raw.json.version, 1, 'the raw form too');
    assert.deepEqual((await device.get('/config')).config, { volume: 40, list: [1, { a: 2 }] });
  });

  test('versions: lower refused, equal and higher taken over, none counted up', async () => {
    const device = await newDevice();
    const set = (body) => device.call('POST', '/config', body);
    assert.equal((await set({ a: 1, version: 10 })).json.version, 10);
    assert.deepEqual(answer(await set({ a: 2, version: 9 })), [422, error('Error setting config with old version, latest is 10')]);
    assert.deepEqual(answer(await set({ a: 2, version: 0 })), [422, error('Error setting config with old version, latest is 10')]);
    assert.deepEqual((await device.get('/config')).config, { a: 1 });
    assert.equal((await set({ a: 3, version: 10 })).json.version, 10);
    assert.deepEqual((await device.get('/config')).config, { a: 3 });
    assert.equal((await set({ a: 4, version: 20 })).json.version, 20);
    assert.equal((await set({ a: 5 })).json.version, 21);
    assert.equal((await set({ a: 6, version: null })).json.version, 22);
    assert.equal((await set({ a: 7, version: '23' })).json.version, 23);
    assert.deepEqual(answer(await set({ a: 8, version: -1 })), [422, error('Version is invalid')]);
    assert.deepEqual(answer(await set({ a: 8, version: 2147483001 })), [422, error('Version is invalid')]);
    assert.equal((await set({ a: 9, version: 2147483000 })).json.version, 2147483000);
    assert.deepEqual((await device.get('/config')).config, { a: 9 });
  });

  test('what is the configuration: the wrapped and the raw form', async () => {
    const device = await newDevice();
    const stored = async (body) => { assert.equal((await device.call('POST', '/config', body)).status, 200); return (await device.get('/config')).config; };
    assert.deepEqual(await stored({ name: 'x', version: 1, last_updated: 'whenever', device_id: 'y', config: { a: 1 } }), { a: 1 });
    assert.deepEqual(await stored({ config: { a: 2 }, other: 1 }), { config: { a: 2 }, other: 1 }, 'another key: it is a raw configuration');
    assert.deepEqual(await stored({ config: 5, version: 3 }), { config: 5 });
    assert.deepEqual(await stored({ name: 'x' }), { name: 'x' });
    assert.deepEqual(await stored({ a: { version: 3, last_updated: 1 }, version: 9, last_updated: 'x' }), { a: { version: 3, last_updated: 1 } });
    assert.deepEqual(await stored({}), {});
  });

  test('two writers at once: both are stored, under different versions', async () => {
    const device = await newDevice();
    const replies = await Promise.all(Array.from({ length: 6 }, (_, n) => device.call('POST', '/config', { n })));
    assert.deepEqual(replies.map(({ json }) => json.version).sort(), [1, 2, 3, 4, 5, 6]);
  });
});

describe('device information and life', () => {
  test('Get Device Info, exactly', async () => {
    const device = await newDevice({ claimed: true, name: 'Lobby panel', sn: 'INFO-1', mac: '11:22:33:44:55:66' });
    await device.call('POST', '/config', { config: { volume: 40 }, version: 10 });
    await device.call('POST', '/telemetry', { telemetries: { temp: 22 } });
    const { status, text, json } = await device.call('GET');
    assert.equal(status, 200);
    const { name: owner } = await organization.get('/info');
    assert.deepEqual(json.state, { status: 'online', temp: 22 });
    assert.match(json.last_seen, ISO);
    assert.match(json.config.last_updated, ISO);
    assert.equal(text, JSON.stringify({ id: device.id, partner: { sn: 'INFO-1', mac: '11:22:33:44:55:66', vendor: 'Northlight', model: model.name },
      config: { volume: 40, version: 10, last_updated: json.config.last_updated }, state: json.state, last_seen: json.last_seen, custom: {}, name: 'Lobby panel',
      firmware_version: '1.0.0', claimed: owner, version: 1 }));
    const bare = await newDevice();
    const fresh = await bare.get();
    assert.equal(fresh.claimed, null);
    assert.equal(fresh.version, 0);
    assert.deepEqual(Object.keys(fresh.config), ['version', 'last_updated']);
    const cloud = await makeModel(server, { authentication_method: 'cloud_id' });
    const identified = await newDevice({ key: cloud.key, cloud_id: `info-${serial}-0123456789`, mac: undefined });
    assert.equal((await identified.get()).partner.mac, null);
  });

  test('names of a device behind a bridge are shown in place of its maker\'s', async () => {
    const device = await newDevice({ custom_partner_name: 'Acme', custom_model_name: 'Bulb' });
    assert.deepEqual(await device.get().then(({ partner: { vendor, model: name } }) => [vendor, name]), ['Acme', 'Bulb']);
  });

  test('a rotated key works, the old one is dead at once', async () => {
    const device = await newDevice({ claimed: true });
    const rotated = await partner.post(`/devices/${device.id}/rotate_key`, {});
    assert.deepEqual(Object.keys(rotated), ['access_key']);
    assert.match(rotated.access_key, /^[0-9a-f]{32}$/);
    assert.deepEqual(answer(await device.call('GET')), [401, NOT_AUTHORIZED]);
    assert.equal((await request(server.http, 'GET', `/v1/devices/${device.id}`, { key: rotated.access_key })).status, 200);
  });

  test('a device deletes itself also when it is claimed', async () => {
    const device = await newDevice({ claimed: true });
    await send(device, 'reboot');
    assert.deepEqual(answer(await device.call('DELETE', '/')), [200, '{"success":true}']);
    const gone = await request(server.http, 'GET', `/core/v1/organization/devices/${device.id}`, { key: server.organization_key });
    assert.deepEqual(answer(gone), [404, error('Device not found')]);
    assert.deepEqual(answer(await device.call('POST', '/telemetry', {})), [401, NOT_AUTHORIZED]);
  });
});

describe('older API versions of a model, and the legacy registration key', () => {
  const legacyKey = randomUUID();
  let old;
  let models;
  let org;
  const versions = { '1.0.0': 0, '1.0.1': 1, '1.0.4': 4, '1.0.5': 5, '1.0.6': 6 };

  before(async () => {
    const keys = setup();
    let running = Object.assign(await startServer({ dir: keys.dir }), keys);
    models = {};
    for (const version of Object.keys(versions)) models[version] = await makeModel(running, { authentication_method: 'cloud_id' });
    await running.stop();
    const legacyHash = createHmac('sha256', readFileSync(join(keys.dir, 'keys')).subarray(0, 32)).update(legacyKey).digest('hex');
    editDatabase(keys.dir, `UPDATE partner SET legacy_key_hash = x'${legacyHash}';`);
    const parameters = [{ name: 'SNMP community', type: 'text', required: true }, { name: 'Password', type: 'password', required: false }, { name: 'Port', type: 'number', required: false }];
    editDatabase(keys.dir, `UPDATE model SET parameters = '${JSON.stringify(parameters)}' WHERE id = ${blob(models['1.0.5'].id)};`);
    editDatabase(keys.dir, Object.entries(versions).map(([version, number]) => `UPDATE model SET api_version = ${number} WHERE id = ${blob(models[version].id)};`).join('\n'));
    running = Object.assign(await startServer({ dir: keys.dir }), keys);
    const stop = running.stop;
    old = Object.assign(running, { stop: async () => { await stop(); keys.remove(); } });
    org = client(old, 'organization', old.organization_key);
  });
  after(() => old.stop());

  const make = (version, fields = {}) => newDevice({ on: old, key: models[version].key, claimed: true, cloud_id: `old-${version.replaceAll('.', '-')}-${++serial}-0123`, ...fields });
  const versionOf = async (id) => (await client(old, 'partner', old.partner_key).get(`/models/${id}`)).api_version;

  test('registration: any firmware text below 1.0.4, no serial number below 1.0.2', async () => {
    assert.equal(await versionOf(models['1.0.0'].id), '1.0.0');
    await make('1.0.0', { firmware_version: 'build 7', sn: undefined });
    const refused = await request(old.http, 'POST', '/v1/devices', { body: { hardware_key: models['1.0.4'].key, firmware_version: 'build 7', sn: 'x', cloud_id: 'old-refused-0123' } });
    assert.deepEqual(answer(refused), [422, error('Firmware version is invalid')]);
    const blank = await request(old.http, 'POST', '/v1/devices', { body: { hardware_key: models['1.0.4'].key, firmware_version: '1.0.0', cloud_id: 'old-refused-0123' } });
    assert.deepEqual(answer(blank), [422, error("Sn can't be blank")]);
  });

  test('a partner-wide key with the model by id or by name', async () => {
    const send = (fields) => request(old.http, 'POST', '/v1/devices', { body: { partner_key: legacyKey, firmware_version: '1.0.0', sn: `L-${++serial}`, cloud_id: `legacy-${serial}-0123456`, ...fields } });
    const { id, name } = models['1.0.1'];
    for (const fields of [{ model_id: id }, { model: name }]) {
      const reply = await send(fields);
      assert.equal(reply.status, 201, reply.text);
      assert.equal((await client(old, 'partner', old.partner_key).get(`/devices/${reply.json.id}`)).model.id, id);
    }
    for (const fields of [{}, { model_id: randomUUID() }, { model: 'nonsense' }, { model_id: 'nonsense' }]) assert.deepEqual(answer(await send(fields)), [404, error('Model not found')], JSON.stringify(fields));
    assert.deepEqual(answer(await send({ partner_key: randomUUID(), model_id: id })), [400, error('Hardware key is invalid')]);
    assert.deepEqual(answer(await send({ model_id: id, firmware_version: '' })), [422, error("Firmware version can't be blank")]);
  });

  test('configuration: merged below 1.0.5, without device_id below 1.0.7', async () => {
    const merged = await make('1.0.4');
    assert.deepEqual(Object.keys(await merged.get('/config')), ['version', 'last_updated']);
    assert.deepEqual(answer(await merged.call('POST', '/config', { volume: 40, version: 11 })), [200, '{"success":true,"version":11}']);
    const shown = await merged.get('/config');
    assert.deepEqual([shown.version, shown.volume, Object.keys(shown)], [11, 40, ['version', 'last_updated', 'volume']]);
    assert.deepEqual(answer(await merged.call('POST', '/config', shown)), [200, '{"success":true,"version":11}'], 'the echo');
    assert.deepEqual(answer(await merged.call('POST', '/config', { config: { a: 1 }, version: 12 })), [200, '{"success":true,"version":12}']);
    assert.deepEqual((await merged.get('/config')).config, { a: 1 }, 'no wrapped form below 1.0.5');
    const scoped = await make('1.0.5');
    const set = await scoped.call('POST', '/config', { config: { a: 1 } });
    assert.deepEqual(Object.keys(set.json), ['success', 'name', 'version', 'last_updated', 'config']);
    assert.deepEqual(Object.keys(await scoped.get('/config')), ['name', 'version', 'last_updated', 'config']);
  });

  test('custom parameters: complete, typed, the password masked for people and plain for the device', async () => {
    const device = await make('1.0.5');
    const patch = (custom) => request(old.http, 'PATCH', `/core/v1/organization/devices/${device.id}`, { key: old.organization_key, body: { custom_parameters: custom } });
    assert.deepEqual((await org.get(`/devices/${device.id}`)).custom_parameters, {});
    for (const [custom, text] of [[{}, 'Parameter SNMP community is required'], [{ 'SNMP community': '' }, 'Parameter SNMP community is required'], [{ 'SNMP community': 'x', other: 1 }, 'Unknown parameter other'],
      [{ 'SNMP community': 'x', Port: 'many' }, 'Port is invalid'], [{ 'SNMP community': {} }, 'SNMP community is invalid'], ['x', 'Custom parameters must be an object']]) {
      assert.deepEqual(answer(await patch(custom)), [422, error(text)], JSON.stringify(custom));
    }
    const set = await patch({ 'SNMP community': 'public', Password: 'hunter2 hunter2', Port: '161' });
    assert.deepEqual([set.status, set.json.custom_parameters], [200, { 'SNMP community': 'public', Password: '*****', Port: 161 }]);
    assert.deepEqual((await device.get()).custom, { 'SNMP community': 'public', Password: 'hunter2 hunter2', Port: 161 });
    assert.equal((await patch({ 'SNMP community': 'private', Password: '*****' })).status, 200, 'the stored password is kept');
    assert.deepEqual((await device.get()).custom, { 'SNMP community': 'private', Password: 'hunter2 hunter2' }, 'the map is complete: what is not in it is gone');
    const theirs = await client(old, 'partner', old.partner_key).get(`/devices/${device.id}`);
    assert.ok(!JSON.stringify(theirs).includes('hunter2'));
  });

  test('commands: id optional below 1.0.1, device_id from 1.0.7', async () => {
    const device = await make('1.0.0');
    assert.deepEqual(answer(await device.call('POST', '/command', { status: 'done' })), [404, error('no command')], 'the queue is empty');
    const sent = await org.post(`/devices/${device.id}/commands`, { name: 'reboot' });
    assert.deepEqual(answer(await device.call('GET', '/command')), [200, JSON.stringify({ id: sent.id, status: 'pending', name: 'reboot', parameters: {} })]);
    assert.deepEqual(answer(await device.call('POST', '/command', { status: 'in_progress' })), [200, '{"success":true}']);
    assert.deepEqual(answer(await device.call('POST', '/command', { status: 'done' })), [200, '{"success":true}']);
    assert.equal((await org.get(`/devices/${device.id}/commands/${sent.id}`)).status, 'done');
    const later = await make('1.0.1');
    await org.post(`/devices/${later.id}/commands`, { name: 'reboot' });
    assert.deepEqual(answer(await later.call('POST', '/command', { status: 'done' })), [422, error("Id can't be blank")]);
    assert.equal((await (await make('1.0.6')).get()).version, 1);
  });

  test('models made now may use the versions in use, and start with the highest', async () => {
    const maker = client(old, 'partner', old.partner_key);
    assert.equal((await makeModel(old)).api_version, '1.0.6');
    assert.equal((await makeModel(old, { api_version: '1.0.1' })).api_version, '1.0.1');
    assert.equal((await makeModel(old, { api_version: '1.0.7' })).api_version, '1.0.7');
    const refused = await request(old.http, 'POST', '/core/v1/partner/models', { key: old.partner_key, body: { name: 'Unused version', communication_protocol: 'mqtt', device_type: 'physical', api_version: '1.0.3' } });
    assert.equal(refused.status, 422);
    await maker.patch(`/models/${models['1.0.0'].id}`, { api_version: '1.0.0' });
    const changed = await request(old.http, 'PATCH', `/core/v1/partner/models/${models['1.0.0'].id}`, { key: old.partner_key, body: { api_version: '1.0.7' } });
    assert.deepEqual(answer(changed), [422, error('API version can only be changed by a system administrator')]);
  });
});
