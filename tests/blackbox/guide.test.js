// The commands of docs/api.md, run one after the other as they are printed.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startInstallation } from './support/server.js';

const guide = readFileSync(fileURLToPath(new URL('../../docs/api.md', import.meta.url)), 'utf8');
const script = [...guide.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block]) => block).join('\n');

let server;
before(async () => { server = await startInstallation(); });
after(() => server.stop());

test('docs/api.md', async () => {
  const { stdout } = await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', script], { env: { ...process.env,
    MUSTER: `http://127.0.0.1:${server.http.port}`, PARTNER_KEY: server.partner_key, ORGANIZATION_KEY: server.organization_key, ORGANIZATION_ID: server.organization_id } });
  const shown = stdout.replaceAll(/\s+/g, ' ');
  for (const text of ['"scope": "read"', '"space_tree_path_name"', 'North/Cellar', '"temp": 23', '"status": "done"', '"version": 1',
    '"error":"Error setting config with old version, latest is 1"', '{"name":"Main meter","status":"online"}', '"latest_fw_version":"1.1.0"']) {
    assert.ok(shown.includes(text), `${text} in: ${stdout}`);
  }
});
