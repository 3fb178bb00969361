// MQTT clients with stored sessions, and the model of what they were promised (mqtt.md 14). A peer keeps what a good client
// keeps over a crash of the server: its packet ids and what it has not seen acknowledged. The model knows for each
// message who must get it, who may get it, and who must not.
import { Wire } from './wire.js';

export class Violation extends Error {}

const EXPIRY_S = 3600;

/** Everybody who talks in one topic space, and the one clock of what was sent and what was answered. */
export class Space {
  constructor({ decode = plain.decode } = {}) {
    this.decode = decode;
    this.tick = 0;
    this.peers = [];
    this.messages = new Map(); // number -> message
    this.serial = 0;
    this.failing = false; // in this cycle writes fail
    this.life = 0; // of the server: how often it was started
    this.groups = [];
    this.counts = { published: 0, acknowledged: 0, delivered: 0, again: 0, againWithoutDup: 0, subscriptions: 0, retained: 0, wills: 0, sessions: 0, shared: 0, willsAtOnce: 0 };
  }

  now() { return ++this.tick; }

  /** Forgets messages that nobody can meet any more. */
  prune() {
    for (const [number, m] of this.messages) if (m.settled && m.settled + 50_000 < this.tick && !m.owed) this.messages.delete(number);
    for (const { got } of this.groups) for (const number of got.keys()) if (!this.messages.has(number)) got.delete(number);
  }

  /** What is still owed, in words; empty: nothing. */
  owed() {
    const ofGroups = this.groups.flatMap((group) => [...group.owed.keys()].map((number) => `nobody of ${group.filter} got ${number}`));
    return ofGroups.concat(this.peers.flatMap((peer) => [
      ...(peer.out.size ? [`${peer.name} waits for answers to ${[...peer.out].map(([id, { phase }]) => `${phase} ${id}`).join(', ')}`] : []),
      ...[...peer.owed].flatMap(([stream, messages]) => [...messages.keys()].map((seq) => `${peer.name} did not get ${stream} ${seq}`)),
    ]));
  }
}

export function matches(filter, topic) {
  const f = filter.split('/');
  const t = topic.split('/');
  for (let i = 0; i < f.length; i++) {
    if (f[i] === '#') return true;
    if (i >= t.length || (f[i] !== '+' && f[i] !== t[i])) return false;
  }
  return f.length === t.length;
}

/** Peers that share a subscription, and nothing else: one of them gets each message, with QoS 2 once. They come and go, but
 * no session of theirs ends. */
export class Group {
  constructor(space, filter) {
    Object.assign(this, { space, filter, inner: filter.split('/').slice(2).join('/'), members: [], owed: new Map(), got: new Map() });
    space.groups.push(this);
  }

  add(peer) {
    this.members.push(peer);
    peer.group = this;
    peer.onOther = (packet, number) => this.onMessage(peer, packet, number);
  }

  promise(message) {
    const on = this.members.some(({ subscriptions }) => [...subscriptions.values()].some(({ state, since }) => state === 'on' && since < message.sent));
    if (!on || this.got.has(message.number) || !matches(this.inner, message.topic)) return;
    this.owed.set(message.number, message);
    message.owed++;
  }

  onMessage(peer, packet, number) {
    const message = this.space.messages.get(number);
    if (!message) peer.fail(`${number} on ${packet.topic} was never sent, or long ago`);
    if (packet.topic !== message.topic) peer.fail(`${number} came on ${packet.topic}, not ${message.topic}`);
    const before = this.got.get(number);
    if (before && message.qos === 2 && packet.qos === 2) peer.fail(`${number} came to ${this.filter} twice: to ${before} before`);
    this.got.set(number, peer.name);
    this.space.counts.shared++;
    if (this.owed.delete(number)) message.owed--;
    return true;
  }
}

const plain = { encode: (number, { size }) => `${number}:${'x'.repeat(size)}`, decode: (text) => Number(text.split(':')[0]) };

