// What people, management clients and HTTP devices wait for.
import http from 'node:http';
import { connectUrl } from '../../blackbox/support/mqtt.js';
import { assign, client, makeModel, register, request, setup } from '../../blackbox/support/server.js';
import { RUNS, SECONDS, alternate, devices, load, median, startMuster, withServers } from '../context.js';
import { faults } from '../table.js';

const DEVICES = 100_000;
const BULK = 25;
const ASSIGNED_AT_ONCE = 500;
const SPACES = 200;
const LISTS = 100; // requests of one kind in a run
const ASKED_RUNS = Math.min(RUNS, 3); // of commands and lists, whose requests come one by one

const percentile = (values, part) => [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * part))];

async function timed(work) {
  const began = process.hrtime.bigint();
  await work();
  return Number(process.hrtime.bigint() - began) / 1e6;
}

async function reports() {
  const fleet = await devices();
  return withServers([() => startMuster({ data: fleet.dir })], async (server) => {
    const [muster] = await alternate([server], (one) => load('report', one.http,
      ['--clients', 256, '--credentials', fleet.credentials, '--seconds', SECONDS, '--server-pid', one.pid]));
    return [
      { what: '**telemetry over HTTP**, keep-alive, 256 devices, one request at a time each, on disk before the reply, per second', muster: muster.in_per_second, goal: '>= 20,000' },
      { what: '— CPU of one', unit: 'us', muster: muster.cpu_us_each },
      { what: '— request to reply, p50', unit: 'ms', muster: muster.acknowledgement_p50_us / 1e3 },
      { what: '— p99', unit: 'ms', muster: muster.acknowledgement_p99_us / 1e3 },
      ...faults('telemetry over HTTP', [muster]),
    ];
  });
}

/** From the beginning of the organization's call to the connected device's receipt, seen by one process that does both. */
async function commands() {
  const keys = setup();
  return withServers([async () => {
    const server = await startMuster({ data: keys.dir });
    const { stop } = server;
    return Object.assign(server, keys, { stop: async () => { await stop(); keys.remove(); } });
  }], async (server) => {
    const agent = new http.Agent({ keepAlive: true });
    const model = await makeModel(server);
    const connected = [];
    for (let i = 0; i < 20; i++) {
      const device = await register(server, model.key);
      await assign(server, device.id);
      const link = await connectUrl(`mqtt://${server.mqtt.host}:${server.mqtt.port}`, { clientId: device.id, username: device.id, password: device.access_key });
      await link.subscribeAsync(`v1/device/${device.id}/command`, { qos: 1 });
      connected.push({ ...device, link });
    }
    const runs = [];
    for (let run = 0; run < ASKED_RUNS; run++) {
      const times = [];
      for (let i = 0; i < 200; i++) {
        const device = connected[i % connected.length];
        let sent;
        const ms = await timed(async () => {
          const call = request(server.http, 'POST', `/core/v1/organization/devices/${device.id}/commands`, { key: server.organization_key, body: { name: 'reboot' }, agent });
          await device.link.next('/command');
          sent = call;
        });
        times.push(ms);
        const { id } = (await sent).json;
        await device.link.publishAsync(`v1/device/${device.id}/command/update`, JSON.stringify({ id, status: 'done' }), { qos: 1 });
      }
      runs.push(times);
    }
    for (const { link } of connected) await link.endAsync(true);
    agent.destroy();
    return [
      { what: '**a command**, from the API call to the connected device, p50 (it is on disk before it is sent; client and device are one Node.js process)', unit: 'ms', muster: median(runs.map((times) => percentile(times, 0.5))) },
      { what: '— p99', unit: 'ms', muster: median(runs.map((times) => percentile(times, 0.99))), goal: '<= 15 ms' },
    ];
  });
}

