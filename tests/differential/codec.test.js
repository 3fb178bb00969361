// Muster's MQTT codec against an independent one, the npm package mqtt-packet: what that library generates must decode
// to the same fields; what our encoder makes of them must decode there; and where only one of the two refuses a damaged
// packet, the reason is known and listed here. SEED=n repeats or varies a run.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import mqttPacket from 'mqtt-packet';
import { canonical, canonicalAnswer, makeGenerator } from './packets.js';

const seed = Number(process.env.SEED ?? 20260301);
const ROUNDS = 6000;
const MUTATIONS = 20000;

function findTool() {
  if (process.env.MUSTER_CODEC_TOOL) return process.env.MUSTER_CODEC_TOOL;
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const tools = readdirSync(root).filter((name) => name.startsWith('build'))
    .map((name) => join(root, name, 'tests/differential/codec_tool')).filter((path) => existsSync(path))
    .sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs);
  assert.ok(tools.length, 'codec_tool is not built: configure with MUSTER_TESTS=ON and build it');
  return tools[0];
}

// Records: { version, server, bytes }. Returns codec_tool's answers.
function decodeAll(records) {
  const input = Buffer.concat(records.flatMap(({ version, server, bytes }) => {
    const head = Buffer.alloc(6);
    head[0] = version;
    head[1] = server ? 1 : 0;
    head.writeUInt32BE(bytes.length, 2);
    return [head, bytes];
  }));
  const run = spawnSync(findTool(), { input, maxBuffer: 1 << 30 });
  assert.equal(run.status, 0, run.stderr?.toString());
  const answers = run.stdout.toString().trimEnd().split('\n').map((line) => JSON.parse(line));
  assert.equal(answers.length, records.length);
  return answers;
}

// What the library makes of one packet: its canonical form, or { error }.
function decodeByLibrary(bytes, version) {
  const packets = [];
  let error;
  const parser = mqttPacket.parser({ protocolVersion: version });
  parser.on('packet', (packet) => packets.push(packet));
  parser.on('error', (problem) => { error ??= problem.message; });
  try {
    parser.parse(bytes);
    if (!error && packets.length === 1) return canonical(packets[0]);
  } catch (problem) {
    error ??= `exception: ${problem.message}`;
  }
  return { error: error ?? `${packets.length} packets` };
}

const recordVersion = (packet, version) => (packet.cmd === 'connect' ? 0 : version);

test('what mqtt-packet generates is decoded to the same fields, and decodes there after our encoder', () => {
  const generate = makeGenerator(seed);
  const cases = Array.from({ length: ROUNDS }, () => {
    const { packet, version, server } = generate();
    const bytes = mqttPacket.generate(packet, { protocolVersion: version });
    return { packet, version, server, bytes, record: { version: recordVersion(packet, version), server, bytes } };
  });
  const answers = decodeAll(cases.map(({ record }) => record));
  cases.forEach(({ packet, version, bytes }, index) => {
    const answer = answers[index];
    const where = `packet ${index} of seed ${seed}: ${bytes.toString('hex').slice(0, 400)}`;
    assert.equal(answer.fault, undefined, `${where}: ${answer.text}`);
    assert.deepEqual(canonicalAnswer(answer.packet), canonical(packet), where);
    assert.deepEqual(decodeByLibrary(Buffer.from(answer.encoded, 'hex'), version), canonical(packet), `encoded, ${where}`);
  });
});

// Texts of our faults that the library knows nothing of, each with why its answer is not ours.
const LIBRARY_IS_LAX = {
  'packet type is not allowed here': 'it does not know who sent a packet, nor that a CONNECT comes once',
  'DUP with QoS 0': 'does not look [MQTT-3.3.1-2]',
  'ping packet is not empty': 'skips the body',
  'packet is longer than its content': 'ignores what follows the last field',
  'packet ends too early': 'reads missing fields as undefined or -1, and sizes of properties past the end',
  'packet identifier 0': 'takes it [MQTT-2.2.1-3]',
  'topic name contains a wildcard': 'leaves it to the caller [MQTT-3.3.2-2]',
  'Will Topic is not a topic name': 'leaves it to the caller',
  'empty topic name without topic alias': 'leaves it to the caller',
  'protocol version is neither 5.0 nor 3.1.1': 'takes 3.1 and the bridge bit 0x80',
  'Will QoS 3': 'takes it [MQTT-3.1.2-12]',
  'password without user name': 'takes it in 3.1.1 [MQTT-3.1.2-22]',
  'empty client identifier needs Clean Session': 'leaves it to the caller',
  'session present in a refusal': 'leaves it to the caller [MQTT-3.2.2-6]',
  'reserved return code': 'does not look at the CONNACK code',
  "reason code is not one of this packet's": 'does not look at the CONNACK code, nor at who may send which',
  'no topic filter': 'takes an empty list [MQTT-3.8.3-2]',
  'no reason code': 'takes an empty list',
  'No Local on a shared subscription': 'leaves it to the caller [MQTT-3.8.3-4]',
  'AUTH without Authentication Method': 'leaves it to the caller',
  'unknown property': 'reads a property id as one byte, and past the end as a fault of its own',
  'property is not allowed in this packet': 'has one list of properties for all packets',
  'property is there twice': 'makes an array of it',
  'property ends too early': 'reads past the end of the properties',
  'property value is neither 0 nor 1': 'takes any value but 0 as true',
  'property value is 0': 'leaves it to the caller',
  'Authentication Data without Authentication Method': 'leaves it to the caller',
  'Response Topic is not a topic name': 'leaves it to the caller [MQTT-3.3.2-14]',
  'Subscription Identifier from a client': 'does not know who sent a packet [MQTT-3.3.4-6]',
  'Session Expiry Interval from a server': 'does not know who sent a packet [MQTT-3.14.2-2]',
};
const NOT_UTF8 = /is not valid UTF-8$/; // the library replaces what is not UTF-8, and takes U+0000 [MQTT-1.5.4-1]

