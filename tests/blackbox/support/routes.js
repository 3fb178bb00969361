// The routes of the program, read from its route tables, so that a test of every route needs no list of its own.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../../../src/api/', import.meta.url));

/** "PREFIX \"/devices\"" or "PARTNER(\"/models\")" as text, by the #defines of its file. */
function textOf(expression, source) {
  const call = expression.match(/^(\w+)\("([^"]*)"\)$/);
  const name = call ? call[1] : expression.match(/^\w+/)?.[0];
  const define = name && source.match(new RegExp(`^#define ${name}(?:\\(\\w+\\))? "([^"]*)"`, 'm'));
  const own = call ? call[2] : [...expression.matchAll(/"([^"]*)"/g)].map(([, text]) => text).join('');
  if (name && !define) throw new Error(`route path ${expression} cannot be read`);
  return (define ? define[1] : '') + own;
}

/** [{ method, path, access: 'PARTNER', writes, needs: 'MODELS_READ' }] of every row. */
export function readRoutes() {
  const routes = [];
  for (const file of readdirSync(folder, { recursive: true }).filter((name) => name.endsWith('.c') && !name.endsWith('_test.c'))) {
    const source = readFileSync(join(folder, file), 'utf8');
    for (const [, method, path, access, rest] of source.matchAll(/\{"(GET|POST|PUT|PATCH|DELETE)",\s*([^,]+?),\s*ACCESS_(\w+),([^}]*)\}/g)) {
      routes.push({ method, path: textOf(path, source), access, writes: /ROUTE_WRITE|\bCREATE\b/.test(rest), needs: rest.match(/NEEDS\((\w+)\)/)?.[1] });
    }
  }
  return routes;
}
