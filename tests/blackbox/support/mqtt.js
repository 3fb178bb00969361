// MQTT.js with what the tests need: promises, and a log of what arrived.
import mqtt from 'mqtt';

/** URL of one of the server's MQTT doors: 'tcp', 'tls', 'ws', 'wss'. */
export function hubUrl(server, transport = 'tcp') {
  const at = (kind) => `${server[kind].host}:${server[kind].port}`;
  return { tcp: `mqtt://${at('mqtt')}`, tls: `mqtts://${at('mqtts')}`, ws: `ws://${at('http')}/mqtt`, wss: `wss://${at('https')}/mqtt` }[transport];
}

/**
 * Connects; resolves with the client after a successful CONNACK, rejects with an Error that has `.code` of the CONNACK.
 * The client gets: messages[], next(filter) (the next message that matches, also one that came already), disconnects[]
 * (reason codes of the server's DISCONNECTs) and reasons[] (their Reason Strings; a refused CONNECT's is the Error's
 * `.reason`), closed (promise).
 */
export function connect(server, options = {}) {
  const { transport = 'tcp', id, key, ...rest } = options;
  return connectUrl(hubUrl(server, transport), {
    ...(id === undefined ? {} : { clientId: id, username: id, password: key }), ...rest,
  });
}

export function connectUrl(url, options) {
  return new Promise((resolve, reject) => {
    const client = mqtt.connect(url, {
      protocolVersion: 5, reconnectPeriod: 0, connectTimeout: 90_000, rejectUnauthorized: false, clean: true, ...options,
    });
    client.messages = [];
    client.disconnects = [];
    client.reasons = [];
    const waiting = [];
    const taken = new Set();
    client.on('message', (topic, payload, packet) => {
      const message = { topic, payload: payload.toString('utf8'), packet, properties: packet.properties ?? {} };
      try { message.json = JSON.parse(message.payload); } catch { message.json = undefined; }
      client.messages.push(message);
      for (const waiter of [...waiting]) waiter();
    });
    client.next = (test, ms = 90_000) => new Promise((done, fail) => {
      const matches = typeof test === 'string' ? (message) => message.topic.endsWith(test) : test;
      let timer;
      const look = () => {
        const found = client.messages.find((message) => !taken.has(message) && matches(message));
        if (!found) return false;
        taken.add(found);
        clearTimeout(timer);
        waiting.splice(waiting.indexOf(look), 1);
        done(found);
        return true;
      };
      waiting.push(look);
      if (look()) return;
      timer = setTimeout(() => {
        waiting.splice(waiting.indexOf(look), 1);
        fail(new Error(`no message ${test}; got ${JSON.stringify(client.messages.map((m) => [m.topic, m.payload]))}`));
      }, ms);
    });
    client.on('packetreceive', (packet) => {
      if (packet.cmd === 'disconnect') {
        client.disconnects.push(packet.reasonCode);
        client.reasons.push(packet.properties?.reasonString);
      } else if (packet.cmd === 'connack') {
        client.refusal = packet.properties?.reasonString;
      }
    });
    client.closed = new Promise((done) => { client.once('close', done); });
    client.once('connect', (connack) => { client.connack = connack; resolve(client); });
    client.once('error', (error) => { client.end(true); reject(Object.assign(error, { reason: client.refusal })); });
    client.on('error', () => {});
    client.closed.then(() => reject(new Error('closed without CONNACK')));
  });
}

/** SUBSCRIBE; returns the granted reason code of each filter, also of refused ones. */
export function subscribe(client, filters, options = { qos: 1 }) {
  return new Promise((resolve, reject) => {
    const onPacket = (packet) => {
      if (packet.cmd !== 'suback') return;
      client.off('packetreceive', onPacket);
      resolve([...packet.granted]);
    };
    client.on('packetreceive', onPacket);
    client.subscribe(filters, options, (error) => { if (error && !/0x|Unspecified|authorized|reason/i.test(error.message)) reject(error); });
  });
}

/** PUBLISH at QoS 1; returns { code, reason } of the PUBACK. */
export function publish(client, topic, payload, options = {}) {
  const text = typeof payload === 'string' || Buffer.isBuffer(payload) ? payload : JSON.stringify(payload);
  return new Promise((resolve, reject) => {
    client.publish(topic, text, { qos: 1, ...options }, (error, packet) => {
      if (error) {
        if (error.code === undefined) reject(error);
        else resolve({ code: error.code, reason: error.message });
      } else {
        resolve({ code: packet?.reasonCode ?? 0 });
      }
    });
  });
}
