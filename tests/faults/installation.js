// The real program over one data folder, under the layer that can end it at any step and forget what was not synced.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { request, setup, startServer } from '../blackbox/support/server.js';
import { applyPowerCut, newSide, steps } from './power_cut.js';

const built = ['../../build-asan/tests/faults/power_cut.so', '../../build/tests/faults/power_cut.so'].map((path) => fileURLToPath(new URL(path, import.meta.url)));
export const layer = process.env.MUSTER_POWER_CUT ?? built.find(existsSync);

const CONFIG = `[server]
loops = 2
[limits]
device_requests = 0
address_requests = 0
management_requests = 0
commands_open = 0
[mqtt]
device_publishes = 0
application_publishes = 0
device_subscribes = 0
application_subscribes = 0
device_queue = 0
device_queue_bytes = 0
device_retained = 0
application_queue = 0
application_queue_bytes = 0
open_queue = 0
open_queue_bytes = 0
`;

const temporary = process.env.MUSTER_FAULTS_FOLDER ?? tmpdir(); // before an installation, which may be gone by now, sets its own

export class Installation {
  constructor({ config = '', folder = temporary } = {}) {
    if (!layer) throw new Error('power_cut.so is not built: build the tests, or set MUSTER_POWER_CUT');
    this.folder = mkdtempSync(join(folder, 'muster-faults-'));
    process.env.TMPDIR = this.folder;
    this.keys = setup();
    this.dir = this.keys.dir;
    this.side = join(this.folder, 'side');
    this.config = join(this.folder, 'muster.conf');
    writeFileSync(this.config, CONFIG + config);
    newSide(this.side);
    this.server = null;
    this.log = '';
  }

  /** Starts the server with faults: { killAt, killAfter, failAt, failSteps, failErrno, ordered, syncUs, clockAheadS }. False: it ended before. */
  async start(faults = {}) {
    const env = {
      LD_PRELOAD: layer, POWER_CUT_DIR: this.dir, POWER_CUT_SIDE: this.side,
      POWER_CUT_KILL_AT: String(faults.killAt ?? 0), POWER_CUT_KILL_AFTER: faults.killAfter ? '1' : '0',
      POWER_CUT_FAIL_AT: String(faults.failAt ?? 0), POWER_CUT_FAIL_STEPS: String(faults.failSteps ?? 0),
      POWER_CUT_FAIL_ERRNO: String(faults.failErrno ?? 0), POWER_CUT_ORDERED: faults.ordered ? '1' : '0',
      POWER_CUT_SYNC_US: String(faults.syncUs ?? 0), POWER_CUT_CLOCK_AHEAD_S: String(faults.clockAheadS ?? 0),
    };
    try {
      this.server = await startServer({ dir: this.dir, env, args: ['--config', this.config, '--mqtt-open', '127.0.0.1:0', '--https', 'off', '--mqtts', 'off'] });
    } catch (error) {
      this.server = null;
      this.log = error.message;
      if (!/ended before it was ready/.test(error.message) || (!faults.killAt && !faults.failAt)) throw error;
      return false;
    }
    const [, host, port] = this.server.lines.map((line) => line.match(/^listening mqtt-open (\S+):(\d+)$/)).find(Boolean);
    this.server.open = { host, port: Number(port) };
    this.agent = new http.Agent({ keepAlive: true, maxSockets: 16 });
    this.gone = false;
    this.server.exited.then(() => { this.gone = true; });
    return true;
  }

  /** One HTTP call, or null if the server was lost meanwhile. */
  async call(method, path, { key, body } = {}) {
    try {
      return await request(this.server.http, method, path, { agent: this.agent, key, body });
    } catch {
      return null;
    }
  }

  /** The server answers: what it did before, it did on purpose. */
  async alive() {
    return (await this.call('GET', '/')) !== null;
  }

  /** Resolves when the process is gone, killed now or by itself. */
  async kill() {
    if (!this.server) return;
    await this.server.kill();
    this.log = this.server.log;
    this.agent.destroy();
    this.server = null;
  }

  async stop() {
    await this.server.stop();
    this.agent.destroy();
    this.server = null;
  }

  steps() { return steps(this.side); }

  /** What a disk would hold. */
  cut(options) {
    const different = applyPowerCut(this.dir, this.side, options);
    return different;
  }

  remove() {
    this.keys.remove();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
