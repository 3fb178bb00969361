// Files, firmware and dumps: uploads and downloads that stream, content addresses, levels and pushes, commands with files
// (device-api.md 3.3, 4.1, 8; management-api.md 3.3, 5.6, 5.7, 6.1, 6.2; mqtt.md 5.1).
import assert from 'node:assert/strict';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { assign, client, makeModel, register, request, setup, startServer, until } from './support/server.js';
import { configured } from './support/config.js';
import { head, open } from './support/raw.js';
import { blob, editDatabase } from './support/database.js';
import { connect } from './support/mqtt.js';

const FILE = ['id', 'name', 'desc', 'file_type', 'version', 'checksum', 'signature', 'public_notes', 'url', 'size', 'sha256', 'created_at'];
const DEVICE_FILE = ['id', 'name', 'url', 'desc', 'file_type', 'version', 'checksum', 'signature', 'created_at', 'public_notes'];
const MIB = 1024 * 1024;
const tight = configured('[limits]\nmanagement_requests = 0\ndevice_requests = 0\ndevice_dumps = 5\ndevice_uploads = 2\ntenant_uploads = 2\n[files]\ntenant_bytes = 1000\n');
const args = configured('[limits]\nmanagement_requests = 0\ndevice_requests = 0\ndump_request = 1048576\ndevice_uploads = 32\ndump_size = 1500000\ndevice_dumps = 5\n[files]\nfile_max = 134217728\n');
const env = { ASAN_OPTIONS: `${process.env.ASAN_OPTIONS ?? ''}:quarantine_size_mb=4` }; // memory that is only waiting to be reused is not looked at here

let server;
let keys;
let partner;
let organization;
let model;

before(async () => {
  keys = setup();
  server = Object.assign(await startServer({ dir: keys.dir, args, env }), keys);
  partner = client(server, 'partner', keys.partner_key);
  organization = client(server, 'organization', keys.organization_key);
  model = await makeModel(server);
  await partner.post(`/models/${model.id}/publish`, {});
});
after(async () => {
  await server.stop();
  keys.remove();
});

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');
const error = (text) => JSON.stringify({ error: text });
const answer = ({ status, text }) => [status, text];
const incoming = () => readdirSync(join(keys.dir, 'files', 'incoming'));
const contents = () => readdirSync(join(keys.dir, 'files')).filter((name) => name !== 'incoming');

/** A form as browsers send it. */
function form(fields, file, part = 'file') {
  const boundary = `----test${randomBytes(8).toString('hex')}`;
  const parts = Object.entries(fields).map(([name, value]) =>
    Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`));
  if (file) {
    parts.push(Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="${part}"; filename="${file.filename ?? 'fw.bin'}"\r\n`
      + 'Content-Type: application/octet-stream\r\n\r\n'), file.bytes, Buffer.from('\r\n'));
  }
  parts.push(Buffer.from(`--${boundary}--\r\n`));
  return { raw: Buffer.concat(parts), headers: { 'content-type': `multipart/form-data; boundary=${boundary}` } };
}

const post = (path, key, fields, file) => request(server.http, 'POST', path, { key, ...form(fields, file) });
const upload = (fields, bytes = randomBytes(1000), of = model) =>
  post(`/core/v1/partner/models/${of.id}/files`, keys.partner_key, { name: 'File', file_type: 'other', ...fields }, { bytes });
async function uploaded(fields, bytes, of) {
  const reply = await upload(fields, bytes, of);
  assert.equal(reply.status, 201, reply.text);
  return reply.json;
}

/** GET with the body as bytes. */
function download(path, { headers = {}, method = 'GET', tls = false, onResponse } = {}) {
  const to = tls ? server.https : server.http;
  return new Promise((resolve, reject) => {
    (tls ? https : http).request({ host: to.host, port: to.port, path, method, headers, rejectUnauthorized: false }, (reply) => {
      if (onResponse) onResponse(reply);
      const parts = [];
      reply.on('data', (part) => parts.push(part));
      reply.on('error', reject);
      reply.on('end', () => resolve({ status: reply.statusCode, headers: reply.headers, bytes: Buffer.concat(parts) }));
    }).on('error', reject).end();
  });
}
const pathOf = (url) => new URL(url).pathname;
const device = (one, method, path = '', options = {}) => request(server.http, method, `/v1/devices/${one.id}${path}`, { key: one.access_key, ...options });
const send = (one, method, path, raw, headers = {}) => device(one, method, path, { raw, headers: { 'content-type': 'application/octet-stream', ...headers } });