export class Peer {
  /** identity(): the fields of CONNECT that say who it is, and `to`. filters: [[filter, qos]] that it may have. */
  constructor(space, { name, identity, topics = [], filters = [], retained = [], will = null, willDelay = 3000, inFlightMax = 8, receiveMaximum, encode = plain.encode }) {
    Object.assign(this, { space, name, identity, topics, filters, retained, will, willDelay, inFlightMax, receiveMaximum, encode });
    this.wire = null;
    this.trace = []; // the last packets, for who looks for the reason of a violation
    this.ready = false;
    this.nextId = 0;
    this.out = new Map(); // packet id -> { message, phase }, in the order of sending
    this.waiting = new Map(); // packet id -> { resolve } of SUBSCRIBE and UNSUBSCRIBE
    this.inbound = new Map(); // packet id -> number: QoS 2 received, not released
    this.sessionIs = 'absent'; // or present, or unknown
    this.subscriptions = new Map(); // filter -> { qos, state, since }
    this.cleanAt = 0; // nothing that was acknowledged before may come
    this.doubtAt = 0; // it is not known whether the session was discarded: nothing is said of what was sent before
    this.owed = new Map(); // stream -> Map(seq -> message)
    this.got = new Map(); // stream -> { last, numbers: Map(seq -> times) }
    this.streamSeq = new Map();
    this.retainedOps = new Map(); // topic -> [{ number, clear, acknowledged }]
    this.armed = null; // the Will of the last accepted CONNECT: { message, stored, life }
    this.dueWill = null; // what has taken effect if anything that comes after it is acknowledged
    this.cut = null; // when the last connection was cut: { life, at }
    space.peers.push(this);
  }

  note(direction, packet) {
    const { cmd, messageId, qos, dup, reasonCode, sessionPresent, topic } = packet;
    const what = { messageId, qos, dup, reasonCode, sessionPresent, topic, text: packet.payload?.toString('latin1', 0, 40) };
    this.trace.push(`${this.space.tick} ${direction} ${cmd} ${JSON.stringify(what)}`);
    if (this.trace.length > 200) this.trace.splice(0, 100);
  }

  send(packet) {
    this.note('>', packet);
    this.wire?.send(packet);
  }

  fail(text) {
    const error = new Violation(`${this.name}: ${text}\n${this.trace.slice(-60).join('\n')}\n`);
    this.space.violation ??= error;
    throw error;
  }

  // --- connecting ---

  /** Resolves when CONNACK came, false if the connection was lost before. */
  connect({ clean = false } = {}) {
    const { to, ...who } = this.identity();
    this.ready = this.leaving = false;
    const sent = this.space.now();
    let answered = false;
    return new Promise((resolve) => {
      const wire = new Wire(to, {
        packet: (packet) => {
          if (wire !== this.wire || this.space.violation) return;
          try {
            if (this.leaving) return;
            this.note('<', packet);
            if (packet.cmd === 'connack') {
              answered = true;
              this.onConnack(packet, clean, sent);
              resolve(this.ready);
            } else this.onPacket(packet);
          } catch (error) {
            if (!(error instanceof Violation)) this.space.violation ??= error;
            resolve(false);
          }
        },
        close: () => {
          if (!answered && this.sessionIs === 'absent') this.sessionIs = 'unknown'; // its CONNECT may have come so far
          if (wire === this.wire) this.lost();
          resolve(false);
        },
      });
      this.wire = wire;
      const properties = { sessionExpiryInterval: EXPIRY_S };
      if (this.receiveMaximum) properties.receiveMaximum = this.receiveMaximum;
      const packet = { cmd: 'connect', protocolId: 'MQTT', protocolVersion: 5, clean, keepalive: 300, properties, ...who };
      if (this.will) {
        this.nextWill = this.message({ topic: this.will, qos: 1, stream: `${this.name}|will` });
        this.nextWill.isWill = true;
        packet.will = { topic: this.will, payload: this.nextWill.payload, qos: 1, retain: false, properties: { willDelayInterval: this.willDelay } };
      }
      if (clean) this.doubt();
      this.send(packet);
    });
  }

  onConnack(packet, clean, sent) {
    if (packet.reasonCode !== 0) {
      if (packet.reasonCode === 0x88 || packet.reasonCode === 0x89 || packet.reasonCode === 0x8b) return; // the storage's fault
      this.fail(`CONNACK 0x${packet.reasonCode.toString(16)}`);
    }
    if (clean && packet.sessionPresent) this.fail('session present after a clean start');
    if (!clean && packet.sessionPresent && this.sessionIs === 'absent') this.fail('session present, but it was ended');
    if (!packet.sessionPresent && !clean && this.sessionIs === 'present') this.fail('its session is lost');
    this.space.counts.sessions++;
    this.willAfter(packet.sessionPresent, sent);
    if (!packet.sessionPresent) {
      this.forget(sent);
      this.sessionIs = 'unknown'; // until something of it is known to be stored
    }
    this.ready = true;
    for (const [id, entry] of this.out) {
      if (entry.phase === 'release') {
        entry.again = true;
        this.send({ cmd: 'pubrel', messageId: id });
      } else this.sendPublish(id, entry.message, true);
    }
  }

