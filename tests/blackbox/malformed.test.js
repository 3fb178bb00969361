// Every case of malformed_mqtt.js and malformed_http.js over plain TCP: each gets the specified answer, a session that
// lives beside them all is not disturbed, and the server serves on.
import assert from 'node:assert/strict';
import net from 'node:net';
import { after, before, describe, test } from 'node:test';
import mqttPacket from 'mqtt-packet';
import { makeModel, register, request, startInstallation } from './support/server.js';
import { cases as mqttCases, goodConnect } from './malformed_mqtt.js';
import { cases as httpCases } from './malformed_http.js';

const AT_ONCE = 6;
const CASE_MS = 90_000; // a hang, not a slow machine
const PINGREQ = Buffer.from([0xc0, 0]);

let server;
let witness;
const free = []; // devices without a case
const waiting = [];

async function takeDevice() {
  return free.pop() ?? new Promise((resolve) => { waiting.push(resolve); });
}
function giveDevice(device) {
  const next = waiting.shift();
  if (next) next(device);
  else free.push(device);
}

before(async () => {
  server = await startInstallation();
  const model = await makeModel(server);
  for (let n = 0; n <= AT_ONCE; n++) free.push(await register(server, model.key));
  const device = await takeDevice();
  witness = new Peer(server.mqtt);
  await openSession(witness, device, 5);
});
after(async () => {
  witness.destroy();
  await server.stop();
});

/** A TCP connection that keeps what came, and lets one wait for something in it. */
class Peer {
  constructor({ host, port }) {
    this.data = Buffer.alloc(0);
    this.ended = false;
    this.waiters = new Set();
    this.socket = net.connect({ host, port, allowHalfOpen: true });
    this.socket.on('data', (part) => { this.data = Buffer.concat([this.data, part]); this.wake(); });
    // A reset ends the connection as well; bytes that came before it count.
    this.socket.on('error', () => this.end());
    this.socket.on('end', () => this.end());
    this.socket.on('close', () => this.end());
  }

  end() { this.ended = true; this.wake(); }
  wake() { for (const waiter of this.waiters) waiter(); }
  write(bytes) { if (bytes.length) this.socket.write(bytes); }
  finish() { this.socket.end(); }
  destroy() { this.socket.destroy(); }

  /** The first truthy value of probe(this), asked whenever something comes. */
  until(probe, what) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiters.delete(look);
        reject(new Error(`waited ${CASE_MS} ms for ${what}; got ${this.data.length} bytes ${this.data.toString('hex').slice(0, 400)}, ${this.ended ? 'ended' : 'still open'}`));
      }, CASE_MS);
      const look = () => {
        const value = probe(this);
        if (!value) return;
        clearTimeout(timer);
        this.waiters.delete(look);
        resolve(value);
      };
      this.waiters.add(look);
      look();
    });
  }
}

// ---- MQTT

/** Takes one whole packet off the front of what came; null when there is none. */
function takePacket(peer) {
  let length = 0;
  for (let i = 1; i < peer.data.length && i <= 4; i++) {
    length += (peer.data[i] & 0x7f) * 128 ** (i - 1);
    if (peer.data[i] < 0x80) {
      const total = i + 1 + length;
      if (peer.data.length < total) return null;
      const packet = peer.data.subarray(0, total);
      peer.data = peer.data.subarray(total);
      return packet;
    }
  }
  return null;
}

function decode(bytes, version) {
  if (bytes[0] === 0x20) return { cmd: 'connack', code: bytes[3], form: bytes.length === 4 ? 4 : 5 };
  let packet;
  const parser = mqttPacket.parser({ protocolVersion: version });
  parser.on('packet', (one) => { packet = one; });
  parser.on('error', (error) => { throw error; });
  parser.parse(bytes);
  return packet;
}

/** The next packet, or { cmd: 'end' }. */
async function nextPacket(peer, version) {
  const bytes = await peer.until(() => takePacket(peer) ?? (peer.ended ? 'end' : null), 'a packet or the end');
  return bytes === 'end' ? { cmd: 'end' } : decode(bytes, version);
}

async function openSession(peer, device, version) {
  peer.write(goodConnect(device, version));
  const connack = await nextPacket(peer, version);
  assert.deepEqual(connack, { cmd: 'connack', code: 0, form: version }, 'a right CONNECT is accepted');
}

async function ping(peer, version) {
  peer.write(PINGREQ);
  assert.equal((await nextPacket(peer, version)).cmd, 'pingresp', 'the session lives on');
}

// For each kind of expectation: does the answer match it?
const matchers = {
  close: (answer) => answer.cmd === 'end',
  connack: (answer, code) => answer.cmd === 'connack' && answer.code === code,
  disconnect: (answer, code) => answer.cmd === 'disconnect' && answer.reasonCode === code,
  suback: (answer, codes) => answer.cmd === 'suback' && String(answer.granted) === String(codes),
  unsuback: (answer, codes) => answer.cmd === 'unsuback' && String(answer.granted) === String(codes),
  puback: (answer, code) => answer.cmd === 'puback' && (answer.reasonCode ?? 0) === code,
  pubrec: (answer, code) => answer.cmd === 'pubrec' && (answer.reasonCode ?? 0) === code,
  pubcomp: (answer, code) => answer.cmd === 'pubcomp' && (answer.reasonCode ?? 0) === code,
};
const isFatal = (expectation) => 'close' in expectation || 'connack' in expectation || 'disconnect' in expectation;

