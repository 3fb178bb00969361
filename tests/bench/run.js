// make bench: registrations, durable QoS 1 telemetry, idle memory per connection and start time, beside Debian's
// Mosquitto where it does the same thing. Server on core 0, load generator on core 1, loopback only. Medians of RUNS.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { client, makeModel, setup } from '../blackbox/support/server.js';

const RUNS = Number(process.env.BENCH_RUNS ?? 5);
const SECONDS = Number(process.env.BENCH_SECONDS ?? 4);
const root = new URL('../..', import.meta.url).pathname;
const muster = join(root, 'build/muster');
const dir = mkdtempSync(join(tmpdir(), 'muster-bench-'));
const cores = os.cpus().length;
const pin = (core, command) => (cores > 1 ? ['taskset', '-c', String(core), ...command] : command);
const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

const rssKiB = (pid) => Number(readFileSync(`/proc/${pid}/status`, 'utf8').match(/VmRSS:\s+(\d+)/)[1]);

function untilPort(port, host = '127.0.0.1') {
  return new Promise((resolve) => {
    const attempt = () => {
      const socket = net.connect({ port, host }, () => { socket.destroy(); resolve(); });
      socket.on('error', () => setImmediate(attempt));
    };
    attempt();
  });
}

async function startMuster(data, args = []) {
  const [command, ...rest] = pin(0, [muster, 'serve', '--data', data, '--http', '127.0.0.1:0', '--https', 'off', '--mqtt', '127.0.0.1:0',
    '--mqtts', '127.0.0.1:0', '--config', join(dir, 'muster.conf'), ...args]);
  const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
  const server = { pid: child.pid };
  await new Promise((resolve, reject) => {
    let text = '';
    child.on('exit', () => reject(new Error('muster ended')));
    child.stdout.on('data', (part) => {
      text += part;
      for (const [, kind, host, port] of text.matchAll(/^listening (\w+) (\S+):(\d+)$/gm)) server[kind] = { host, port: Number(port) };
      if (/^ready$/m.test(text)) resolve();
    });
  });
  server.stop = () => new Promise((resolve) => { child.on('exit', resolve); child.kill('SIGTERM'); });
  return server;
}

async function startMosquitto(tls) {
  const port = 20000 + Math.floor(Math.random() * 10000);
  const file = join(dir, 'mosquitto.conf');
  writeFileSync(file, [`listener ${port} 127.0.0.1`, 'allow_anonymous true', 'max_queued_messages 0', 'user root', 'log_type error', 'persistence false',
    ...(tls ? [`certfile ${tls.certificate}`, `keyfile ${tls.key}`] : [])].join('\n'));
  const [command, ...rest] = pin(0, ['mosquitto', '-c', file]);
  const child = spawn(command, rest, { stdio: 'ignore' });
  await untilPort(port);
  return { pid: child.pid, mqtt: { host: '127.0.0.1', port }, stop: () => new Promise((resolve) => { child.on('exit', resolve); child.kill('SIGTERM'); }) };
}

/** One run of `muster bench`; `whenConnected` is called in between. Resolves with the last JSON line. */
function load(mode, to, args, whenConnected) {
  const [command, ...rest] = pin(1, [muster, 'bench', mode, '--json', '--to', `${to.host}:${to.port}`, ...args.map(String)]);
  return new Promise((resolve, reject) => {
    const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    let told = false;
    child.stdout.on('data', (part) => {
      text += part;
      if (!told && text.includes('"connected"')) { told = true; whenConnected?.(); }
    });
    child.on('exit', (code) => {
      const lines = text.trim().split('\n');
      if (code !== 0) reject(new Error(`bench ${mode}: exit ${code}`));
      else resolve(JSON.parse(lines[lines.length - 1]));
    });
  });
}

async function rate(mode, server, to, args) {
  const results = [];
  for (let run = 0; run < RUNS; run++) {
    const result = await load(mode, to, [...args(run), '--seconds', SECONDS, '--server-pid', server.pid]);
    results.push({ ...result, perCpu: result.per_cpu_second });
  }
  const pick = (name) => median(results.map((result) => result[name]));
  return { perSecond: pick('in_per_second'), perCpu: pick('perCpu'), p50: pick('acknowledgement_p50_us') / 1000, p99: pick('acknowledgement_p99_us') / 1000,
    failed: results.reduce((sum, { failed = 0, refused = 0, disconnected }) => sum + failed + refused + disconnected, 0) };
}

async function idleMemory(server, to, clients, args) {
  const results = [];
  for (let run = 0; run < RUNS; run++) {
    const before = rssKiB(server.pid);
    let during = 0;
    await load('connect', to, ['--clients', clients, '--seconds', 1, ...args], () => { during = rssKiB(server.pid); });
    results.push(((during - before) * 1024) / clients);
    if (run === 0) results.fresh = results[0];
  }
  return results.fresh; // a later run reuses what the first one left with the allocator
}

/** Connects as the first registered device and waits for its CONNACK 0x00. */
function firstConnack(to) {
  const [id, key] = readFileSync(credentials, 'utf8').split('\n')[0].split(' ');
  const text = (value) => Buffer.concat([Buffer.from([0, value.length]), Buffer.from(value)]);
  const body = Buffer.concat([text('MQTT'), Buffer.from([5, 0xc2, 0, 60, 0]), text(id), text(id), text(key)]);
  return new Promise((resolve, reject) => {
    const socket = net.connect(to, () => socket.write(Buffer.concat([Buffer.from([0x10, body.length]), body])));
    socket.on('data', (reply) => { socket.destroy(); if (reply[3] === 0) resolve(); else reject(new Error(`CONNACK ${reply[3]}`)); });
    socket.on('error', reject);
  });
}

