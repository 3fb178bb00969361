// Eclipse Paho: the C library's asynchronous client (MQTT 5) and synchronous client (3.1.1), and the Python client, in
// the programs of paho/, over TCP, TLS with our certificate as its authority, and WebSocket. Each program goes through its
// flows and says when the server is to be killed and started again.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { configured } from './support/config.js';
import { assign, makeModel, register, setup, startServer } from './support/server.js';

const sources = fileURLToPath(new URL('paho', import.meta.url));
const config = `[limits]
management_requests = 0
device_requests = 0
[mqtt]
device_publishes = 0
application_publishes = 0
`;
const folder = mkdtempSync(join(tmpdir(), 'muster-paho-'));

before(() => {
  for (const [name, library] of [['async_client', 'paho-mqtt3as'], ['sync_client', 'paho-mqtt3cs']]) {
    execFileSync('cc', ['-std=gnu17', '-O1', '-Wall', '-Wextra', '-Werror', join(sources, `${name}.c`), join(sources, 'common.c'),
      '-o', join(folder, name), `-l${library}`, '-lpthread']);
  }
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** A server of its own for each program, which kills it: started the first time on free ports, then on the same ones. */
class Installation {
  constructor() { this.keys = setup(); }

  async start() {
    const was = this.server;
    const address = (kind) => (was ? `127.0.0.1:${was[kind].port}` : '127.0.0.1:0');
    const open = `[listener open]\nkind = mqtt\naccess = open\naddress = ${address('mqtt-open')}\n`
      + `[listener open-tls]\nkind = mqtts\naccess = open\naddress = ${address('mqtts-open')}\n`;
    const ports = was ? Object.fromEntries(['http', 'https', 'mqtt', 'mqtts'].map((kind) => [kind, was[kind].port])) : {};
    this.server = Object.assign(await startServer({ dir: this.keys.dir, ports, args: configured(config + open) }), this.keys);
  }

  async stop() {
    await this.server.stop();
    this.keys.remove();
  }
}

let serial = 0;
/** A program and its questions; resolves when it is done. */
async function flows(installation, command, uri, base, one, two) {
  const own = join(folder, String(++serial));
  mkdirSync(own);
  const child = spawn(command[0], [...command.slice(1), uri, base, own, join(installation.keys.dir, 'tls-certificate.pem'), ...one, ...two],
    { stdio: ['pipe', 'pipe', 'pipe'] });
  const exited = once(child, 'exit');
  let errors = '';
  let rest = '';
  let last = '';
  child.stderr.on('data', (part) => { errors += part; });
  for await (const part of child.stdout.setEncoding('utf8')) {
    const lines = (rest + part).split('\n');
    rest = lines.pop();
    for (last of lines) {
      if (last === 'kill') await installation.server.kill();
      if (last === 'start') await installation.start();
      if (last !== 'done') child.stdin.write('go on\n');
    }
  }
  const [code] = await exited;
  assert.equal(code, 0, errors);
  assert.equal(last, 'done', errors);
}

/** The program as a client of an open listener, or as a device and its organization. */
async function run(command, uri, door, anybody) {
  const installation = new Installation();
  await installation.start();
  const { server, keys } = installation;
  const address = `${uri}://127.0.0.1:${server[door].port}${uri.startsWith('ws') ? '/mqtt' : ''}`;
  try {
    if (anybody) {
      await flows(installation, command, address, 'paho/test', ['paho-one', '-', '-'], ['paho-two', '-', '-']);
    } else {
      const device = await register(server, (await makeModel(server)).key);
      await assign(server, device.id);
      await flows(installation, command, address, `v1/device/${device.id}/user`,
        [device.id, device.id, device.access_key], ['paho-app', 'org', keys.organization_key]);
    }
  } finally {
    await installation.stop();
  }
}

// Each transport and each kind of client at least once with both libraries.
const runs = {
  async_client: [['tcp', 'mqtt-open'], ['ssl', 'mqtts'], ['wss', 'https']],
  sync_client: [['ssl', 'mqtts-open'], ['tcp', 'mqtt'], ['ws', 'http']],
  'python_client.py': [['tcp', 'mqtt-open'], ['ssl', 'mqtts'], ['ws', 'http']],
};
describe('Paho', { concurrency: true }, () => {
  for (const [program, doors] of Object.entries(runs)) {
    for (const [uri, door] of doors) {
      const anybody = door.endsWith('-open');
      test(`${program}, ${uri}, ${anybody ? 'anybody' : 'a device and its organization'}`, { timeout: 240_000 },
        // Debian's Python has Debian's python3-paho-mqtt, another one need not have it.
        () => run(program.endsWith('.py') ? ['/usr/bin/python3', join(sources, program)] : [join(folder, program)], uri, door, anybody));
    }
  }
});