// Errors of the library on packets that are right.
const LIBRARY_IS_STRICT = {
  'Invalid auth reason code': 'wants a reason byte in AUTH; section 3.15.2.1 lets success be an empty packet',
  'Invalid disconnect reason code': 'does not know 0x8C, which section 2.4 lists for DISCONNECT',
};

// Packets both take, but the library reads wrongly.
function isMisread(packet) {
  const lists = [packet.properties, packet.will?.properties].map((p) => p?.userProperties ?? []).flat();
  return lists.some(([name, value]) => value === '' || name === '__proto__'); // an empty value is overwritten by the next of its name
}

function damage(bytes, r) {
  const headerBytes = 1 + [...bytes.subarray(1, 5)].findIndex((byte) => byte < 0x80) + 1;
  const body = [...bytes.subarray(headerBytes)];
  let first = bytes[0];
  const at = () => r.below(body.length + 1);
  switch (r.below(body.length ? 6 : 1)) {
    case 0: first ^= 1 << r.below(8); break;
    case 1: body.splice(r.below(body.length), 1); break;
    case 2: body.splice(at(), 0, r.below(256)); break;
    case 3: body.length = r.below(body.length); break;
    case 4: body[r.below(body.length)] ^= 1 << r.below(8); break;
    default: body[r.below(body.length)] = r.below(256);
  }
  const length = [];
  let rest = body.length;
  do {
    length.push((rest % 128) | (rest >= 128 ? 0x80 : 0));
    rest = Math.floor(rest / 128);
  } while (rest > 0);
  return Buffer.from([first, ...length, ...body]);
}

test('damaged packets: both agree, or the reason is known', (t) => {
  const generate = makeGenerator(seed + 1);
  const cases = [];
  while (cases.length < MUTATIONS) {
    const { packet, version, server, random } = generate();
    const bytes = mqttPacket.generate(packet, { protocolVersion: version });
    if (bytes.length > 400) continue;
    cases.push({ version, record: { version: recordVersion(packet, version), server, bytes: damage(bytes, random) } });
  }
  const answers = decodeAll(cases.map(({ record }) => record));
  const counts = { agreed: 0, refused: 0, lax: {}, misread: 0 };
  cases.forEach(({ version, record }, index) => {
    const answer = answers[index];
    const library = decodeByLibrary(record.bytes, version);
    const where = `damaged packet ${index} of seed ${seed}, version ${version}: ${record.bytes.toString('hex')}`;
    if (answer.fault !== undefined) {
      assert.ok(answer.fault >= 0x80, where);
      if (library.error) {
        counts.refused++;
        return;
      }
      assert.ok(answer.text in LIBRARY_IS_LAX || NOT_UTF8.test(answer.text), `only we refuse it (${answer.text}): ${where}`);
      counts.lax[answer.text] = (counts.lax[answer.text] ?? 0) + 1;
    } else if (library.error) {
      assert.ok(library.error in LIBRARY_IS_STRICT, `only the library refuses it (${library.error}): ${where}`);
    } else if (isMisread(answer.packet)) {
      counts.misread++;
    } else {
      assert.deepEqual(canonicalAnswer(answer.packet), library, where);
      counts.agreed++;
    }
  });
  t.diagnostic(`both took ${counts.agreed}, both refused ${counts.refused}, read wrongly by the library ${counts.misread}`);
  assert.ok(counts.agreed > MUTATIONS / 10 && counts.refused > MUTATIONS / 20, 'the damage is not of every kind');
});
