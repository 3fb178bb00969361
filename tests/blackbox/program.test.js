// The program itself: subcommands, options, set-up, signals, health and metrics.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { binary, makeModel, register, request, setup, startServer, until } from './support/server.js';
import { connect } from './support/mqtt.js';

let dir;
before(() => { dir = mkdtempSync(join(tmpdir(), 'muster-program-')); });
after(() => rmSync(dir, { recursive: true, force: true }));

function muster(...args) {
  return new Promise((resolve) => {
    execFile(binary, args, { encoding: 'utf8' }, (error, stdout, stderr) => resolve({ code: error ? error.code : 0, stdout, stderr }));
  });
}

test('version, help and unknown options', async () => {
  assert.match((await muster('version')).stdout, /^muster \d+\.\d+\.\d+\n$/);
  assert.equal((await muster('--version')).code, 0);
  const overview = await muster('help');
  for (const command of ['serve', 'setup', 'reset-link', 'demo', 'simulate', 'bench', 'config', 'version']) {
    assert.match(overview.stdout, new RegExp(`^  ${command} `, 'm'));
    const help = await muster('help', command);
    assert.equal(help.code, 0);
    assert.match(help.stdout, new RegExp(`^usage: muster ${command}`));
  }
  for (const [args, named] of [[['serve', '--nope'], '--nope'], [['serve', '--http'], '--http'], [['serve', '--http', 'nonsense'], 'nonsense'],
    [['nope'], 'nope'], [['help', 'nope'], 'nope'], [['serve', 'x'], 'x'], [['simulate', '--http', 'http://127.0.0.1:1'], '--hardware-key'],
    [['simulate', '--http', 'x', '--hardware-key', 'y', '--devices', '0'], '--devices']]) {
    const { code, stderr } = await muster(...args);
    assert.equal(code, 2, args.join(' '));
    assert.ok(stderr.includes(named), `${args.join(' ')}: ${stderr}`);
  }
});

test('config check names the line of every mistake', async () => {
  const file = join(dir, 'bad.conf');
  writeFileSync(file, '[server]\nloops = x\n[mqtt]\nnope = 1\n');
  const { code, stdout } = await muster('config', 'check', file);
  assert.equal(code, 1);
  assert.match(stdout, /bad\.conf:2: loops must be a whole number/);
  assert.match(stdout, /bad\.conf:4: unknown setting 'nope' in \[mqtt\]/);
  writeFileSync(file, '[server]\nloops = 1\n');
  assert.equal((await muster('config', 'check', file)).code, 0);
});

test('set-up without a browser: one JSON line, once, never on a folder in use', async () => {
  const keys = setup({ partner: 'Northlight' });
  assert.match(keys.partner_key, /^mp_[0-9A-Za-z]{43}$/);
  assert.match(keys.organization_key, /^mo_[0-9A-Za-z]{43}$/);
  assert.match(keys.partner_id, /^[0-9a-f-]{36}$/);
  const file = join(dir, 'password');
  writeFileSync(file, 'correct horse battery');
  const arguments_ = ['setup', '--data', keys.dir, '--partner', 'X', '--email', 'x@example.com', '--password-file', file];
  const again = await muster(...arguments_);
  assert.equal(again.code, 1);
  assert.match(again.stderr, /set up already/);
  const server = await startServer({ dir: keys.dir });
  const inUse = await muster(...arguments_);
  assert.equal(inUse.code, 1);
  assert.match(inUse.stderr, /in use/);
  const second = await startServer({ dir: keys.dir }).then(() => null, (error) => error);
  assert.match(second.message, /in_use|in use/);
  assert.equal(server.setupLink, null);
  const reply = await request(server.http, 'GET', '/core/v1/organization/info', { key: keys.organization_key });
  assert.equal(reply.status, 200);
  assert.equal(reply.json.lab, true);
  assert.equal(reply.json.partner, 'Northlight');
  await server.stop();
  const short = join(dir, 'short');
  writeFileSync(short, 'short');
  const refused = await muster('setup', '--data', join(dir, 'other'), '--partner', 'X', '--email', 'x@example.com', '--password-file', short);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /12 characters/);
  keys.remove();
});

test('first start: one link, no credential before it is used, dead afterwards', async () => {
  const server = await startServer();
  assert.match(server.setupLink, /^https?:\/\/[^/]+\/setup\/[A-Za-z0-9_-]{22,}$/);
  assert.equal(server.lines.filter((line) => line.includes('/setup/')).length, 1);
  const refused = await request(server.http, 'POST', '/v1/devices', { body: { hardware_key: '00000000-0000-4000-8000-000000000000', firmware_version: '1.0.0', sn: 'x' } });
  assert.deepEqual([refused.status, refused.text], [400, '{"error":"Hardware key is invalid"}']);
  const error = await connect(server, { clientId: 'x', username: 'org', password: 'mo_x' }).then(() => null, (e) => e);
  assert.equal(error.code, 0x86);
  const token = server.setupLink.split('/').pop();
  const finish = () => request(server.http, 'POST', `/core/v1/setup/${token}`, { body: { name: 'Ada', email: 'ada@example.com', password: 'correct horse battery', partner_name: 'Northlight' } });
  const both = await Promise.all([finish(), finish()]);
  assert.deepEqual(both.map(({ status }) => status).sort(), [201, 404]);
  assert.equal((await request(server.http, 'GET', `/core/v1/setup/${token}`)).status, 404);
  // Nothing secret is in the log.
  assert.ok(!server.log.includes(token) && !server.log.includes('correct horse'));
  await server.stop();
});