  /** A Will with a long delay comes when its session ends, and not at all when the session goes on; one without delay
   * when the connection ended, if the server was there. */
  willAfter(present, sent) {
    const armed = this.armed;
    this.armed = this.will ? { message: this.nextWill, stored: false, life: this.space.life } : null;
    const { cut } = this;
    this.cut = null;
    if (!armed) return;
    if (present && this.willDelay === 0 && cut?.life === this.space.life && armed.life === this.space.life) {
      this.dueWill = armed.message; // this very server has heard of the end: before, or now, by the takeover
      armed.message.sent = cut.at;
      return;
    }
    if (present || !armed.stored) {
      this.settle(armed.message);
      return;
    }
    armed.message.sent = sent;
    this.promise(armed.message);
    this.settle(armed.message);
    this.space.counts.wills++;
  }

  /** Something that this connection asked for is on disk, and so is what was before it. */
  stored() {
    const message = this.dueWill;
    if (this.armed) this.armed.stored = true;
    if (!message) return;
    this.dueWill = null;
    this.promise(message);
    this.settle(message);
    this.space.counts.willsAtOnce++;
  }

  /** Whether the session is there, and what of it, is not known until the next CONNACK tells that it is not. */
  doubt() {
    if (this.sessionIs === 'absent') return;
    this.sessionIs = 'unknown';
    for (const { message } of this.out.values()) this.settle(message);
    this.out.clear();
    this.inbound.clear();
    this.doubtAt = this.space.now();
    for (const subscription of this.subscriptions.values()) if (subscription.state !== 'off') subscription.state = 'unknown';
    this.dropOwed(() => true);
  }

  /** The session began anew: nothing of before may come, and nothing is owed. */
  forget(sent) {
    this.cleanAt = sent;
    for (const { message } of this.out.values()) this.settle(message);
    this.out.clear();
    this.inbound.clear();
    for (const subscription of this.subscriptions.values()) Object.assign(subscription, { state: 'off', since: sent });
    this.dropOwed(() => true);
  }

  lost() {
    if (this.dueWill) this.settle(this.dueWill);
    this.dueWill = null;
    this.ready = false;
    this.wire = null;
    for (const { resolve } of this.waiting.values()) resolve(false);
    this.waiting.clear();
    for (const subscription of this.subscriptions.values()) {
      if (subscription.state === 'adding' || subscription.state === 'removing') subscription.state = 'unknown';
    }
  }

  /** The server is gone, or the network. */
  down() {
    const wire = this.wire;
    if (!wire) return;
    this.cut = this.ready ? { life: this.space.life, at: this.space.now() } : null;
    this.wire = null;
    wire.drop();
    this.lost();
  }

  /** DISCONNECT; with `expiry` 0 the session ends. `alive` tells afterwards whether the server closed, or was killed. */
  async leave(expiry, alive) {
    const wire = this.wire;
    if (!this.ready) return;
    this.ready = false;
    this.leaving = true; // what still comes is not heard, and nothing may be said
    const before = this.sessionIs;
    if (expiry === 0) this.doubt();
    const closed = new Promise((resolve) => { wire.socket.once('close', resolve); });
    this.send({ cmd: 'disconnect', reasonCode: 0, properties: expiry === undefined ? {} : { sessionExpiryInterval: expiry } });
    await closed;
    if (this.wire === wire) this.lost();
    if (this.armed) this.armed.stored = false; // a DISCONNECT takes the Will away; cut short, it may or may not
    // Where writes fail, nobody is told what became of it: the connection is closed in any case.
    if (!await alive() || this.space.failing) return;
    this.sessionIs = expiry === 0 ? 'absent' : before;
    if (expiry === 0) this.forget(this.space.now());
    this.armed = null;
  }

  // --- what is said ---

  takeId() {
    do this.nextId = (this.nextId % 60_000) + 1; while (this.out.has(this.nextId) || this.waiting.has(this.nextId));
    return this.nextId;
  }

  sendPublish(id, message, dup) {
    message.transmissions++;
    this.send({ cmd: 'publish', topic: message.topic, payload: message.payload, qos: message.qos, retain: message.retain, dup, messageId: id });
  }

