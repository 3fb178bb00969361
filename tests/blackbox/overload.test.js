// 2,000 half-open connections and 100 readers that never read do not keep a device from connecting and reporting.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { assign, client, makeModel, register, request, setup, startServer } from './support/server.js';
import { connect, publish, subscribe } from './support/mqtt.js';

let keys;
let server;
let model;
const sockets = [];

before(async () => {
  keys = setup();
  const config = join(keys.dir, '..', 'muster.conf');
  writeFileSync(config, '[limits]\nmanagement_requests = 0\n');
  server = Object.assign(await startServer({ dir: keys.dir, args: ['--config', config] }), keys);
  model = await makeModel(server);
});
after(async () => {
  sockets.forEach((socket) => socket.destroy());
  await server.stop();
  keys.remove();
});

async function open({ host, port }, bytes) {
  const socket = net.connect({ host, port });
  socket.on('error', () => {});
  sockets.push(socket);
  await once(socket, 'connect');
  if (bytes) socket.write(bytes);
  return socket;
}

test('a device connects and reports beside them', { timeout: 120_000 }, async () => {
  const device = await register(server, model.key);
  await assign(server, device.id);

  // Half-open: nothing, or the beginning of a packet, a request, a TLS record.
  const beginnings = [[server.mqtt, null], [server.mqtt, Buffer.from([0x10, 0x7f, 0x00])], [server.http, 'GET / HT'], [server.mqtts, Buffer.from([0x16, 3, 1])], [server.https, null]];
  for (let i = 0; i < 2000; i += 100) {
    await Promise.all(Array.from({ length: 100 }, (_, n) => open(...beginnings[(i + n) % beginnings.length])));
  }

  // Slow readers: they ask for much, many times, and read none of it.
  const question = `GET /core/v1/partner/devices?per_page=500 HTTP/1.1\r\nHost: x\r\nAuthorization: ${keys.partner_key}\r\n\r\n`.repeat(50);
  for (let i = 0; i < 100; i++) {
    const socket = await open(server.http, question);
    socket.pause();
  }

  const hub = await connect(server, { id: device.id, key: device.access_key });
  assert.deepEqual(await subscribe(hub, `v1/device/${device.id}/command`), [1]);
  for (let n = 0; n < 20; n++) {
    assert.equal((await publish(hub, `v1/device/${device.id}/telemetry`, { telemetries: { n } })).code, 0);
  }
  const sent = await client(server, 'organization', keys.organization_key).post(`/devices/${device.id}/commands`, { name: 'reboot' });
  assert.equal((await hub.next('/command')).json.id, sent.id);
  const health = await request(server.http, 'GET', '/healthz');
  assert.equal(health.status, 200);
  hub.end(true);
});
