// What the rows share: where the programs are, the servers they start (each pinned to core 0, the load generator to
// core 1), a fleet of registered devices, and medians.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os, { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../blackbox/support/ports.js';
import { makeModel, setup } from '../blackbox/support/server.js';

export const RUNS = Number(process.env.BENCH_RUNS ?? 5);
export const SECONDS = Number(process.env.BENCH_SECONDS ?? 2);
export const root = new URL('../..', import.meta.url).pathname;
export const builds = process.env.BENCH_BUILD ?? join(root, 'build');
const muster = process.env.MUSTER_BIN ?? join(builds, 'muster');
const cores = os.cpus().length;
const START_MS = 60_000;
const STOP_MS = 20_000;
const SLACK_MS = 180_000; // a load run that takes this much longer than it should is ended

export const dir = mkdtempSync(join(tmpdir(), 'muster-bench-'));
export const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

const pin = (core, command) => (cores > 1 ? ['taskset', '-c', String(core), ...command] : command);

const running = new Set();
process.on('exit', () => { for (const child of running) child.kill('SIGKILL'); });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));

function start(command, options = {}) {
  const [program, ...args] = pin(options.core ?? 0, command);
  const child = spawn(program, args, { stdio: ['ignore', options.stdout ?? 'ignore', 'pipe'] });
  running.add(child);
  child.log = '';
  child.on('error', (error) => { child.log += error.message; });
  child.stderr.setEncoding('utf8').on('data', (text) => { child.log = (child.log + text).slice(-4000); });
  child.ended = new Promise((resolve) => { child.on('exit', resolve); child.on('error', resolve); }).then(() => running.delete(child));
  child.stop = async (signal = 'SIGTERM') => {
    if (child.exitCode === null) child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    await child.ended;
    clearTimeout(timer);
  };
  return child;
}

/** Ends whatever a failed row has left behind. */
export async function stopAll() {
  await Promise.all([...running].map((child) => child.stop('SIGKILL')));
}

async function untilPort(port, child) {
  const end = Date.now() + START_MS;
  while (!(await new Promise((resolve) => {
    const socket = net.connect({ port, host: '127.0.0.1' }, () => { socket.destroy(); resolve(true); });
    socket.on('error', () => setTimeout(resolve, 5, false));
  }))) {
    if (child.exitCode !== null || Date.now() > end) throw new Error(`no server on port ${port}: ${child.log}`);
  }
}

const local = (port) => ({ host: '127.0.0.1', port });
let serial = 0;

/** Muster on its own data folder or `data`. `open`: a listener for anonymous clients as well, plain and TLS. Returns
 * { pid, http, mqtt, mqtts, open, openTls, stop, kill }. `ports`: of an earlier one, to come back on them. `server`: further
 * settings of that section; `config`: further sections; `bin`: another build. */
export async function startMuster({ data, loops = 1, core = 0, ports = {}, server = {}, config: sections = '', bin = muster } = {}) {
  const config = join(dir, `muster-${++serial}.conf`);
  const fixed = {};
  for (const name of ['http', 'mqtt', 'mqtts', 'open', 'openTls']) fixed[name] = ports[name] ?? local(await freePort());
  writeFileSync(config, `[limits]\ndevice_requests = 0\naddress_requests = 0\nmanagement_requests = 0\n[mqtt]\ndevice_publishes = 0\n${sections}
[server]\nloops = ${loops}\nlog_level = warn\n${Object.entries(server).map(([name, value]) => `${name} = ${value}\n`).join('')}
[listener open]\nkind = mqtt\naddress = 127.0.0.1:${fixed.open.port}\naccess = open\n
[listener open-tls]\nkind = mqtts\naddress = 127.0.0.1:${fixed.openTls.port}\naccess = open\n`);
  const child = start([bin, 'serve', '--data', data ?? join(dir, `data-${serial}`), '--http', `127.0.0.1:${fixed.http.port}`, '--https', 'off',
    '--mqtt', `127.0.0.1:${fixed.mqtt.port}`, '--mqtts', `127.0.0.1:${fixed.mqtts.port}`, '--config', config], { core, stdout: 'pipe' });
  await new Promise((resolve, reject) => {
    let text = '';
    child.ended.then(() => reject(new Error(`muster ended: ${child.log}`)));
    child.stdout.setEncoding('utf8').on('data', (part) => { text += part; if (/^ready$/m.test(text)) resolve(); });
  });
  // The config's listeners of kind mqtt and mqtts are open ones; the options above made the others.
  return { name: 'Muster', pid: child.pid, ports: fixed, ...fixed, stop: () => child.stop(), kill: () => child.stop('SIGKILL') };
}

/** Debian's Mosquitto, without limits on its queues, from memory. `tls`: with a listener for that, too. */
export async function startMosquitto({ tls } = {}) {
  const port = await freePort();
  const tlsPort = tls ? await freePort() : port;
  const config = join(dir, `mosquitto-${++serial}.conf`);
  writeFileSync(config, [`listener ${port} 127.0.0.1`, 'allow_anonymous true', 'max_queued_messages 0', 'max_inflight_messages 0', 'user root',
    'log_type error', 'persistence false', 'set_tcp_nodelay true',
    ...(tls ? [`listener ${tlsPort} 127.0.0.1`, 'set_tcp_nodelay true', `certfile ${tls.certificate}`, `keyfile ${tls.key}`] : [])].join('\n'));
  const child = start(['mosquitto', '-c', config]);
  await untilPort(port, child);
  return { name: 'Mosquitto', pid: child.pid, open: local(port), openTls: local(tlsPort), stop: () => child.stop() };
}

