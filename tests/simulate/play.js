// Plays a scenario in a folder of its own: node tests/simulate/play.js FILE. MUSTER_BIN is the program, build/muster by
// default; the exit code is the simulator's.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const binary = resolve(process.env.MUSTER_BIN ?? fileURLToPath(new URL('../../build/muster', import.meta.url)));
const beside = (name) => fileURLToPath(new URL(name, import.meta.url));

/** A folder with all that a scenario of this folder needs; keys are those that `muster setup` prints. */
export function stage(scenario) {
  const dir = mkdtempSync(join(tmpdir(), 'muster-scenario-'));
  symlinkSync(binary, join(dir, 'muster'));
  copyFileSync(beside('muster.conf'), join(dir, 'muster.conf'));
  writeFileSync(join(dir, 'password'), 'correct horse battery\n', { mode: 0o600 });
  const keys = execFileSync(binary, ['setup', '--data', join(dir, 'data'), '--partner', 'Northlight', '--email', 'ada@example.com',
    '--password-file', join(dir, 'password')], { encoding: 'utf8' });
  writeFileSync(join(dir, 'keys.json'), keys, { mode: 0o600 });
  writeFileSync(join(dir, 'play.scenario'), scenario);
  return { dir, keys: JSON.parse(keys), log: () => readFileSync(join(dir, 'server.log'), 'utf8'), remove: () => rmSync(dir, { recursive: true, force: true }) };
}

/** The simulator in that folder: a child process. */
export function start({ dir }, stdio) {
  return spawn(binary, ['simulate', '--scenario', 'play.scenario'], { cwd: dir, env: { ...process.env, PATH: `${dir}:${process.env.PATH}` }, stdio });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const staged = stage(readFileSync(process.argv[2], 'utf8'));
  const [code, signal] = await once(start(staged, 'inherit'), 'exit');
  if (code === 0) staged.remove();
  else console.log(`${signal ?? code}: what it has left is in ${staged.dir}`);
  process.exit(code ?? 1);
}
