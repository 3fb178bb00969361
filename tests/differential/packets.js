// Random MQTT packets in the form of the npm package mqtt-packet, and the canonical form in which packets of that
// library and of codec_tool are compared.

// mulberry32: small, seeded, the same everywhere.
export function random(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  };
  const below = (limit) => next() % limit;
  const coin = () => below(2) === 1;
  const pick = (list) => list[below(list.length)];
  return { next, below, coin, pick };
}

const LETTERS = ['a', 'b', 'Z', '/', '0', ' ', 'ä', '€', '😀', '$'];

export function makeGenerator(seed) {
  const r = random(seed);
  const text = (min = 0, max = 8) => Array.from({ length: min + r.below(max - min + 1) }, () => r.pick(LETTERS)).join('');
  const bytes = (max = 20) => Buffer.from(Array.from({ length: r.below(max + 1) }, () => r.below(256)));
  const u16 = () => 1 + r.below(65535);
  const u32 = () => r.next();

  // Values are not empty: the library loses a second value behind an empty one.
  const userProperties = () => {
    const properties = Object.create(null);
    for (let n = r.below(4); n > 0; n--) {
      properties[`k${text(0, 4)}`] = r.coin() ? text(1) : [text(1), text(1)];
    }
    return Object.keys(properties).length ? properties : undefined;
  };

  // Each entry is in or out by chance; undefined values go.
  const some = (entries) => {
    const chosen = Object.entries(entries).filter(([, value]) => value !== undefined && r.coin());
    return Object.fromEntries(chosen);
  };
  const message = () => ({
    payloadFormatIndicator: r.coin(), messageExpiryInterval: u32(), contentType: text(), responseTopic: text(1),
    correlationData: bytes(), userProperties: userProperties(),
  });
  const reasons = () => ({ reasonString: text(), userProperties: userProperties() });
  const auth = () => (r.coin() ? {} : { authenticationMethod: text(), ...(r.coin() ? { authenticationData: bytes() } : {}) });

  function connect(v5) {
    const packet = {
      cmd: 'connect', protocolId: 'MQTT', protocolVersion: v5 ? 5 : 4, clean: r.coin(), keepalive: r.below(65536),
      clientId: text(1),
    };
    if (r.coin()) {
      packet.will = { topic: text(1), payload: bytes(), qos: r.below(3), retain: r.coin() };
      if (v5) packet.will.properties = { ...some(message()), ...some({ willDelayInterval: u32() }) };
    }
    if (r.coin()) {
      packet.username = text();
      if (r.coin()) packet.password = bytes();
    }
    if (v5) {
      packet.properties = {
        ...some({
          sessionExpiryInterval: u32(), receiveMaximum: u16(), maximumPacketSize: 1 + r.below(1 << 28),
          topicAliasMaximum: r.below(65536), requestResponseInformation: r.coin(), requestProblemInformation: r.coin(),
          userProperties: userProperties(),
        }),
        ...auth(),
      };
    }
    return packet;
  }

  function connack(v5) {
    const refused = r.coin();
    if (!v5) return { cmd: 'connack', sessionPresent: !refused && r.coin(), returnCode: refused ? 1 + r.below(5) : 0 };
    return {
      cmd: 'connack', sessionPresent: !refused && r.coin(), reasonCode: refused ? r.pick([0x80, 0x84, 0x86, 0x87, 0x9f]) : 0,
      properties: {
        ...some({
          sessionExpiryInterval: u32(), receiveMaximum: u16(), maximumQoS: r.below(2), retainAvailable: r.coin(),
          maximumPacketSize: 1 + r.below(1 << 28), assignedClientIdentifier: text(), topicAliasMaximum: r.below(65536),
          wildcardSubscriptionAvailable: r.coin(), subscriptionIdentifiersAvailable: r.coin(),
          sharedSubscriptionAvailable: r.coin(), serverKeepAlive: r.below(65536), responseInformation: text(),
          serverReference: text(), ...reasons(),
        }),
        ...auth(),
      },
    };
  }

  function publish(v5) {
    const qos = r.below(3);
    const packet = { cmd: 'publish', topic: text(1), payload: bytes(r.below(20) ? 40 : 20000), qos, dup: qos > 0 && r.coin(), retain: r.coin() };
    if (qos > 0) packet.messageId = u16();
    if (v5) {
      const ids = Array.from({ length: r.below(3) }, () => 1 + r.below(r.coin() ? 200 : 268435455));
      packet.properties = some({ ...message(), topicAlias: u16(), subscriptionIdentifier: ids.length ? ids : undefined });
      if (packet.properties.topicAlias && r.coin()) packet.topic = '';
    }
    return packet;
  }

  function confirmation(cmd, codes) {
    return (v5) => ({ cmd, messageId: u16(), ...(v5 ? { reasonCode: r.coin() ? 0 : r.pick(codes), properties: some(reasons()) } : {}) });
  }

  function subscribe(v5) {
    const subscriptions = Array.from({ length: 1 + r.below(5) }, () => {
      const topic = r.coin() ? text(1) : `$share/g/${text(1)}`;
      return {
        topic, qos: r.below(3),
        ...(v5 ? { nl: !topic.startsWith('$share/') && r.coin(), rap: r.coin(), rh: r.below(3) } : {}),
      };
    });
    const packet = { cmd: 'subscribe', messageId: u16(), subscriptions };
    if (v5) packet.properties = some({ subscriptionIdentifier: 1 + r.below(268435455), userProperties: userProperties() });
    return packet;
  }

  function unsubscribe(v5) {
    const packet = { cmd: 'unsubscribe', messageId: u16(), unsubscriptions: Array.from({ length: 1 + r.below(5) }, () => text(1)) };
    if (v5) packet.properties = some({ userProperties: userProperties() });
    return packet;
  }

  const list = (codes) => Array.from({ length: 1 + r.below(5) }, () => r.pick(codes));
  const suback = (v5) => ({
    cmd: 'suback', messageId: u16(), granted: list(v5 ? [0, 1, 2, 0x80, 0x87, 0x8f, 0x97] : [0, 1, 2, 0x80]),
    ...(v5 ? { properties: some(reasons()) } : {}),
  });
  const unsuback = (v5) => ({
    cmd: 'unsuback', messageId: u16(), ...(v5 ? { granted: list([0, 0x11, 0x80, 0x87]), properties: some(reasons()) } : {}),
  });
  const disconnect = (v5, server) => ({
    cmd: 'disconnect',
    ...(v5 ? {
      reasonCode: server ? r.pick([0, 0x82, 0x8b, 0x8e, 0x98]) : r.pick([0, 4, 0x82]),
      properties: some({ ...reasons(), ...(server ? { serverReference: text() } : { sessionExpiryInterval: u32() }) }),
    } : {}),
  });
  const authPacket = (v5, server) => ({
    cmd: 'auth', reasonCode: server ? 0x18 : r.pick([0x18, 0x19]),
    properties: { authenticationMethod: text(), ...some({ authenticationData: bytes(), ...reasons() }) },
  });
  const ping = (cmd) => () => ({ cmd });

  const PUBLISH_CODES = [0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99];
  const both = [
    publish, confirmation('puback', PUBLISH_CODES), confirmation('pubrec', PUBLISH_CODES),
    confirmation('pubrel', [0x92]), confirmation('pubcomp', [0x92]), disconnect,
  ];
  const fromClient = [connect, subscribe, unsubscribe, ping('pingreq'), ...both];
  const fromServer = [connack, suback, unsuback, ping('pingresp'), ...both];

  // One packet: { packet, version, server }. Subscription identifiers in a PUBLISH make it a server's.
  return function generate() {
    const v5 = r.coin();
    let server = r.coin();
    const make = v5 && r.below(12) === 0 ? authPacket : r.pick(server ? fromServer : fromClient);
    const packet = make(v5, server);
    if (packet.cmd === 'publish' && packet.properties?.subscriptionIdentifier) server = true;
    if (packet.cmd === 'disconnect' && !v5) server = false;
    return { packet, version: v5 ? 5 : 4, server, random: r };
  };
}