describe('files of a model', () => {
  test('a form is uploaded, listed, read, edited, downloaded', async () => {
    const bytes = randomBytes(300_000);
    const reply = await post(`/core/v1/partner/models/${model.id}/files`, keys.partner_key,
      { name: ' Manual ', desc: 'How to', file_type: 'manual', version: 'third edition', public_notes: '' }, { bytes, filename: 'C:\\docs\\Überblick 1.pdf' });
    assert.equal(reply.status, 201, reply.text);
    const file = reply.json;
    assert.deepEqual(Object.keys(file), FILE);
    assert.deepEqual({ ...file, id: '', url: '', created_at: '' }, { id: '', name: 'Manual', desc: 'How to', file_type: 'manual', version: 'third edition',
      checksum: null, signature: null, public_notes: null, url: '', size: bytes.length, sha256: sha256(bytes), created_at: '' });
    assert.match(file.url, /^https:\/\/[^/]+\/f\/[A-Za-z0-9_-]{43}\/%C3%9Cberblick%201\.pdf$/);
    const listed = (await partner.get(`/models/${model.id}/files`)).data;
    assert.equal(listed[0].id, file.id);
    assert.equal((await partner.get(`/files/${file.id}`)).sha256, file.sha256);
    const edited = await partner.patch(`/files/${file.id}`, { name: 'Guide', desc: null, checksum: 'abc', version: 'third edition' });
    assert.deepEqual([edited.name, edited.desc, edited.checksum, edited.sha256], ['Guide', null, 'abc', file.sha256]);
    await partner.patch(`/files/${file.id}`, { version: 'fourth' }, 422);
    const content = await download(`/core/v1/partner/files/${file.id}/content`, { headers: { authorization: keys.partner_key } });
    assert.ok(content.bytes.equals(bytes));
    assert.equal(content.headers['content-disposition'], 'attachment; filename="__berblick 1.pdf"; filename*=UTF-8\'\'%C3%9Cberblick%201.pdf');
    const actions = (await partner.get('/audit')).data.map((entry) => entry.action);
    assert.deepEqual(actions.filter((action) => action.startsWith('file.')).slice(0, 2), ['file.update', 'file.create']);
  });

  test('a raw body has its fields in the query', async () => {
    const bytes = randomBytes(5000);
    const reply = await request(server.http, 'POST', `/core/v1/partner/models/${model.id}/files?name=Raw&file_type=config&filename=a.cfg`,
      { key: keys.partner_key, raw: bytes, headers: { 'content-type': 'application/octet-stream' } });
    assert.equal(reply.status, 201, reply.text);
    assert.equal(reply.json.sha256, sha256(bytes));
    assert.ok(reply.json.url.endsWith('/a.cfg'));
  });

  test('what is refused leaves nothing', async () => {
    const before = contents().length;
    const at = `/core/v1/partner/models/${model.id}/files`;
    const cases = [
      [{ file_type: 'other' }, 'Parameter name is required'],
      [{ name: ' ', file_type: 'other' }, "Name can't be blank"],
      [{ name: 'x'.repeat(256), file_type: 'other' }, 'Name is too long (maximum is 255 characters)'],
      [{ name: 'x' }, 'Parameter file_type is required'],
      [{ name: 'x', file_type: 'film' }, 'File type is invalid'],
      [{ name: 'x', file_type: 'firmware' }, 'Version is invalid'],
      [{ name: 'x', file_type: 'firmware', version: '1.0' }, 'Version is invalid'],
    ];
    for (const [fields, text] of cases) assert.deepEqual(answer(await post(at, keys.partner_key, fields, { bytes: randomBytes(10) })), [422, error(text)]);
    assert.deepEqual(answer(await post(at, keys.partner_key, { name: 'x', file_type: 'other' })), [422, error('Parameter file is required')]);
    assert.deepEqual(answer(await post(at, keys.partner_key, { name: 'x', file_type: 'other' }, { bytes: Buffer.alloc(0) })), [422, error('Parameter file is required')]);
    assert.deepEqual(answer(await post(`/core/v1/partner/models/${randomUUID()}/files`, keys.partner_key, { name: 'x' }, { bytes: randomBytes(10) })), [404, error('Model not found')]);
    const { raw, headers } = form({ name: 'x', file_type: 'other' }, { bytes: randomBytes(10) });
    for (const [body, type] of [[raw.subarray(0, -10), headers['content-type']], [Buffer.from('rubbish'), headers['content-type']], [raw, 'multipart/form-data']]) {
      assert.deepEqual(answer(await request(server.http, 'POST', at, { key: keys.partner_key, raw: body, headers: { 'content-type': type } })), [400, error('Bad request')]);
    }
    const huge = await request(server.http, 'POST', at, { key: keys.partner_key, headers: { 'content-length': 2 ** 32, 'content-type': 'image/png' } }).catch(() => ({ status: 413, text: error('Payload too large') }));
    assert.deepEqual(answer(huge), [413, error('Payload too large')]);
    await until(() => incoming().length === 0, 'nothing is being written');
    assert.equal(contents().length, before);
  });

  test('firmware has a version of its own; a repeated request its first reply', async () => {
    const own = await makeModel(server, { name: `Model ${randomUUID()}` });
    await uploaded({ file_type: 'firmware', version: '2.0.0' }, undefined, own);
    assert.deepEqual(answer(await upload({ file_type: 'firmware', version: '2.0.0' }, undefined, own)), [422, error('Version has already been taken')]);
    await uploaded({ file_type: 'manual', version: '2.0.0' }, undefined, own);
    const bytes = randomBytes(50);
    const path = `/core/v1/partner/models/${own.id}/files`;
    const once = (body) => {
      const { raw, headers } = form({ name: 'Once', file_type: 'other' }, { bytes: body });
      return request(server.http, 'POST', path, { key: keys.partner_key, raw, headers: { ...headers, 'idempotency-key': 'once' } });
    };
    const first = await once(bytes);
    const again = await once(bytes);
    assert.deepEqual([again.status, again.json.id], [201, first.json.id]);
    assert.equal((await once(randomBytes(50))).status, 422);
    assert.equal((await partner.get(`/models/${own.id}/files`)).data.length, 3);
  });
});

