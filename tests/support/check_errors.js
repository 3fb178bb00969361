// docs/errors.md against tests and program: each error text of the specification has one row there; each row names tests that
// expect that very text; the program has it, as a whole or put together. Prints what is wrong and exits 1.
import { readFileSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
const wrong = [];

function files(folder, ending) {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    if (entry.name === 'node_modules') return [];
    const path = join(folder, entry.name);
    return entry.isDirectory() ? files(path, ending) : entry.name.endsWith(ending) ? [path] : [];
  });
}
const read = (path) => readFileSync(join(root, path), 'utf8').replaceAll('\\', '');
const tests = new Map([...files('tests/blackbox', '.js'), ...files('tests/replay', '.replay'), ...files('src', '_test.c')].map((path) => [basename(path), read(path)]));
const program = files('src', '.c').filter((path) => !path.endsWith('_test.c')).map(read).join('\n');

const literal = (text) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
/** The text with something in place of each <name>, at the beginning of a string. */
const expected = (text) => new RegExp(`["'\`]${text.split(/<\w+>/).map(literal).join('[\\w./${}@ -]{1,80}')}`);

/** In the program: as it stands, with %-fields, or as the ending that a field's name comes before. */
function isInProgram(text) {
  const whole = text.split(/<\w+>/).map((part) => literal(part).replaceAll(/\d+/g, '(?:$&|%[a-z]+)')).join('%[\\w.*]+');
  if (new RegExp(`"${whole}`).test(program)) return true;
  const ending = ["can't be blank", 'has already been taken', 'is invalid', 'must be an object', 'is required', 'not found', 'is too long (maximum is'].find((one) => text.includes(one));
  const subject = text.slice(0, text.indexOf(ending)).replace(/^Parameter /, '').trim();
  const name = subject.toLowerCase().replaceAll(' ', '_');
  return ending !== undefined && program.includes(ending) && [`"${subject}"`, `"${name}"`, `${name}!`].some((one) => program.includes(one));
}

const rows = readFileSync(join(root, 'docs/errors.md'), 'utf8').split('\n').filter((line) => /^\| (DA|MA|MQTT) /.test(line));
const seen = new Set();
for (const row of rows) {
  const [section, code, quoted, by] = row.split('|').slice(1, -1).map((cell) => cell.trim());
  const text = quoted.slice(1, -1);
  const cited = [...by.matchAll(/`([\w.]+)`/g)].map(([, name]) => name);
  if (seen.has(`${code} ${text}`)) wrong.push(`${section}: "${text}" stands there twice`);
  seen.add(`${code} ${text}`);
  if (by.startsWith('never:')) continue;
  if (cited.length === 0) wrong.push(`${section}: "${text}" has no test`);
  for (const name of cited) {
    if (!tests.has(name)) wrong.push(`${section}: no file of tests "${name}"`);
    else if (!expected(text).test(tests.get(name))) wrong.push(`${section}: ${name} does not expect "${text}"`);
  }
  if (!isInProgram(text)) wrong.push(`${section}: the program does not say "${text}"`);
}
if (rows.length < 130) wrong.push(`only ${rows.length} rows`);

for (const one of wrong) console.error(one);
if (wrong.length === 0) console.log(`${rows.length} error texts, each expected by a test`);
process.exit(wrong.length === 0 ? 0 : 1);
