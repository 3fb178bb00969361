// A complete device over HTTP: registers once, reports, executes commands, applies configurations, updates its firmware.
// node http_device.js http://127.0.0.1:8080 HARDWARE_KEY IDENTITY_FILE [SECONDS]     (Node.js 18 or later, no packages)
// With the self-signed certificate of a trial: NODE_EXTRA_CA_CERTS=/var/lib/muster/tls-certificate.pem
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';

const [server, hardwareKey, file, seconds = '5'] = process.argv.slice(2);
let me; // what survives a restart: the reply to the registration, and what this device has applied

function keep() { // never half: a device without its identity has to be registered again
  writeFileSync(`${file}.new`, JSON.stringify(me), { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

async function register() {
  const reply = await fetch(`${server}/v1/devices`, {
    method: 'POST',
    body: JSON.stringify({ hardware_key: hardwareKey, firmware_version: '1.0.0', sn: `JS-${randomBytes(4).toString('hex')}`,
      cloud_id: `demo${randomBytes(8).toString('hex')}`, mac: '02:00:00:00:00:04' }),
  });
  if (reply.status !== 201) throw new Error(`registration: ${reply.status} ${await reply.text()}`);
  me = { ...await reply.json(), firmware_version: '1.0.0', config_version: 0 };
  keep();
  console.log(`registered as ${me.id}`);
}

class Deleted extends Error {}

async function call(method, path, body) {
  const reply = await fetch(`${me.hub_url}/v1/devices/${me.id}${path}`,
    { method, headers: { authorization: me.access_key }, body: JSON.stringify(body), signal: AbortSignal.timeout(15_000) });
  if (reply.status === 401) throw new Deleted(); // and only then
  if (!reply.ok) throw new Error(`${method} ${path}: ${reply.status} ${await reply.text()}`);
  return reply.json();
}

async function execute() {
  const command = await call('GET', '/command');
  if (!command.id) return;
  console.log(`command ${command.name}`, command.parameters);
  // One that is in progress already is what this device was doing when it restarted.
  if (command.status === 'pending') await call('POST', '/command', { id: command.id, status: 'in_progress' });
  await call('POST', '/command', { id: command.id, status: 'done', message: 'ok' });
}

async function configure() {
  const document = await call('GET', '/config');
  console.log('configuration', document.config);
  await call('POST', '/config', document); // applied
  me.config_version = document.version;
  keep();
}

async function update(fileId, version) {
  const about = await call('GET', `/files/${fileId}`);
  const content = Buffer.from(await (await fetch(about.url)).arrayBuffer());
  if (about.checksum !== createHash('sha256').update(content).digest('hex')) throw new Error('firmware: wrong checksum');
  writeFileSync(`${file}.firmware`, content); // a real device checks the signature, writes its other slot, restarts
  me.firmware_version = version;
  keep();
  await call('PUT', '', { firmware_version: version });
  console.log(`firmware ${version}, ${content.length} bytes`);
}

async function report() {
  const levels = await call('POST', '/telemetry', { telemetries: { temp: 20 + Math.random() * 5 } });
  console.log('stored');
  if (levels.command) await execute();
  if (levels.config_version !== me.config_version) await configure();
  if (levels.latest_fw_file_id) await update(levels.latest_fw_file_id, levels.latest_fw_version);
}

for (;;) {
  try {
    if (!me && existsSync(file)) me = JSON.parse(readFileSync(file));
    if (!me) await register();
    await report();
  } catch (error) {
    if (error instanceof Deleted) {
      rmSync(file);
      me = undefined;
    } else console.error(error.message); // the next round tries again
  }
  await new Promise((resolve) => { setTimeout(resolve, 1000 * seconds); });
}
