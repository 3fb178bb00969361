// What no API of the program can bring about (a second partner, an old API version, a session of yesterday) is put into
// the data folder while no server uses it.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

const program = `
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.executescript(sys.stdin.read())
db.commit()
db.close()
`;

/** Runs SQL statements on muster.db of a stopped server. */
export function editDatabase(dir, sql) {
  execFileSync('python3', ['-c', program, join(dir, 'muster.db')], { input: sql, encoding: 'utf8' });
}

/** A UUID as the database keeps it. */
export const blob = (uuid) => `x'${uuid.replaceAll('-', '')}'`;