  message({ topic, qos, retain = false, clear = false, size = 0, payload: given, stream }) {
    const { space } = this;
    const number = ++space.serial;
    const seq = (this.streamSeq.get(stream) ?? 0) + 1;
    if (!clear) this.streamSeq.set(stream, seq);
    const payload = clear ? Buffer.alloc(0) : Buffer.from(given ?? this.encode(number, { size, qos, topic }));
    const message = { number, topic, qos, retain, clear, payload, stream, seq, sent: space.now(), acknowledged: 0, settled: 0, transmissions: 0, owed: 0 };
    if (!clear) space.messages.set(number, message);
    return message;
  }

  publish({ topic, qos, retain = false, clear = false, size = 0, payload }) {
    const { space } = this;
    const message = this.message({ topic, qos, retain, clear, size, payload, stream: `${this.name}|${topic}|${qos}` });
    if (retain) {
      const ops = this.retainedOps.get(topic) ?? [];
      ops.push(message);
      this.retainedOps.set(topic, ops);
    }
    space.counts.published++;
    const id = qos ? this.takeId() : 0;
    if (qos) this.out.set(id, { message, phase: 'publish' });
    else message.settled = message.sent;
    this.sendPublish(id, message, false);
    return message;
  }

  subscribe(filter, qos) {
    const id = this.takeId();
    const entry = this.subscriptions.get(filter);
    if (entry?.state === 'on') entry.again = true;
    else this.subscriptions.set(filter, { qos, state: 'adding', since: this.space.now() });
    return new Promise((resolve) => {
      this.waiting.set(id, { resolve, filter, qos });
      this.send({ cmd: 'subscribe', messageId: id, subscriptions: [{ topic: filter, qos, rh: 2 }] });
    });
  }

  unsubscribe(filter) {
    const id = this.takeId();
    this.subscriptions.get(filter).state = 'removing';
    this.dropOwed((message) => matches(filter, message.topic));
    return new Promise((resolve) => {
      this.waiting.set(id, { resolve, filter });
      this.send({ cmd: 'unsubscribe', messageId: id, unsubscriptions: [filter] });
    });
  }

  dropOwed(test) {
    for (const [stream, messages] of this.owed) {
      for (const [seq, { message }] of messages) if (test(message)) this.paid(stream, seq);
      // What else is there was perhaps queued with a higher QoS, by a filter that goes.
      for (const owed of messages.values()) owed.qos = undefined;
    }
  }

  paid(stream, seq) {
    const messages = this.owed.get(stream);
    const owed = messages?.get(seq);
    if (!owed) return;
    owed.message.owed--;
    messages.delete(seq);
    if (!messages.size) this.owed.delete(stream);
  }

  // --- what is answered ---

  onPacket(packet) {
    const { space } = this;
    const id = packet.messageId;
    switch (packet.cmd) {
      case 'suback': {
        const { filter, qos, resolve } = this.waiting.get(id);
        this.waiting.delete(id);
        if (packet.granted[0] !== qos) this.fail(`SUBACK of ${filter}: 0x${packet.granted[0].toString(16)}`);
        this.sessionIs = 'present';
        this.stored();
        this.subscriptions.set(filter, { qos, state: 'on', since: space.now() });
        space.counts.subscriptions++;
        return resolve(true);
      }
      case 'unsuback': {
        const { filter, resolve } = this.waiting.get(id);
        this.waiting.delete(id);
        Object.assign(this.subscriptions.get(filter), { state: 'off', since: space.now() });
        this.sessionIs = 'present';
        return resolve(true);
      }
      case 'puback':
        return this.acknowledged(id, packet);
      case 'pubrec':
        return this.received(id, packet);
      case 'pubcomp':
        if (this.out.get(id)?.phase !== 'release') this.fail(`PUBCOMP of ${id} that was not expected`);
        // "Packet identifier not found" is no error where PUBREL is said again.
        if (packet.reasonCode !== 0 && !(packet.reasonCode === 0x92 && this.out.get(id).again)) this.fail(`PUBCOMP 0x${packet.reasonCode.toString(16)} of ${id}`);
        this.settle(this.out.get(id).message);
        this.out.delete(id);
        return undefined;
      case 'publish':
        return this.onPublish(packet);
      case 'pubrel':
        this.inbound.delete(id);
        return this.send({ cmd: 'pubcomp', messageId: id, reasonCode: 0 });
      case 'disconnect':
        if (packet.reasonCode !== 0x89 && packet.reasonCode !== 0x8b) this.fail(`DISCONNECT 0x${packet.reasonCode.toString(16)} ${packet.properties?.reasonString ?? ''}`);
        return undefined;
      case 'pingresp':
        this.onPing?.(true);
        return undefined;
      default:
        return this.fail(`${packet.cmd}?`);
    }
  }

