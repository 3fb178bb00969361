// Connections: their memory, what making one costs, and how all come back at once.
import net from 'node:net';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { RUNS, alternate, cpuSeconds, devices, load, median, medians, rssMiB, startMosquitto, startMuster, withServers } from '../context.js';

const MEMORY_RUNS = Math.min(RUNS, 3); // each with a fresh process; they hardly differ
const HOLD_S = 8; // by then what a burst of connections needed has been given back

/** Resident bytes of one connection in a fresh process, after `before(server)`; the median of a few. */
async function memory(start, door, clients, args, before = () => {}) {
  const results = [];
  for (let run = 0; run < MEMORY_RUNS; run++) {
    results.push(await withServers([start], async (server) => {
      await before(server);
      return load('connect', server[door], ['--clients', clients, '--concurrency', 128, '--seconds', HOLD_S, '--server-pid', server.pid, ...args]);
    }));
  }
  const failed = results.reduce((sum, result) => sum + result.failed + result.disconnected, 0);
  if (failed) throw new Error(`${failed} of ${clients * MEMORY_RUNS} connections failed`);
  return medians(results).bytes_each / 1024;
}

async function idle() {
  const fleet = await devices();
  const own = () => startMuster({ data: fleet.dir });
  const plain = await memory(() => startMuster(), 'open', 15000, []);
  const plainPeer = await memory(() => startMosquitto(), 'open', 15000, []);
  const device = await memory(own, 'mqtt', 15000, ['--device-topics', '--credentials', fleet.credentials]);
  const devicePeer = await memory(() => startMosquitto(), 'open', 15000, ['--device-topics']);
  // Of so few connections, what a server keeps once (of Muster: the last 1,000 events for the live stream, page caches)
  // would be a tenth: 1,200 without TLS come and go before.
  const served = async (to, args = []) => {
    await load('connect', to, ['--clients', 1200, '--concurrency', 4, '--seconds', 1, ...args]);
    await sleep(HOLD_S * 1000);
  };
  const known = ['--credentials', fleet.credentials];
  const tls = await memory(own, 'mqtts', 1000, ['--tls', ...known], (server) => served(server.mqtt, known));
  const tlsPeer = await memory(() => startMosquitto({ tls: fleet.tls }), 'openTls', 1000, ['--tls'], (server) => served(server.open));
  return [
    { what: '**idle connection**, 15,000 of them, no subscription, open listener', unit: 'KiB', muster: plain, mosquitto: plainPeer, goal: '<= 0.6 KiB' },
    { what: '**idle device** with its 7 topics, 15,000 of them, authenticated', unit: 'KiB', muster: device, mosquitto: devicePeer, goal: '<= 1 KiB' },
    { what: '**idle TLS 1.3 connection**, 1,000 of them (Muster: authenticated devices), after 1,200 without TLS came and went', unit: 'KiB', muster: tls, mosquitto: tlsPeer, goal: '<= 14.5 KiB' },
  ];
}

async function connects() {
  const fleet = await devices();
  const started = [() => startMuster({ data: fleet.dir }), () => startMosquitto(), () => startMosquitto({ tls: fleet.tls })];
  return withServers(started, async (muster, plain, encrypted) => {
    const lines = [];
    for (const [what, peer, args, goal] of [
      ['**connect** with a device key, plain: CPU', plain, [], '<= 30 us'],
      ['**connect** with a full TLS 1.3 handshake: CPU', encrypted, ['--tls'], '<= 1,050 us'],
      ['**connect** with a resumed TLS 1.3 session: CPU', encrypted, ['--tls', '--resume'], 'measured'],
    ]) {
      const results = await alternate([muster, peer], (server) => load('churn', server[args.length ? 'mqtts' : 'mqtt'] ?? server[args.length ? 'openTls' : 'open'],
        ['--clients', 1000, '--seconds', 1, '--server-pid', server.pid, ...args, ...(server === muster ? ['--credentials', fleet.credentials] : [])]));
      const failed = results.flatMap(({ runs }) => runs).reduce((sum, result) => sum + result.failed, 0);
      lines.push({ what: failed ? `${what} (${failed} failed)` : what, unit: 'us', muster: results[0].cpu_us_each, mosquitto: results[1].cpu_us_each, goal });
    }
    return lines;
  });
}

/** All connections of a server that is killed and started again on the same ports. */
async function storm() {
  const fleet = await devices();
  const lines = [];
  for (const [what, door, clients, args, goal] of [
    ['**storm**: 5,000 devices, plain, server killed and started again: all back after the first', 'mqtt', 5000, [], '<= 2 s'],
    ['**storm**: 1,000 devices, full TLS 1.3', 'mqtts', 1000, ['--tls'], "<= 1.2 times the handshakes' CPU"],
  ]) {
    const results = [];
    for (let run = 0; run < MEMORY_RUNS; run++) {
      let server = await startMuster({ data: fleet.dir });
      const { ports } = server;
      let restarted;
      let cpu = 0;
      const result = await load('storm', server[door], ['--clients', clients, '--concurrency', 512, '--device-topics', '--credentials', fleet.credentials, ...args], {
        whenConnected: () => { restarted = server.kill().then(async () => { server = await startMuster({ data: fleet.dir, ports }); cpu = cpuSeconds(server.pid); }); },
      });
      await restarted;
      results.push({ ...result, cpu: cpuSeconds(server.pid) - cpu });
      await server.stop();
    }
    const all = medians(results);
    lines.push({ what, unit: 's', muster: all.seconds_back, goal });
    lines.push({ what: '— CPU of the server meanwhile', unit: 's', muster: all.cpu });
    lines.push({ what: '— refused, in all runs', muster: String(results.reduce((sum, { refused }) => sum + refused, 0)), goal: '0' });
  }
  return lines;
}

/** Connects as the first device and waits for its CONNACK 0x00. */
function firstConnack(to, id, key) {
  const text = (value) => Buffer.concat([Buffer.from([0, value.length]), Buffer.from(value)]);
  const body = Buffer.concat([text('MQTT'), Buffer.from([5, 0xc2, 0, 60, 0]), text(id), text(id), text(key)]);
  return new Promise((resolve, reject) => {
    const socket = net.connect(to, () => socket.write(Buffer.concat([Buffer.from([0x10, body.length]), body])));
    socket.on('data', (reply) => { socket.destroy(); if (reply[3] === 0) resolve(); else reject(new Error(`CONNACK ${reply[3]}`)); });
    socket.on('error', reject);
  });
}

async function startUp() {
  const fleet = await devices();
  const [id, key] = readFileSync(fleet.credentials, 'utf8').split('\n')[0].split(' ');
  const times = [];
  const sizes = [];
  for (let run = 0; run < RUNS; run++) {
    const began = process.hrtime.bigint();
    await withServers([() => startMuster({ data: fleet.dir })], async (server) => {
      await firstConnack(server.mqtt, id, key);
      times.push(Number(process.hrtime.bigint() - began) / 1e6);
      sizes.push(rssMiB(server.pid));
    });
  }
  const peer = await withServers([() => startMosquitto()], (server) => rssMiB(server.pid));
  const count = fleet.count.toLocaleString('en-US');
  return [
    { what: `**start** to the first CONNACK on a store of ${count} devices`, unit: 'ms', muster: median(times) },
    { what: `**resident memory**, nothing connected (Muster: with ${count} devices)`, unit: 'MiB', muster: median(sizes), mosquitto: peer },
  ];
}

export const rows = { idle, connects, storm, start: startUp };