const hex = (buffer) => Buffer.from(buffer ?? []).toString('hex');

function groupUserProperties(pairs) {
  const groups = {};
  for (const [name, value] of pairs) (groups[`=${name}`] ??= []).push(value);
  return groups;
}

function canonicalProperties(properties) {
  if (!properties) return undefined;
  const out = {};
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined) continue;
    if (name === 'userProperties') {
      const pairs = Array.isArray(value) ? value
        : Object.keys(value).flatMap((key) => [value[key]].flat().map((one) => [key, one]));
      out[name] = groupUserProperties(pairs);
    } else if (name === 'subscriptionIdentifier') out[name] = [value].flat();
    else if (Buffer.isBuffer(value)) out[name] = hex(value);
    else out[name] = typeof value === 'boolean' ? Number(value) : value;
  }
  return Object.keys(out).length ? out : undefined;
}

const byType = {
  connect: (p) => ({
    protocolVersion: p.protocolVersion, clean: p.clean, keepalive: p.keepalive, clientId: p.clientId ?? '',
    will: p.will && {
      topic: p.will.topic, payload: hex(p.will.payload), qos: p.will.qos, retain: p.will.retain,
      properties: canonicalProperties(p.will.properties),
    },
    username: p.username, password: p.password && hex(p.password),
  }),
  connack: (p) => ({ sessionPresent: p.sessionPresent, reasonCode: p.reasonCode ?? p.returnCode }),
  publish: (p) => ({
    topic: p.topic, payload: hex(p.payload), qos: p.qos, dup: p.dup, retain: p.retain, messageId: p.qos > 0 ? p.messageId : undefined,
  }),
  confirmation: (p) => ({ messageId: p.messageId, reasonCode: p.reasonCode ?? 0 }),
  subscribe: (p) => ({
    messageId: p.messageId,
    subscriptions: p.subscriptions.map(({ topic, qos, nl = false, rap = false, rh = 0 }) => ({ topic, qos, nl, rap, rh })),
  }),
  unsubscribe: (p) => ({ messageId: p.messageId, unsubscriptions: p.unsubscriptions }),
  suback: (p) => ({ messageId: p.messageId, granted: p.granted ?? [] }),
  ping: () => ({}),
  end: (p) => ({ reasonCode: p.reasonCode ?? 0 }),
};
Object.assign(byType, {
  puback: byType.confirmation, pubrec: byType.confirmation, pubrel: byType.confirmation, pubcomp: byType.confirmation,
  unsuback: byType.suback, pingreq: byType.ping, pingresp: byType.ping, disconnect: byType.end, auth: byType.end,
});

// A packet of mqtt-packet in the canonical form.
export function canonical(packet) {
  return strip({ type: packet.cmd.toUpperCase(), ...byType[packet.cmd](packet), properties: canonicalProperties(packet.properties) });
}

// An answer of codec_tool in the canonical form.
export function canonicalAnswer(packet) {
  const out = { ...packet, properties: canonicalProperties(packet.properties) };
  if (out.will) out.will = { ...out.will, properties: canonicalProperties(out.will.properties) };
  return strip(out);
}

function strip(value) {
  return JSON.parse(JSON.stringify(value));
}
