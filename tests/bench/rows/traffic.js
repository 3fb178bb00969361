// Messages between connected clients: Muster's open listener, Mosquitto and the floor, the same load for each.
import { RUNS, SECONDS, alternate, load, startFloor, startMosquitto, startMuster, withServers } from '../context.js';
import { faults } from '../table.js';

const servers = [() => startMuster(), () => startMosquitto(), () => startFloor()];

/** Lines of one pattern: messages per CPU-second first, which is what counts. */
function pattern(what, goal, mode, args, { latency = true } = {}) {
  return () => withServers(servers, async (...started) => {
    const results = await alternate(started, (server) => load(mode, server.open, [...args, '--seconds', SECONDS, '--server-pid', server.pid]));
    const [muster, mosquitto, floor] = results;
    const line = (text, name, unit, scale = 1) => ({ what: text, unit, muster: muster[name] * scale, mosquitto: mosquitto[name] * scale, floor: floor[name] * scale });
    for (const result of results) result.rate = result.in_per_second + (result.out_per_second ?? 0);
    return [
      { ...line(`**${what}**, (in + out) per CPU-second`, 'per_cpu_second', ''), goal },
      line('— (in + out) per second', 'rate', ''),
      ...(latency ? [line('— publish to subscriber, p50', 'delivery_p50_us', 'ms', 1e-3), line('— p99', 'delivery_p99_us', 'ms', 1e-3)] : []),
      line("— the generator's core, share busy", 'generator_cpu_share', ''),
      ...faults(what, results),
    ];
  });
}

/** Half of Mosquitto's top rate of one-to-one QoS 1, at which both then have time. */
async function latency() {
  return withServers(servers.slice(0, 2), async (...started) => {
    const top = await load('one-to-one', started[1].open, ['--seconds', SECONDS, '--server-pid', started[1].pid]);
    const rate = Math.floor(top.in_per_second / 2);
    const results = await alternate(started, (server) => load('one-to-one', server.open, ['--rate', rate, '--seconds', SECONDS, '--server-pid', server.pid]));
    const [muster, mosquitto] = results;
    const line = (text, name, goal) => ({ what: text, unit: 'ms', muster: muster[name] / 1e3, mosquitto: mosquitto[name] / 1e3, goal });
    return [
      line(`**latency** publish to subscriber, one-to-one QoS 1 at ${rate.toLocaleString('en-US')}/s, half of Mosquitto's top rate, p50`, 'delivery_p50_us', "below Mosquitto's"),
      line('— p99', 'delivery_p99_us', "below Mosquitto's"),
      ...faults('latency', results),
    ];
  });
}

/** Publishers flat out, subscribers that read slowly. */
async function backPressure() {
  const lines = [];
  for (const qos of [1, 2]) {
    lines.push(...await withServers(servers.slice(0, 2), async (...started) => {
      const results = await alternate(started, (server) => load('one-to-one', server.open, ['--clients', 20, '--qos', qos, '--inflight', 100,
        '--read-rate', 1000, '--payload', 256, '--seconds', Math.max(SECONDS, 4), '--server-pid', server.pid]), 1);
      const [muster, mosquitto] = results;
      const missing = (result) => `${result.lost} of ${Math.round(result.sent_total).toLocaleString('en-US')}`;
      return [
        { what: `**back-pressure**, QoS ${qos}: 20 publishers flat out, 20 subscribers that take 1,000/s each: acknowledged and lost`, muster: missing(muster), mosquitto: missing(mosquitto), goal: '0' },
        { what: '— acknowledged per second meanwhile', muster: muster.in_per_second, mosquitto: mosquitto.in_per_second },
        { what: '— most resident memory of the server', unit: 'MiB', muster: muster.server_peak_bytes / 2 ** 20, mosquitto: mosquitto.server_peak_bytes / 2 ** 20, goal: 'bounded' },
        ...faults('back-pressure', results),
      ];
    }));
  }
  return lines;
}

/** One event loop and two, on both cores, with the generator beside them: the few clients it can afford. Two loops can have
 * what the generator leaves of the second core, no more. */
async function twoLoops() {
  const start = (loops) => () => startMuster({ loops, core: '0,1' });
  const lines = [];
  for (const [what, mode, args] of [
    ['one-to-one, 8 pairs, QoS 0, 24 bytes', 'one-to-one', ['--clients', 8, '--qos', 0, '--inflight', 2000, '--payload', 24]],
    ['fan-out, 2 publishers, 200 subscribers, QoS 0, 24 bytes', 'fan-out', ['--publishers', 2, '--subscribers', 200, '--qos', 0, '--inflight', 50, '--payload', 24]],
  ]) {
    const [one, two] = await withServers([start(1), start(2)], (...started) => alternate(started, (server) =>
      load(mode, server.open, [...args, '--seconds', SECONDS, '--server-pid', server.pid], { core: '0,1' }), Math.min(RUNS, 3)));
    const all = (result) => result.in_per_second + result.out_per_second;
    const busy = (result) => `${result.server_cpu_share.toFixed(2)} and ${result.generator_cpu_share.toFixed(2)}`;
    lines.push(
      { what: `**one loop**, ${what}, generator on the same two cores: (in + out) per second`, muster: all(one) },
      { what: '— **two loops**', muster: `${Math.round(all(two)).toLocaleString('en-US')}: ${(all(two) / all(one)).toFixed(2)} times that`, goal: '>= 1.6 times' },
      { what: '— cores busy by server and generator, one loop / two', muster: `${busy(one)} / ${busy(two)}` },
      ...faults('one loop and two', [one, two]),
    );
  }
  return lines;
}

export const rows = {
  'one-to-one': pattern('one-to-one 50 x 50, QoS 1, 10 in flight', '>= 4x Mosquitto, >= 600,000', 'one-to-one', []),
  'one-to-one-qos0': pattern('one-to-one 50 x 50, QoS 0, saturated', '>= 2.5x Mosquitto', 'one-to-one', ['--qos', 0, '--inflight', 500]),
  'fan-in': pattern('fan-in 100 to 1, QoS 1, 10 in flight', '>= 3x Mosquitto, nothing lost', 'fan-in', []),
  'fan-out-qos0': pattern('fan-out 1 to 1,000, QoS 0, saturated', '>= 3x Mosquitto', 'fan-out', ['--qos', 0, '--inflight', 50]),
  'fan-out-qos1': pattern('fan-out 1 to 1,000, QoS 1, saturated', '>= 3x Mosquitto', 'fan-out', ['--qos', 1, '--inflight', 10]),
  'sparse-one-to-one': pattern('sparse: one-to-one 50 x 50, QoS 1, 10,000/s', '>= 1.3x Mosquitto, >= 0.77 of the floor', 'one-to-one', ['--rate', 10000]),
  'sparse-fan-out': pattern('sparse: fan-out 1 to 1,000, QoS 0, 100 publishes/s', '>= 1.3x Mosquitto, >= 0.77 of the floor', 'fan-out', ['--qos', 0, '--rate', 100]),
  'back-pressure': backPressure,
  latency,
  'two-loops': twoLoops,
};
