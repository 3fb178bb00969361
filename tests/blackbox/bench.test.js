// muster bench tells the truth: against the open listener nothing is lost; behind a proxy that drops, doubles and swaps
// messages it counts exactly what the proxy did.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { binary, startServer } from './support/server.js';

let server;
let open;
before(async () => {
  server = await startServer({ args: ['--mqtt-open', '127.0.0.1:0'] });
  open = server['mqtt-open'];
});
after(() => server.stop());

function bench(to, mode, ...args) {
  return new Promise((resolve) => {
    execFile(binary, ['bench', mode, '--to', `${to.host}:${to.port}`, '--seconds', '1', '--warmup', '0', '--json', ...args], { encoding: 'utf8', timeout: 120_000 },
      (error, stdout, stderr) => {
        const done = stdout.split('\n').find((line) => line.includes('"done"'));
        resolve({ code: error ? error.code : 0, stderr, ...(done ? JSON.parse(done) : {}) });
      });
  });
}

const clean = { code: 0, lost: 0, duplicates: 0, out_of_order: 0, foreign: 0, refused: 0, unacknowledged: 0, disconnected: 0 };
const assertClean = (result) => {
  for (const [name, value] of Object.entries(clean)) assert.equal(result[name], value, `${name}: ${JSON.stringify(result)}`);
};

for (const qos of ['1', '2']) {
  test(`nothing is lost at QoS ${qos}: one-to-one, fan-in, fan-out, offline sessions`, async () => {
    const few = ['--qos', qos, '--rate', '500'];
    const pairs = await bench(open, 'one-to-one', '--clients', '3', ...few, '--server-pid', String(server.pid));
    assertClean(pairs);
    assert.ok(pairs.sent_total > 0);
    assert.equal(pairs.received_total, pairs.sent_total);
    assert.ok(pairs.server_rss_bytes > 0);
    assertClean(await bench(open, 'fan-in', '--publishers', '5', '--inflight', '3', ...few));
    const fanned = await bench(open, 'fan-out', '--subscribers', '4', ...few, '--v311');
    assertClean(fanned);
    assert.equal(fanned.received_total, 4 * fanned.sent_total);
    const offline = await bench(open, 'offline', '--publishers', '2', '--subscribers', '5', '--messages', '20', '--qos', qos);
    assertClean({ ...offline, disconnected: offline.disconnected });
    assert.equal(offline.in, 100);
    assert.equal(offline.out, 100);
    assert.equal(offline.without_session, 0);
  });
}

test('a slow subscriber gets all that was acknowledged', async () => {
  const result = await bench(open, 'one-to-one', '--clients', '2', '--read-rate', '200', '--inflight', '20');
  assertClean(result);
  assert.equal(result.received_total, result.sent_total);
});

/** A proxy that treats the n-th PUBLISH to a client as `treat(n)` says: 'drop', 'twice', 'swap' (behind the next) or 'pass'. */
async function meddle(treat) {
  const done = { drop: 0, twice: 0, swap: 0, pass: 0 };
  const proxy = net.createServer((client) => {
    const upstream = net.connect(open.port, open.host);
    client.pipe(upstream);
    client.on('error', () => upstream.destroy());
    upstream.on('error', () => client.destroy());
    upstream.on('close', () => client.destroy());
    client.on('close', () => upstream.destroy());
    let rest = Buffer.alloc(0);
    let held = null;
    let n = 0;
    upstream.on('data', (part) => {
      rest = Buffer.concat([rest, part]);
      const out = [];
      for (;;) {
        let length = 0;
        let at = 1;
        let shift = 0;
        while (at < rest.length && rest[at] & 0x80) { length |= (rest[at++] & 0x7f) << shift; shift += 7; }
        if (at >= rest.length) break;
        length |= rest[at++] << shift;
        if (rest.length < at + length) break;
        const packet = rest.subarray(0, at + length);
        rest = rest.subarray(at + length);
        if (packet[0] >> 4 !== 3) { out.push(packet); continue; }
        const verdict = held ? 'pass' : treat(++n);
        done[verdict]++;
        if (verdict === 'pass') out.push(packet, ...(held ? [held] : []));
        if (verdict === 'pass') held = null;
        if (verdict === 'twice') out.push(packet, packet);
        if (verdict === 'swap') held = packet;
      }
      client.write(Buffer.concat(out));
    });
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  return { to: { host: '127.0.0.1', port: proxy.address().port }, done, close: () => proxy.close() };
}

test('what a proxy drops, doubles and swaps is counted exactly', async () => {
  const kinds = ['drop', 'pass', 'twice', 'pass', 'swap', 'pass', 'pass'];
  const proxy = await meddle((n) => kinds[n % kinds.length]);
  const result = await bench(proxy.to, 'one-to-one', '--clients', '3', '--qos', '0', '--rate', '300');
  proxy.close();
  assert.equal(result.code, 0, result.stderr);
  // A message still held back when all ends is lost as well, one for each subscriber at most.
  assert.ok(proxy.done.drop > 0 && proxy.done.twice > 0 && proxy.done.swap > 0);
  assert.equal(result.duplicates, proxy.done.twice);
  assert.equal(result.lost + result.out_of_order, proxy.done.drop + proxy.done.swap);
  assert.ok(result.lost >= proxy.done.drop && result.lost <= proxy.done.drop + 3, JSON.stringify(result));
  assert.equal(result.received_total, result.sent_total - result.lost + result.duplicates);
});

test('connections: held, made and ended, refused', async () => {
  const held = await bench(open, 'connect', '--clients', '20', '--subscriptions', '150', '--server-pid', String(server.pid));
  assert.deepEqual([held.code, held.clients, held.failed, held.disconnected], [0, 20, 0, 0]);
  const churned = await bench(open, 'churn', '--clients', '10', '--concurrency', '3');
  assert.equal(churned.code, 0);
  assert.ok(churned.in > 0);
  assert.equal(churned.failed, 0);
  const refused = await bench(server.mqtt, 'one-to-one', '--clients', '2'); // needs credentials
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /4 of 4 connections failed \(CONNACK reason 0x8[67]\)/);
  const mistaken = await bench(open, 'one-to-one', '--qos', '7');
  assert.equal(mistaken.code, 2);
  assert.match(mistaken.stderr, /--qos/);
});

test('TLS: full handshakes, and resumed ones when that is asked for', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'muster-bench-test-'));
  const config = join(dir, 'muster.conf');
  writeFileSync(config, '[listener tls]\nkind = mqtts\naddress = 127.0.0.1:0\naccess = open\n');
  const tls = await startServer({ args: ['--config', config] });
  const churn = (...args) => bench(tls['mqtts-open'], 'churn', '--tls', '--clients', '2', '--concurrency', '1', ...args);
  const full = await churn();
  assert.ok(full.in > 0 && full.handshakes >= full.in, JSON.stringify(full));
  assert.equal(full.resumed, 0);
  const resumed = await churn('--resume');
  assert.ok(resumed.in > 1, JSON.stringify(resumed));
  assert.equal(resumed.resumed, resumed.handshakes - 1); // all but the first
  assertClean(await bench(tls['mqtts-open'], 'one-to-one', '--tls', '--clients', '2', '--rate', '300'));
  await tls.stop();
  rmSync(dir, { recursive: true, force: true });
});
