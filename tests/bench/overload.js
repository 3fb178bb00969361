// What well-behaved clients notice of badly behaved ones (disturb.py): 50 publishers and 50 subscribers at a set rate, QoS
// 1, on an open listener; then the same beside each disturbance. `node tests/bench/overload.js` prints the table; run.js
// puts what overload() returns into docs/benchmarks.md. The server has core 0; load generator and disturbance share core 1,
// the disturbance with what the generator leaves (SCHED_IDLE). Server and generator run at real-time priority where that is
// allowed: housekeeping of the machine that takes a core for 8 ms a few times a second is all that p99 would show otherwise.
// A server that is busy for a whole second is not interrupted by the kernel's limit for such tasks meanwhile. At the rate
// the generator is busy for half of its time; one that has nothing left to give would be what is measured, too.
// The kinds take turns run by run, each with a server of its own, so that what the machine does meanwhile meets all alike.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const RUNS = Number(process.env.BENCH_RUNS ?? 3);
const SECONDS = Number(process.env.BENCH_SECONDS ?? 4);
const ONLY = process.env.BENCH_BESIDE?.split(',');
const RATE = Number(process.env.BENCH_RATE ?? 10000);
const root = fileURLToPath(new URL('../..', import.meta.url));
const muster = process.env.MUSTER_BIN ?? join(root, 'build/muster');
const pin = (core, command) => (os.cpus().length > 1 ? ['taskset', '-c', String(core), ...command] : command);
const realTime = spawnSync('chrt', ['--fifo', '10', 'true']).status === 0 ? ['chrt', '--fifo', '10'] : [];
const RT_LIMIT = '/proc/sys/kernel/sched_rt_runtime_us';
const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

export const disturbances = [
  ['churn', 'connections opened and dropped at once'],
  ['churn-connect', 'the same, with a CONNECT sent'],
  ['stalled', '20 QoS 0 subscribers of everything that never read'],
  ['stalled-flood', 'a QoS 1 subscriber that never reads, its own publisher flat out'],
  ['never-reads', '50 clients that ask flat out and never read'],
  ['byte-a-second', '1,000 clients that send one byte a second'],
];

const children = new Set(); // that are to end with us

function start(command, args) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  children.add(child);
  child.once('exit', () => children.delete(child));
  return child;
}

const ended = (child) => new Promise((resolve) => { child.once('exit', resolve); });

/** Resolves when a child has printed a line that matches. */
function printed(child, pattern) {
  let text = '';
  return new Promise((resolve, reject) => {
    child.stdout.on('data', (part) => {
      text += part;
      const found = text.match(pattern);
      if (found) resolve(found);
    });
    child.once('exit', () => reject(new Error(`ended before ${pattern}: ${text}`)));
  });
}

async function startServer(folder) {
  const config = join(folder, 'muster.conf');
  writeFileSync(config, '[server]\nloops = 1\nlog_level = error\n');
  const [command, ...args] = pin(0, [...realTime, muster, 'serve', '--data', join(folder, 'data'), '--config', config,
    ...['http', 'https', 'mqtt', 'mqtts'].flatMap((kind) => [`--${kind}`, 'off']), '--mqtt-open', '127.0.0.1:0']);
  const child = start(command, args);
  const [, host, port] = await printed(child, /^listening mqtt-open (\S+):(\d+)$/m);
  return { pid: child.pid, host, port, stop: () => { child.kill('SIGTERM'); return ended(child); } };
}

async function startDisturbance(kind, server) {
  if (!kind) return async () => null;
  const [command, ...args] = pin(1, ['chrt', '--idle', '0', 'python3', join(root, 'tests/bench/disturb.py'), kind, server.host, server.port]);
  const child = start(command, args);
  await printed(child, /^ready$/m);
  return async () => {
    const said = printed(child, /^\{.*\}$/m);
    child.kill('SIGTERM');
    return JSON.parse((await said)[0]);
  };
}