export async function startFloor() {
  const port = await freePort();
  const child = start([join(builds, 'tests/bench/floor'), String(port)]);
  await untilPort(port, child);
  return { name: 'floor', pid: child.pid, open: local(port), stop: () => child.stop() };
}

/** Mosquitto with tests/bench/consumer.c beside it on the same core. `rows()`: how many are on disk. */
export async function startMosquittoAndConsumer() {
  const broker = await startMosquitto();
  const file = join(dir, `rows-${++serial}.db`);
  const child = start([join(builds, 'tests/bench/consumer'), String(broker.open.port), file], { stdout: 'pipe' });
  let rows = 0;
  let watch = () => {};
  await new Promise((resolve, reject) => {
    let rest = '';
    child.ended.then(() => reject(new Error(`consumer ended: ${child.log}`)));
    child.stdout.setEncoding('utf8').on('data', (part) => {
      const lines = (rest + part).split('\n');
      rest = lines.pop();
      for (const line of lines) if (line === 'ready') resolve(); else rows = Number(line);
      watch();
    });
  });
  const untilRows = (count) => new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`only ${rows} of ${count} rows`)), SLACK_MS);
    watch = () => { if (rows >= count) { clearTimeout(timer); resolve(); } };
    watch();
  });
  return { name: 'Mosquitto and consumer', pid: broker.pid, open: broker.open, untilRows, cpu: () => cpuSeconds(broker.pid) + cpuSeconds(child.pid),
    stop: async () => { await child.stop(); await broker.stop(); for (const end of ['', '-wal', '-shm']) rmSync(file + end, { force: true }); } };
}

const ticks = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
export function cpuSeconds(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, '').split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticks;
}
export const rssMiB = (pid) => Number(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8').match(/Rss:\s+(\d+)/)[1]) / 1024;

/** One run of `muster bench`; resolves with its last JSON line. `whenConnected` is called at its first. */
export function load(mode, to, args = [], { core = 1, whenConnected } = {}) {
  const child = start([muster, 'bench', mode, '--json', '--to', `${to.host}:${to.port}`, ...args.map(String)], { core, stdout: 'pipe' });
  const timer = setTimeout(() => child.kill('SIGKILL'), SECONDS * 1000 + SLACK_MS);
  return new Promise((resolve, reject) => {
    let text = '';
    let told = false;
    child.stdout.setEncoding('utf8').on('data', (part) => {
      text += part;
      if (!told && text.includes('"connected"')) { told = true; whenConnected?.(); }
    });
    child.on('close', (code) => {
      clearTimeout(timer);
      const line = text.trim().split('\n').pop();
      if (code === 0 && line.includes('"done"')) resolve(JSON.parse(line));
      else reject(new Error(`bench ${mode}: ${code ?? 'took too long'} ${child.log.trim()}`));
    });
  });
}

/** `once()` for each server in turn, RUNS times over, so that what the machine does meanwhile meets all of them alike.
 * Resolves with an object of medians of every number for each server, and `runs`, their results. */
export async function alternate(servers, once_, runs = RUNS) {
  const results = servers.map(() => []);
  for (let run = 0; run < runs; run++) {
    for (let i = 0; i < servers.length; i++) results[i].push(await once_(servers[i], run));
  }
  return results.map((list) => ({ ...medians(list), runs: list }));
}

export function medians(list) {
  const names = new Set(list.flatMap((result) => Object.keys(result).filter((name) => typeof result[name] === 'number')));
  return Object.fromEntries([...names].map((name) => [name, median(list.map((result) => result[name] ?? 0))]));
}

/** Starts them, runs `body`, stops them in any case. */
export async function withServers(starting, body) {
  const servers = [];
  try {
    for (const one of starting) servers.push(await one());
    return await body(...servers);
  } finally {
    for (const server of servers) await server.stop();
  }
}

let fleet = null;
/** A data folder with at least `count` registered devices: { dir, credentials (file), registration (result), tls }. */
export async function devices(count = 15_000) {
  if (fleet) return fleet;
  const keys = setup();
  const server = await startMuster({ data: keys.dir });
  const model = await makeModel({ ...server, ...keys });
  const credentials = join(dir, 'devices');
  const lines = [];
  const results = [];
  const part = join(dir, 'part');
  while (lines.length < count || results.length < RUNS) {
    results.push(await load('register', server.http, ['--clients', 256, '--hardware-key', model.key, '--seconds', 1, '--warmup', 0, '--save', part, '--server-pid', server.pid]));
    if (!results.at(-1).in) throw new Error('no device could be registered');
    lines.push(...readFileSync(part, 'utf8').trim().split('\n'));
  }
  writeFileSync(credentials, `${lines.join('\n')}\n`);
  await server.stop();
  fleet = { dir: keys.dir, remove: keys.remove, credentials, count: lines.length, registration: medians(results),
    tls: { certificate: join(keys.dir, 'tls-certificate.pem'), key: join(keys.dir, 'tls-key.pem') } };
  return fleet;
}

export async function cleanUp() {
  await stopAll();
  fleet?.remove();
  if (existsSync(dir)) rmSync(dir, { recursive: true, force: true });
}

export const machine = () => `${os.cpus()[0].model.trim()}, ${cores} cores, ${Math.round(os.totalmem() / 2 ** 30)} GiB, Linux ${os.release()}`;
export const mosquittoVersion = () => execFileSync('sh', ['-c', 'mosquitto -h | head -n 1'], { encoding: 'utf8' }).trim();