  /** The message of PUBACK or PUBREC; undefined: it was refused, where that is allowed. */
  answered(id, packet) {
    const entry = this.out.get(id);
    if (!entry) this.fail(`${packet.cmd} of ${id} that was not expected`);
    if (packet.reasonCode < 0x80) return entry;
    if (!entry.message.mayBeRefused) this.fail(`${packet.cmd} 0x${packet.reasonCode.toString(16)} ${packet.properties?.reasonString ?? ''}`);
    this.out.delete(id);
    this.settle(entry.message);
    return undefined;
  }

  acknowledged(id, packet) {
    const entry = this.answered(id, packet);
    if (!entry) return;
    if (entry.message.qos !== 1) this.fail(`PUBACK of ${id}, which has QoS 2`);
    this.out.delete(id);
    this.promise(entry.message);
    this.settle(entry.message);
  }

  received(id, packet) {
    const entry = this.answered(id, packet);
    if (!entry) return;
    if (entry.message.qos !== 2) this.fail(`PUBREC of ${id}, which has QoS 1`);
    if (entry.phase === 'publish') {
      this.sessionIs = 'present';
      this.stored();
      this.promise(entry.message);
      entry.phase = 'release';
    }
    this.send({ cmd: 'pubrel', messageId: id });
  }

  settle(message) {
    message.settled = this.space.now();
  }

  /** From here on the server owes the message to whoever was subscribed when it was sent, and still is. */
  promise(message) {
    message.acknowledged = this.space.now();
    this.space.counts.acknowledged++;
    this.onAcknowledged?.(message);
    if (message.clear) return;
    for (const group of this.space.groups) group.promise(message);
    for (const peer of this.space.peers) {
      if (peer.group) continue;
      const matching = [...peer.subscriptions].filter(([filter, { state }]) => state !== 'off' && matches(filter, message.topic)).map(([, s]) => s);
      const on = matching.filter((s) => s.state === 'on' && s.since < message.sent);
      if (!on.length) continue;
      const got = peer.got.get(message.stream);
      if (got?.numbers.has(message.seq)) continue;
      // Order holds among messages of equal QoS, which is that of the subscription, too.
      const qos = Math.min(message.qos, Math.max(...on.map((s) => s.qos)));
      const exact = matching.length === on.length || matching.every((s) => Math.min(message.qos, s.qos) <= qos);
      if (exact && got?.last[qos] > message.seq) peer.fail(`${message.number} (${message.stream} ${message.seq}) was passed over: ${got.last[qos]} came, ${message.seq} did not`);
      if (!peer.owed.has(message.stream)) peer.owed.set(message.stream, new Map());
      peer.owed.get(message.stream).set(message.seq, { message, qos: exact ? qos : undefined });
      message.owed++;
    }
  }

  onPublish(packet) {
    const { space } = this;
    const text = packet.payload.toString('latin1');
    const number = space.decode(text);
    if (packet.qos === 2 && this.inbound.has(packet.messageId)) {
      if (this.inbound.get(packet.messageId) !== number) this.fail(`packet id ${packet.messageId} came with ${number} before ${this.inbound.get(packet.messageId)} was released`);
      if (!packet.dup) this.fail(`${number} again with its packet id but without DUP`);
      return this.send({ cmd: 'pubrec', messageId: packet.messageId, reasonCode: 0 });
    }
    if (packet.qos === 2) {
      this.inbound.set(packet.messageId, number);
      this.send({ cmd: 'pubrec', messageId: packet.messageId, reasonCode: 0 });
    } else if (packet.qos === 1) {
      this.send({ cmd: 'puback', messageId: packet.messageId, reasonCode: 0 });
    }
    space.counts.delivered++;
    if (!packet.payload.length) return undefined; // clears what is retained; it has no number
    if (this.onOther && this.onOther(packet, number)) return undefined;
    const message = space.messages.get(number);
    if (!message) return this.fail(`${text.slice(0, 20)} on ${packet.topic} was never sent, or long ago`);
    return this.judge(message, packet);
  }