function load(server) {
  const [command, ...args] = pin(1, [...realTime, muster, 'bench', 'one-to-one', '--to', `${server.host}:${server.port}`, '--clients', '50', '--rate', String(RATE),
    '--seconds', String(SECONDS), '--server-pid', String(server.pid), '--json']);
  return JSON.parse(execFileSync(command, args, { encoding: 'utf8' }).trim().split('\n').pop());
}

async function one(folder, kind) {
  const server = await startServer(folder);
  const stop = await startDisturbance(kind, server);
  // The generator is waited for without blocking what reads the disturbance's output.
  const result = await new Promise((resolve, reject) => setImmediate(() => { try { resolve(load(server)); } catch (error) { reject(error); } }));
  const did = await stop();
  const peakMiB = Number(readFileSync(`/proc/${server.pid}/status`, 'utf8').match(/VmHWM:\s+(\d+)/)[1]) / 1024;
  await server.stop();
  return { ...result, did, peakMiB };
}

/** Lifts the kernel's limit of real-time tasks; returns what sets it again. */
function liftLimit(say) {
  const before = readFileSync(RT_LIMIT, 'utf8');
  const restore = () => writeFileSync(RT_LIMIT, before);
  const leave = () => {
    restore();
    for (const child of children) child.kill('SIGTERM');
    process.exit(1);
  };
  try {
    writeFileSync(RT_LIMIT, '-1');
  } catch (error) {
    say(`the limit of real-time tasks stays (${error.code}): a server that takes its whole core is interrupted for 50 ms`);
    return () => {};
  }
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, leave);
  return () => {
    for (const signal of ['SIGINT', 'SIGTERM']) process.removeListener(signal, leave);
    restore();
  };
}

/** Measures; returns { rows: [{ what, perSecond, p50, p99, cpuShare, peakMiB, lost, did }], table: Markdown }. */
export async function overload(say = () => {}) {
  const folder = mkdtempSync(join(tmpdir(), 'muster-overload-'));
  const kinds = [[null, 'nothing else'], ...disturbances].filter(([kind]) => !kind || !ONLY || ONLY.includes(kind));
  const results = kinds.map(() => []);
  if (realTime.length === 0) say('not allowed to run at real-time priority: p99 is the machine\'s as well');
  const restore = realTime.length > 0 ? liftLimit(say) : () => {};
  try {
    for (let run = 0; run < RUNS; run++) {
      for (const [i, [kind, what]] of kinds.entries()) {
        say(`run ${run + 1} of ${RUNS}: ${what} ...`);
        results[i].push(await one(folder, kind));
      }
    }
  } finally {
    restore();
  }
  rmSync(folder, { recursive: true, force: true });
  const rows = kinds.map(([, what], i) => rowOf(what, results[i]));
  return { rows, table: table(rows) };
}

function rowOf(what, results) {
  const pick = (name) => median(results.map((result) => result[name]));
  return { what, perSecond: pick('out_per_second'), p50: pick('delivery_p50_us') / 1000, p99: pick('delivery_p99_us') / 1000, cpuShare: pick('server_cpu_share'),
    peakMiB: Math.max(...results.map((result) => result.peakMiB)), lost: results.reduce((sum, { lost }) => sum + lost, 0), did: results.at(-1).did };
}

function table(rows) {
  const [normal] = rows;
  const short = (value) => (value >= 10 ? value.toFixed(0) : value.toFixed(2));
  const times = (value, base) => `${short(value)} (x${(value / base).toFixed(2)})`;
  return ['| beside | delivered/s | p50 ms | p99 ms | server, share of a core | most memory, MiB | lost |', '|---|---|---|---|---|---|---|',
    ...rows.map((row) => `| ${row.what} | ${Math.round(row.perSecond).toLocaleString('en-US')} | ${times(row.p50, normal.p50)} | ${times(row.p99, normal.p99)} | ${row.cpuShare.toFixed(2)} | ${short(row.peakMiB)} | ${row.lost} |`),
    ''].join('\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { rows, table: text } = await overload((step) => console.error(step));
  for (const { what, did } of rows) if (did) console.error(`${what}: ${JSON.stringify(did)}`);
  console.log(text);
}
