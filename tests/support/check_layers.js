#!/usr/bin/env node
// Checks over the #include lines that the layers keep their arrows (ARCHITECTURE.md) and that each third-party header
// has one home. Prints every violation; exits 1 if there is one.
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

const root = new URL('../../src', import.meta.url).pathname;

// Who may include whom. A trailing entry 'codec/json' allows that folder only.
const may = {
  base: [],
  codec: ['base'],
  io: ['base', 'codec'],
  model: ['base', 'codec/json'],
  store: ['base', 'codec/json', 'io', 'model'],
  bus: ['base', 'codec', 'io', 'model'],
  auth: ['base', 'model'],
  hub: ['base', 'codec', 'io', 'model', 'auth'],
  api: ['base', 'codec', 'io', 'model', 'auth'],
  notify: ['base', 'codec', 'io', 'model'],
  app: ['base', 'codec', 'io', 'model', 'store', 'bus', 'auth', 'hub', 'api', 'notify'],
};
const homes = [
  { header: /^openssl\/(ssl|x509|x509v3)\.h$/, home: 'io' }, // TLS and certificates
  { header: /^openssl\//, home: 'base', also: ['io'] }, // hashes, randomness, keys
  { header: /^sqlite3\.h$/, home: 'store/sqlite' },
  { header: /^zstd\.h$/, home: 'store/telemetry' },
  { header: /^cjson\//, home: 'codec/json' },
  { header: /^pcre2\.h$/, home: 'codec/json' },
  { header: /^llhttp\.h$/, home: 'codec/http1' },
  { header: /^wslay\//, home: 'codec/websocket' },
  { header: /^ini\.h$/, home: 'codec/config' },
  { header: /^argon2\.h$/, home: 'auth' },
  { header: /^curl\//, home: 'notify' },
];

function files(dir) {
  return readdirSync(dir, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? files(join(dir, entry.name)) : /\.[ch]$/.test(entry.name) ? [join(dir, entry.name)] : []);
}

const violations = [];
let count = 0;
for (const file of files(root)) {
  const path = relative(root, file);
  const layer = path.split('/')[0];
  const isTest = /_test\.c$|_(fixture|test_support)\.[ch]$/.test(path);
  readFileSync(file, 'utf8').split('\n').forEach((line, index) => {
    const own = line.match(/^\s*#\s*include\s+"([^"]+)"/);
    const foreign = line.match(/^\s*#\s*include\s+<([^>]+)>/);
    const at = `src/${path}:${index + 1}`;
    if (own) {
      count++;
      const target = own[1].split('/')[0];
      if (target === layer || !(target in may)) return;
      const allowed = may[layer].some((rule) => own[1] === rule || own[1].startsWith(`${rule}/`)) ||
        (isTest && target === 'store'); // unit tests of the domain and of its doors run on a real store
      if (!allowed) violations.push(`${at}: ${layer} must not include ${own[1]}`);
    } else if (foreign) {
      const rule = homes.find(({ header }) => header.test(foreign[1]));
      if (rule && !isTest && ![rule.home, ...(rule.also ?? [])].some((home) => path.startsWith(home))) {
        violations.push(`${at}: <${foreign[1]}> belongs to src/${rule.home}`);
      }
    }
  });
}
violations.forEach((line) => console.log(line));
console.log(`layers: ${count} includes checked, ${violations.length} violations`);
process.exit(violations.length ? 1 : 0);