describe('the address of a content', () => {
  let file;
  let bytes;
  before(async () => {
    bytes = randomBytes(700_000);
    file = await uploaded({ name: 'Addressed' }, bytes);
  });

  test('works without headers and with any, over TLS, once as a whole', async () => {
    for (const headers of [{}, { authorization: 'anything' }, { authorization: keys.partner_key }]) {
      const reply = await download(pathOf(file.url), { headers });
      assert.equal(reply.status, 200);
      assert.ok(reply.bytes.equals(bytes));
      assert.deepEqual([reply.headers.etag, reply.headers['x-content-type-options'], reply.headers['content-security-policy'], reply.headers['content-type'], reply.headers['accept-ranges']],
        [`"${sha256(bytes)}"`, 'nosniff', "sandbox; default-src 'none'", 'application/octet-stream', 'bytes']);
    }
    assert.ok((await download(pathOf(file.url), { tls: true })).bytes.equals(bytes));
    const head = await download(pathOf(file.url), { method: 'HEAD' });
    assert.deepEqual([head.status, head.headers['content-length'], head.bytes.length], [200, String(bytes.length), 0]);
  });

  test('parts, tags', async () => {
    const get = (headers) => download(pathOf(file.url), { headers });
    for (const [range, from, to] of [['bytes=0-9', 0, 10], ['bytes=699990-', 699990, 700000], ['bytes=-5', 699995, 700000], ['bytes=100-99999999', 100, 700000]]) {
      const part = await get({ range });
      assert.equal(part.status, 206);
      assert.equal(part.headers['content-range'], `bytes ${from}-${to - 1}/700000`);
      assert.ok(part.bytes.equals(bytes.subarray(from, to)));
    }
    const beyond = await get({ range: 'bytes=700000-' });
    assert.deepEqual([beyond.status, beyond.headers['content-range']], [416, 'bytes */700000']);
    assert.equal((await get({ range: 'bytes=5-4' })).status, 200);
    assert.equal((await get({ range: 'bytes=0-1,5-6' })).status, 200);
    const same = await get({ 'if-none-match': `"x", W/"${sha256(bytes)}"` });
    assert.deepEqual([same.status, same.bytes.length], [304, 0]);
    assert.equal((await get({ 'if-none-match': '"x"' })).status, 200);
    assert.equal((await get({ range: 'bytes=0-0', 'if-range': `"${sha256(bytes)}"` })).status, 206);
    assert.equal((await get({ range: 'bytes=0-0', 'if-range': '"old"' })).status, 200);
  });

  test('one connection carries content after content', async () => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    try {
      for (let i = 0; i < 3; i++) {
        const reply = await request(server.http, 'GET', pathOf(file.url), { agent, headers: { range: `bytes=${i}-${i + 300000}` } });
        assert.equal(reply.status, 206);
      }
      assert.equal(Object.values(agent.freeSockets).flat().length, 1);
      assert.equal((await request(server.http, 'GET', '/', { agent })).status, 200);
    } finally {
      agent.destroy();
    }
  });

  test('is not to be guessed, and dies with the file', async () => {
    const [, , token] = pathOf(file.url).split('/');
    const other = token.startsWith('A') ? 'B' : 'A';
    for (const wrong of ['x', token.slice(1), `${other}${token.slice(1)}`, `${token}AA`, token.slice(0, -3)]) {
      assert.deepEqual(answer(await request(server.http, 'GET', `/f/${wrong}/x`)), [404, error('File not found')]);
    }
    assert.ok((await download(`/f/${token}/whatever`)).bytes.equals(bytes));
    const doomed = await uploaded({ name: 'Doomed' });
    assert.deepEqual(await partner.del(`/files/${doomed.id}`), { success: true });
    assert.equal((await download(pathOf(doomed.url))).status, 404);
    await partner.del(`/files/${doomed.id}`, undefined, 404);
    await until(() => !contents().includes(doomed.id), 'its content is removed');
  });
});

