// docs/mqtt.md against the tests: every normative statement of MQTT 5.0 has its row, in order, once; every row of its tables
// names tests; every test that is named exists. Prints what is wrong and exits 1.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cases } from '../blackbox/malformed_mqtt.js';

// Appendix B of the standard: section, first and last number.
const STATEMENTS = [
  ['1.5.4', 1, 3], ['1.5.5', 1, 1], ['1.5.7', 1, 1],
  ['2.1.3', 1, 1], ['2.2.1', 2, 6], ['2.2.2', 1, 1],
  ['3.1.0', 1, 2], ['3.1.2', 1, 30], ['3.1.3', 1, 12], ['3.1.4', 1, 6], ['3.2.0', 1, 2], ['3.2.2', 1, 22],
  ['3.3.1', 1, 13], ['3.3.2', 1, 20], ['3.3.4', 1, 10], ['3.4.2', 1, 3], ['3.5.2', 1, 3], ['3.6.1', 1, 1], ['3.6.2', 1, 3],
  ['3.7.2', 1, 3], ['3.8.1', 1, 1], ['3.8.3', 1, 5], ['3.8.4', 1, 8], ['3.9.2', 1, 2], ['3.9.3', 1, 2],
  ['3.10.1', 1, 1], ['3.10.3', 1, 2], ['3.10.4', 1, 6], ['3.11.2', 1, 2], ['3.11.3', 1, 2], ['3.12.4', 1, 1],
  ['3.14.0', 1, 1], ['3.14.1', 1, 1], ['3.14.2', 1, 4], ['3.14.4', 1, 3], ['3.15.1', 1, 1], ['3.15.2', 1, 3],
  ['4.1.0', 1, 2], ['4.2.0', 1, 1], ['4.3.1', 1, 1], ['4.3.2', 1, 5], ['4.3.3', 1, 13], ['4.4.0', 1, 2], ['4.5.0', 1, 2],
  ['4.6.0', 1, 6], ['4.7.0', 1, 1], ['4.7.1', 1, 2], ['4.7.2', 1, 1], ['4.7.3', 1, 4], ['4.8.2', 1, 6], ['4.9.0', 1, 3],
  ['4.12.0', 1, 7], ['4.12.1', 1, 2], ['4.13.1', 1, 1], ['4.13.2', 1, 1], ['6.0.0', 1, 4],
];

const root = fileURLToPath(new URL('../../', import.meta.url));
const wrong = [];

function files(folder, ending) {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? files(path, ending) : entry.name.endsWith(ending) ? [join(root, path)] : [];
  });
}

/** What may be cited: name of the file without its ending -> what knows whether it has that test. */
const sources = new Map([['malformed', (name) => cases.some((one) => one.name === name)]]);
for (const path of files('tests/replay', '.replay')) {
  const names = new Set([...readFileSync(path, 'utf8').matchAll(/^== (.*)$/gm)].map((match) => match[1].trim()));
  sources.set(basename(path, '.replay'), (name) => names.has(name));
}
for (const path of files('src', '_test.c')) {
  const text = readFileSync(path, 'utf8');
  const known = sources.get(basename(path, '.c')) ?? (() => false);
  sources.set(basename(path, '.c'), (name) => known(name) || text.includes(`static void ${name}(void **`));
}
for (const path of readdirSync(join(root, 'tests/blackbox')).filter((name) => name.endsWith('.test.js'))) {
  const text = readFileSync(join(root, 'tests/blackbox', path), 'utf8');
  const titles = [...text.matchAll(/\btest\(\s*(?:'((?:[^'\\]|\\.)*)'|`((?:[^`\\]|\\.)*)`)/g)]
    .map((match) => (match[1] ?? match[2]).replace(/\\(.)/g, '$1').replace(/^\$\{\w+\} /, ''));
  sources.set(path, (name) => titles.includes(name));
}

function checkCitations(row, where) {
  const cited = [...row.matchAll(/`([\w.]+): ([^`]+)`/g)];
  if (cited.length === 0) wrong.push(`${where}: no test`);
  for (const [, file, name] of cited) {
    const has = sources.get(file);
    if (!has) wrong.push(`${where}: no file of tests "${file}"`);
    else if (!has(name)) wrong.push(`${where}: no test "${file}: ${name}"`);
  }
}

const documentPath = join(root, 'docs/mqtt.md');
const lines = existsSync(documentPath) ? readFileSync(documentPath, 'utf8').split('\n') : [];
const numbers = [];
let inTable = false; // of the tables whose last column is "tested by"
for (const [index, line] of lines.entries()) {
  const cells = line.split('|').slice(1, -1).map((cell) => cell.trim());
  if (!line.startsWith('|')) inTable = false;
  else if (cells.at(-1) === 'tested by') inTable = true;
  else if (inTable && !/^[-|]+$/.test(line)) {
    const where = `docs/mqtt.md:${index + 1} ${cells[0]}`;
    checkCitations(cells.at(-1), where);
    if (/^\d+\.\d+\.\d+-\d+$/.test(cells[0])) {
      numbers.push(cells[0]);
      if (!['client', 'server', 'both'].includes(cells[2])) wrong.push(`${where}: binds "${cells[2]}"`);
      if (!cells[1]) wrong.push(`${where}: what does it ask?`);
    }
  }
}

const expected = STATEMENTS.flatMap(([section, first, last]) =>
  Array.from({ length: last - first + 1 }, (_, n) => `${section}-${first + n}`));
for (const number of expected) if (!numbers.includes(number)) wrong.push(`[MQTT-${number}] is missing`);
for (const number of numbers) if (!expected.includes(number)) wrong.push(`[MQTT-${number}] is no statement of the standard`);
if (wrong.length === 0 && numbers.join() !== expected.join()) wrong.push('statements are not in the order of the standard, once each');

for (const text of wrong) console.error(text);
if (wrong.length === 0) console.log(`${numbers.length} statements of MQTT 5.0, every test that is named exists`);
process.exit(wrong.length === 0 ? 0 : 1);
