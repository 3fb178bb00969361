// Kills the server thousands of times, takes away what was not synced, and looks for what was acknowledged (README.md).
//
//     node tests/faults/harness.js [--seed N] [--cycles N] [--seconds N] [--episode N] [--failing P] [--verbose]
//
// --failing 0.1: in one cycle of ten calls fail for some steps. One episode is an installation that is killed `--episode` times; each has a seed of its own, printed when something is
// found: --seed S --cycles K goes the same way again, as far as the machine lets it.
import { parseArgs } from 'node:util';
import { Installation } from './installation.js';
import { randomOf } from './power_cut.js';
import { World } from './world.js';

const EIO = 5;
const ENOSPC = 28;

export function planOf(random, failing) {
  const plan = {
    cut: random.pick(['none', 'all', 'subset']), ordered: random.chance(0.3), syncUs: random.pick([0, 0, 500, 3000]), calm: random.chance(0.25),
    after: random.below(random.pick([20, 80, 250])), killAt: 0,
  };
  if (random.chance(0.5)) {
    plan.killAt = 1 + random.below(random.pick([8, 40, 150, 500]));
    plan.killAfter = random.chance(0.5);
    plan.after = 400;
  }
  if (random.chance(failing)) Object.assign(plan, { failAt: 1 + random.below(150), failSteps: random.pick(plan.calm ? [1, 3, 3, 20] : [1, 3, 20, 100]), failErrno: random.pick([EIO, ENOSPC]) });
  if (plan.calm) plan.killAt = plan.killAt && plan.killAt + 400; // mostly behind the checks
  return plan;
}

export async function cycle(world, random, totals, failing) {
  const { installation } = world;
  const plan = planOf(random, failing);
  world.plan = plan;
  for (const space of world.spaces) space.failing = Boolean(plan.failAt);
  const started = await installation.start(plan);
  world.begins();
  if (started) {
    const until = { over: false };
    await world.connectAll(random);
    if (plan.calm && !installation.gone) await world.calm();
    const load = world.load(random, until).catch((error) => { world.own ??= error; });
    const timer = new Promise((resolve) => { setTimeout(resolve, plan.after); });
    await Promise.race([timer, installation.server.exited]);
    const byItself = installation.gone;
    const exit = installation.server.exited;
    await installation.kill();
    until.over = true;
    await load;
    world.down();
    const { code, signal } = await exit;
    if (signal !== 'SIGKILL') world.fail(`the server ended with ${signal ?? code}:\n${installation.log.slice(-4000)}`);
    totals[byItself ? 'atStep' : 'atTime']++;
  } else {
    totals.atStep++;
    totals.atStart++;
  }
  totals[plan.cut]++;
  if (plan.cut !== 'none') totals.changedByCut += installation.cut({ subset: plan.cut === 'subset', random }) > 0;
  if (plan.failAt) totals.failingWrites++;
  if (world.violation) throw world.violation;
}

export async function episode({ seed, cycles, totals, deadline, verbose, failing }) {
  const installation = new Installation();
  const world = new World(installation);
  let number = 0;
  try {
    await installation.start();
    await world.make();
    await installation.kill();
    for (; number < cycles && Date.now() < deadline; number++) {
      const random = randomOf(seed * 65_537 + number);
      await cycle(world, random, totals, failing);
      if (verbose) console.log(number, JSON.stringify(world.plan), JSON.stringify({ ...world.open.counts }));
      totals.cycles++;
    }
    await installation.start();
    world.begins();
    await world.connectAll(randomOf(1));
    await world.calm();
    if (world.violation) throw world.violation;
    world.down();
    await installation.stop();
  } catch (error) {
    world.down();
    await installation.kill();
    console.error(`--seed ${seed} --cycles ${number + 1}: ${error.stack}\nplan ${JSON.stringify(world.plan)}\nfolder ${installation.folder}\n${installation.log.slice(-3000)}`);
    throw error;
  } finally {
    for (const [name, count] of Object.entries(world.counts)) totals[name] = (totals[name] ?? 0) + count;
    for (const space of world.spaces) for (const [name, count] of Object.entries(space.counts)) totals[name] = (totals[name] ?? 0) + count;
  }
  installation.remove();
}

export const newTotals = () => ({ cycles: 0, atStep: 0, atStart: 0, atTime: 0, none: 0, all: 0, subset: 0, changedByCut: 0, failingWrites: 0 });

async function main() {
  const { values } = parseArgs({ options: {
    seed: { type: 'string', default: String(Date.now() % 1_000_000) }, cycles: { type: 'string', default: '200' }, seconds: { type: 'string', default: '100000' },
    episode: { type: 'string', default: '200' }, verbose: { type: 'boolean', default: false }, failing: { type: 'string', default: '0' },
  } });
  const totals = newTotals();
  const from = Date.now();
  const deadline = from + Number(values.seconds) * 1000;
  const cycles = Number(values.cycles);
  const each = Math.min(cycles, Number(values.episode));
  for (let seed = Number(values.seed); totals.cycles < cycles && Date.now() < deadline; seed++) {
    await episode({ seed, cycles: Math.min(each, cycles - totals.cycles), totals, deadline, verbose: values.verbose, failing: Number(values.failing) });
  }
  console.log(JSON.stringify({ seconds: Math.round((Date.now() - from) / 1000), ...totals }));
}

if (process.argv[1] === new URL(import.meta.url).pathname) main().catch((error) => {
  console.error(String(error));
  process.exitCode = 1;
});
