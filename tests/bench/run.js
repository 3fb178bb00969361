// make bench: every row of the bench table, Muster beside Debian's Mosquitto and the floor (floor.c) in one run. Server on
// core 0, load generator on core 1, loopback only; medians of BENCH_RUNS runs of BENCH_SECONDS seconds, the servers in
// turn. BENCH_ONLY=one-to-one,idle runs some rows and prints them; only a full run writes docs/benchmarks.md, unless
// BENCH_WRITE=1. A row that fails says so in its line and does not hold up the others.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { RUNS, SECONDS, builds, cleanUp, machine, mosquittoVersion, root, stopAll } from './context.js';
import { overload } from './overload.js';
import { rows as connections } from './rows/connections.js';
import { rows as durable } from './rows/durable.js';
import { rows as management } from './rows/management.js';
import { rows as traffic } from './rows/traffic.js';
import { header, render } from './table.js';

const rows = { ...traffic, ...durable, ...connections, ...management };
const only = process.env.BENCH_ONLY?.split(',').filter(Boolean);
const unknown = only?.filter((name) => name !== 'core' && name !== 'overload' && !rows[name]);
if (unknown?.length) {
  console.error(`BENCH_ONLY: no row ${unknown.join(', ')}; there are ${[...Object.keys(rows), 'overload', 'core'].join(', ')}`);
  process.exit(2);
}

const began = Date.now();
const lines = [];
let failed = 0;
for (const [name, run] of Object.entries(rows)) {
  if (only && !only.includes(name)) continue;
  const from = Date.now();
  process.stdout.write(`${name} ... `);
  try {
    const made = await run();
    lines.push(...made);
    console.log(`${((Date.now() - from) / 1000).toFixed(0)} s`);
    process.stdout.write(render(made));
  } catch (error) {
    failed++;
    lines.push({ what: `**${name}**`, muster: `failed: ${String(error.message).replaceAll(/[|\n]/g, ' ').slice(0, 200)}` });
    console.log(`FAILED: ${error.stack}`);
    await stopAll();
  }
}

let core = '';
if (!only || only.includes('core')) {
  try {
    core = execFileSync(join(builds, 'tests/bench/core_bench'), { encoding: 'utf8', timeout: 300_000 });
  } catch (error) {
    failed++;
    core = `failed: ${error.message}\n`;
  }
  console.log(core);
}
let disturbed = '';
if (!only || only.includes('overload')) {
  try {
    disturbed = (await overload()).table;
  } catch (error) {
    failed++;
    disturbed = `failed: ${error.message}\n`;
  }
  console.log(disturbed);
}
await cleanUp();

const minutes = ((Date.now() - began) / 60_000).toFixed(1);
const measured = `Machine: ${machine()}. Date: ${new Date().toISOString().slice(0, 10)}. Command: \`make bench\` (${minutes} minutes). Peer:
${mosquittoVersion()} (Debian). Medians of ${RUNS} runs of ${SECONDS} s, the servers in turn (memory and storms: of ${Math.min(RUNS, 3)} fresh
processes). Nothing was lost, doubled or refused where no line says so.

${header}${render(lines)}
### The hub's core without sockets

A thousand to a million sessions of an open listener, driven through the hub's core (\`tests/bench/core_bench.c\`), CPU time
of one thread; memory as malloc and the slabs have given it out. What grows with the number is the time that memory takes to
answer: a million sessions do not fit the CPU's caches, as the line with the same 1,000 receivers shows. What is left at the
end is a thread's pool of freed objects, at most 2 MiB, and the tables that had grown.

${core}
### Beside badly behaved clients

50 publishers and 50 subscribers in pairs, QoS 1, 10,000 messages/s (\`tests/bench/overload.js\`). The disturbance has what
the load generator leaves of its core; server and generator run at real-time priority, the kinds in turn. In brackets:
against nothing else.

${disturbed}`;
if (!only || process.env.BENCH_WRITE === '1') {
  const file = join(root, 'docs/benchmarks.md');
  writeFileSync(file, readFileSync(file, 'utf8').replace(/<!-- measured -->[\s\S]*<!-- end -->/, () => `<!-- measured -->\n${measured}<!-- end -->`));
  console.log('written to docs/benchmarks.md');
}
console.log(`${minutes} minutes, ${failed} rows failed`);
process.exit(failed ? 1 : 0);