describe('large and broken transfers', () => {
  const peak = () => Number(readFileSync(`/proc/${server.pid}/status`, 'utf8').match(/VmHWM:\s+(\d+)/)[1]) * 1024;
  const SIZE = 64 * MIB;

  /** Sends `size` bytes of a known pattern without keeping them; `chunked` without saying how many. */
  function stream(path, size, { chunked = false, tls = false, stopAt = Infinity } = {}) {
    const hash = createHash('sha256');
    const to = tls ? server.https : server.http;
    const call = (tls ? https : http).request({ host: to.host, port: to.port, path, method: 'POST', rejectUnauthorized: false,
      headers: { authorization: keys.partner_key, 'content-type': 'application/octet-stream', ...(chunked ? {} : { 'content-length': size }) } });
    const replied = new Promise((resolve, reject) => {
      call.on('response', (reply) => {
        let text = '';
        reply.on('data', (part) => { text += part; }).on('end', () => resolve({ status: reply.statusCode, text }));
      });
      call.on('error', reject);
    });
    replied.catch(() => {});
    call.flushHeaders();
    const portion = Buffer.alloc(256 * 1024, 'muster');
    let sent = 0;
    const stopped = new Promise((resolve) => {
      const go = () => {
        while (sent < size) {
          if (sent >= stopAt || call.destroyed) { resolve(); return; }
          const part = portion.subarray(0, Math.min(portion.length, size - sent));
          hash.update(part);
          sent += part.length;
          if (!call.write(part)) { call.once('drain', go); return; }
        }
        call.end();
        resolve();
      };
      go();
    });
    return { call, replied, stopped, hash };
  }

  test('a large file passes through without being in memory, both ways, also to a slow reader', async () => {
    const before = peak();
    const path = `/core/v1/partner/models/${model.id}/files?name=Large&file_type=other`;
    const up = stream(path, SIZE, { chunked: true });
    const reply = await up.replied;
    assert.equal(reply.status, 201, reply.text);
    const file = JSON.parse(reply.text);
    const digest = up.hash.digest('hex');
    assert.deepEqual([file.size, file.sha256], [SIZE, digest]);
    for (const tls of [false, true]) {
      const hash = createHash('sha256');
      const to = tls ? server.https : server.http;
      await new Promise((resolve, reject) => {
        (tls ? https : http).get({ host: to.host, port: to.port, path: pathOf(file.url), rejectUnauthorized: false }, (got) => {
          let parts = 0;
          got.on('data', (part) => {
            hash.update(part);
            if (++parts % 100 === 0) { got.pause(); setImmediate(() => got.resume()); }
          }).on('end', resolve).on('error', reject);
        }).on('error', reject);
      });
      assert.equal(hash.digest('hex'), digest);
    }
    assert.ok(peak() - before < SIZE / 2, `grew by ${peak() - before} bytes`);
  });

  test('too much is refused, whether it was announced or not', async () => {
    const path = `/core/v1/partner/models/${model.id}/files?name=Large&file_type=other`;
    const announced = stream(path, 129 * MIB, { stopAt: 0 });
    assert.deepEqual(answer(await announced.replied), [413, error('Payload too large')]);
    announced.call.destroy();
    const dump = await register(server, model.key, { sn: 'too-much' });
    const call = http.request({ host: server.http.host, port: server.http.port, method: 'POST', path: `/v1/devices/${dump.id}/dumps`, headers: { authorization: dump.access_key } });
    const replied = new Promise((resolve, reject) => {
      call.on('response', (reply) => { reply.resume(); resolve(reply.statusCode); }).on('error', reject);
    });
    call.write(Buffer.alloc(1_100_000));
    assert.equal(await replied, 413);
    call.destroy();
  });

  test('an upload that is cut off leaves nothing, nor does one that the server does not survive', async () => {
    const before = contents().length;
    const path = `/core/v1/partner/models/${model.id}/files?name=Cut&file_type=other`;
    const cut = stream(path, SIZE, { stopAt: 2 * MIB });
    await cut.stopped;
    await until(() => incoming().length === 1, 'it is being written');
    cut.call.destroy();
    await until(() => incoming().length === 0, 'what was written goes');
    const hit = stream(path, SIZE, { stopAt: 2 * MIB });
    await hit.stopped;
    await until(() => incoming().length === 1, 'it is being written');
    await server.kill();
    hit.call.destroy();
    assert.equal(incoming().length, 1);
    Object.assign(server, await startServer({ dir: keys.dir, args, env }));
    assert.equal(incoming().length, 0);
    assert.equal(contents().length, before);
  });
});

test('the last of the disk is left alone', async () => {
  const written = readFileSync(args[1], 'utf8');
  const reload = (text) => { writeFileSync(args[1], text); server.signal('SIGHUP'); };
  try {
    reload(`${written}disk_reserve = 9007199254740992\n`);
    await until(async () => (await upload({ name: 'Too much' })).status === 503, 'uploads are refused');
    await until(() => incoming().length === 0, 'nothing is being written');
  } finally {
    reload(written);
  }
  await until(async () => (await upload({ name: 'Fits' })).status === 201, 'uploads are taken again');
});

