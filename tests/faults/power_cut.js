// The disk after a cut of power, made of what power_cut.c kept: applyPowerCut(dir, side, { subset, random }).
import { copyFileSync, existsSync, linkSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const SECTORS = [512, 4096];

/** A generator of numbers from a seed: next() in [0, 1), below(n), chance(p), pick(list). */
export function randomOf(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = state;
    x = Math.imul(x ^ (x >>> 15), x | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 4294967296;
  };
  const below = (n) => Math.floor(next() * n);
  return { next, below, chance: (p) => next() < p, pick: (list) => list[below(list.length)] };
}

/** An empty folder for the layer: from now on everything that is in the data folder counts as on the disk. */
export function newSide(side) {
  rmSync(side, { recursive: true, force: true });
  for (const folder of ['inode', 'names', 'gone']) mkdirSync(join(side, folder), { recursive: true });
}

export function steps(side) {
  const file = join(side, 'steps');
  return existsSync(file) && statSync(file).size >= 8 ? Number(readFileSync(file).readBigUInt64LE()) : 0;
}

function liveNames(dir) {
  const names = new Map();
  for (const item of readdirSync(dir, { withFileTypes: true })) {
    names.set(item.name, { type: item.isDirectory() ? 'd' : 'f', ino: statSync(join(dir, item.name)).ino });
  }
  return names;
}

function durableNames(dir, side) {
  const file = join(side, 'names', String(statSync(dir).ino));
  if (!existsSync(file)) return liveNames(dir);
  const names = new Map();
  for (const line of readFileSync(file, 'utf8').split('\n').filter(Boolean)) {
    const [, type, ino, name] = line.match(/^(.) (\d+) (.*)$/);
    names.set(name, { type, ino: Number(ino) });
  }
  return names;
}

/** Which names are there: changes that were not synced came through or did not, those of one file together. */
function namesAfter(live, durable, through) {
  const after = new Map(durable);
  const decided = new Map();
  const decide = (ino) => {
    if (!decided.has(ino)) decided.set(ino, through());
    return decided.get(ino);
  };
  for (const name of new Set([...live.keys(), ...durable.keys()])) {
    const now = live.get(name);
    const then = durable.get(name);
    if (now?.ino === then?.ino) continue;
    if (now ? decide(now.ino) : decide(then.ino)) {
      if (now) after.set(name, now);
      else after.delete(name);
    }
  }
  // A rename never leaves a file without a name: where one name of a file came through, a second may be left.
  return after;
}

function contentAfter(live, durable, { subset, random }) {
  if (!subset || live.equals(durable)) return durable;
  const sizes = [durable.length, live.length];
  const sector = random.pick(SECTORS);
  if (live.length > durable.length) {
    sizes.push(Math.min(live.length, durable.length + sector * random.below(1 + Math.ceil((live.length - durable.length) / sector))));
  }
  const after = Buffer.alloc(random.pick(sizes));
  durable.copy(after, 0, 0, Math.min(durable.length, after.length));
  const share = random.pick([0.1, 0.5, 0.9]);
  const prefix = random.chance(0.3) ? random.below(after.length + 1) : null; // in order up to a point
  for (let at = 0; at < after.length; at += sector) {
    const end = Math.min(at + sector, after.length);
    const now = live.subarray(Math.min(at, live.length), Math.min(end, live.length));
    if (now.equals(durable.subarray(Math.min(at, durable.length), Math.min(end, durable.length)))) continue;
    if (prefix === null ? random.chance(share) : at < prefix) now.copy(after, at);
  }
  return after;
}

/**
 * Puts in place of the data folder what a disk would hold: without anything that was not synced, or with a random part of
 * it (`subset`), sector by sector. Returns how many files came out different from what the program had written.
 */
export function applyPowerCut(dir, side, { subset = false, random }) {
  const next = `${dir}.next`;
  let different = 0;
  rmSync(next, { recursive: true, force: true });
  const folder = (from, to) => {
    mkdirSync(to, { mode: 0o700 });
    const live = liveNames(from);
    const after = namesAfter(live, durableNames(from, side), () => subset && random.chance(0.5));
    const path = new Map([...live].map(([name, { ino }]) => [ino, join(from, name)]));
    for (const [name, { type, ino }] of after) {
      if (type === 'd') {
        if (path.has(ino)) folder(path.get(ino), join(to, name));
        continue;
      }
      if (name.endsWith('-shm')) continue;
      const source = path.get(ino) ?? join(side, 'gone', String(ino));
      const kept = join(side, 'inode', String(ino));
      if (!existsSync(kept)) {
        if (existsSync(source)) linkSync(source, join(to, name));
        else throw new Error(`${name}: its content was not kept`);
        continue;
      }
      const written = existsSync(source) ? readFileSync(source) : readFileSync(kept);
      const content = contentAfter(written, readFileSync(kept), { subset, random });
      if (!content.equals(written)) different++;
      writeFileSync(join(to, name), content, { mode: 0o600 });
    }
    for (const name of live.keys()) if (!after.has(name)) different++;
  };
  folder(dir, next);
  rmSync(dir, { recursive: true, force: true });
  renameSync(next, dir);
  newSide(side);
  return different;
}

/** A copy of a data folder that no process uses, to go back to. */
export function copyFolder(from, to) {
  rmSync(to, { recursive: true, force: true });
  mkdirSync(to, { mode: 0o700 });
  for (const item of readdirSync(from, { withFileTypes: true })) {
    if (item.isDirectory()) copyFolder(join(from, item.name), join(to, item.name));
    else copyFileSync(join(from, item.name), join(to, item.name));
  }
}