async function startTime(data) {
  const results = [];
  for (let run = 0; run < RUNS; run++) {
    const began = process.hrtime.bigint();
    const server = await startMuster(data);
    await firstConnack(server.mqtt);
    results.push(Number(process.hrtime.bigint() - began) / 1e6);
    await server.stop();
  }
  return median(results);
}

const rows = [];
const number = (value) => (value >= 1000 ? Math.round(value).toLocaleString('en-US') : value >= 10 ? value.toFixed(0) : value.toFixed(2));
const row = (what, ours, theirs, unit, ratio) => rows.push(`| ${what} | ${number(ours)} ${unit} | ${theirs === null ? '–' : `${number(theirs)} ${unit}`} | ${theirs === null ? '–' : `${(ratio ?? ours / theirs).toFixed(2)}`} |`);

writeFileSync(join(dir, 'muster.conf'), '[limits]\ndevice_requests = 0\naddress_requests = 0\nmanagement_requests = 0\n[mqtt]\ndevice_publishes = 0\n[server]\nloops = 1\nlog_level = warn\n');
const keys = setup();
let server = Object.assign(await startMuster(keys.dir), keys);
const model = await makeModel(server);
const credentials = join(dir, 'devices');

console.log('registrations ...');
const registration = await rate('register', server, server.http, (run) => ['--clients', 64, '--hardware-key', model.key, ...(run === 0 ? ['--save', credentials] : [])]);
const registered = await client(server, 'partner', keys.partner_key).get('/devices?per_page=1');
row('registrations, durable (64 connections)', registration.perSecond, null, '/s');

console.log('telemetry ...');
const mosquitto = await startMosquitto();
for (const [clients, inflight] of [[100, 10], [1000, 10]]) {
  const ours = await rate('publish', server, server.mqtt, () => ['--clients', clients, '--inflight', inflight, '--credentials', credentials]);
  const theirs = await rate('publish', mosquitto, mosquitto.mqtt, () => ['--clients', clients, '--inflight', inflight]);
  row(`QoS 1 telemetry acknowledged, ${clients} devices, ${inflight} in flight (Muster: on disk; Mosquitto: in memory, nobody subscribed)`, ours.perSecond, theirs.perSecond, '/s');
  row(`— per CPU-second of the server`, ours.perCpu, theirs.perCpu, '');
  row(`— p50 latency`, ours.p50, theirs.p50, 'ms');
  row(`— p99 latency`, ours.p99, theirs.p99, 'ms');
  if (ours.failed || theirs.failed) rows.push(`| — refused or lost | ${ours.failed} | ${theirs.failed} | – |`);
}
await server.stop();
await mosquitto.stop();

console.log('memory ...');
server = await startMuster(keys.dir);
const idle = rssKiB(server.pid);
const plain = await idleMemory(server, server.mqtt, 5000, ['--credentials', credentials]);
await server.stop();
const peer = await startMosquitto();
const idlePeer = rssKiB(peer.pid);
const plainPeer = await idleMemory(peer, peer.mqtt, 5000, []);
await peer.stop();
server = await startMuster(keys.dir);
const tls = await idleMemory(server, server.mqtts, 1000, ['--tls', '--credentials', credentials]);
await server.stop();
const peerTls = await startMosquitto({ certificate: join(keys.dir, 'tls-certificate.pem'), key: join(keys.dir, 'tls-key.pem') });
const tlsPeer = await idleMemory(peerTls, peerTls.mqtt, 1000, ['--tls']);
await peerTls.stop();
row('resident memory, nothing connected (Muster: with the devices above)', idle / 1024, idlePeer / 1024, 'MiB');
row('idle connection, plain (5,000; Muster: authenticated devices)', plain / 1024, plainPeer / 1024, 'KiB');
row('idle connection, TLS 1.3 (1,000)', tls / 1024, tlsPeer / 1024, 'KiB');

console.log('start ...');
row(`start to first CONNACK on a store of ${registered.page_info.total_count.toLocaleString('en-US')} devices`, await startTime(keys.dir), null, 'ms');

const machine = `${os.cpus()[0].model.trim()}, ${cores} cores, ${Math.round(os.totalmem() / 2 ** 30)} GiB, Linux ${os.release()}`;
const mosquittoVersion = execFileSync('sh', ['-c', 'mosquitto -h | head -n 1'], { encoding: 'utf8' }).trim();
const measured = `| what | Muster | Mosquitto | ratio |\n|---|---|---|---|\n${rows.join('\n')}\n`;
const file = join(root, 'docs/benchmarks.md');
const template = readFileSync(file, 'utf8');
const text = template.replace(/<!-- measured -->[\s\S]*<!-- end -->/, `<!-- measured -->
Machine: ${machine}. Date: ${new Date().toISOString().slice(0, 10)}. Peer: ${mosquittoVersion} (Debian). Medians of ${RUNS} runs of
${SECONDS} s; memory is that of the first run of a fresh process.

${measured}<!-- end -->`);
writeFileSync(file, text);
console.log(`\n${measured}\nwritten to docs/benchmarks.md`);
keys.remove();
rmSync(dir, { recursive: true, force: true });