describe('what devices get', () => {
  let own;
  let panel;
  before(async () => {
    own = await makeModel(server, { name: `Firmware ${randomUUID()}` });
    panel = await register(server, own.key, { firmware_version: '1.0.0' });
    await assign(server, panel.id);
  });
  const levels = async (one = panel) => {
    const { json } = await device(one, 'POST', '/telemetry', { body: {} });
    return [json.latest_fw_version, json.latest_fw_file_id];
  };

  test('files of their model, newest first; others do not exist', async () => {
    const first = await uploaded({ name: 'First', checksum: 'c', public_notes: 'n' }, Buffer.from('one'), own);
    const second = await uploaded({ name: 'Second' }, undefined, own);
    const foreign = await uploaded({ name: 'Foreign' });
    const list = (await device(panel, 'GET', '/files')).json;
    assert.deepEqual(list.map(({ id }) => id), [second.id, first.id]);
    assert.deepEqual(Object.keys(list[1]), DEVICE_FILE);
    const one = (await device(panel, 'GET', `/files/${first.id}`)).json;
    assert.deepEqual({ ...one, url: '' }, { ...list[1], url: '' });
    assert.deepEqual([one.checksum, one.public_notes, one.signature], ['c', 'n', null]);
    const content = await download(pathOf(one.url), { headers: { authorization: panel.access_key } });
    assert.equal(content.bytes.toString(), 'one');
    for (const id of [foreign.id, randomUUID(), 'x']) assert.deepEqual(answer(await device(panel, 'GET', `/files/${id}`)), [400, error('File not found')]);
    assert.deepEqual((await organization.get(`/devices/${panel.id}/files`)).items.map(({ id }) => id), [second.id, first.id]);
    assert.deepEqual((await partner.get(`/devices/${panel.id}/files`)).data.map(({ id }) => id), [second.id, first.id]);
  });

  test('levels: the newest upload if it is higher, moved by uploads, reports and deletions; over a restart', async () => {
    assert.deepEqual(await levels(), [null, null]);
    const low = await uploaded({ file_type: 'firmware', version: '0.9.0' }, undefined, own);
    assert.deepEqual(await levels(), [null, null]);
    const high = await uploaded({ file_type: 'firmware', version: '1.1.0-rc.1' }, undefined, own);
    assert.deepEqual(await levels(), ['1.1.0-rc.1', high.id]);
    await device(panel, 'PUT', '', { body: { firmware_version: '1.1.0' } });
    assert.deepEqual(await levels(), [null, null]);
    const higher = await uploaded({ file_type: 'firmware', version: '1.10.0' }, undefined, own);
    assert.deepEqual(await levels(), ['1.10.0', higher.id]);
    const late = await register(server, own.key, { firmware_version: '1.9.0', sn: 'late' });
    assert.deepEqual(await levels(late), ['1.10.0', higher.id]);
    assert.deepEqual(await levels(await register(server, own.key, { firmware_version: '1.10.0+build.7', sn: 'even' })), [null, null]);
    await server.stop();
    editDatabase(keys.dir, // a fleet that takes more than one step to look through
      `CREATE TEMP TABLE template AS SELECT * FROM device WHERE id = ${blob(late.id)};
      INSERT INTO device (id, partner_no, model_no, key_hash, key_issued_at, name, firmware_version, created_at)
      WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4500)
      SELECT randomblob(16), partner_no, model_no, randomblob(32), key_issued_at, name, '1.0.0', created_at FROM n, template;`);
    Object.assign(server, await startServer({ dir: keys.dir, args, env }));
    assert.deepEqual(await levels(late), ['1.10.0', higher.id]);
    const last = await register(server, own.key, { firmware_version: '1.9.0', sn: 'last' });
    assert.deepEqual(await levels(last), ['1.10.0', higher.id]);
    const highest = await uploaded({ file_type: 'firmware', version: '1.10.1' }, undefined, own);
    assert.deepEqual(await levels(late), ['1.10.1', highest.id]);
    await partner.del(`/files/${highest.id}`);
    await until(async () => (await levels(last))[0] === '1.10.0', 'the last device is reached');
    await partner.del(`/files/${higher.id}`);
    assert.deepEqual(await levels(), [null, null]);
    await device(late, 'POST', '/telemetry', { body: { common: { firmware_version: '1.0.9' }, custom: {} } });
    assert.deepEqual(await levels(late), ['1.1.0-rc.1', high.id]);
    await partner.del(`/files/${low.id}`);
    await partner.del(`/files/${high.id}`);
    assert.deepEqual(await levels(late), [null, null]);
  });

  test('an upload is pushed to whoever is below it, and what is the newest when it is withdrawn', async () => {
    const pushed = [];
    const clients = [];
    try {
      for (const [name, version] of [['below', '2.9.0'], ['above', '3.0.1']]) {
        const one = await register(server, own.key, { firmware_version: version, sn: name });
        const mqtt = await connect(server, { clientId: one.id, username: one.id, password: one.access_key });
        clients.push(mqtt);
        mqtt.on('message', (topic, payload) => pushed.push([name, topic.split('/').at(-1), JSON.parse(payload)]));
        await mqtt.subscribeAsync(`v1/device/${one.id}/firmware`, { qos: 1 });
      }
      const file = await uploaded({ file_type: 'firmware', version: '3.0.0' }, undefined, own);
      await until(() => pushed.length === 1, 'the push arrives');
      const second = await uploaded({ file_type: 'firmware', version: '3.1.0' }, undefined, own);
      await until(() => pushed.length === 3, 'the next is for both');
      const expected = (version, { id }) => ({ latest_fw_version: version, latest_fw_file_id: id });
      assert.deepEqual(pushed[0], ['below', 'firmware', expected('3.0.0', file)]);
      assert.deepEqual(pushed.slice(1).sort(), [['above', 'firmware', expected('3.1.0', second)], ['below', 'firmware', expected('3.1.0', second)]]);
      const late = await register(server, own.key, { firmware_version: '1.0.0', sn: 'subscriber' });
      const mqtt = await connect(server, { clientId: late.id, username: late.id, password: late.access_key });
      clients.push(mqtt);
      mqtt.on('message', (topic, payload) => pushed.push(['late', JSON.parse(payload)]));
      await mqtt.subscribeAsync(`v1/device/${late.id}/firmware`, { qos: 1 });
      await until(() => pushed.length === 4, 'a subscription is told');
      assert.deepEqual(pushed[3], ['late', expected('3.1.0', second)]);
      await partner.del(`/files/${second.id}`);
      await until(() => pushed.length === 6, 'two are below what is left');
      assert.deepEqual(pushed.slice(4).sort(), [['below', 'firmware', expected('3.0.0', file)], ['late', expected('3.0.0', file)]]);
    } finally {
      await Promise.all(clients.map((one) => one.endAsync(true)));
    }
  });
});