function matchMqtt(expectations, answer) {
  return expectations.find((expectation) => {
    const [kind] = Object.keys(expectation);
    return matchers[kind](answer, expectation[kind]);
  });
}

async function runMqtt(one, device) {
  const peer = new Peer(server.mqtt);
  try {
    if (one.when === 'connected') await openSession(peer, device, one.version);
    peer.write(typeof one.bytes === 'function' ? one.bytes(device) : one.bytes);
    if (one.half) peer.finish();
    const answer = await nextPacket(peer, one.version);
    const matched = matchMqtt(one.expect, answer);
    assert.ok(matched, `${one.spec}: expected ${JSON.stringify(one.expect)}, got ${JSON.stringify(answer)}`);
    if (!isFatal(matched)) {
      await ping(peer, one.version);
      return;
    }
    if ('disconnect' in matched) {
      assert.ok(answer.properties?.reasonString, 'a DISCONNECT of the server carries a Reason String (mqtt.md 11)');
    }
    await peer.until(() => peer.ended, 'the end of the connection');
    assert.equal(peer.data.length, 0, `nothing behind the answer: ${peer.data.toString('hex')}`);
  } finally {
    peer.destroy();
  }
}

for (const [when, title] of [['first', 'instead of CONNECT'], ['connect', 'as CONNECT'], ['connected', 'in a session']]) {
  describe(`malformed MQTT ${title}`, { concurrency: AT_ONCE }, () => {
    for (const one of mqttCases.filter((candidate) => candidate.when === when)) {
      test(one.name, async () => {
        const device = await takeDevice();
        try {
          await runMqtt(one, device);
        } finally {
          giveDevice(device);
        }
      });
    }
  });
}

// ---- HTTP

/** Takes one whole reply off the front of what came; null when there is none. */
function takeReply(peer) {
  const end = peer.data.indexOf('\r\n\r\n');
  if (end < 0) return null;
  const [statusLine, ...lines] = peer.data.subarray(0, end).toString('latin1').split('\r\n');
  const status = Number(statusLine.match(/^HTTP\/1\.1 (\d{3}) /)?.[1]);
  const headers = Object.fromEntries(lines.map((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  }));
  const length = status === 100 ? 0 : Number(headers['content-length']);
  assert.ok(status >= 100 && Number.isInteger(length), `a reply: ${peer.data.toString('latin1').slice(0, 400)}`);
  if (peer.data.length < end + 4 + length) return null;
  const body = peer.data.subarray(end + 4, end + 4 + length).toString('utf8');
  peer.data = peer.data.subarray(end + 4 + length);
  return { status, headers, body };
}

/** The next final reply, or { status: 'end' }. */
async function nextReply(peer) {
  for (;;) {
    const reply = await peer.until(() => takeReply(peer) ?? (peer.ended ? { status: 'end' } : null), 'a reply or the end');
    if (reply.status !== 100) return reply;
  }
}

function checkError(reply, expected) {
  assert.equal(reply.body, JSON.stringify({ error: expected.error }));
  assert.equal(reply.headers['content-type'], 'application/json; charset=utf-8');
  if (expected.allow) assert.ok(reply.headers.allow, '405 names the methods of the route');
}

async function runHttp(one) {
  const peer = new Peer(server.http);
  try {
    peer.write(Buffer.isBuffer(one.request) ? one.request : Buffer.from(one.request, 'latin1'));
    if (one.half) peer.finish();
    const [{ statuses }] = one.expect;
    if (statuses) {
      for (const status of statuses) assert.equal((await nextReply(peer)).status, status);
      return;
    }
    const reply = await nextReply(peer);
    const matched = one.expect.find((expected) => (expected.closed ? reply.status === 'end' : reply.status === expected.status));
    assert.ok(matched, `${one.spec}: expected ${JSON.stringify(one.expect)}, got ${reply.status} ${reply.body}`);
    if (matched.closed) return;
    checkError(reply, matched);
    if (matched.close) {
      await peer.until(() => peer.ended, 'the end of the connection');
      assert.equal(peer.data.length, 0, `nothing behind the reply: ${peer.data.toString('latin1')}`);
    } else if (matched.close === false) {
      peer.write(Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'));
      assert.equal((await nextReply(peer)).status, 200, 'the connection goes on');
    }
  } finally {
    peer.destroy();
  }
}

describe('malformed HTTP', { concurrency: AT_ONCE }, () => {
  for (const one of httpCases) test(one.name, () => runHttp(one));
});

// ---- and the server serves on

test('the session beside them was not disturbed', async () => {
  await ping(witness, 5);
});

test('a device connects and a request is answered', async () => {
  assert.equal((await request(server.http, 'GET', '/')).status, 200);
  const device = await takeDevice();
  const peer = new Peer(server.mqtt);
  await openSession(peer, device, 5);
  peer.destroy();
  giveDevice(device);
});
