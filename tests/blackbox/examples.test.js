// The programs of docs/devices.md run as they are printed: register, report, execute a command.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { after, before, test } from 'node:test';
import { assign, client, makeModel, startInstallation, until } from './support/server.js';

const examples = fileURLToPath(new URL('../../docs/examples/', import.meta.url));
const tests = fileURLToPath(new URL('..', import.meta.url));
let server;
let dir;
let here;
before(async () => {
  server = await startInstallation();
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

test('JavaScript', async () => {
  const copy = join(here, 'device.mjs');
  copyFileSync(join(examples, 'device.js'), copy);
  await runExample(process.execPath, [copy]);
});

test('Python', () => runExample('/usr/bin/python3', ['-u', join(examples, 'device.py')]));

test('C', async () => {
  const program = join(dir, 'device');
  execFileSync('cc', ['-Wall', '-Wextra', '-Werror', join(examples, 'device.c'), '-o', program, '-lpaho-mqtt3cs', '-lcurl', '-lcjson']);
  await runExample(program, []);
});
