// One face for MQTT client libraries with codecs of their own, so that the same flows run with each:
//
//   const client = await library.open(to, { transport, id, user, key, clean, will })
//   client.present                     Session Present of the CONNACK
//   client.subscribe(filter, qos)      resolves with the granted reason code
//   client.unsubscribe(filter)
//   client.publish(topic, payload, { qos, retain })   resolves when the library says that it is done
//   client.next(test)                  the next message that ends with / satisfies `test`: { topic, payload, retain, responseTopic }
//   client.drop()                      cuts the network; client.close() says goodbye
//   client.closed                      resolves when the connection has ended
//
// `to` is { host, port } of a listener. A session that is not `clean` is kept for an hour.
import { createRequire } from 'node:module';
import net from 'node:net';
import tls from 'node:tls';
import mqtt from 'mqtt';
import { mqtt_v4, mqtt_v5 } from 'u8-mqtt/esm/node/full-v5.js';
import WebSocket from 'ws';

const mqtts = createRequire(import.meta.url)('mqtts');
const WAIT_MS = 30_000;
const KEPT_S = 3600;
const schemes = { tcp: 'mqtt', tls: 'mqtts', ws: 'ws', wss: 'wss' };
export const transports = Object.keys(schemes);

const url = (to, transport) => `${schemes[transport]}://${to.host}:${to.port}${transport.startsWith('ws') ? '/mqtt' : ''}`;

/** Messages that came, and those who wait for one. */
class Inbox {
  constructor() { this.messages = []; this.taken = new Set(); this.waiting = new Set(); }

  add(message) {
    this.messages.push(message);
    for (const look of [...this.waiting]) look();
  }

  next(test) {
    const matches = typeof test === 'string' ? ({ topic }) => topic.endsWith(test) : test;
    return new Promise((resolve, reject) => {
      let timer;
      const look = () => {
        const found = this.messages.find((message) => !this.taken.has(message) && matches(message));
        if (!found) return;
        this.taken.add(found);
        this.waiting.delete(look);
        clearTimeout(timer);
        resolve(found);
      };
      this.waiting.add(look);
      timer = setTimeout(() => {
        this.waiting.delete(look);
        reject(new Error(`no message ${test}; got ${JSON.stringify(this.messages.map(({ topic }) => topic))}`));
      }, WAIT_MS);
      look();
    });
  }
}

function face(inbox, members) {
  return { messages: inbox.messages, next: (test) => inbox.next(test), ...members };
}

/** A bare socket or WebSocket: for libraries that take one. */
async function plainStream(to, transport) {
  const stream = transport === 'tls' ? tls.connect({ ...to, rejectUnauthorized: false }) : net.connect(to);
  await new Promise((resolve, reject) => {
    stream.once(transport === 'tls' ? 'secureConnect' : 'connect', resolve);
    stream.once('error', reject);
  });
  stream.on('error', () => {});
  return stream;
}

/* ---- MQTT.js ---------------------------------------------------------------------------------------------------- */

function openMqttJs(version, to, { transport = 'tcp', id, user, key, clean = true, will }) {
  const inbox = new Inbox();
  const client = mqtt.connect(url(to, transport), {
    protocolVersion: version, reconnectPeriod: 0, connectTimeout: WAIT_MS, rejectUnauthorized: false,
    clientId: id, username: user, password: key, clean, will,
    ...(version === 5 && !clean ? { properties: { sessionExpiryInterval: KEPT_S } } : {}),
  });
  client.on('error', () => {});
  client.on('message', (topic, payload, packet) => inbox.add({
    topic, payload: payload.toString('utf8'), retain: packet.retain, responseTopic: packet.properties?.responseTopic,
  }));
  const closed = new Promise((done) => { client.once('close', done); });
  return new Promise((resolve, reject) => {
    client.once('error', reject);
    closed.then(() => reject(new Error('closed without CONNACK')));
    client.once('connect', ({ sessionPresent }) => resolve(face(inbox, {
      present: sessionPresent,
      closed,
      subscribe: async (filter, qos) => (await client.subscribeAsync(filter, { qos }))[0].qos,
      unsubscribe: (filter) => client.unsubscribeAsync(filter),
      publish: (topic, payload, { qos = 0, retain = false } = {}) => client.publishAsync(topic, payload, { qos, retain }),
      drop: () => { client.stream.destroy(); return closed; },
      close: () => client.endAsync(),
    })));
  });
}

/* ---- u8-mqtt: QoS 0 and 1 ---------------------------------------------------------------------------------------- */

