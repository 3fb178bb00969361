// Configuration files of a test run.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

let folder;
let serial = 0;

/** The arguments that make `muster serve` read this configuration; the file is gone when the tests end. */
export function configured(text) {
  if (!folder) {
    folder = mkdtempSync(join(tmpdir(), 'muster-config-'));
    process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  }
  const file = join(folder, `${++serial}.conf`);
  writeFileSync(file, text);
  return ['--config', file];
}

/** Tests make more requests than a person. */
export const unlimited = () => configured('[limits]\nmanagement_requests = 0\ndevice_requests = 0\n[notify]\nfirst_retry = 1ms\nsecond_retry = 1ms\n');