describe('commands with a file', () => {
  let own;
  let panel;
  let firmware;
  before(async () => {
    own = await makeModel(server, { name: `Commands ${randomUUID()}`, suggested_commands: ['reboot', 'update_firmware'] });
    await partner.post(`/models/${own.id}/commands`, { name: 'show', friendly_name: 'Show', with_file: true, custom_fields: [{ name: 'slot', type: 'string' }, { name: 'url', type: 'string' }] });
    panel = await register(server, own.key);
    await assign(server, panel.id);
    firmware = await uploaded({ file_type: 'firmware', version: '1.3.4', checksum: 'abc' }, Buffer.from('firmware'), own);
  });
  const command = (body, status) => organization.post(`/devices/${panel.id}/commands`, body, status);

  test('the file has to be there, and of the family', async () => {
    const manual = await uploaded({ file_type: 'manual' }, undefined, own);
    const foreign = await uploaded({ file_type: 'firmware', version: '9.0.0' });
    for (const [body, status, text] of [
      [{ name: 'update_firmware' }, 422, 'Parameter file_id is required'],
      [{ name: 'update_firmware', file_id: null }, 422, 'Parameter file_id is required'],
      [{ name: 'update_firmware', file_id: randomUUID() }, 404, 'File not found'],
      [{ name: 'update_firmware', file_id: 7 }, 404, 'File not found'],
      [{ name: 'update_firmware', file_id: foreign.id }, 404, 'File not found'],
      [{ name: 'update_firmware', file_id: manual.id }, 422, 'File id is invalid'],
      [{ name: 'reboot', file_id: firmware.id }, 422, 'Unknown parameter file_id'],
    ]) assert.deepEqual(await command(body, status), { error: text });
    assert.equal((await command({ name: 'reboot', file_id: null })).file_id, null);
    const waiting = (await device(panel, 'GET', '/command')).json;
    await device(panel, 'POST', '/command', { body: { id: waiting.id, status: 'done' } });
  });

  test('the device gets its address; the file cannot be deleted meanwhile', async () => {
    const sent = await command({ name: 'update_firmware', file_id: firmware.id });
    assert.equal(sent.file_id, firmware.id);
    const got = (await device(panel, 'GET', '/command')).json;
    assert.deepEqual(Object.keys(got.parameters), ['url', 'version', 'checksum', 'signature']);
    assert.deepEqual([got.parameters.version, got.parameters.checksum, got.parameters.signature], ['1.3.4', 'abc', null]);
    assert.equal((await download(pathOf(got.parameters.url))).bytes.toString(), 'firmware');
    assert.ok(got.parameters.url.startsWith(`${panel.hub_url}/f/`));
    assert.deepEqual(await partner.del(`/files/${firmware.id}`, undefined, 422), { error: 'File is in use' });
    await device(panel, 'POST', '/command', { body: { id: got.id, status: 'done' } });
    assert.equal((await organization.get(`/devices/${panel.id}/commands/${sent.id}`)).file_id, firmware.id);
  });

  test('a file of the organization goes to its devices, over MQTT too, and to nobody else', async () => {
    const bytes = randomBytes(2000);
    const { raw, headers } = form({ name: 'Picture', file_type: 'image', version: 'summer' }, { bytes, filename: 'p.png' });
    const reply = await request(server.http, 'POST', '/core/v1/organization/files', { key: keys.organization_key, raw, headers });
    assert.equal(reply.status, 201, reply.text);
    const file = reply.json;
    assert.deepEqual((await organization.get('/files')).items.map(({ id }) => id), [file.id]);
    await partner.get(`/files/${file.id}`, undefined, 404).then(() => {}, (failure) => assert.match(failure.message, /404/));
    assert.equal((await device(panel, 'GET', `/files/${file.id}`)).status, 400);
    const mqtt = await connect(server, { clientId: panel.id, username: panel.id, password: panel.access_key });
    try {
      const got = new Promise((resolve) => { mqtt.on('message', (topic, payload) => resolve(JSON.parse(payload))); });
      await mqtt.subscribeAsync(`v1/device/${panel.id}/command`, { qos: 1 });
      await command({ name: 'show', file_id: file.id, extra_params: { slot: 'B', url: 'x' } });
      const { id, parameters } = await got;
      assert.deepEqual(Object.keys(parameters), ['url', 'version', 'checksum', 'signature', 'slot']);
      assert.deepEqual([parameters.version, parameters.slot], ['summer', 'B']);
      assert.ok((await download(pathOf(parameters.url))).bytes.equals(bytes));
      assert.equal((await device(panel, 'GET', `/files/${file.id}`)).json.name, 'Picture');
      assert.deepEqual(await organization.del(`/files/${file.id}`, undefined, 422), { error: 'File is in use' });
      await organization.del(`/devices/${panel.id}/commands/${id}`);
    } finally {
      await mqtt.endAsync(true);
    }
    assert.deepEqual(await organization.del(`/files/${file.id}`), { success: true });
  });
});