async function fill(server, agent) {
  const model = await makeModel(server);
  const ids = [];
  let next = 0;
  await Promise.all(Array.from({ length: 16 }, async () => {
    while (next < DEVICES) {
      const from = next;
      next += BULK;
      const body = Array.from({ length: BULK }, (_, i) => ({ hardware_key: model.key, firmware_version: '1.0.0', sn: `SN-${String(from + i).padStart(7, '0')}`,
        mac: `02${(from + i).toString(16).padStart(10, '0')}`, name: `Panel number ${from + i} hall ${(from + i) % 977}` }));
      const reply = await request(server.http, 'POST', '/v1/devices/bulk_create', { body, agent });
      if (reply.status !== 201) throw new Error(`bulk registration: ${reply.status} ${reply.text}`);
      for (const { id } of reply.json) ids.push(id);
    }
  }));
  const spaces = [];
  const organization = client(server, 'organization', server.organization_key);
  for (let i = 0; i < SPACES; i++) spaces.push((await organization.post('/spaces', { name: `Room ${i}` })).id);
  const partner = client(server, 'partner', server.partner_key);
  for (let i = 0; i < DEVICES; i += ASSIGNED_AT_ONCE) {
    await partner.post('/devices/assign', { device_ids: ids.slice(i, i + ASSIGNED_AT_ONCE), organization_id: server.organization_id, space_id: spaces[(i / ASSIGNED_AT_ONCE) % SPACES] });
  }
  return { ids, spaces };
}

async function lists() {
  const keys = setup();
  return withServers([async () => {
    const server = await startMuster({ data: keys.dir });
    const { stop } = server;
    return Object.assign(server, keys, { stop: async () => { await stop(); keys.remove(); } });
  }], async (server) => {
    const agent = new http.Agent({ keepAlive: true });
    const { ids, spaces } = await fill(server, agent);
    const last = DEVICES / 100;
    const kinds = {
      'a page': (i) => `/organization/devices?page=${1 + (i * 37) % last}`,
      'the last pages': (i) => `/organization/devices?page=${last - i % 10}`,
      'of one space': (i) => `/organization/devices?space_id=${spaces[i % SPACES]}`,
      'of one status': () => '/organization/devices?status=not_seen',
      'a search that finds one': (i) => `/organization/devices?search=SN-00${54_321 + 7 * i}`,
      'a search that finds a thousandth': (i) => `/organization/devices?search=hall%20${300 + i}`,
      'a search that finds all': (i) => `/organization/devices?search=panel&page=${1 + (i * 37) % last}`,
      'a search that finds nothing': (i) => `/organization/devices?search=nothing%20${i}`,
      'a search for a piece of an id': (i) => `/organization/devices?search=${ids[100 * i].slice(0, 8)}`,
      "the maker's, a search that finds nothing": (i) => `/partner/devices?search=nothing%20${i}`,
      "the maker's, of one customer": (i) => `/partner/devices?organization_id=${server.organization_id}&page=${1 + (i * 37) % last}`,
      "the maker's, claimed by nobody": () => '/partner/devices?unclaimed=true',
      'registrations, the last pages': (i) => `/partner/registrations?page=${last - i % 10}`,
      'audit, a page': (i) => `/partner/audit?object_kind=device&page=${1 + i}`,
    };
    const lines = [];
    for (const [kind, path] of Object.entries(kinds)) {
      const runs = [];
      for (let run = 0; run < ASKED_RUNS; run++) {
        const times = [];
        for (let i = 0; i < LISTS; i++) {
          times.push(await timed(async () => {
            const reply = await request(server.http, 'GET', `/core/v1${path(i)}`, { key: path(i).startsWith('/partner') ? server.partner_key : server.organization_key, agent });
            if (reply.status !== 200) throw new Error(`${path(i)}: ${reply.status} ${reply.text}`);
          }));
        }
        runs.push(times);
      }
      const each = (part) => median(runs.map((times) => percentile(times, part)));
      lines.push({ what: `${lines.length ? '— ' : '**lists**, 100,000 devices of one organization, p99 of a request: '}${kind} (p50 ${each(0.5).toFixed(1)} ms)`, unit: 'ms', muster: each(0.99), goal: '< 50 ms' });
    }
    agent.destroy();
    return lines;
  });
}

export const rows = { reports, commands, lists };
