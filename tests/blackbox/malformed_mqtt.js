// Malformed MQTT, case by case: mqtt.md 2.1, 9, 11 and the MQTT standards, whose rule each case names.
//
//   name, spec   what it is; the rule
//   when         'first': sent instead of CONNECT; 'connect': is a CONNECT; 'connected': sent after a good CONNECT
//   version      5 or 4 (3.1.1) of the CONNECT, or of the session it is sent in
//   bytes        Buffer, or (device) => Buffer for packets that carry the device's { id, access_key }
//   expect       what must come, or a list of alternatives: { connack: code }, { disconnect: code }, { close: true }
//                (no byte, then the end), or an answer after which the session lives on: { suback: [codes] },
//                { puback: code }, { pubrec: code }, { pubcomp: code }, { unsuback: [codes] }, { pingresp: true }
//   half         the client ends its side behind the bytes (a packet that never becomes whole)

const MALFORMED = 0x81;
const PROTOCOL_ERROR = 0x82;
const UNSUPPORTED_VERSION = 0x84;

// ---- building bytes

const hex = (text) => Buffer.from(text.replace(/\s+/g, ''), 'hex');
const u16 = (value) => Buffer.from([value >> 8, value & 255]);
const toBuffer = (part) => (Buffer.isBuffer(part) ? part : typeof part === 'number' ? Buffer.from([part]) : hex(part));
const join = (...parts) => Buffer.concat(parts.map(toBuffer));
const text = (value) => { const bytes = Buffer.isBuffer(value) ? value : Buffer.from(value, 'utf8'); return join(u16(bytes.length), bytes); };

function varint(value) {
  const bytes = [];
  do {
    bytes.push((value % 128) | (value >= 128 ? 0x80 : 0));
    value = Math.floor(value / 128);
  } while (value > 0);
  return Buffer.from(bytes);
}

/** A packet with a true Remaining Length. */
const packet = (first, ...parts) => { const body = join(...parts); return join(first, varint(body.length), body); };
const props = (...parts) => { const body = join(...parts); return join(varint(body.length), body); };
const none = props();

const protocol = (level, name = 'MQTT') => join(text(name), level);
/** CONNECT 5.0: flags, properties, payload. */
const connect5 = (flags, properties, ...payload) => packet(0x10, protocol(5), flags, u16(600), properties, ...payload);
const connect4 = (flags, ...payload) => packet(0x10, protocol(4), flags, u16(600), ...payload);
const publish5 = (first, topic, properties, ...payload) => packet(first, text(topic), properties, ...payload);
const subscribe5 = (filter, options, properties = none) => packet(0x82, u16(1), properties, text(filter), options);

const own = (device, name) => `v1/device/${device.id}/${name}`;
const invalidUtf8 = {
  'a continuation byte alone': hex('80'),
  'an overlong slash': hex('c0af'),
  'a surrogate': hex('eda080'),
  'a character above U+10FFFF': hex('f4908080'),
  'a character cut off': hex('e282'),
  'the byte FF': hex('ff'),
};

// ---- expectations

const close = { close: true };
/** mqtt.md 2.1: CONNACK with the code or a plain close; 3.1.1 has no code for it. */
const refuse = (code) => [{ connack: code }, close];

export const cases = [];
const add = (when, version, entries) => entries.forEach(([name, spec, bytes, expect, more]) =>
  cases.push({ name, spec, when, version, bytes, expect: [expect].flat(), ...more }));

// ---- instead of CONNECT