describe('dumps', () => {
  let panel;
  before(async () => {
    panel = await register(server, model.key, { sn: 'dumper' });
    await assign(server, panel.id);
  });
  const content = (id, headers = {}) => download(`/core/v1/organization/dumps/${id}/content`, { headers: { authorization: keys.organization_key, ...headers } });

  test('are sent, appended to, listed and downloaded', async () => {
    const created = await send(panel, 'POST', '/dumps/application%2Fgzip/log%201.gz', Buffer.from('one,'));
    assert.deepEqual([created.status, Object.keys(created.json)], [201, ['id']]);
    const { id } = created.json;
    const before = (await content(id)).headers.etag;
    assert.deepEqual(answer(await send(panel, 'PUT', `/dumps/${id}`, Buffer.from('two,'))), [200, '{"length":8}']);
    assert.deepEqual(answer(await send(panel, 'POST', `/dumps/${id}`, Buffer.from('three'))), [200, '{"length":13}']);
    const { items: [row] } = await organization.get(`/devices/${panel.id}/dumps`);
    assert.deepEqual([row.id, row.device_id, row.name, row.mime, row.length], [id, panel.id, 'log 1.gz', 'application/gzip', 13]);
    assert.deepEqual((await partner.get(`/devices/${panel.id}/dumps`)).data, [row]);
    const got = await content(id);
    assert.equal(got.bytes.toString(), 'one,two,three');
    assert.notEqual(got.headers.etag, before);
    assert.deepEqual([got.headers['content-security-policy'], got.headers['content-type']], ["sandbox; default-src 'none'", 'application/octet-stream']);
    assert.equal((await content(id, { range: 'bytes=4-6' })).bytes.toString(), 'two');
    assert.equal((await content(id, { 'if-none-match': got.headers.etag })).status, 304);
  });

  test('in every form', async () => {
    const texts = [];
    const split = await send(panel, 'POST', '/dumps/text/x-log/split.log', Buffer.from('split'));
    texts.push([split.json.id, 'split', 'text/x-log', 'split.log']);
    const { raw, headers } = form({ other: 'field' }, { bytes: Buffer.from('part') }, 'data');
    const multipart = await device(panel, 'POST', '/dumps/text%2Fplain/form.log', { raw, headers });
    texts.push([multipart.json.id, 'part', 'text/plain', 'form.log']);
    for (const path of ['/dumps', '/dump']) {
      const legacy = await send(panel, 'POST', path, Buffer.from('legacy'));
      assert.deepEqual([legacy.status, Object.keys(legacy.json), legacy.json.length], [201, ['id', 'length'], 6]);
      texts.push([legacy.json.id, 'legacy', 'text/plain', 'dump.txt']);
    }
    for (const [id, text, mime, name] of texts) {
      assert.equal((await content(id)).bytes.toString(), text);
      const row = (await organization.get(`/devices/${panel.id}/dumps`)).items.find((one) => one.id === id);
      assert.deepEqual([row.mime, row.name], [mime, name]);
    }
  });

  test('what is refused', async () => {
    const other = await register(server, model.key, { sn: 'other dumper' });
    const { json: { id } } = await send(other, 'POST', '/dumps/text%2Fplain/a', Buffer.from('x'));
    for (const [reply, status, text] of [
      [await send(panel, 'POST', '/dumps/text%2Fplain/a', Buffer.alloc(0)), 422, "Data can't be blank"],
      [await device(panel, 'POST', '/dumps/text%2Fplain/a', form({ x: 'y' })), 422, "Data can't be blank"],
      [await send(other, 'PUT', `/dumps/${id}`, Buffer.alloc(0)), 422, "Data can't be blank"],
      [await send(panel, 'PUT', `/dumps/${id}`, Buffer.from('x')), 404, 'Dump not found'],
      [await send(panel, 'PUT', `/dumps/${randomUUID()}`, Buffer.from('x')), 404, 'Dump not found'],
      [await send(panel, 'PUT', '/dumps/nonsense', Buffer.from('x')), 404, 'Dump not found'],
      [await send(panel, 'POST', `/dumps/text%2Fplain/${'x'.repeat(256)}`, Buffer.from('x')), 422, 'Filename is too long (maximum is 255 characters)'],
      [await send(panel, 'POST', '/dumps/a%0Ab/x', Buffer.from('x')), 422, 'Mime is invalid'],
    ]) assert.deepEqual(answer(reply), [status, error(text)]);
    const full = await send(other, 'POST', '/dumps', Buffer.alloc(MIB));
    assert.deepEqual(answer(await send(other, 'PUT', `/dumps/${full.json.id}`, Buffer.alloc(MIB / 2))), [413, error('Payload too large')]);
    assert.deepEqual(answer(await send(other, 'PUT', `/dumps/${full.json.id}`, Buffer.from('x'))), [200, `{"length":${MIB + 1}}`]);
  });

  test('appends at the same time are all there, each as a whole', async () => {
    const { json: { id } } = await send(panel, 'POST', '/dumps', Buffer.from('begin\n'));
    const lines = Array.from({ length: 30 }, (_, i) => `${String(i).repeat(50)}\n`);
    const replies = await Promise.all(lines.map((line) => send(panel, 'PUT', `/dumps/${id}`, Buffer.from(line))));
    assert.deepEqual(replies.map(({ status }) => status), lines.map(() => 200));
    const got = (await content(id)).bytes.toString();
    assert.deepEqual(got.split('\n').slice(1, -1).sort(), lines.map((line) => line.trim()).sort());
    assert.equal(Math.max(...replies.map(({ json }) => json.length)), got.length);
  });

  test('what was acknowledged outlives a kill, whole, and nothing else counts', async () => {
    const { json: { id } } = await send(panel, 'POST', '/dumps', Buffer.from('begin\n'));
    const acknowledged = [];
    let going = true;
    const writers = Array.from({ length: 4 }, async (_, writer) => {
      for (let i = 0; going; i++) {
        const line = `${writer}-${i}-${'x'.repeat(200)}`;
        const reply = await send(panel, 'PUT', `/dumps/${id}`, Buffer.from(`${line}\n`)).catch(() => null);
        if (reply?.status === 200) acknowledged.push(line);
      }
    });
    await until(() => acknowledged.length >= 20, 'lines are acknowledged');
    await server.kill();
    going = false;
    await Promise.all(writers);
    Object.assign(server, await startServer({ dir: keys.dir, args: tight, env }));
    const lines = (await content(id)).bytes.toString().split('\n').slice(1, -1);
    assert.ok(lines.every((line) => /^\d-\d+-x{200}$/.test(line)), 'every line is whole');
    assert.equal(new Set(lines).size, lines.length);
    assert.deepEqual(acknowledged.filter((line) => !lines.includes(line)), []);
    assert.equal((await send(panel, 'PUT', `/dumps/${id}`, Buffer.from('end\n'))).status, 200);
    assert.equal((await content(id)).bytes.toString().split('\n').at(-2), 'end');
    await until(() => incoming().length === 0, 'nothing is being written');
  });

  test('the oldest go when there are too many; all go with the owner', async () => {
    const ids = [];
    for (let i = 0; i < 7; i++) ids.push((await send(panel, 'POST', '/dumps', Buffer.from(`dump ${i}`))).json.id);
    assert.deepEqual((await organization.get(`/devices/${panel.id}/dumps`)).items.map(({ id }) => id), ids.slice(2).reverse());
    assert.equal((await content(ids[0])).status, 404);
    await until(() => !contents().includes(ids[0]), 'its content is removed');
    await partner.post(`/devices/${panel.id}/unassign`, {});
    assert.deepEqual((await partner.get(`/devices/${panel.id}/dumps`)).data, []);
    assert.equal((await content(ids[6])).status, 404);
    await until(() => ids.every((id) => !contents().includes(id)), 'their contents are removed');
  });
});

