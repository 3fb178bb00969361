// `muster demo` and `muster simulate`: what `make run` shows. A taken port is replaced, five devices live in their rooms,
// report and answer commands; Ctrl-C ends everything and removes the data.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import net from 'node:net';
import { test } from 'node:test';
import { binary, client, makeModel, request, setup, startServer, until } from './support/server.js';

/** The descriptor by which the program holds its data folder. */
function lockDescriptor(pid) {
  return readdirSync(`/proc/${pid}/fd`).find((fd) => {
    try { return readlinkSync(`/proc/${pid}/fd/${fd}`).endsWith('/lock'); } catch { return false; }
  });
}

/** Runs a program; { output(), ended, signal(name) }. */
function run(args) {
  const child = spawn(binary, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (part) => { text += part; });
  return { output: () => text, ended: once(child, 'exit'), signal: (name) => child.kill(name), pid: child.pid };
}

test('the demo', async () => {
  const blocker = net.createServer().listen(0, '127.0.0.1');
  await once(blocker, 'listening');
  const taken = blocker.address().port;
  const free = ['https', 'mqtt', 'mqtts', 'metrics'].flatMap((kind) => [`--${kind}`, '127.0.0.1:0']);
  let folder;
  const demo = run(['demo', '--http', `127.0.0.1:${taken}`, ...free]);
  try {
    await until(() => demo.output().includes('Ctrl-C'), 'the demo is up', 60_000);
    assert.ok(demo.output().includes(`port ${taken} is taken: http uses another`), demo.output());
    const base = new URL(demo.output().match(/Partner portal\s+(\S+)/)[1]);
    const http = { host: base.hostname, port: Number(base.port) };
    folder = readlinkSync(`/proc/${demo.pid}/fd/${lockDescriptor(demo.pid)}`).replace(/\/lock$/, '');
    const password = demo.output().match(/Password\s+(\S+)/)[1];
    const signIn = await request(http, 'POST', '/core/v1/session', { body: { email: 'demo@example.com', password } });
    assert.equal(signIn.status, 200, signIn.text);
    const headers = { cookie: signIn.headers['set-cookie'][0].split(';')[0], 'x-csrf-token': signIn.json.csrf_token };
    const devices = await until(async () => {
      const { json } = await request(http, 'GET', '/core/v1/organization/devices', { headers });
      return json.items.length === 5 && json.items.every(({ status, space_name: space }) => status === 'online' && space !== 'Northlight Lab') && json.items;
    }, 'five devices are online in their rooms');
    assert.equal(new Set(devices.map(({ space_id: space }) => space)).size, 5);
    const path = `/core/v1/organization/devices/${devices[0].id}/commands`;
    const sent = await request(http, 'POST', path, { headers, body: { name: 'set_target', extra_params: { celsius: 21 } } });
    assert.equal(sent.status, 200, sent.text);
    await until(async () => (await request(http, 'GET', `${path}/${sent.json.id}`, { headers })).json.status === 'done', 'the command is done');
  } finally {
    demo.signal('SIGINT');
    blocker.close();
  }
  assert.deepEqual(await demo.ended, [0, null], demo.output());
  assert.ok(!existsSync(folder), 'the demo removes its data');
});

test('simulated devices come back after the server was away, and register anew when they were deleted', async () => {
  const keys = setup();
  let server = Object.assign(await startServer({ dir: keys.dir }), keys);
  const ports = { http: server.http.port, mqtt: server.mqtt.port };
  const model = await makeModel(server);
  const simulator = run(['simulate', '--http', `http://127.0.0.1:${ports.http}/`, '--hardware-key', model.key, '--devices', '3', '--interval', '1', '--quiet']);
  const devices = async () => (await client(server, 'partner', keys.partner_key).get('/devices')).data;
  const allConnected = () => until(async () => {
    const list = await devices();
    return list.length === 3 && list.every(({ connected, state }) => connected && typeof state.temp === 'number') && list;
  }, 'three devices are connected and report', 60_000);
  try {
    const before = await allConnected();
    await server.kill();
    server = Object.assign(await startServer({ dir: keys.dir, ports }), keys);
    const after = await allConnected();
    assert.deepEqual(after.map(({ id }) => id), before.map(({ id }) => id));
    await client(server, 'partner', keys.partner_key).del(`/devices/${before[0].id}`);
    const renewed = await allConnected();
    assert.ok(!renewed.some(({ id }) => id === before[0].id));
  } finally {
    simulator.signal('SIGTERM');
  }
  assert.deepEqual(await simulator.ended, [0, null], simulator.output());
  await server.stop();
  keys.remove();
});
