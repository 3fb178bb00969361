// What happens in an installation under faults: who is there, what each does at random, and the checks of what was
// acknowledged once everything is calm.
import { assign, makeModel, register } from '../blackbox/support/server.js';
import { Group, Peer, Space, Violation } from './peer.js';
import { Wire } from './wire.js';

const CALM_MS = 60_000;
const ORDER = ['pending', 'in_progress', 'done'];

const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });
const turn = () => new Promise((resolve) => { setImmediate(resolve); });

export class World {
  constructor(installation) {
    this.installation = installation;
    this.open = new Space();
    this.devices = new Space({ decode: (text) => Number(text.match(/^\{"telemetries":\{"q\d":(\d+)/)?.[1] ?? text.split(':')[0]) });
    this.spaces = [this.open, this.devices];
    this.registered = []; // { id, key } not checked yet
    this.commands = new Map(); // id -> status acknowledged
    this.configured = new Map(); // device -> { version, value } acknowledged
    this.counts = { registrations: 0, commands: 0, configurations: 0, samples: 0, calms: 0 };
    this.serial = 0;
  }

  get violation() { return this.own ?? this.open.violation ?? this.devices.violation; }

  fail(text) {
    this.own ??= new Violation(text);
    throw this.own;
  }

  /** With a server that nothing happens to. */
  async make() {
    const { server, keys } = this.installation;
    const access = Object.assign(server, keys);
    this.model = await makeModel(access);
    this.ids = [];
    for (let i = 0; i < 4; i++) this.ids.push(await register(access, this.model.key));
    await assign(access, this.ids.map(({ id }) => id));
    this.makeOpen();
    this.makeDevices();
  }

  makeOpen() {
    const { installation } = this;
    const at = (clientId) => () => ({ to: installation.server.open, clientId });
    const filters = [['t/#', 2], ['t/+/0', 1], ['t/+/1', 2], ['t/p0/#', 2], ['t/p1/0', 2], ['t/p2/+', 1], ['w/#', 1], ['r/p1/#', 1], ['r/p0/+', 2]];
    for (let i = 0; i < 6; i++) {
      new Peer(this.open, {
        name: `p${i}`, identity: at(`peer-${i}`), topics: [`t/p${i}/0`, `t/p${i}/1`], filters, retained: [`r/p${i}/0`, `r/p${i}/1`],
        will: i < 4 ? `w/p${i}` : null, willDelay: i % 3 === 0 ? 3000 : 0, receiveMaximum: i === 1 ? 3 : undefined,
      });
    }
    const group = new Group(this.open, '$share/g/t/+/1');
    for (let i = 0; i < 3; i++) group.add(new Peer(this.open, { name: `s${i}`, identity: at(`member-${i}`) }));
  }

  makeDevices() {
    const { installation, ids } = this;
    const { keys } = installation;
    const encode = (number, { size, qos, topic }) =>
      (topic.endsWith('/telemetry') ? `{"telemetries":{"q${qos}":${number},"pad":"${'x'.repeat(Math.min(size, 900))}"}}` : `${number}:${'x'.repeat(size)}`);
    ids.forEach(({ id, access_key: key }, i) => {
      const own = (name) => `v1/device/${id}/${name}`;
      const peer = new Peer(this.devices, {
        name: `d${i}`, identity: () => ({ to: installation.server.mqtt, clientId: id, username: id, password: Buffer.from(key) }), encode,
        topics: [own('telemetry'), own('telemetry'), own('user/a'), own('user/b')], retained: [own('telemetry'), own('user/r')],
        filters: [[own('user/#'), 2], [own('user/c'), 1], [own('user/a'), 2]], will: [own('user/w'), own('telemetry'), own('user/w'), null][i], willDelay: i === 0 ? 3000 : 0,
      });
      peer.device = { id, key, samples: new Map(), http: new Map() };
      peer.onAcknowledged = (message) => { if (message.command) this.commandAcknowledged(message.command); };
      if (i < 2) this.answersCommands(peer, own('command'));
    });
    for (let i = 0; i < 2; i++) {
      new Peer(this.devices, {
        name: `org${i}`, identity: () => ({ to: installation.server.mqtt, clientId: `app-${i}`, username: 'org', password: Buffer.from(keys.organization_key) }), encode,
        topics: ids.map(({ id }) => `v1/device/${id}/user/c`),
        filters: [['v1/device/+/user/#', 2], ['v1/device/+/telemetry', 2], [`v1/device/${ids[0].id}/user/a`, 1], [`v1/device/${ids[1].id}/telemetry`, 1]],
      }).onOther = (packet) => packet.topic.endsWith('/telemetry') && /"h":/.test(packet.payload);
    }
  }

  /** Each command that is pushed is carried out at once. */
  answersCommands(peer, topic) {
    peer.device.commandTopic = topic;
    peer.onOther = (packet) => {
      if (packet.topic !== topic) return false;
      const { id } = JSON.parse(packet.payload);
      for (const status of ORDER.slice(1)) {
        const message = peer.publish({ topic: `${topic}/update`, qos: 1 + (++this.serial % 2), payload: JSON.stringify({ id, status }) });
        message.command = { id, status };
        message.mayBeRefused = true; // it may be done already: a command is delivered at least once
      }
      return true;
    };
  }

  commandAcknowledged({ id, status }) {
    if (ORDER.indexOf(status) > ORDER.indexOf(this.commands.get(id) ?? 'pending')) this.commands.set(id, status);
  }

  // --- what goes on ---

  /** The server was started again. */
  begins() {
    for (const space of this.spaces) space.life++;
  }

  connectAll(random) {
    const peers = this.spaces.flatMap((space) => space.peers);
    return Promise.all(peers.map(async (peer) => {
      if (random.chance(0.9)) await peer.connect();
    }));
  }

  /** Everything at once, until the server is gone or the time is over. */
  async load(random, until) {
    const over = () => this.installation.gone || this.violation || until.over;
    const alive = () => this.installation.alive();
    const peers = this.spaces.flatMap((space) => space.peers);
    const peerLoad = async (peer) => {
      while (!over()) {
        if (!peer.ready) {
          if (!await peer.connect()) await pause(1);
          continue;
        }
        await peer.act(random, alive);
        if (peer.out.size >= peer.inFlightMax) await pause(1);
        else await turn();
      }
    };
    const others = async (action) => {
      while (!over()) {
        await action();
        await pause(random.below(8));
      }
    };
    await Promise.all([
      ...peers.map(peerLoad), others(() => this.registerOne()), others(() => this.commandOne(random)), others(() => this.sampleOne(random)),
      others(() => this.configureOne(random)),
    ]);
  }

  async registerOne() {
    const sn = `F-${++this.serial}`;
    const reply = await this.installation.call('POST', '/v1/devices', { body: { hardware_key: this.model.key, firmware_version: '1.0.0', sn, mac: sn } });
    if (!reply || reply.status === 503) return;
    if (reply.status !== 201) this.fail(`registration: ${reply.status} ${reply.text}`);
    this.counts.registrations++;
    this.registered.push({ id: reply.json.id, key: reply.json.access_key });
  }

  async commandOne(random) {
    const { id } = random.pick(this.ids.slice(0, 2));
    const reply = await this.installation.call('POST', `/core/v1/organization/devices/${id}/commands`, { key: this.installation.keys.organization_key, body: { name: 'reboot' } });
    if (!reply || reply.status === 503) return;
    if (reply.status !== 200) this.fail(`command: ${reply.status} ${reply.text}`);
    this.counts.commands++;
    if (!this.commands.has(reply.json.id)) this.commands.set(reply.json.id, 'pending');
  }

  /** A sample of the same device by HTTPS, while it reports by MQTT. */
  async sampleOne(random) {
    const { device } = random.pick(this.devices.peers.filter((peer) => peer.device));
    const number = ++this.serial;
    const reply = await this.installation.call('POST', `/v1/devices/${device.id}/telemetry`, { key: device.key, body: { telemetries: { h: number } } });
    if (!reply || reply.status === 503) return;
    if (reply.status !== 201) this.fail(`sample: ${reply.status} ${reply.text}`);
    this.counts.samples++;
    device.http.set(number, true);
  }

  async configureOne(random) {
    const { id } = random.pick(this.ids);
    const value = ++this.serial;
    const reply = await this.installation.call('PUT', `/core/v1/organization/devices/${id}/config`, { key: this.installation.keys.organization_key, body: { config: { value } } });
    if (!reply || reply.status === 503) return;
    if (reply.status !== 200) this.fail(`configuration: ${reply.status} ${reply.text}`);
    this.counts.configurations++;
    this.configured.set(id, value);
  }

  // --- what must be true ---

  /** Null: no answer, as when writes fail. */
  async ask(...args) {
    const reply = await this.installation.call(...args);
    return reply?.status === 503 && this.open.failing ? null : reply;
  }

  /** Everybody is connected and hears everything; then all that was acknowledged is looked for. */
  async calm() {
    const peers = this.spaces.flatMap((space) => space.peers);
    const end = Date.now() + CALM_MS;
    const lost = () => this.installation.gone || this.violation;
    for (const peer of peers) {
      while (!peer.ready && !lost()) {
        if (!await peer.connect()) await pause(5);
        if (Date.now() > end) this.fail(`${peer.name} cannot connect`);
      }
      const topic = peer.device?.commandTopic;
      if (topic && !lost() && !await peer.subscribe(topic, 1)) return;
    }
    for (;;) {
      if (lost()) return;
      const owed = this.spaces.flatMap((space) => space.owed());
      if (!owed.length) break;
      if (Date.now() > end) this.fail(`never came: ${owed.slice(0, 10).join('; ')}`);
      for (const peer of peers) if (!peer.ready && this.open.failing && !lost()) await peer.connect();
      await pause(2);
    }
    await this.checkRegistrations();
    await this.finishCommands(end);
    await this.checkCommands();
    await this.checkConfigurations();
    for (const peer of this.devices.peers) if (peer.device) await this.checkSamples(peer);
    await this.checkRetained(this.open, { to: this.installation.server.open, clientId: 'reader' }, 'r/#');
    for (const filter of ['v1/device/+/telemetry', 'v1/device/+/user/#']) {
      await this.checkRetained(this.devices, { to: this.installation.server.mqtt, clientId: 'reader', username: 'org', password: Buffer.from(this.installation.keys.organization_key) }, filter);
    }
    if (!lost()) this.counts.calms++;
    for (const space of this.spaces) space.prune();
  }

  async checkRegistrations() {
    for (const { id, key } of this.registered) {
      const reply = await this.ask('GET', `/v1/devices/${id}`, { key });
      if (!reply) return;
      if (reply.status !== 200) this.fail(`the acknowledged registration of ${id} is lost: ${reply.status}`);
    }
    this.registered = [];
  }

  /** What is pending is pushed to its device, which carries it out; what a device began and forgot, it finishes now. */
  async finishCommands(end) {
    for (const peer of this.devices.peers.filter(({ device }) => device?.commandTopic)) {
      for (;;) {
        const reply = await this.ask('GET', `/core/v1/organization/devices/${peer.device.id}/commands?per_page=100&page=1`, { key: this.installation.keys.organization_key });
        if (!reply || this.violation) return;
        const open = reply.json.items.filter(({ status }) => ORDER.indexOf(status) < 2 && ORDER.includes(status));
        if (!open.length) break;
        if (Date.now() > end) this.fail(`${peer.name}: command ${open[0].id} stays ${open[0].status}`);
        for (const { id } of open.filter(({ status }) => status === 'in_progress')) {
          if (peer.out.size < 8) peer.publish({ topic: `${peer.device.commandTopic}/update`, qos: 1, payload: JSON.stringify({ id, status: 'done' }) }).mayBeRefused = true;
        }
        await pause(5);
      }
    }
  }

  async checkCommands() {
    const { keys } = this.installation;
    const wanted = new Map(this.commands); // an acknowledgement that comes while pages are read is looked at next time
    for (const { id: device } of this.ids.slice(0, 2)) {
      for (let page = 1; wanted.size; page++) {
        const reply = await this.ask('GET', `/core/v1/organization/devices/${device}/commands?per_page=100&page=${page}`, { key: keys.organization_key });
        if (!reply) return;
        for (const { id, status } of reply.json.items) {
          const acknowledged = wanted.get(id);
          if (acknowledged && ORDER.indexOf(status) < ORDER.indexOf(acknowledged)) this.fail(`command ${id} is ${status} after ${acknowledged} was acknowledged`);
          wanted.delete(id);
          if (this.commands.get(id) === acknowledged) this.commands.delete(id);
        }
        if (!reply.json.has_next_page) break;
      }
    }
    if (wanted.size) this.fail(`acknowledged commands are lost: ${[...wanted.keys()].slice(0, 5)}`);
  }

  async checkConfigurations() {
    for (const [id, value] of this.configured) {
      const reply = await this.ask('GET', `/core/v1/organization/devices/${id}/config`, { key: this.installation.keys.organization_key });
      if (!reply) return;
      const now = JSON.parse(reply.text.match(/"value":(\d+)/)?.[1] ?? '0');
      if (now < value) this.fail(`the acknowledged configuration ${value} of ${id} is lost: ${reply.text}`);
    }
  }

  async checkSamples(peer) {
    const { device } = peer;
    const { keys } = this.installation;
    const reply = await this.ask('GET', `/core/v1/partner/devices/${device.id}/telemetries?limit=1000`, { key: keys.partner_key });
    const shown = await this.ask('GET', `/core/v1/partner/devices/${device.id}`, { key: keys.partner_key });
    if (!reply || !shown) return;
    const times = new Map();
    const newest = {};
    for (const { telemetries } of reply.json) {
      for (const [name, value] of Object.entries(telemetries)) {
        if (name !== 'pad') {
          newest[name] ??= value;
          times.set(value + (name === 'h' ? 0.5 : 0), (times.get(value + (name === 'h' ? 0.5 : 0)) ?? 0) + 1);
        }
      }
    }
    for (const number of device.http.keys()) if (times.get(number + 0.5) !== 1) this.fail(`${peer.name}: the acknowledged sample ${number} by HTTPS is there ${times.get(number + 0.5) ?? 0} times`);
    for (const message of this.devices.messages.values()) {
      if (message.checked || !message.settled || !message.stream.startsWith(`${peer.name}|`) || !message.topic.endsWith('/telemetry')) continue;
      const found = times.get(message.number) ?? 0;
      if (message.acknowledged && found === 0) this.fail(`${peer.name}: the acknowledged sample ${message.number} with QoS ${message.qos} is lost`);
      if (found > 1 && !message.isWill && (message.qos !== 1 || message.transmissions < 2)) this.fail(`${peer.name}: the sample ${message.number} with QoS ${message.qos} is there ${found} times`);
      message.checked = true;
    }
    for (const [name, value] of Object.entries(newest)) {
      if (shown.json.state[name] !== value) this.fail(`${peer.name}: the state says ${name} = ${shown.json.state[name]}, the newest sample ${value}`);
    }
    device.http.clear();
  }

  /** A client that comes for the first time reads what is retained. */
  async checkRetained(space, who, filter) {
    const found = new Map();
    const { to, ...fields } = who;
    const ended = await new Promise((resolve) => {
      const wire = new Wire(to, {
        packet: (packet) => {
          if (packet.cmd === 'connack') wire.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: filter, qos: 0, rh: 0 }] });
          if (packet.cmd === 'suback') wire.send({ cmd: 'pingreq' });
          if (packet.cmd === 'publish' && packet.retain) found.set(packet.topic, space.decode(packet.payload.toString('latin1')));
          if (packet.cmd === 'pingresp') {
            wire.drop();
            resolve(true);
          }
        },
        close: () => resolve(false),
      });
      wire.send({ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 5, clean: true, keepalive: 60, ...fields });
    });
    if (!ended) return;
    const match = new RegExp(`^${filter.replace('+', '[^/]+').replace('#', '.*')}$`);
    for (const peer of space.peers) {
      for (const [topic, ops] of peer.retainedOps) {
        if (!match.test(topic)) continue;
        const last = ops.findLastIndex((op) => op.acknowledged);
        // One with QoS 1 that was sent again took effect again, perhaps after a later one with QoS 2; also if its publisher
        // gave it up before the answer came.
        // It stays what is retained until the next one.
        const again = ops.slice(0, Math.max(last, 0)).filter((op) => op.qos === 1 && op.transmissions > 1 && (!op.settled || op.settled > ops[last].sent));
        const allowed = [...again, ...ops.slice(Math.max(last, 0))].map((op) => (op.clear ? undefined : op.number));
        if (last < 0) allowed.push(undefined);
        if (!allowed.includes(found.get(topic))) this.fail(`retained on ${topic}: ${found.get(topic)}, not one of ${allowed.map((value) => value ?? 'nothing')}\n${JSON.stringify(ops.map((m) => ({ ...m, payload: 0 })))}\n${peer.trace.slice(-90).join('\n')}`);
        if (last > 0) ops.splice(0, last, ...again);
        found.delete(topic);
      }
    }
    for (const topic of found.keys()) if (!topic.includes('/user/w')) this.fail(`retained on ${topic}: never acknowledged or sent`);
  }

  down() {
    for (const space of this.spaces) for (const peer of space.peers) peer.down();
  }
}