describe('so much at once', () => { // by the limits of `tight`
  const begin = async (path, key) => {
    const peer = await open(server.http);
    peer.send(head('POST', path, { Authorization: key, 'Content-Type': 'text/plain', 'Content-Length': 10, Expect: '100-continue' }));
    assert.equal((await peer.reply()).status, 100, 'it has a place');
    peer.send('begun');
    return peer;
  };
  const TOO_MANY = [429, error('Too many uploads at once')];

  test('one device does not hold every writer; nor does a tenant', async () => {
    const [one, other] = [await register(server, model.key, { sn: 'holder' }), await register(server, model.key, { sn: 'other holder' })];
    const customer = await partner.post('/organizations', { name: 'Holder', admin_contact_email: 'holder@example.com' });
    for (const [path, key, free] of [
      [`/v1/devices/${one.id}/dumps`, one.access_key, () => send(other, 'POST', '/dumps', Buffer.from('x'))],
      ['/core/v1/organization/files?name=a&file_type=other', customer.api_key, () => send(one, 'POST', '/dumps', Buffer.from('x'))],
    ]) {
      const held = [];
      try {
        held.push(await begin(path, key), await begin(path, key));
        const refusal = await request(server.http, 'POST', path, { key, raw: 'one more', headers: { 'content-type': 'text/plain' } });
        assert.deepEqual(answer(refusal), TOO_MANY);
        assert.ok(Number(refusal.headers['retry-after']) >= 1);
        assert.equal((await free()).status, 201, 'others are not concerned');
        held[0].send('ended');
        assert.equal((await held[0].reply()).status, 201);
        held[1].destroy(); // gives its place back, too
        await until(async () => (await request(server.http, 'POST', path, { key, raw: 'x', headers: { 'content-type': 'text/plain' } })).status === 201, 'a place is free');
      } finally {
        for (const peer of held) peer.destroy();
      }
    }
  });

  test('all files of a tenant together', async () => {
    const customer = await partner.post('/organizations', { name: 'Hoarder', admin_contact_email: 'hoarder@example.com' });
    const upload = (bytes) => request(server.http, 'POST', '/core/v1/organization/files?name=a&file_type=other', { key: customer.api_key, raw: 'x'.repeat(bytes), headers: { 'content-type': 'text/plain' } });
    const refusal = [422, error('Files take too much room (maximum is 1000 bytes in all)')];
    assert.deepEqual(answer(await upload(1001)), refusal);
    const first = await upload(600);
    assert.equal(first.status, 201);
    assert.deepEqual(answer(await upload(401)), refusal);
    assert.equal((await upload(400)).status, 201);
    assert.deepEqual(answer(await upload(1)), refusal);
    await client(server, 'organization', customer.api_key).del(`/files/${first.json.id}`);
    assert.equal((await upload(600)).status, 201, 'what was deleted does not count');
    const before_ = (await partner.get(`/models/${model.id}/files`)).data.length;
    assert.deepEqual(answer(await request(server.http, 'POST', `/core/v1/partner/models/${model.id}/files?name=a&file_type=other`, { key: server.partner_key, raw: 'x'.repeat(1001), headers: { 'content-type': 'text/plain' } })), refusal);
    assert.equal((await partner.get(`/models/${model.id}/files`)).data.length, before_);
  });

  test('an upload says how long it is', async () => {
    const peer = await open(server.http);
    peer.send(head('POST', '/core/v1/organization/files?name=a&file_type=other', { Authorization: server.organization_key }));
    const reply = await peer.reply();
    assert.deepEqual([reply.status, reply.text, reply.headers.connection], [411, error('Length required'), 'close']);
    await peer.end();
  });
});
