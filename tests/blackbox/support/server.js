// Starts the real program for a test and talks to it: MUSTER_BIN, or build/muster.
import { spawn, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';

export const binary = process.env.MUSTER_BIN ?? fileURLToPath(new URL('../../../build/muster', import.meta.url));
export const password = 'correct horse battery';
const READY_MS = 120_000; // sanitizers on a loaded machine
const POLL_MS = 20; // a poll is a request, and requests are counted
const LEFT_OPEN_MS = 20_000;

// A test that failed half-way leaves its servers and clients, and with one of them this process would never end.
const running = new Set();
if (process.env.NODE_TEST_CONTEXT) {
  after(() => {
    setTimeout(() => {
      for (const child of running) child.kill('SIGKILL');
      process.stderr.write(`left open: ${process.getActiveResourcesInfo().join(', ')}\n`);
      process.exit(1);
    }, LEFT_OPEN_MS).unref();
  });
}

/** A new data folder, set up with `muster setup`: { dir, partner_id, partner_key, organization_id, organization_key }. */
export function setup({ partner = 'Northlight', email = 'ada@example.com' } = {}) {
  const dir = mkdtempSync(join(tmpdir(), 'muster-test-'));
  const file = join(dir, 'password');
  writeFileSync(file, `${password}\n`, { mode: 0o600 });
  const out = execFileSync(binary, ['setup', '--data', join(dir, 'data'), '--partner', partner, '--email', email,
    '--password-file', file], { encoding: 'utf8' });
  return { dir: join(dir, 'data'), remove: () => rmSync(dir, { recursive: true, force: true }), email, password, ...JSON.parse(out) };
}

function parseAddress(text) {
  const colon = text.lastIndexOf(':');
  return { host: text.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(text.slice(colon + 1)) };
}

/**
 * `muster serve` on free ports. Options: dir (a data folder; default a new one), args (more arguments), env, ports (by kind;
 * null: as the configuration says), program (what is started instead of the binary itself, with the same arguments).
 * Returns { http, https, mqtt, mqtts, metrics, 'mqtt-open': {host, port} (the first of its kind), listeners (all:
 * [{kind, host, port}]), setupLink, lines, dir, pid, stop(), kill(), exited }.
 */
export async function startServer({ dir, args = [], env = {}, ports = {}, program = binary } = {}) {
  const own = dir === undefined ? mkdtempSync(join(tmpdir(), 'muster-test-')) : null;
  const data = dir ?? join(own, 'data');
  const addresses = ['http', 'https', 'mqtt', 'mqtts'].flatMap((kind) =>
    args.includes(`--${kind}`) || ports[kind] === null ? [] : [`--${kind}`, `127.0.0.1:${ports[kind] ?? 0}`]);
  const child = spawn(program, ['serve', '--data', data, ...addresses, ...args],
    { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const server = { dir: data, pid: child.pid, lines: [], listeners: [], log: '', setupLink: null };
  running.add(child);
  server.exited = once(child, 'exit').then(([code, signal]) => {
    running.delete(child);
    return { code, signal };
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    server.log += text;
    if (process.env.MUSTER_TEST_LOG) process.stderr.write(text);
  });
  let rest = '';
  const ready = new Promise((resolve, reject) => {
    const timer = setTimeout(() => { child.kill('SIGKILL'); reject(new Error(`not ready in time:\n${server.log}`)); }, READY_MS);
    server.exited.then(() => { clearTimeout(timer); reject(new Error(`ended before it was ready:\n${server.log}`)); });
    child.stdout.setEncoding('utf8').on('data', (text) => {
      rest += text;
      const lines = rest.split('\n');
      rest = lines.pop();
      for (const line of lines) {
        server.lines.push(line);
        const [, kind, address] = line.match(/^listening ([\w-]+) (\S+)$/) ?? [];
        if (kind) {
          server[kind] ??= parseAddress(address);
          server.listeners.push({ kind, ...parseAddress(address) });
        }
        const link = line.match(/^Set-up link.*: (\S+)$/);
        if (link) server.setupLink = link[1];
        if (line === 'ready') { clearTimeout(timer); resolve(); }
      }
    });
  });
  await ready;
  const cleanUp = () => { if (own) rmSync(own, { recursive: true, force: true }); };
  /** SIGTERM; fails unless the program ends cleanly (a sanitizer's finding ends it with another code). */
  server.stop = async () => {
    child.kill('SIGTERM');
    const { code, signal } = await server.exited;
    if (code !== 0) throw new Error(`the server ended with ${signal ?? code}:\n${server.log.slice(-8000)}`);
    cleanUp();
  };
  /** SIGKILL: the data folder is left as it is. */
  server.kill = async () => {
    child.kill('SIGKILL');
    await server.exited;
  };
  server.signal = (name) => child.kill(name);
  return server;
}

/** Set-up and start in one: the server's members, the keys, and stop() that also removes the folder. */
export async function startInstallation(options = {}) {
  const keys = setup(options);
  const server = await startServer({ ...options, dir: keys.dir });
  const stop = server.stop;
  return Object.assign(server, keys, { stop: async () => { await stop(); keys.remove(); } });
}

/** One HTTP call: { status, headers, text, json }. `to` is {host, port} of a listener; tls for the HTTPS one. */
export function request(to, method, path, { key, body, headers = {}, tls = false, agent, raw } = {}) {
  const payload = raw ?? (body === undefined ? undefined : JSON.stringify(body));
  return new Promise((resolve, reject) => {
    const call = (tls ? https : http).request({
      host: to.host, port: to.port, method, path, agent, rejectUnauthorized: false,
      headers: {
        ...(key ? { authorization: key } : {}),
        ...(payload === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) }),
        ...headers,
      },
    }, (reply) => {
      const parts = [];
      reply.on('data', (part) => parts.push(part));
      reply.on('error', reject);
      reply.on('end', () => {
        const text = Buffer.concat(parts).toString('utf8');
        let json;
        try { json = JSON.parse(text); } catch { json = undefined; }
        resolve({ status: reply.statusCode, headers: reply.headers, text, json });
      });
    });
    call.on('error', reject);
    call.end(payload);
  });
}

/** A client of one management API: get/post/patch/put/del(path, body) -> json; throws on anything but the status. */
export function client(server, base, key) {
  const call = (method, expected) => async (path, body, status = expected) => {
    const reply = await request(server.http, method, `/core/v1/${base}${path}`, { key, body });
    if (reply.status !== status && !(expected === undefined && reply.status < 300)) {
      throw new Error(`${method} ${base}${path}: ${reply.status} ${reply.text}`);
    }
    return reply.json;
  };
  return { get: call('GET', 200), post: call('POST'), patch: call('PATCH', 200), put: call('PUT', 200), del: call('DELETE', 200) };
}

let serial = 0;
/** A published MQTT model with its hardware key: { id, key }. */
export async function makeModel(server, fields = {}) {
  const partner = client(server, 'partner', server.partner_key);
  const model = await partner.post('/models', {
    name: `Panel ${++serial}`, communication_protocol: 'mqtt', device_type: 'physical', authentication_method: 'mac_sn', ...fields,
  });
  const keys = await partner.get(`/models/${model.id}/hardware_keys`);
  return { ...model, key: keys.data[0].key };
}

/** Registers a device over HTTP: the five fields of the reply. */
export async function register(server, hardwareKey, fields = {}) {
  const n = ++serial;
  const reply = await request(server.http, 'POST', '/v1/devices', {
    body: { hardware_key: hardwareKey, firmware_version: '1.0.0', sn: `S-${process.pid}-${n}`, mac: `02:00:00:00:${(n >> 8).toString(16).padStart(2, '0')}:${(n & 255).toString(16).padStart(2, '0')}`, ...fields },
  });
  if (reply.status !== 201) throw new Error(`registration: ${reply.status} ${reply.text}`);
  return reply.json;
}

/** Claims a device into the lab organization (manufacturer assignment). */
export async function assign(server, deviceIds) {
  await client(server, 'partner', server.partner_key).post('/devices/assign',
    { device_ids: [deviceIds].flat(), organization_id: server.organization_id });
}

/** Polls `probe` until it returns something truthy; for effects that are specified as "within a second". */
export async function until(probe, what, ms = 90_000) {
  const end = Date.now() + ms;
  for (;;) {
    const value = await probe();
    if (value) return value;
    if (Date.now() > end) throw new Error(`timed out: ${what}`);
    await new Promise((resolve) => { setTimeout(resolve, POLL_MS); });
  }
}

/**
 * A key that expires while it is being used: `make(expires_at)` gets a time soon to come, `use(made)` is true if it was still
 * in time. On a machine that is too slow for that, again with more time.
 */
export async function expiring(make, use = () => true) {
  for (let ms = 1500; ms < 60_000; ms *= 2) {
    const expiresAt = new Date(Date.now() + ms).toISOString();
    const made = await make(expiresAt).catch((error) => { if (Date.now() < Date.parse(expiresAt)) throw error; });
    if (made && await use(made)) return made;
  }
  throw new Error('no key lived long enough to be used');
}

/**
 * What `work(n)` returns, if it began and ended in one minute of the clock, in which failed attempts are counted; else again
 * with the next n, for which it takes other names.
 */
export async function inOneMinute(work) {
  const minute = () => Math.floor(Date.now() / 60_000);
  for (let n = 0; n < 5; n++) {
    const began = minute();
    const result = await work(n);
    if (minute() === began) return result;
  }
  throw new Error('it takes more than a minute');
}