  judge(message, packet) {
    if (packet.topic !== message.topic) this.fail(`${message.number} came on ${packet.topic}, not ${message.topic}`);
    const may = [...this.subscriptions].some(([filter, s]) => matches(filter, message.topic) && (s.state !== 'off' || s.since > message.sent));
    if (!may) this.fail(`${message.number} on ${message.topic} came without a subscription`);
    if (message.acknowledged && message.acknowledged < this.cleanAt) this.fail(`${message.number} came although the session began anew after it`);
    const got = this.got.get(message.stream) ?? { last: [0, 0, 0], numbers: new Map() };
    this.got.set(message.stream, got);
    const before = got.numbers.get(message.seq);
    got.numbers.set(message.seq, Math.max(before ?? 0, packet.qos));
    if (message.sent < this.doubtAt) return;
    if (before !== undefined) {
      this.space.counts.again++;
      if (packet.qos === 2 && before === 2) this.fail(`${message.number} (${message.stream} ${message.seq}) was delivered twice with QoS 2`);
      if (packet.qos === 0) this.fail(`${message.number} was delivered twice with QoS 0`);
      if (!packet.dup && message.transmissions < 2) this.space.counts.againWithoutDup++;
      return;
    }
    this.paid(message.stream, message.seq);
    // Sent again, it may come anew: who subscribed in between gets it late, after what came with QoS 1 before it was stored.
    if (message.seq < got.last[packet.qos] && !(packet.qos < 2 && message.transmissions > 1)) {
      const { payload, wanted, ...facts } = message;
      const from = this.space.peers.find(({ name }) => name === message.stream.split('|')[0]);
      this.fail(`${message.stream}: ${message.seq} came after ${got.last[packet.qos]}: ${JSON.stringify(facts)}\n${from.trace.slice(-90).join('\n')}\n-- ${this.name} --`);
    }
    for (const [seq, { qos }] of this.owed.get(message.stream) ?? []) {
      if (seq < message.seq && qos === packet.qos) this.fail(`${message.stream} ${seq} is lost: ${message.seq} came`);
    }
    got.last[packet.qos] = message.seq;
  }

  ping() {
    if (!this.ready) return Promise.resolve(false);
    return new Promise((resolve) => {
      this.onPing = resolve;
      const wire = this.wire;
      wire.socket.once('close', () => resolve(false));
      wire.send({ cmd: 'pingreq' });
    });
  }

  /** One thing at random. */
  async act(random, alive) {
    if (this.group) {
      await this.actAsMember(random, alive);
      return;
    }
    if (this.will && this.willDelay === 0 && random.chance(0.03)) {
      this.down();
      if (await alive()) await this.connect();
      return;
    }
    const roll = random.next();
    if (roll < 0.12 && this.filters.length) {
      const [filter, qos] = random.pick(this.filters);
      const state = this.subscriptions.get(filter)?.state;
      if (state === 'on' && random.chance(0.5)) await this.unsubscribe(filter);
      else if (state !== 'adding' && state !== 'removing') await this.subscribe(filter, qos);
    } else if (roll < 0.14) {
      const how = random.below(5);
      if (how === 0) await this.leave(0, alive);
      else if (how === 1) await this.leave(EXPIRY_S + random.below(1000), alive);
      else if (how === 2) await this.leave(undefined, alive);
      else this.down(); // without a word
      if (await alive()) await this.connect({ clean: how === 3 && random.chance(0.5) });
    } else if (roll < 0.3 && this.retained.length) {
      if (this.out.size < this.inFlightMax) {
        this.publish({ topic: random.pick(this.retained), qos: random.pick([0, 1, 1, 2, 2]), retain: true, clear: random.chance(0.3) });
        this.space.counts.retained++;
      }
    } else if (this.topics.length && this.out.size < this.inFlightMax) {
      this.publish({ topic: random.pick(this.topics), qos: random.pick([0, 1, 1, 2, 2, 2]), size: random.chance(0.05) ? random.below(20_000) : random.below(60) });
    }
  }

  async actAsMember(random, alive) {
    if (this.subscriptions.get(this.group.filter)?.state !== 'on') await this.subscribe(this.group.filter, 2);
    else if (random.chance(0.3)) {
      if (random.chance(0.5)) await this.leave(undefined, alive);
      else this.down();
    }
    await new Promise((resolve) => { setTimeout(resolve, random.below(20)); });
  }
}