async function openU8(version, to, { transport = 'tcp', id, user, key, clean = true, will }) {
  const inbox = new Inbox();
  let ended;
  const closed = new Promise((done) => { ended = done; });
  // Acknowledgements are waited for as long as the tests wait; the library forgets after five rotations.
  const client = (version === 5 ? mqtt_v5 : mqtt_v4)({ rotate: { td: WAIT_MS, n: 5 } })
    .with({ log_conn() {}, on_error() {}, on_live() {}, on_disconnect: () => ended() });
  client.on_topic('*', (packet) => inbox.add({
    topic: packet.topic, payload: packet.utf8(), retain: Boolean(packet.retain), responseTopic: packet.props?.response_topic,
  }));
  let cut;
  let leave;
  if (transport.startsWith('ws')) {
    const socket = new WebSocket(url(to, transport), ['mqtt'], { rejectUnauthorized: false });
    client.with_websock(socket);
    cut = () => socket.terminate();
    leave = () => socket.close();
  } else {
    const stream = await plainStream(to, transport);
    client.with_stream(stream);
    cut = () => stream.destroy();
    leave = () => stream.end();
  }
  const acknowledged = async ([packet, error]) => {
    if (error) throw new Error(error);
    if (Number(packet.reason ?? 0) >= 0x80) throw new Error(`reason ${packet.reason}`);
  };
  const [connack] = await client.connect({
    client_id: id, username: user, password: key, keep_alive: 60, flags: { clean_start: clean },
    ...(will ? { will: { topic: will.topic, payload: will.payload, qos: will.qos, retain: will.retain, props: {} } } : {}),
    ...(version === 5 && !clean ? { props: { session_expiry_interval: KEPT_S } } : {}),
  });
  return face(inbox, {
    present: Boolean(Number(connack.flags) & 1),
    closed,
    subscribe: async (filter, qos) => Number((await client.subscribe([[filter, { qos }]]))[0].answers[0]),
    unsubscribe: (filter) => client.unsubscribe([filter]),
    publish: async (topic, payload, { qos = 0, retain = false } = {}) => {
      if (qos > 0) await acknowledged(await client.pub({ topic, payload, qos, retain }));
      else await client._send('publish', { topic, payload, qos, retain }); // its pub() of QoS 0 fails on its own
    },
    drop: () => { cut(); return closed; },
    close: async () => { await client.disconnect(); leave(); },
  });
}

/* ---- mqtts: 3.1.1; its disconnect() closes without DISCONNECT ------------------------------------------------------------------------------------------------ */

/** Its own WebSocket transport offers no sub-protocol. */
class SubProtocol extends mqtts.Transport {
  get duplex() { return this.options.duplex; }

  reset() { this.options.socket?.terminate(); }

  connect() {
    const socket = new WebSocket(this.options.url, ['mqtt'], { rejectUnauthorized: false });
    this.options.socket = socket;
    this.options.duplex = WebSocket.createWebSocketStream(socket);
    this.options.duplex.on('error', () => {});
    return new Promise((resolve, reject) => { socket.once('open', resolve); socket.once('error', reject); });
  }
}

function openMqtts(to, { transport = 'tcp', id, user, key, clean = true, will }) {
  const inbox = new Inbox();
  const link = transport.startsWith('ws') ? new SubProtocol({ url: url(to, transport) })
    : transport === 'tls' ? new mqtts.TlsTransport({ ...to, additionalOptions: { rejectUnauthorized: false } })
      : new mqtts.TcpTransport(to);
  const client = new mqtts.MqttClient({ transport: link, autoReconnect: false });
  client.on('error', () => {});
  client.on('message', ({ topic, payload, retained }) => inbox.add({ topic, payload: payload.toString('utf8'), retain: retained }));
  const closed = new Promise((done) => { client.on('disconnect', done); });
  return new Promise((resolve, reject) => {
    client.once('error', reject);
    client.once('connect', (connack) => resolve(face(inbox, {
      present: connack.isSessionPresent ?? connack.sessionPresent,
      closed,
      subscribe: (filter, qos) => client.subscribe({ topic: filter, qosLevel: qos }),
      unsubscribe: (filter) => client.unsubscribe({ topic: filter }),
      publish: (topic, payload, { qos = 0, retain = false } = {}) => client.publish({ topic, payload, qosLevel: qos, retained: retain }),
      drop: () => { link.duplex.destroy(); return closed; },
      close: () => client.disconnect(),
    })));
    client.connect({
      clientId: id, username: user, password: key, clean, keepAlive: 60,
      ...(will ? { will: { topic: will.topic, message: will.payload, qosLevel: will.qos, retained: will.retain } } : {}),
    }).catch(reject);
  });
}

/* `levels`: QoS that it knows; `large`: bytes of a payload that it can put together again (u8-mqtt 0.6.7 loses its place in
 * a packet that comes in many parts). */
export const libraries = [
  { name: 'MQTT.js 5', version: 5, levels: [0, 1, 2], large: 200_000, open: (to, options) => openMqttJs(5, to, options) },
  { name: 'MQTT.js 3.1.1', version: 4, levels: [0, 1, 2], large: 200_000, open: (to, options) => openMqttJs(4, to, options) },
  { name: 'u8-mqtt 5', version: 5, levels: [0, 1], large: 1000, open: (to, options) => openU8(5, to, options) },
  { name: 'u8-mqtt 3.1.1', version: 4, levels: [0, 1], large: 1000, open: (to, options) => openU8(4, to, options) },
  { name: 'mqtts 3.1.1', version: 4, levels: [0, 1, 2], large: 200_000, leavesSilently: true, open: openMqtts },
];
