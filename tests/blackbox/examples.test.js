// The programs of docs/devices.md run as they are printed: register, report, execute a command.
import assert from 'node:assert/strict';
import { execFile, execFileSync, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { assign, client, makeModel, request, startInstallation, until } from './support/server.js';
import { unlimited } from './support/config.js';

const examples = fileURLToPath(new URL('../../docs/examples/', import.meta.url));
const tests = fileURLToPath(new URL('..', import.meta.url));
let server;
let dir;
let here;
before(async () => {
  server = await startInstallation({ args: unlimited() });
  dir = mkdtempSync(join(tmpdir(), 'muster-examples-'));
  here = mkdtempSync(join(tests, '.example-')); // beside node_modules, where a device maker's copy would be
});
after(async () => {
  await server.stop();
  rmSync(dir, { recursive: true, force: true });
  rmSync(here, { recursive: true, force: true });
});

async function runExample(command, args) {
  const model = await makeModel(server);
  const partner = client(server, 'partner', server.partner_key);
  const organization = client(server, 'organization', server.organization_key);
  const program = spawn(command, [...args, `http://127.0.0.1:${server.http.port}`, model.key], { stdio: ['ignore', 'pipe', 'inherit'] });
  let out = '';
  program.stdout.on('data', (part) => { out += part; });
  const exited = once(program, 'exit');
  try {
    const device = await until(async () => (await partner.get(`/devices?model_id=${model.id}`)).data.find(({ connected }) => connected), `${command} is connected`);
    await until(() => /stored/.test(out), 'its telemetry is stored');
    assert.equal(typeof (await partner.get(`/devices/${device.id}`)).state.temp, 'number');
    await assign(server, device.id);
    const sent = await organization.post(`/devices/${device.id}/commands`, { name: 'reboot' });
    await until(async () => (await organization.get(`/devices/${device.id}/commands/${sent.id}`)).status === 'done', 'the command is done');
    await organization.patch(`/devices/${device.id}`, { configuration: { volume: 7 } });
    await until(async () => (await organization.get(`/devices/${device.id}`)).applied_config_version === 1, 'the configuration is applied');
    assert.match(out, /command reboot/);
  } finally {
    program.kill('SIGKILL');
    await exited;
  }
}

/** The copy that `node` takes for a module. */
function copyOf(name) {
  const copy = join(here, name.replace('.js', '.mjs'));
  copyFileSync(join(examples, name), copy);
  return copy;
}

test('JavaScript', () => runExample(process.execPath, [copyOf('device.js')]));

test('Python', () => runExample('/usr/bin/python3', ['-u', join(examples, 'device.py')]));

test('C', async () => {
  const program = join(dir, 'device');
  execFileSync('cc', ['-Wall', '-Wextra', '-Werror', join(examples, 'device.c'), '-o', program, '-lpaho-mqtt3cs', '-lcurl', '-lcjson']);
  await runExample(program, []);
});

/* --- over HTTP ----------------------------------------------------------------------------------------------------------- */

/** A program that says what it does; ends() kills it. */
function start(command, args, trust) {
  const program = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, ...trust } });
  const started = { out: '' };
  program.stdout.setEncoding('utf8').on('data', (part) => { started.out += part; });
  const exited = once(program, 'exit');
  started.ends = async () => { program.kill('SIGKILL'); await exited; };
  return started;
}

async function runHttpExample(command, args, name) {
  const partner = client(server, 'partner', server.partner_key);
  const organization = client(server, 'organization', server.organization_key);
  const model = await makeModel(server, { communication_protocol: 'https', authentication_method: 'cloud_id' });
  const identity = join(dir, `${name}.identity`);
  const all = [...args, `http://127.0.0.1:${server.http.port}`, model.key, identity, '0.1'];
  const certificate = join(server.dir, 'tls-certificate.pem');
  const trust = { NODE_EXTRA_CA_CERTS: certificate, SSL_CERT_FILE: certificate };
  const devices = async () => (await partner.get(`/devices?model_id=${model.id}`)).data;
  const only = async () => (await devices())[0];
  let program = start(command, all, trust);
  try {
    await until(() => /stored/.test(program.out), 'its telemetry is stored');
    const { id, state } = await only();
    assert.equal(typeof state.temp, 'number');
    await assign(server, id);
    const sent = await organization.post(`/devices/${id}/commands`, { name: 'reboot' });
    await organization.patch(`/devices/${id}`, { configuration: { volume: 7 } });
    const content = randomBytes(100_000);
    const checksum = createHash('sha256').update(content).digest('hex');
    const upload = await request(server.http, 'POST', `/core/v1/partner/models/${model.id}/files?name=New&file_type=firmware&version=1.1.0&checksum=${checksum}`,
      { key: server.partner_key, raw: content, headers: { 'content-type': 'application/octet-stream' } });
    assert.equal(upload.status, 201, upload.text);
    await until(async () => (await organization.get(`/devices/${id}/commands/${sent.id}`)).status === 'done', 'the command is done');
    await until(async () => (await organization.get(`/devices/${id}`)).applied_config_version === 1, 'the configuration is applied');
    await until(async () => (await only()).firmware.version === '1.1.0', 'the firmware is the new one');
    assert.deepEqual(readFileSync(`${identity}.firmware`), content);

    await program.ends(); // a power cut: it is the same device afterwards
    program = start(command, all, trust);
    await until(() => /stored/.test(program.out), 'it reports again');
    assert.doesNotMatch(program.out, /registered/);
    assert.deepEqual((await devices()).map((device) => device.id), [id]);

    await partner.del(`/devices/${id}`); // and after its deletion another one
    await until(async () => (await only())?.last_seen_at, 'it has registered again');
    assert.notEqual((await only()).id, id);
  } finally {
    await program.ends();
  }
}

describe('over HTTP', { concurrency: true }, () => {
  test('JavaScript over HTTP', () => runHttpExample(process.execPath, [copyOf('http_device.js')], 'js'));
  test('Python over HTTP', () => runHttpExample('/usr/bin/python3', ['-u', join(examples, 'http_device.py')], 'python'));
  test('C over HTTP', async () => {
    const program = join(dir, 'http_device');
    await promisify(execFile)('cc', ['-Wall', '-Wextra', '-Werror', join(examples, 'http_device.c'), '-o', program, '-lcurl', '-lcjson', '-lcrypto']);
    await runHttpExample(program, [], 'c');
  });
});