add('first', 5, [
  ['PINGREQ', '[MQTT-3.1.0-1]', hex('c000'), refuse(PROTOCOL_ERROR)],
  ['PUBLISH', '[MQTT-3.1.0-1]', publish5(0x30, 'a', none, '78'), refuse(PROTOCOL_ERROR)],
  ['SUBSCRIBE', '[MQTT-3.1.0-1]', subscribe5('a', 0), refuse(PROTOCOL_ERROR)],
  ['UNSUBSCRIBE', '[MQTT-3.1.0-1]', packet(0xa2, u16(1), none, text('a')), refuse(PROTOCOL_ERROR)],
  ['DISCONNECT', '[MQTT-3.1.0-1]', hex('e000'), refuse(PROTOCOL_ERROR)],
  ['AUTH', '[MQTT-3.1.0-1]', packet(0xf0, 0x18, props(0x15, text('m'))), refuse(PROTOCOL_ERROR)],
  ['PUBACK', '[MQTT-3.1.0-1]', hex('40020001'), refuse(PROTOCOL_ERROR)],
  ['PUBREL', '[MQTT-3.1.0-1]', hex('62020001'), refuse(PROTOCOL_ERROR)],
  ['CONNACK', '[MQTT-3.1.0-1]', hex('2003000000'), refuse(PROTOCOL_ERROR)],
  ['SUBACK', '[MQTT-3.1.0-1]', hex('900400010000'), refuse(PROTOCOL_ERROR)],
  ['PINGRESP', '[MQTT-3.1.0-1]', hex('d000'), refuse(PROTOCOL_ERROR)],
  ['packet type 0', 'table 2-1', hex('0000'), refuse(MALFORMED)],
  ['an HTTP request', '[MQTT-2.1.3-1]', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'), refuse(MALFORMED)],
  ['a TLS ClientHello', '[MQTT-2.1.3-1]', hex('16030100050100000100'), refuse(MALFORMED)],
  ['a PROXY v2 header', '[MQTT-2.1.3-1]', hex('0d0a0d0a000d0a515549540a20110000'), refuse(MALFORMED)],
  ['text', '[MQTT-2.1.3-1]', Buffer.from('hello\r\n'), refuse(MALFORMED)],
  ['only FF', '[MQTT-2.1.3-1]', Buffer.alloc(64, 0xff), refuse(MALFORMED)],
  ['only 00', 'table 2-1', Buffer.alloc(64), refuse(MALFORMED)],
  ...[1, 2, 4, 8].map((flags) => [`CONNECT with reserved flag ${flags}`, '[MQTT-2.1.3-1]',
    join(0x10 | flags, connect5(0x02, none, text('')).subarray(1)), refuse(MALFORMED)]),
  ['CONNECT, Remaining Length of five bytes', '[MQTT-1.5.5-1]', hex('10 80808080 01'), refuse(MALFORMED)],
  ['CONNECT, Remaining Length only FF', '[MQTT-1.5.5-1]', hex('10 ffffffff'), refuse(MALFORMED)],
  ['CONNECT, Remaining Length not minimal', '[MQTT-1.5.5-1]', hex('10 8d00 00044d51545405020000000000'), refuse(MALFORMED)],
  ['CONNECT of 256 MiB', 'mqtt.md 9', hex('10 ffffff7f'), refuse(0x95)],
  ['CONNECT of a byte over 256 KiB', 'mqtt.md 9', join(0x10, varint(262144 - 4 + 1)), refuse(0x95)],
  ['half a CONNECT, then the end', 'section 4.8', hex('10 0d 0004 4d51'), close, { half: true }],
  ['one byte, then the end', 'section 4.8', hex('10'), close, { half: true }],
  ['nothing, then the end', 'section 4.8', Buffer.alloc(0), close, { half: true }],
]);

// ---- as CONNECT, 5.0

const goodWill = (properties, topic, payload = text('')) => join(properties, text(topic), payload);
const credentials = (device) => join(text(device.id), text(device.access_key));

add('connect', 5, [
  ['empty', 'section 3.1', hex('1000'), refuse(MALFORMED)],
  ['ends in the protocol name', 'section 3.1.2.1', packet(0x10, hex('00044d51')), refuse(MALFORMED)],
  ['ends before the protocol version', 'section 3.1.2.2', packet(0x10, text('MQTT')), refuse(MALFORMED)],
  ['ends before the connect flags', 'section 3.1.2.3', packet(0x10, protocol(5)), refuse(MALFORMED)],
  ['ends before Keep Alive', 'section 3.1.2.10', packet(0x10, protocol(5), 0x02), refuse(MALFORMED)],
  ['ends before the properties', 'section 3.1.2.11', packet(0x10, protocol(5), 0x02, u16(0)), refuse(MALFORMED)],
  ['ends before the client identifier', 'section 3.1.3.1', packet(0x10, protocol(5), 0x02, u16(0), none), refuse(MALFORMED)],
  ['client identifier longer than the packet', 'section 3.1.3.1', connect5(0x02, none, u16(9), hex('61')), refuse(MALFORMED)],
  ['protocol name MQTX', '[MQTT-3.1.2-1]', packet(0x10, protocol(5, 'MQTX'), 0x02, u16(0), none, text('')), [{ connack: UNSUPPORTED_VERSION }, { connack: 1 }, close]],
  ['protocol name mqtt', '[MQTT-3.1.2-1]', packet(0x10, protocol(5, 'mqtt'), 0x02, u16(0), none, text('')), [{ connack: UNSUPPORTED_VERSION }, { connack: 1 }, close]],
  ['protocol name empty', '[MQTT-3.1.2-1]', packet(0x10, protocol(5, ''), 0x02, u16(0), none, text('')), [{ connack: UNSUPPORTED_VERSION }, { connack: 1 }, close]],
  ['MQTT 3.1 (MQIsdp)', 'mqtt.md 2.1, 15.2', packet(0x10, protocol(3, 'MQIsdp'), 0x02, u16(0), text('c')), { connack: 1 }],
  ['protocol version 0', '[MQTT-3.1.2-2]', packet(0x10, protocol(0), 0x02, u16(0), text('c')), { connack: 1 }],
  ['protocol version 3', '[MQTT-3.1.2-2]', packet(0x10, protocol(3), 0x02, u16(0), text('c')), { connack: 1 }],
  ['protocol version 6', '[MQTT-3.1.2-2]', packet(0x10, protocol(6), 0x02, u16(0), none, text('c')), [{ connack: UNSUPPORTED_VERSION }, { connack: 1 }]],
  ['protocol version 255', '[MQTT-3.1.2-2]', packet(0x10, protocol(255), 0x02, u16(0), none, text('c')), [{ connack: UNSUPPORTED_VERSION }, { connack: 1 }]],
  ['bridge bit in the version', '[MQTT-3.1.2-2]', packet(0x10, protocol(0x84), 0x02, u16(0), text('c')), [{ connack: UNSUPPORTED_VERSION }, { connack: 1 }]],
  ['reserved connect flag', '[MQTT-3.1.2-3]', connect5(0x03, none, text('')), refuse(MALFORMED)],
  ['Will QoS without Will', '[MQTT-3.1.2-11]', connect5(0x0a, none, text('')), refuse(MALFORMED)],
  ['Will QoS 3 without Will', '[MQTT-3.1.2-11]', connect5(0x1a, none, text('')), refuse(MALFORMED)],
  ['Will Retain without Will', '[MQTT-3.1.2-13]', connect5(0x22, none, text('')), refuse(MALFORMED)],
  ['Will QoS 3', '[MQTT-3.1.2-12]', connect5(0x1e, none, text(''), goodWill(none, 'w')), refuse(MALFORMED)],
  ['Will flag without a Will', '[MQTT-3.1.2-9]', connect5(0x06, none, text('')), refuse(MALFORMED)],
  ['Will without its payload', '[MQTT-3.1.2-9]', connect5(0x06, none, text(''), none, text('w')), refuse(MALFORMED)],
  ['user name flag without a user name', '[MQTT-3.1.2-17]', connect5(0x82, none, text('')), refuse(MALFORMED)],
  ['password flag without a password', '[MQTT-3.1.2-19]', connect5(0x42, none, text('')), refuse(MALFORMED)],
  ['user name without its flag', '[MQTT-3.1.2-16]', connect5(0x02, none, text(''), text('u')), refuse(MALFORMED)],
  ['a byte too much', 'section 3.1', connect5(0x02, none, text(''), 0x00), refuse(MALFORMED)],
  ['client identifier with U+0000', '[MQTT-1.5.4-2]', connect5(0x02, none, text('a\0b')), refuse(MALFORMED)],
  ...Object.entries(invalidUtf8).map(([what, bytes]) => [`client identifier with ${what}`, '[MQTT-1.5.4-1]', connect5(0x02, none, text(bytes)), refuse(MALFORMED)]),
  ['user name not UTF-8', '[MQTT-3.1.3-12]', connect5(0x82, none, text(''), text(hex('c328'))), refuse(MALFORMED)],
  ['Will Topic not UTF-8', '[MQTT-3.1.3-11]', connect5(0x06, none, text(''), goodWill(none, hex('ff'))), refuse(MALFORMED)],
  ['Will Topic with #', 'mqtt.md 2.1', (d) => connect5(0xc6, none, text(d.id), goodWill(none, own(d, '#')), credentials(d)), { connack: 0x90 }],
  ['Will Topic with +', 'mqtt.md 2.1', (d) => connect5(0xc6, none, text(d.id), goodWill(none, own(d, '+/x')), credentials(d)), { connack: 0x90 }],
  ['Will Topic empty', 'mqtt.md 2.1', (d) => connect5(0xc6, none, text(d.id), goodWill(none, ''), credentials(d)), { connack: 0x90 }],
  ['Will Topic of another device', 'mqtt.md 2.1, 10', (d) => connect5(0xc6, none, text(d.id), goodWill(none, 'v1/device/00000000-0000-4000-8000-000000000000/telemetry'), credentials(d)), { connack: 0x87 }],
  ['property length longer than the packet', 'section 2.2.2.1', connect5(0x02, varint(100), text('')), refuse(MALFORMED)],
  ['property length not minimal', '[MQTT-1.5.5-1]', connect5(0x02, hex('8000'), text('')), refuse(MALFORMED)],
  ['property length of five bytes', '[MQTT-1.5.5-1]', connect5(0x02, hex('8080808001'), text('')), refuse(MALFORMED)],
  ['property id 0', 'table 2-4', connect5(0x02, props(0x00, 0x00), text('')), refuse(MALFORMED)],
  ['property id 4', 'table 2-4', connect5(0x02, props(0x04, 0x00), text('')), refuse(MALFORMED)],
  ['property id 0x2B', 'table 2-4', connect5(0x02, props(0x2b, 0x00), text('')), refuse(MALFORMED)],
  ['property id 0x7F', 'table 2-4', connect5(0x02, props(0x7f, 0x00), text('')), refuse(MALFORMED)],
  ['property id of two bytes', 'table 2-4', connect5(0x02, props(0x91, 0x01, hex('00000001')), text('')), refuse(MALFORMED)],
  ['a property cut off by the property length', 'section 2.2.2', connect5(0x02, props(0x11, hex('0000')), text('')), refuse(MALFORMED)],
  ['Topic Alias in CONNECT', 'section 2.2.2.2', connect5(0x02, props(0x23, u16(1)), text('')), refuse(MALFORMED)],
  ['Server Keep Alive in CONNECT', 'section 2.2.2.2', connect5(0x02, props(0x13, u16(1)), text('')), refuse(MALFORMED)],
  ['Will Delay among the CONNECT properties', 'section 2.2.2.2', connect5(0x02, props(0x18, hex('00000001')), text('')), refuse(MALFORMED)],
  ['Reason String in CONNECT', 'section 2.2.2.2', connect5(0x02, props(0x1f, text('x')), text('')), refuse(MALFORMED)],
  ['Session Expiry among the Will properties', 'section 2.2.2.2', connect5(0x06, none, text(''), goodWill(props(0x11, hex('00000001')), 'w')), refuse(MALFORMED)],
  ['Session Expiry twice', 'section 3.1.2.11.2', connect5(0x02, props(0x11, hex('00000001'), 0x11, hex('00000001')), text('')), refuse(PROTOCOL_ERROR)],
  ['Receive Maximum twice', 'section 3.1.2.11.3', connect5(0x02, props(0x21, u16(5), 0x21, u16(5)), text('')), refuse(PROTOCOL_ERROR)],
  ['Receive Maximum 0', 'section 3.1.2.11.3', connect5(0x02, props(0x21, u16(0)), text('')), refuse(PROTOCOL_ERROR)],
  ['Maximum Packet Size 0', 'section 3.1.2.11.4', connect5(0x02, props(0x27, hex('00000000')), text('')), refuse(PROTOCOL_ERROR)],
  ['Topic Alias Maximum twice', 'section 3.1.2.11.5', connect5(0x02, props(0x22, u16(1), 0x22, u16(1)), text('')), refuse(PROTOCOL_ERROR)],
  ['Request Response Information 2', 'section 3.1.2.11.6', connect5(0x02, props(0x19, 0x02), text('')), refuse(PROTOCOL_ERROR)],
  ['Request Problem Information 2', 'section 3.1.2.11.7', connect5(0x02, props(0x17, 0x02), text('')), refuse(PROTOCOL_ERROR)],
  ['Request Problem Information twice', 'section 3.1.2.11.7', connect5(0x02, props(0x17, 0x01, 0x17, 0x01), text('')), refuse(PROTOCOL_ERROR)],
  ['user property without its value', '[MQTT-1.5.7-1]', connect5(0x02, props(0x26, text('k')), text('')), refuse(MALFORMED)],
  ['user property not UTF-8', '[MQTT-1.5.7-1]', connect5(0x02, props(0x26, text('k'), text(hex('ff'))), text('')), refuse(MALFORMED)],
  ['user property name with U+0000', '[MQTT-1.5.4-2]', connect5(0x02, props(0x26, text('\0'), text('v')), text('')), refuse(MALFORMED)],
  ['Authentication Data without a method', 'section 3.1.2.11.10', connect5(0x02, props(0x16, text('x')), text('')), refuse(PROTOCOL_ERROR)],
  ['Authentication Method twice', 'section 3.1.2.11.9', connect5(0x02, props(0x15, text('m'), 0x15, text('m')), text('')), refuse(PROTOCOL_ERROR)],
  ['an Authentication Method, right credentials', 'mqtt.md 2.1', (d) => connect5(0xc2, props(0x15, text('SCRAM-SHA-1')), text(d.id), credentials(d)), { connack: 0x8c }],
  ['Will payload format 2', 'section 3.1.3.2.3', connect5(0x06, none, text(''), goodWill(props(0x01, 0x02), 'w')), refuse(PROTOCOL_ERROR)],
  ['Will Delay twice', 'section 3.1.3.2.2', connect5(0x06, none, text(''), goodWill(props(0x18, hex('00000001'), 0x18, hex('00000001')), 'w')), refuse(PROTOCOL_ERROR)],
  ['Will Response Topic with a wildcard', '[MQTT-3.3.2-14]', connect5(0x06, none, text(''), goodWill(props(0x08, text('a/#')), 'w')), refuse(PROTOCOL_ERROR)],
  ['no credentials', 'mqtt.md 2.1', connect5(0x02, none, text('')), { connack: 0x86 }],
  ['a user name alone', 'mqtt.md 2.1', (d) => connect5(0x82, none, text(d.id), text(d.id)), { connack: 0x86 }],
  ['a password alone', 'mqtt.md 2.1', (d) => connect5(0x42, none, text(d.id), text(d.access_key)), { connack: 0x86 }],
  ['an empty password', 'mqtt.md 2.1', (d) => connect5(0xc2, none, text(d.id), text(d.id), text('')), { connack: 0x86 }],
  ['a wrong password of 65,535 bytes', 'mqtt.md 2.1', (d) => connect5(0xc2, none, text(d.id), text(d.id), text(Buffer.alloc(65535, 0x78))), { connack: 0x86 }],
  ['a user name of 65,535 bytes', 'mqtt.md 2.1', connect5(0xc2, none, text('c'), text(Buffer.alloc(65535, 0x78)), text('x')), { connack: 0x86 }],
  ['a foreign client identifier', 'mqtt.md 2.1', (d) => connect5(0xc2, none, text('other'), credentials(d)), { connack: 0x85 }],
]);

// ---- as CONNECT, 3.1.1: a malformed one is closed without CONNACK

add('connect', 4, [
  ['3.1.1: ends before the client identifier', 'section 3.1.3', packet(0x10, protocol(4), 0x02, u16(0)), close],
  ['3.1.1: reserved connect flag', '[MQTT-3.1.2-3]', connect4(0x03, text('c')), close],
  ['3.1.1: password without user name', '[MQTT-3.1.2-22]', connect4(0x42, text('c'), text('p')), close],
  ['3.1.1: Will QoS 3', '[MQTT-3.1.2-14]', connect4(0x1e, text('c'), text('w'), text('')), close],
  ['3.1.1: Will QoS without Will', '[MQTT-3.1.2-13]', connect4(0x0a, text('c')), close],
  ['3.1.1: Will Retain without Will', '[MQTT-3.1.2-15]', connect4(0x22, text('c')), close],
  ['3.1.1: a byte too much', 'section 3.1.3', connect4(0x02, text('c'), 0x00), close],
  ['3.1.1: properties as in 5.0', 'section 3.1.3', connect4(0x02, none, text('c')), close],
  ['3.1.1: client identifier with U+0000', '[MQTT-1.5.3-2]', connect4(0x02, text('\0')), close],
  ['3.1.1: client identifier not UTF-8', '[MQTT-1.5.3-1]', connect4(0x02, text(hex('ff'))), close],
  ['3.1.1: empty client identifier with Clean Session 0', '[MQTT-3.1.3-8]', connect4(0x00, text('')), { connack: 2 }],
  ['3.1.1: no credentials', 'mqtt.md 2.1', connect4(0x02, text('c')), { connack: 4 }],
  ['3.1.1: wrong password', 'mqtt.md 2.1', (d) => connect4(0xc2, text(d.id), text(d.id), text('x')), { connack: 4 }],
  ['3.1.1: a foreign client identifier', 'mqtt.md 2.1', (d) => connect4(0xc2, text('other'), credentials(d)), { connack: 2 }],
  ['3.1.1: Will Topic of another device', 'mqtt.md 2.1', (d) => connect4(0xc6, text(d.id), text('v1/device/x/telemetry'), text(''), credentials(d)), { connack: 5 }],
]);

// ---- in a 5.0 session

const disconnect = (code) => ({ disconnect: code });
const malformed = disconnect(MALFORMED);
const protocolError = disconnect(PROTOCOL_ERROR);

add('connected', 5, [
  ['packet type 0', 'table 2-1', hex('0000'), malformed],
  ['a second CONNECT', '[MQTT-3.1.0-2]', connect5(0x02, none, text('')), protocolError],
  ['CONNACK from the client', 'section 3.2', hex('2003000000'), protocolError],
  ['SUBACK from the client', 'section 3.9', hex('900400010000'), protocolError],
  ['UNSUBACK from the client', 'section 3.11', hex('b00400010000'), protocolError],
  ['PINGRESP from the client', 'section 3.13', hex('d000'), protocolError],
  ['AUTH without an authentication', 'section 4.12', packet(0xf0, 0x19, props(0x15, text('m'))), [protocolError, disconnect(0x8c)]],
  ['AUTH without its method', 'section 3.15.2.2.2', packet(0xf0, 0x18, none), protocolError],
  ['PINGREQ with a body', 'section 3.12', hex('c00100'), malformed],
  ['PINGREQ with reserved flags', '[MQTT-2.1.3-1]', hex('c100'), malformed],
  ['PUBACK with reserved flags', '[MQTT-2.1.3-1]', hex('41020001'), malformed],
  ['PUBREC with reserved flags', '[MQTT-2.1.3-1]', hex('52020001'), malformed],
  ['PUBREL without its flags', '[MQTT-3.6.1-1]', hex('60020001'), malformed],
  ['PUBCOMP with reserved flags', '[MQTT-2.1.3-1]', hex('78020001'), malformed],
  ['SUBSCRIBE without its flags', '[MQTT-3.8.1-1]', join(0x80, subscribe5('a', 0).subarray(1)), malformed],
  ['UNSUBSCRIBE without its flags', '[MQTT-3.10.1-1]', packet(0xa0, u16(1), none, text('a')), malformed],
  ['DISCONNECT with reserved flags', '[MQTT-3.14.1-1]', hex('e200'), malformed],
  ['Remaining Length of five bytes', '[MQTT-1.5.5-1]', hex('30 8080808001'), malformed],
  ['Remaining Length not minimal', '[MQTT-1.5.5-1]', hex('c0 8000'), malformed],
  ['a packet of 256 MiB', 'mqtt.md 9', hex('30 ffffff7f'), disconnect(0x95)],
  ['a packet of a byte over 256 KiB', 'mqtt.md 9', join(0x30, varint(262144 - 4 + 1)), disconnect(0x95)],

  ['PUBLISH empty', 'section 3.3', hex('3000'), malformed],
  ['PUBLISH with QoS 3', '[MQTT-3.3.1-4]', (d) => publish5(0x36, own(d, 'telemetry'), u16(1), none), malformed],
  ['PUBLISH with DUP and QoS 0', '[MQTT-3.3.1-2]', (d) => publish5(0x38, own(d, 'telemetry'), none), malformed],
  ['PUBLISH, topic longer than the packet', 'section 3.3.2.1', packet(0x30, u16(100), hex('61')), malformed],
  ['PUBLISH, no packet identifier', 'section 3.3.2.2', packet(0x32, text('a')), malformed],
  ['PUBLISH, packet identifier 0', '[MQTT-2.2.1-3]', (d) => packet(0x32, text(own(d, 'telemetry')), u16(0), none), protocolError],
  ['PUBLISH, no property length', 'section 3.3.2.3', packet(0x30, text('a')), malformed],
  ['PUBLISH, property length past the end', 'section 3.3.2.3.1', packet(0x30, text('a'), 0x05), malformed],
  ['PUBLISH, topic empty without alias', 'section 3.3.2.1', publish5(0x30, '', none), protocolError],
  ['PUBLISH, topic with +', '[MQTT-3.3.2-2]', (d) => publish5(0x30, own(d, '+'), none), disconnect(0x90)],
  ['PUBLISH, topic with #', '[MQTT-3.3.2-2]', (d) => publish5(0x30, own(d, '#'), none), disconnect(0x90)],
  ['PUBLISH, topic with U+0000', '[MQTT-1.5.4-2]', (d) => publish5(0x30, own(d, 'a\0'), none), malformed],
  ...Object.entries(invalidUtf8).map(([what, bytes]) => [`PUBLISH, topic with ${what}`, '[MQTT-3.3.2-1]', publish5(0x30, bytes, none), malformed]),
  ['PUBLISH, topic alias 0', '[MQTT-3.3.2-8]', (d) => publish5(0x30, own(d, 'telemetry'), props(0x23, u16(0))), disconnect(0x94)],
  ['PUBLISH, topic alias over the maximum', '[MQTT-3.3.2-9]', (d) => publish5(0x30, own(d, 'telemetry'), props(0x23, u16(65535))), disconnect(0x94)],
  ['PUBLISH, topic alias never set', 'section 3.3.2.3.4', publish5(0x30, '', props(0x23, u16(65535))), [disconnect(0x94), protocolError]],
  ['PUBLISH, topic alias twice', 'section 3.3.2.3.4', (d) => publish5(0x30, own(d, 'telemetry'), props(0x23, u16(1), 0x23, u16(1))), protocolError],
  ['PUBLISH with a subscription identifier', '[MQTT-3.3.4-6]', (d) => publish5(0x30, own(d, 'telemetry'), props(0x0b, 0x01)), protocolError],
  ['PUBLISH, payload format 2', 'section 3.3.2.3.2', (d) => publish5(0x30, own(d, 'telemetry'), props(0x01, 0x02)), protocolError],
  ['PUBLISH, payload format twice', 'section 3.3.2.3.2', (d) => publish5(0x30, own(d, 'telemetry'), props(0x01, 0x01, 0x01, 0x01)), protocolError],
  ['PUBLISH, message expiry twice', 'section 3.3.2.3.3', (d) => publish5(0x30, own(d, 'telemetry'), props(0x02, hex('00000001'), 0x02, hex('00000001'))), protocolError],
  ['PUBLISH, response topic with a wildcard', '[MQTT-3.3.2-14]', (d) => publish5(0x30, own(d, 'telemetry'), props(0x08, text('a/+'))), protocolError],
  ['PUBLISH, response topic not UTF-8', '[MQTT-3.3.2-13]', (d) => publish5(0x30, own(d, 'telemetry'), props(0x08, text(hex('ff')))), malformed],
  ['PUBLISH, content type not UTF-8', '[MQTT-3.3.2-19]', (d) => publish5(0x30, own(d, 'telemetry'), props(0x03, text(hex('ff')))), malformed],
  ['PUBLISH, user property cut off', 'section 3.3.2.3.7', (d) => publish5(0x30, own(d, 'telemetry'), props(0x26, text('k'), u16(5))), malformed],
  ['PUBLISH with a Reason String', 'section 2.2.2.2', (d) => publish5(0x30, own(d, 'telemetry'), props(0x1f, text('x'))), malformed],
  ['PUBLISH with a Session Expiry', 'section 2.2.2.2', (d) => publish5(0x30, own(d, 'telemetry'), props(0x11, hex('00000001'))), malformed],
  ['PUBLISH, unknown property', 'table 2-4', (d) => publish5(0x30, own(d, 'telemetry'), props(0x7e, 0x00)), malformed],

  ['PUBACK empty', 'section 3.4', hex('4000'), malformed],
  ['PUBACK, packet identifier 0', '[MQTT-2.2.1-4]', hex('40020000'), protocolError],
  ['PUBACK, code of another packet', '[MQTT-3.4.2-1]', hex('4003000192'), protocolError],
  ['PUBACK, bytes behind the properties', 'section 3.4', hex('400500010000ff'), malformed],
  ['PUBACK with a foreign property', 'section 2.2.2.2', packet(0x40, u16(1), 0x00, props(0x23, u16(1))), malformed],
  ['PUBACK, Reason String twice', 'section 3.4.2.2.2', packet(0x40, u16(1), 0x00, props(0x1f, text('a'), 0x1f, text('a'))), protocolError],
  ['PUBREC, code of another packet', '[MQTT-3.5.2-1]', hex('5003000101'), protocolError],
  ['PUBREL, code of another packet', '[MQTT-3.6.2-1]', hex('6203000187'), protocolError],
  ['PUBCOMP, code of another packet', '[MQTT-3.7.2-1]', hex('7003000110'), protocolError],

  ['SUBSCRIBE without filters', '[MQTT-3.8.3-2]', packet(0x82, u16(1), none), protocolError],
  ['SUBSCRIBE, packet identifier 0', '[MQTT-2.2.1-3]', packet(0x82, u16(0), none, text('a'), 0x00), protocolError],
  ['SUBSCRIBE, options missing', 'section 3.8.3', packet(0x82, u16(1), none, text('a')), malformed],
  ['SUBSCRIBE, filter longer than the packet', 'section 3.8.3', packet(0x82, u16(1), none, u16(50), hex('61')), malformed],
  ['SUBSCRIBE, filter not UTF-8', '[MQTT-3.8.3-1]', subscribe5(hex('c0'), 0), malformed],
  ['SUBSCRIBE, filter with U+0000', '[MQTT-1.5.4-2]', subscribe5('a\0', 0), malformed],
  ['SUBSCRIBE, Maximum QoS 3', 'section 3.8.3.1', subscribe5('a', 0x03), protocolError],
  ['SUBSCRIBE, Retain Handling 3', 'section 3.8.3.1', subscribe5('a', 0x30), protocolError],
  ['SUBSCRIBE, reserved option 0x40', '[MQTT-3.8.3-5]', subscribe5('a', 0x40), malformed],
  ['SUBSCRIBE, reserved option 0x80', '[MQTT-3.8.3-5]', subscribe5('a', 0x80), malformed],
  ['SUBSCRIBE, No Local on a shared subscription', '[MQTT-3.8.3-4]', (d) => subscribe5(`$share/g/${own(d, 'telemetry')}`, 0x04), protocolError],
  ['SUBSCRIBE, subscription identifier 0', 'section 3.8.2.1.2', subscribe5('a', 0, props(0x0b, 0x00)), protocolError],
  ['SUBSCRIBE, subscription identifier twice', 'section 3.8.2.1.2', subscribe5('a', 0, props(0x0b, 0x01, 0x0b, 0x02)), protocolError],
  ['SUBSCRIBE, subscription identifier of five bytes', '[MQTT-1.5.5-1]', subscribe5('a', 0, props(0x0b, hex('8080808001'))), malformed],
  ['SUBSCRIBE with a foreign property', 'section 2.2.2.2', subscribe5('a', 0, props(0x23, u16(1))), malformed],
  ['UNSUBSCRIBE without filters', '[MQTT-3.10.3-2]', packet(0xa2, u16(1), none), protocolError],
  ['UNSUBSCRIBE, packet identifier 0', '[MQTT-2.2.1-3]', packet(0xa2, u16(0), none, text('a')), protocolError],
  ['UNSUBSCRIBE, filter not UTF-8', '[MQTT-3.10.3-1]', packet(0xa2, u16(1), none, text(hex('ff'))), malformed],
  ['UNSUBSCRIBE, filter cut off', 'section 3.10.3', packet(0xa2, u16(1), none, u16(4), hex('61')), malformed],
  ['UNSUBSCRIBE with a subscription identifier', 'section 2.2.2.2', packet(0xa2, u16(1), props(0x0b, 0x01), text('a')), malformed],
  ['DISCONNECT, code of the server', '[MQTT-3.14.2-1]', hex('e0018b'), protocolError],
  ['DISCONNECT, unknown code', '[MQTT-3.14.2-1]', hex('e00101'), protocolError],
  ['DISCONNECT, bytes behind the properties', 'section 3.14', hex('e003000000'), malformed],
  ['DISCONNECT, Session Expiry twice', 'section 3.14.2.2.2', packet(0xe0, 0x00, props(0x11, hex('00000000'), 0x11, hex('00000000'))), protocolError],
  ['DISCONNECT, Session Expiry after 0 in CONNECT', 'section 3.14.2.2.2', packet(0xe0, 0x00, props(0x11, hex('00000001'))), protocolError],
  ['half a packet, then the end', 'section 4.8', hex('30 20 0001'), close, { half: true }],

  // Wrong, but not a reason to end the session.
  ['SUBSCRIBE to nothing', 'mqtt.md 11', subscribe5('', 0), { suback: [0x8f] }],
  ['SUBSCRIBE, # in the middle', 'mqtt.md 11, [MQTT-4.7.1-1]', (d) => subscribe5(own(d, '#/x'), 0), { suback: [0x8f] }],
  ['SUBSCRIBE, # in a level', 'mqtt.md 11, [MQTT-4.7.1-1]', (d) => subscribe5(own(d, 'x#'), 0), { suback: [0x8f] }],
  ['SUBSCRIBE, + in a level', 'mqtt.md 11, [MQTT-4.7.1-2]', (d) => subscribe5(own(d, 'x+/y'), 0), { suback: [0x8f] }],
  ['SUBSCRIBE, filter of 600 bytes', 'mqtt.md 9', (d) => subscribe5(own(d, 'x'.repeat(560)), 0), { suback: [0x8f] }],
  ['SUBSCRIBE, filter of 20 levels', 'mqtt.md 9', (d) => subscribe5(own(d, 'x' + '/y'.repeat(16)), 0), { suback: [0x8f] }],
  ['SUBSCRIBE, share name missing', '[MQTT-4.8.2-1]', (d) => subscribe5(`$share//${own(d, 'telemetry')}`, 0), { suback: [0x8f] }],
  ['SUBSCRIBE, share name with a wildcard', '[MQTT-4.8.2-2]', (d) => subscribe5(`$share/+/${own(d, 'telemetry')}`, 0), { suback: [0x8f] }],
  ['SUBSCRIBE, one good and one bad filter', 'mqtt.md 10.1', (d) => packet(0x82, u16(1), none, text(own(d, 'config')), 0x01, text(own(d, 'a#')), 0x01), { suback: [0x01, 0x8f] }],
  ['SUBSCRIBE to another device', 'mqtt.md 10', subscribe5('v1/device/00000000-0000-4000-8000-000000000000/config', 0), { suback: [0x87] }],
  ['SUBSCRIBE to everything', 'mqtt.md 10.2', subscribe5('#', 0), { suback: [0x87] }],
  ['UNSUBSCRIBE from what was never subscribed', 'mqtt.md 11', (d) => packet(0xa2, u16(1), none, text(own(d, 'config'))), { unsuback: [0x11] }],
  ['PUBLISH to another device', 'mqtt.md 10.1', packet(0x32, text('v1/device/00000000-0000-4000-8000-000000000000/telemetry'), u16(1), none, hex('7b7d')), { puback: 0x87 }],
  ['PUBLISH, topic of 600 bytes', 'mqtt.md 9', (d) => packet(0x32, text(own(d, 'x'.repeat(560))), u16(1), none), { puback: 0x90 }],
  ['PUBLISH, topic of 20 levels', 'mqtt.md 9', (d) => packet(0x32, text(own(d, 'x' + '/y'.repeat(16))), u16(1), none), { puback: 0x90 }],
  ['PUBLISH, telemetry that is no JSON', 'mqtt.md 6', (d) => packet(0x32, text(own(d, 'telemetry')), u16(1), none, hex('7b')), { puback: 0x99 }],
  ['PUBLISH, telemetry that is no JSON, QoS 2', 'mqtt.md 6', (d) => packet(0x34, text(own(d, 'telemetry')), u16(1), none, hex('ff')), { pubrec: 0x99 }],
  ['PUBLISH, user property of another device', 'mqtt.md 6', (d) => packet(0x32, text(own(d, 'telemetry')), u16(1), props(0x26, text('device_id'), text('x')), hex('7b7d')), { puback: 0x87 }],
  ['PUBREL of an unknown packet identifier', 'mqtt.md 11', hex('62020777'), { pubcomp: 0x92 }],
]);

// ---- in a 3.1.1 session: always a plain close

add('connected', 4, [
  ['3.1.1: AUTH', 'section 2.2.1', hex('f000'), close],
  ['3.1.1: a second CONNECT', '[MQTT-3.1.0-2]', connect4(0x02, text('')), close],
  ['3.1.1: CONNACK from the client', 'section 3.2', hex('20020000'), close],
  ['3.1.1: PUBLISH with QoS 3', '[MQTT-3.3.1-4]', packet(0x36, text('a'), u16(1)), close],
  ['3.1.1: PUBLISH with DUP and QoS 0', '[MQTT-3.3.1-2]', packet(0x38, text('a')), close],
  ['3.1.1: PUBLISH, packet identifier 0', '[MQTT-2.3.1-1]', (d) => packet(0x32, text(own(d, 'telemetry')), u16(0)), close],
  ['3.1.1: PUBLISH, topic empty', '[MQTT-4.7.3-1]', packet(0x30, text('')), close],
  ['3.1.1: PUBLISH, topic with #', '[MQTT-3.3.2-2]', packet(0x30, text('a/#')), close],
  ['3.1.1: PUBLISH, topic with U+0000', '[MQTT-1.5.3-2]', packet(0x30, text('a\0')), close],
  ['3.1.1: PUBLISH, topic not UTF-8', '[MQTT-1.5.3-1]', packet(0x30, text(hex('eda080'))), close],
  ['3.1.1: PUBACK with a reason code', 'section 3.4', hex('4003000100'), close],
  ['3.1.1: PUBACK, packet identifier 0', 'section 3.4', hex('40020000'), close],
  ['3.1.1: PUBREL without its flags', '[MQTT-3.6.1-1]', hex('60020001'), close],
  ['3.1.1: SUBSCRIBE without filters', '[MQTT-3.8.3-3]', packet(0x82, u16(1)), close],
  ['3.1.1: SUBSCRIBE with No Local', '[MQTT-3-8.3-4]', packet(0x82, u16(1), text('a'), 0x04), close],
  ['3.1.1: SUBSCRIBE with QoS 3', '[MQTT-3-8.3-4]', packet(0x82, u16(1), text('a'), 0x03), close],
  ['3.1.1: UNSUBSCRIBE without filters', '[MQTT-3.10.3-2]', packet(0xa2, u16(1)), close],
  ['3.1.1: PINGREQ with a body', 'section 3.12', hex('c00100'), close],
  ['3.1.1: DISCONNECT with a reason code', 'section 3.14', hex('e00100'), close],
  ['3.1.1: DISCONNECT with reserved flags', '[MQTT-3.14.1-1]', hex('e100'), close],
  ['3.1.1: a packet of 256 MiB', 'mqtt.md 9', hex('30 ffffff7f'), close],
  ['3.1.1: SUBSCRIBE, # in the middle', 'mqtt.md 10.1', (d) => packet(0x82, u16(1), text(own(d, '#/x')), 0x00), { suback: [0x80] }],
  ['3.1.1: SUBSCRIBE to another device', 'mqtt.md 10.1', packet(0x82, u16(1), text('v1/device/x/config'), 0x00), { suback: [0x80] }],
  ['3.1.1: PUBLISH, telemetry that is no JSON', 'mqtt.md 6', (d) => packet(0x32, text(own(d, 'telemetry')), u16(1), hex('7b')), { puback: 0 }],
]);

/** A right CONNECT of a device, for the cases that need a session. */
export function goodConnect(device, version) {
  return version === 5 ? connect5(0xc2, none, text(device.id), credentials(device)) : connect4(0xc2, text(device.id), credentials(device));
}
