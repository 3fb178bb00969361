// Telemetry files that are sealed while the server runs (src/store/README.md): nothing that comes meanwhile is refused,
// the history stays the same, samples that come late are found, a kill at any step of it loses nothing, and retention
// takes whole files away.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { assign, client, makeModel, register, until } from '../blackbox/support/server.js';
import { Installation } from './installation.js';
import { randomOf } from './power_cut.js';

const ROWS = 150; // of one file
const LANES = 6;
const DAY_S = 86_400;
const KILLS = Number(process.env.MUSTER_KILLS ?? 12);
const random = randomOf(7);

let installation;
const devices = []; // { id, access_key, sent: Map(n -> acknowledged) }
let serial = 0;

const files = (ending) => readdirSync(join(installation.dir, 'telemetry')).filter((name) => name.endsWith(ending));

before(async () => {
  installation = new Installation({ config: `[telemetry]\nsegment_rows = ${ROWS}\n[retention]\ntelemetry_days = 2\n` });
  await installation.start();
  const access = Object.assign(installation.server, installation.keys);
  const model = await makeModel(access);
  for (let i = 0; i < 3; i++) devices.push({ ...(await register(access, model.key)), sent: new Map() });
  await assign(access, devices.map(({ id }) => id));
});
after(async () => {
  await installation.kill();
  installation.remove();
});

/** One sample; false: the server is gone. */
async function report(device, body = {}) {
  const n = ++serial;
  device.sent.set(n, false);
  const reply = await installation.call('POST', `/v1/devices/${device.id}/telemetry`, { key: device.access_key, body: { telemetries: { n, text: `${'x'.repeat(n % 50)}` }, ...body } });
  if (!reply) return false;
  assert.equal(reply.status, 201, reply.text);
  device.sent.set(n, true);
  return true;
}

/** All samples of a device, newest first, page by page. */
async function history(device) {
  const rows = [];
  const seen = new Set();
  const partner = client(Object.assign(installation.server, installation.keys), 'partner', installation.keys.partner_key);
  for (let to = null; ;) {
    const page = await partner.get(`/devices/${device.id}/telemetries?limit=1000${to ? `&to=${encodeURIComponent(to)}` : ''}`);
    const fresh = page.filter(({ telemetries, created_at: at }) => !seen.has(`${telemetries.n} ${at}`));
    for (const row of fresh) seen.add(`${row.telemetries.n} ${row.created_at}`);
    rows.push(...fresh);
    if (page.length < 1000 || !fresh.length) return rows;
    to = page.at(-1).created_at;
  }
}

async function check() {
  for (const device of devices) {
    const acknowledged = [...device.sent].filter(([, was]) => was).map(([n]) => n); // by now: more come meanwhile
    const numbers = (await history(device)).map(({ telemetries }) => telemetries.n);
    const found = new Set(numbers);
    assert.equal(found.size, numbers.length, 'a sample is there twice');
    for (const n of acknowledged) assert.ok(found.has(n), `acknowledged sample ${n} is lost`);
    for (const n of found) assert.ok(device.sent.has(n), `${n} was never sent`);
  }
}

const sealed = (count) => until(() => files('.seal').length >= count && files('.db').length <= 1, `${count} sealed files; ${readdirSync(join(installation.dir, 'telemetry'))}`, 60_000);

test('samples are taken while files are sealed, and the history is the same before and after', { timeout: 300_000 }, async () => {
  const early = new Date(Date.now() - 3_600_000).toISOString();
  await Promise.all(Array.from({ length: LANES }, async (_, lane) => {
    for (let i = 0; i < ROWS; i++) {
      const device = devices[(lane + i) % devices.length];
      assert.ok(await report(device, i % 50 === 7 ? { timestamp: early } : {}));
      if (lane === 0 && i % 40 === 0) await check(); // while some of it is being sealed
    }
  }));
  await sealed(LANES - 1);
  await check();
  const late = (await history(devices[0])).at(-1);
  assert.equal(Date.parse(late.created_at), Date.parse(early), 'the late sample is where its time puts it');
  const states = await Promise.all(devices.map(({ id }) => installation.call('GET', `/core/v1/partner/devices/${id}`, { key: installation.keys.partner_key })));
  for (const [i, { json }] of states.entries()) assert.ok(devices[i].sent.has(json.state.n));
});

test(`${KILLS} kills between any two steps, with and without a cut of power, lose nothing`, { timeout: 120_000 + KILLS * 60_000 }, async (t) => {
  const before = files('.seal').length;
  await installation.kill();
  for (let round = 0; round < KILLS; round++) {
    const killAt = 1 + random.below(random.pick([12, 60, 400]));
    const started = await installation.start({ killAt, killAfter: random.chance(0.5), ordered: random.chance(0.3), syncUs: random.pick([0, 500]) });
    if (started) {
      await Promise.all(Array.from({ length: LANES }, async () => { while (!installation.gone && await report(random.pick(devices))); }));
      await installation.kill();
    }
    const cut = random.pick(['none', 'all', 'subset']);
    if (cut !== 'none') installation.cut({ subset: cut === 'subset', random });
    await installation.start();
    await check();
    await installation.kill();
  }
  await installation.start();
  await sealed(before);
  await check();
  t.diagnostic(`${serial} samples, ${files('.seal').length} sealed files`);
});

test('retention takes whole files away', { timeout: 120_000 }, async () => {
  await installation.kill();
  await installation.start({ clockAheadS: 4 * DAY_S });
  const old = files('.seal');
  assert.ok(old.length > 0);
  assert.ok(await report(devices[0]));
  await until(() => files('.seal').every((name) => !old.includes(name)), 'old files are gone', 60_000);
  const rows = await history(devices[0]);
  assert.deepEqual(rows.map(({ telemetries }) => telemetries.n), [serial]);
  assert.deepEqual(await history(devices[1]), []);
  await installation.stop();
});