test('a restart before the set-up is finished prints a new link and voids the old one', async () => {
  const data = join(dir, 'fresh');
  const first = await startServer({ dir: data });
  const old = first.setupLink;
  await first.stop();
  const second = await startServer({ dir: data });
  assert.notEqual(second.setupLink, old);
  assert.equal((await request(second.http, 'GET', `/core/v1/setup/${old.split('/').pop()}`)).status, 404);
  assert.equal((await request(second.http, 'GET', `/core/v1/setup/${second.setupLink.split('/').pop()}`)).status, 200);
  await second.stop();
});

test('listeners can be off; the data folder is private', async () => {
  const server = await startServer({ args: ['--https', 'off', '--mqtt', 'off', '--mqtts', 'off'] });
  assert.deepEqual([server.https, server.mqtt, server.mqtts], [undefined, undefined, undefined]);
  assert.equal(statSync(server.dir).mode & 0o777, 0o700);
  assert.equal(statSync(join(server.dir, 'keys')).mode & 0o777, 0o600);
  await server.stop();
});

test('GET / and HEAD / answer firmware probes, /healthz the operator', async () => {
  const server = await startServer();
  for (const [to, tls] of [[server.http, false], [server.https, true]]) {
    const get = await request(to, 'GET', '/', { tls });
    assert.deepEqual([get.status, get.text], [200, '{"name":"Muster","status":"ok"}']);
    const head = await request(to, 'HEAD', '/', { tls });
    assert.deepEqual([head.status, head.text], [200, '']);
  }
  assert.equal((await request(server.http, 'GET', '/healthz')).status, 200);
  assert.equal((await request(server.http, 'GET', '/metrics')).status, 404);
  await server.stop();
});

test('metrics have a listener of their own', async () => {
  const server = await startServer({ args: ['--metrics', '127.0.0.1:0'] });
  const { status, text, headers } = await request(server.metrics, 'GET', '/metrics');
  assert.equal(status, 200);
  assert.match(headers['content-type'], /^text\/plain; version=0\.0\.4/);
  assert.match(text, /^# TYPE muster_connections gauge$/m);
  assert.match(text, /^muster_store_commits_total \d+$/m);
  await server.stop();
});

test('SIGTERM tells MQTT clients 0x8B and ends with code 0; SIGHUP takes over reloadable settings', async () => {
  const keys = setup();
  const file = join(dir, 'reload.conf');
  writeFileSync(file, '[limits]\ndevice_requests = 0\n');
  const server = Object.assign(await startServer({ dir: keys.dir, args: ['--config', file] }), keys);
  const model = await makeModel(server);
  const device = await register(server, model.key);
  const hub = await connect(server, { id: device.id, key: device.access_key });
  writeFileSync(file, '[limits]\ndevice_requests = 3\n[server]\npublic_url = https://hub.example.com\n');
  server.signal('SIGHUP');
  await until(() => server.log.includes('settings_reloaded'), 'settings are reloaded');
  const calls = [];
  for (let n = 0; n < 5; n++) calls.push((await request(server.http, 'GET', `/v1/devices/${device.id}`, { key: device.access_key })).status);
  assert.ok(calls.includes(429), calls.join());
  assert.equal((await register(server, model.key)).hub_url, 'https://hub.example.com');
  writeFileSync(file, '[limits]\nnonsense\n');
  server.signal('SIGHUP');
  await until(() => server.log.includes('reload_refused'), 'a bad file is refused');
  assert.equal((await register(server, model.key)).hub_url, 'https://hub.example.com');
  const closed = hub.closed;
  await server.stop();
  await closed;
  assert.deepEqual(hub.disconnects, [0x8B]);
  keys.remove();
});

test('no secret reaches the log', async () => {
  const keys = setup();
  const file = join(dir, 'debug.conf');
  writeFileSync(file, '[server]\nlog_level = debug\n');
  const server = Object.assign(await startServer({ dir: keys.dir, args: ['--config', file] }), keys);
  const model = await makeModel(server);
  const device = await register(server, model.key);
  const hub = await connect(server, { id: device.id, key: device.access_key });
  await connect(server, { id: device.id, key: 'f00dfeedf00dfeedf00dfeedf00dfeed' }).catch(() => {});
  await request(server.http, 'POST', '/core/v1/session', { body: { email: 'ada@example.com', password: 'a wrong password!' } });
  hub.end(true);
  await server.stop();
  for (const secret of [keys.partner_key, keys.organization_key, device.access_key, model.key, 'f00dfeed', 'a wrong password!']) {
    assert.ok(!server.log.includes(secret), `the log holds ${secret}`);
  }
  assert.ok(!readFileSync(join(keys.dir, 'muster.db')).includes(device.access_key));
  keys.remove();
});

test('docs/configuration.md lists the settings as the program does', async () => {
  const { stdout } = await muster('config', 'list');
  const page = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8');
  assert.ok(page.endsWith(stdout), 'run: muster config list');
});
