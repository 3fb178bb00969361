// What is on disk before it is acknowledged.
import { once } from 'node:events';
import http from 'node:http';
import { client, makeModel, setup } from '../../blackbox/support/server.js';
import { SECONDS, alternate, devices, load, startMosquitto, startMosquittoAndConsumer, startMuster, withServers } from '../context.js';
import { faults } from '../table.js';

const ms = (result, name) => (result[name] === undefined ? undefined : result[name] / 1e3);

async function telemetry() {
  const fleet = await devices();
  const args = (server) => ['--clients', 1000, '--inflight', 10, '--seconds', SECONDS, '--server-pid', server.pid];
  const against = await withServers([() => startMuster({ data: fleet.dir }), () => startMosquitto()], (...started) =>
    alternate(started, (server) => load('publish', server.mqtt ?? server.open, [...args(server), ...(server.mqtt ? ['--credentials', fleet.credentials] : [])])));
  const [muster, mosquitto] = against;
  const [written] = await withServers([() => startMosquittoAndConsumer()], (server) => alternate([server], async (one) => {
    const cpu = one.cpu();
    const began = process.hrtime.bigint();
    const before = await one.total;
    const result = await load('publish', one.open, args(one));
    one.total = (before ?? 0) + result.sent_total;
    await one.untilRows(one.total);
    const seconds = Number(process.hrtime.bigint() - began) / 1e9;
    return { ...result, rows_per_second: result.sent_total / seconds, rows_per_cpu: result.sent_total / (one.cpu() - cpu) };
  }));
  return [
    { what: '**QoS 1 telemetry**, 1,000 devices, 10 in flight, acknowledged per second (Muster: on disk; Mosquitto: from memory, nobody subscribed)', muster: muster.in_per_second, mosquitto: mosquitto.in_per_second, goal: ">= Mosquitto's" },
    { what: '— per CPU-second of the server', muster: muster.per_cpu_second, mosquitto: mosquitto.per_cpu_second },
    { what: '— publish to acknowledgement, p50', unit: 'ms', muster: ms(muster, 'acknowledgement_p50_us'), mosquitto: ms(mosquitto, 'acknowledgement_p50_us') },
    { what: '— p99', unit: 'ms', muster: ms(muster, 'acknowledgement_p99_us'), mosquitto: ms(mosquitto, 'acknowledgement_p99_us') },
    { what: '**the same on disk on both sides**: Mosquitto with a consumer that writes the rows to SQLite, both on the one core; rows per second', muster: muster.in_per_second, mosquitto: written.rows_per_second, goal: '>= 5x' },
    { what: '— rows per CPU-second of server and consumer', muster: muster.per_cpu_second, mosquitto: written.rows_per_cpu },
    ...faults('telemetry', [muster, mosquitto]),
  ];
}

async function offline() {
  return withServers([() => startMuster(), () => startMosquitto()], async (...started) => {
    const results = await alternate(started, (server) => load('offline', server.open,
      ['--publishers', 100, '--subscribers', 1000, '--messages', 100, '--inflight', 20, '--server-pid', server.pid]));
    const [muster, mosquitto] = results;
    return [
      { what: '**QoS 1 for offline durable sessions**: 100 publishers, 1,000 sessions, acknowledged per second (Muster: on disk; Mosquitto: from memory)', muster: muster.in_per_second, mosquitto: mosquitto.in_per_second, goal: '>= 50,000' },
      { what: '— per CPU-second of the server', muster: muster.per_cpu_second, mosquitto: mosquitto.per_cpu_second },
      { what: '— delivered per second when the sessions come back', muster: muster.out_per_second, mosquitto: mosquitto.out_per_second },
      ...faults('offline sessions', results),
    ];
  });
}

/** Each registration queues a call of the maker's webhook in its own commit; a receiver beside it takes them. */
async function registrationsWithWebhook() {
  const keys = setup();
  let calls = 0;
  const receiver = http.createServer((request, reply) => {
    calls++;
    request.resume().on('end', () => reply.writeHead(204).end());
  }).listen(0, '127.0.0.1');
  try {
    await once(receiver, 'listening');
    return await withServers([() => startMuster({ data: keys.dir, config: '[notify]\nallowed_networks = 127.0.0.1\n' })], async (server) => {
      const model = await makeModel({ ...server, ...keys });
      await client(server, 'partner', keys.partner_key).patch('/settings', { webhook: { url: `http://127.0.0.1:${receiver.address().port}/` } });
      const [result] = await alternate([server], async (one) => {
        const before = calls;
        const began = process.hrtime.bigint();
        const run = await load('register', one.http, ['--clients', 256, '--hardware-key', model.key, '--seconds', SECONDS, '--warmup', 0, '--server-pid', one.pid]);
        return { ...run, calls_per_second: (calls - before) / (Number(process.hrtime.bigint() - began) / 1e9) };
      });
      return result;
    });
  } finally {
    receiver.close();
    receiver.closeAllConnections();
    keys.remove();
  }
}

async function registrations() {
  const { registration } = await devices();
  const told = await registrationsWithWebhook();
  return [
    { what: '**registrations**, durable, 256 connections, one request at a time each, per second', muster: registration.in_per_second, goal: '>= 5,000' },
    { what: '— CPU of one', unit: 'us', muster: registration.cpu_us_each },
    { what: '— with a webhook set, its receiver on the same two cores, per second', muster: told.in_per_second, goal: '>= 5,000' },
    { what: '— CPU of one, with the calls made meanwhile', unit: 'us', muster: told.cpu_us_each },
    { what: '— calls that arrived meanwhile, per second', muster: told.calls_per_second },
  ];
}

export const rows = { telemetry, offline, registrations };
