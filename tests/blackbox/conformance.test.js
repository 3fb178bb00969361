// The general scenarios of tests/replay over TCP: on this program's open listener, where none may differ, and on
// Mosquitto, where those that differ say so. MUSTER_LONG=1 adds the scenarios that let time pass.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { freePort } from './support/ports.js';
import { binary, startServer } from './support/server.js';

const folder = fileURLToPath(new URL('../replay/', import.meta.url));
const scenarios = readdirSync(folder).filter((name) => name.endsWith('.replay')).sort().map((name) => join(folder, name));
const player = join(dirname(binary), 'tests/replay/hub_replay_tcp');
const AT_LEAST = 80; // scenarios; fewer would mean that something hides them
const MOSQUITTO = ['/usr/sbin/mosquitto', '/usr/local/sbin/mosquitto', '/usr/bin/mosquitto'].find(existsSync) ?? 'mosquitto';

/** Plays all scenarios: the counts of the last line. */
async function play(peer, { host, port }) {
  const args = ['--peer', peer, ...(process.env.MUSTER_LONG ? ['--long'] : []), host, String(port), ...scenarios];
  const { code, out } = await new Promise((resolve) => {
    execFile(player, args, { maxBuffer: 1 << 24 }, (error, stdout, stderr) => resolve({ code: error ? error.code ?? 1 : 0, out: stdout + stderr }));
  });
  assert.equal(code, 0, out);
  const [, played, different] = out.match(/^(\d+) scenarios played, \d+ not general, (\d+) known differences, 0 failed$/m).map(Number);
  assert.ok(played >= AT_LEAST, out);
  return { played, different };
}

const answers = (port) => new Promise((resolve) => {
  const socket = net.connect(port, '127.0.0.1');
  socket.on('connect', () => { socket.destroy(); resolve(true); });
  socket.on('error', () => resolve(false));
});

/** Mosquitto on a port of its own; somebody else may take the port first, so it tries again. */
async function startMosquitto(dir) {
  for (let attempt = 0; attempt < 10; attempt++) {
    const port = await freePort();
    const config = join(dir, 'mosquitto.conf');
    writeFileSync(config, `listener ${port} 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location ${dir}/\nuser ${process.getuid() === 0 ? 'root' : process.env.USER ?? ''}\n`);
    const child = spawn(MOSQUITTO, ['-c', config], { stdio: 'ignore' });
    const exited = once(child, 'exit');
    while (child.exitCode === null && child.signalCode === null) {
      if (await answers(port)) return { host: '127.0.0.1', port, stop: async () => { child.kill('SIGTERM'); await exited; } };
    }
  }
  throw new Error('Mosquitto does not start');
}

test('an open listener behaves as every general scenario says', { timeout: 600_000 }, async (t) => {
  const server = await startServer({ args: ['--mqtt-open', '127.0.0.1:0'] });
  const address = server.lines.map((line) => line.match(/^listening mqtt-open (.*):(\d+)$/)).find(Boolean);
  const { played, different } = await play('muster', { host: address[1], port: Number(address[2]) });
  assert.equal(different, 0);
  t.diagnostic(`${played} scenarios`);
  await server.stop();
});

test('Mosquitto behaves as the general scenarios say, but for what they say of it', { timeout: 600_000 }, async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'muster-mosquitto-'));
  const mosquitto = await startMosquitto(dir);
  try {
    const { played, different } = await play('mosquitto', mosquitto);
    t.diagnostic(`${played} scenarios, ${different} known differences`);
  } finally {
    await mosquitto.stop();
    rmSync(dir, { recursive: true, force: true });
  }
});
