// Malformed HTTP, case by case: device-api.md 1.2, 1.5, 1.7 and RFC 9110/9112, whose rule each case names.
//
//   name, spec   what it is; the rule
//   request      Buffer with the bytes as sent on a plain connection
//   expect       alternatives: { status, error, close } – the body is {"error":"<error>"}; close: the server then ends
//                the connection, otherwise it must go on serving it; { closed: true } – no byte, then the end;
//                { statuses: [...] } – several replies in order
//   half         the client ends its side behind the bytes

const CRLF = '\r\n';
const bytes = (value) => (Buffer.isBuffer(value) ? value : Buffer.from(value, 'latin1'));
/** A request line and headers, as given, with the empty line behind them. */
const head = (line, ...headers) => bytes([line, ...headers, '', ''].join(CRLF));
const get = (...headers) => head('GET / HTTP/1.1', 'Host: x', ...headers);
const post = (...headers) => head('POST /v1/devices HTTP/1.1', 'Host: x', ...headers);
const join = (...parts) => Buffer.concat(parts.map(bytes));
const json = (body, ...headers) => join(post(`Content-Length: ${bytes(body).length}`, ...headers), body);
const utf8 = (text) => Buffer.from(text, 'utf8');
const chunked = (...parts) => join(post('Transfer-Encoding: chunked'), ...parts);

const bad = { status: 400, error: 'Bad request', close: true };
const closed = { closed: true };
const invalidJson = { status: 400, error: 'Invalid JSON', close: false };
const notObject = { status: 422, error: 'Body must be an object', close: false };
const unknownEndpoint = { status: 404, error: 'Unknown endpoint', close: false };
const tooLong = { status: 414, error: 'URI too long', close: true };
const headersTooLarge = { status: 431, error: 'Headers too large', close: true };
const notImplemented = { status: 501, error: 'Not implemented', close: true };
const wrongVersion = { status: 505, error: 'HTTP version not supported', close: true };
const tooLarge = { status: 413, error: 'Payload too large' }; // the connection may be kept or not
const lengthRequired = { status: 411, error: 'Length required', close: true };
const expectationFailed = { status: 417, error: 'Expectation failed', close: true };

export const cases = [];
const add = (entries) => entries.forEach(([name, spec, request, expect, more]) =>
  cases.push({ name, spec, request, expect: [expect].flat(), ...more }));

// ---- what is not HTTP at all

add([
  ['a TLS ClientHello', 'device-api.md 1.5', Buffer.from('16030100c8010000c40303', 'hex'), bad],
  ['an MQTT CONNECT', 'device-api.md 1.5', Buffer.from('100d00044d51545405020000000000', 'hex'), bad],
  ['NUL bytes', 'device-api.md 1.5', Buffer.alloc(32), bad],
  ['bytes FF', 'device-api.md 1.5', Buffer.alloc(32, 0xff), bad],
  ['a line of text', 'RFC 9112 3', 'hello' + CRLF + CRLF, bad],
  ['the HTTP/2 preface', 'RFC 9113 3.4', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', [wrongVersion, bad, notImplemented]],
  ['a reply', 'RFC 9112 3', head('HTTP/1.1 200 OK', 'Content-Length: 0'), bad],
  ['nothing, then the end', 'RFC 9112 8', '', closed, { half: true }],
  ['half a request line, then the end', 'RFC 9112 8', 'GET / HT', [closed, bad], { half: true }],
  ['half a head, then the end', 'RFC 9112 8', 'GET / HTTP/1.1\r\nHost: x\r\nA', [closed, bad], { half: true }],
  ['half a body, then the end', 'RFC 9112 8', json('{"a":1}').subarray(0, -3), [closed, bad], { half: true }],
  ['half a chunk, then the end', 'RFC 9112 8', chunked('5\r\n{}'), [closed, bad], { half: true }],
]);

// ---- request line

add([
  ['no target and no version', 'RFC 9112 3', head('GET', 'Host: x'), bad],
  ['no version (HTTP/0.9)', 'RFC 9112 3', 'GET /\r\n\r\n', bad],
  ['a blank before the method', 'RFC 9112 3', head(' GET / HTTP/1.1', 'Host: x'), bad],
  ['two blanks before the target', 'RFC 9112 3', head('GET  / HTTP/1.1', 'Host: x'), bad],
  ['two blanks before the version', 'RFC 9112 3', head('GET /  HTTP/1.1', 'Host: x'), bad],
  ['a blank behind the version', 'RFC 9112 3', head('GET / HTTP/1.1 ', 'Host: x'), bad],
  ['a tab for a blank', 'RFC 9112 3', head('GET\t/ HTTP/1.1', 'Host: x'), bad],
  ['a blank in the target', 'RFC 9112 3.2', head('GET /a b HTTP/1.1', 'Host: x'), bad],
  ['a target without a slash', 'RFC 9112 3.2', head('GET index HTTP/1.1', 'Host: x'), bad],
  ['a fragment in the target', 'RFC 9112 3.2', head('GET /#top HTTP/1.1', 'Host: x'), bad],
  ['a NUL in the target', 'RFC 9112 3.2', head('GET /\0 HTTP/1.1', 'Host: x'), bad],
  ['a control character in the target', 'RFC 9112 3.2', head('GET /\x01 HTTP/1.1', 'Host: x'), bad],
  ['a DEL in the target', 'RFC 9112 3.2', head('GET /\x7f HTTP/1.1', 'Host: x'), bad],
  ['a bare CR in the target', 'RFC 9112 2.2', head('GET /\r HTTP/1.1', 'Host: x'), bad],
  ['raw UTF-8 in the target', 'RFC 9112 3.2', join('GET /', utf8('ä'), ' HTTP/1.1\r\nHost: x\r\n\r\n'), bad],
  ['the byte FF in the target', 'RFC 9112 3.2', head('GET /\xff HTTP/1.1', 'Host: x'), bad],
  ['GET *', 'RFC 9112 3.2.4', head('GET * HTTP/1.1', 'Host: x'), bad],
  ['a scheme that is not HTTP', 'RFC 9112 3.2.2', head('GET ftp://x/ HTTP/1.1', 'Host: x'), bad],
  ['a scheme without a host', 'RFC 9110 4.2.1', head('GET http:///v1 HTTP/1.1', 'Host: x'), bad],
  ['CONNECT', 'RFC 9110 9.3.6', head('CONNECT x:443 HTTP/1.1', 'Host: x'), notImplemented],
  ['an unknown method', 'RFC 9110 9.1', head('FOO / HTTP/1.1', 'Host: x'), notImplemented],
  ['a method in small letters', 'RFC 9110 9.1', head('get / HTTP/1.1', 'Host: x'), notImplemented],
  ['a method of 200 letters', 'RFC 9110 9.1', head(`${'M'.repeat(200)} / HTTP/1.1`, 'Host: x'), [notImplemented, bad]],
  ['a method with a slash', 'RFC 9110 9.1', head('GE/T / HTTP/1.1', 'Host: x'), bad],
  ['a method with a colon', 'RFC 9110 9.1', head('GET: / HTTP/1.1', 'Host: x'), bad],
  ['HTTP/0.9', 'RFC 9110 15.6.6', head('GET / HTTP/0.9', 'Host: x'), wrongVersion],
  ['HTTP/1.2', 'RFC 9110 2.5', head('GET / HTTP/1.2', 'Host: x'), wrongVersion],
  ['HTTP/2.0', 'RFC 9110 15.6.6', head('GET / HTTP/2.0', 'Host: x'), wrongVersion],
  ['HTTP/3.0', 'RFC 9110 15.6.6', head('GET / HTTP/3.0', 'Host: x'), wrongVersion],
  ['HTTP/1', 'RFC 9112 2.3', head('GET / HTTP/1', 'Host: x'), bad],
  ['HTTP/11.1', 'RFC 9112 2.3', head('GET / HTTP/11.1', 'Host: x'), bad],
  ['HTTP/1.10', 'RFC 9112 2.3', head('GET / HTTP/1.10', 'Host: x'), bad],
  ['HTTP/1,1', 'RFC 9112 2.3', head('GET / HTTP/1,1', 'Host: x'), bad],
  ['http/1.1', 'RFC 9112 2.3', head('GET / http/1.1', 'Host: x'), bad],
  ['HTTPS/1.1', 'RFC 9112 2.3', head('GET / HTTPS/1.1', 'Host: x'), bad],
  ['a target of 9,000 bytes', 'device-api.md 1.5', head(`GET /${'a'.repeat(9000)} HTTP/1.1`, 'Host: x'), tooLong],
  ['a query of 9,000 bytes', 'device-api.md 1.5', head(`GET /?${'a'.repeat(9000)} HTTP/1.1`, 'Host: x'), tooLong],
  ['a request line of 20,000 bytes without an end', 'device-api.md 1.5, 1.7', `GET /${'a'.repeat(20000)}`, [tooLong, headersTooLarge]],
  ['a bare LF behind the request line', 'RFC 9112 2.2', 'GET / HTTP/1.1\nHost: x\r\n\r\n', bad],
  ['bare LFs everywhere', 'RFC 9112 2.2', 'GET / HTTP/1.1\nHost: x\n\n', bad],
  ['a bare CR for a line end', 'RFC 9112 2.2', 'GET / HTTP/1.1\rHost: x\r\r\n\r\n', bad],
]);

// ---- headers

add([
  ['no Host', 'RFC 9112 3.2', head('GET / HTTP/1.1'), bad],
  ['two Hosts', 'RFC 9112 3.2', get('Host: y'), bad],
  ['the same Host twice', 'RFC 9112 3.2', get('Host: x'), bad],
  ['Host with a blank', 'RFC 9112 3.2', head('GET / HTTP/1.1', 'Host: a b'), bad],
  ['Host with a path', 'RFC 9112 3.2', head('GET / HTTP/1.1', 'Host: a/b'), bad],
  ['Host with user information', 'RFC 9112 3.2', head('GET / HTTP/1.1', 'Host: u@a'), bad],
  ['a header without a colon', 'RFC 9112 5', get('Header'), bad],
  ['a header without a name', 'RFC 9112 5', get(': value'), bad],
  ['a blank before the colon', 'RFC 9112 5.1', get('Name : value'), bad],
  ['a tab before the colon', 'RFC 9112 5.1', get('Name\t: value'), bad],
  ['a blank in the name', 'RFC 9112 5.1', get('Na me: value'), bad],
  ['a blank before the first header', 'RFC 9112 2.2', head('GET / HTTP/1.1', ' Host: x'), bad],
  ['a folded header', 'RFC 9112 5.2', get('Name: value', ' more'), bad],
  ['a header folded with a tab', 'RFC 9112 5.2', get('Name: value', '\tmore'), bad],
  ['@ in the name', 'RFC 9110 5.6.2', get('N@me: value'), bad],
  ['a bracket in the name', 'RFC 9110 5.6.2', get('N[me: value'), bad],
  ['a quote in the name', 'RFC 9110 5.6.2', get('N"me: value'), bad],
  ['a NUL in the name', 'RFC 9110 5.6.2', get('N\0me: value'), bad],
  ['the byte FF in the name', 'RFC 9110 5.6.2', get('N\xffme: value'), bad],
  ['a NUL in the value', 'RFC 9110 5.5', get('Name: va\0lue'), bad],
  ['a control character in the value', 'RFC 9110 5.5', get('Name: va\x01lue'), bad],
  ['a DEL in the value', 'RFC 9110 5.5', get('Name: va\x7flue'), bad],
  ['a bare CR in the value', 'RFC 9110 5.5', get('Name: va\rlue'), bad],
  ['a bare LF in the value', 'RFC 9112 2.2', get('Name: value\nOther: value'), bad],
  ['a head of 17 KiB in one header', 'device-api.md 1.7', get(`Name: ${'v'.repeat(17000)}`), headersTooLarge],
  ['a head of 17 KiB in one name', 'device-api.md 1.7', get(`${'N'.repeat(17000)}: v`), headersTooLarge],
  ['a head of 20 KiB in many headers', 'device-api.md 1.7', get(...Array.from({ length: 50 }, (_, n) => `Name${n}: ${'v'.repeat(400)}`)), headersTooLarge],
  ['a head without an end', 'device-api.md 1.7', `GET / HTTP/1.1\r\nHost: x\r\nName: ${'v'.repeat(20000)}`, headersTooLarge],
  ['150 headers', 'device-api.md 1.7', get(...Array.from({ length: 150 }, (_, n) => `N${n}: v`)), headersTooLarge],
  ['an unknown expectation', 'RFC 9110 10.1.1', join(post('Expect: 200-ok', 'Content-Length: 2'), '{}'), expectationFailed],
]);

// ---- where the body ends

add([
  ['Content-Length abc', 'RFC 9112 6.3', post('Content-Length: abc'), bad],
  ['Content-Length empty', 'RFC 9112 6.3', post('Content-Length:'), bad],
  ['Content-Length -1', 'RFC 9112 6.3', post('Content-Length: -1'), bad],
  ['Content-Length +2', 'RFC 9112 6.3', join(post('Content-Length: +2'), '{}'), bad],
  ['Content-Length 2.0', 'RFC 9112 6.3', join(post('Content-Length: 2.0'), '{}'), bad],
  ['Content-Length 0x2', 'RFC 9112 6.3', join(post('Content-Length: 0x2'), '{}'), bad],
  ['Content-Length 1 2', 'RFC 9112 6.3', join(post('Content-Length: 1 2'), '{}'), bad],
  ['Content-Length 2, 3', 'RFC 9112 6.3', join(post('Content-Length: 2, 3'), '{}'), bad],
  ['Content-Length 2; x', 'RFC 9112 6.3', join(post('Content-Length: 2; x'), '{}'), bad],
  ['Content-Length of 2^64', 'RFC 9112 6.3', post('Content-Length: 18446744073709551616'), [bad, tooLarge]],
  ['Content-Length of 30 digits', 'RFC 9112 6.3', post(`Content-Length: ${'9'.repeat(30)}`), [bad, tooLarge]],
  ['two different Content-Lengths', 'device-api.md 1.5', join(post('Content-Length: 2', 'Content-Length: 3'), '{}'), bad],
  ['the same Content-Length twice', 'RFC 9112 6.3', join(post('Content-Length: 2', 'Content-Length: 2'), '{}'), bad],
  ['Content-Length and Transfer-Encoding', 'device-api.md 1.5', join(post('Content-Length: 2', 'Transfer-Encoding: chunked'), '0\r\n\r\n'), bad],
  ['Transfer-Encoding and Content-Length', 'device-api.md 1.5', join(post('Transfer-Encoding: chunked', 'Content-Length: 5'), '0\r\n\r\n'), bad],
  ['Transfer-Encoding gzip', 'RFC 9112 6.1, 6.3', join(post('Transfer-Encoding: gzip'), '{}'), [notImplemented, bad]],
  ['Transfer-Encoding gzip, chunked', 'RFC 9112 6.1', join(post('Transfer-Encoding: gzip, chunked'), '0\r\n\r\n'), notImplemented],
  ['Transfer-Encoding chunked, gzip', 'RFC 9112 6.3', join(post('Transfer-Encoding: chunked, gzip'), '0\r\n\r\n'), [notImplemented, bad]],
  ['Transfer-Encoding chunked, chunked', 'RFC 9112 6.1', join(post('Transfer-Encoding: chunked, chunked'), '0\r\n\r\n'), [notImplemented, bad]],
  ['Transfer-Encoding twice', 'RFC 9112 6.1', join(post('Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'), '0\r\n\r\n'), [notImplemented, bad]],
  ['Transfer-Encoding xchunked', 'RFC 9112 6.1', join(post('Transfer-Encoding: xchunked'), '0\r\n\r\n'), [notImplemented, bad]],
  ['Transfer-Encoding empty', 'RFC 9112 6.3', join(post('Transfer-Encoding:'), '0\r\n\r\n'), [notImplemented, bad]],
  ['Transfer-Encoding in quotes', 'RFC 9112 6.1', join(post('Transfer-Encoding: "chunked"'), '0\r\n\r\n'), [notImplemented, bad]],
  ['Transfer-Encoding with a vertical tab', 'RFC 9110 5.5', join(post('Transfer-Encoding: \x0bchunked'), '0\r\n\r\n'), bad],
  ['Transfer-Encoding with a blank before the colon', 'RFC 9112 5.1', join(post('Transfer-Encoding : chunked'), '0\r\n\r\n'), bad],
  ['a body without a length in HTTP/1.0', 'RFC 1945 8.3', join(head('POST /v1/devices HTTP/1.0'), '{"a":1}'), lengthRequired],
  ['Transfer-Encoding in HTTP/1.0', 'RFC 9112 6.1', join(head('POST /v1/devices HTTP/1.0', 'Transfer-Encoding: chunked'), '0\r\n\r\n'), bad],
  ['a chunk size that is no number', 'RFC 9112 7.1', chunked('zz\r\n{}\r\n0\r\n\r\n'), bad],
  ['a chunk size with a sign', 'RFC 9112 7.1', chunked('+2\r\n{}\r\n0\r\n\r\n'), bad],
  ['a negative chunk size', 'RFC 9112 7.1', chunked('-2\r\n{}\r\n0\r\n\r\n'), bad],
  ['a chunk size with 0x', 'RFC 9112 7.1', chunked('0x2\r\n{}\r\n0\r\n\r\n'), bad],
  ['a chunk size missing', 'RFC 9112 7.1', chunked('\r\n{}\r\n0\r\n\r\n'), bad],
  ['a chunk size with a blank before it', 'RFC 9112 7.1', chunked(' 2\r\n{}\r\n0\r\n\r\n'), bad],
  ['a chunk size of 17 digits', 'RFC 9112 7.1', chunked('10000000000000002\r\n{}\r\n0\r\n\r\n'), [bad, tooLarge]],
  ['a chunk longer than its size', 'RFC 9112 7.1', chunked('1\r\n{}\r\n0\r\n\r\n'), bad],
  ['a chunk shorter than its size', 'RFC 9112 7.1', chunked('3\r\n{}\r\n0\r\n\r\nGET'), bad],
  ['a chunk size ended by LF', 'RFC 9112 7.1', chunked('2\n{}\r\n0\r\n\r\n'), bad],
  ['a chunk ended by LF', 'RFC 9112 7.1', chunked('2\r\n{}\n0\r\n\r\n'), bad],
  ['the last chunk ended by LFs', 'RFC 9112 7.1', chunked('2\r\n{}\r\n0\n\n'), bad],
  ['a chunk extension with a bare LF', 'RFC 9112 7.1.1', chunked('2;a\nb\r\n{}\r\n0\r\n\r\n'), bad],
  ['a chunk extension of 64 KiB', 'RFC 9112 7.1.1', chunked(`2;a=${'b'.repeat(65536)}\r\n{}\r\n0\r\n\r\n`), [bad, headersTooLarge, tooLarge]],
  ['a trailer without a colon', 'RFC 9112 7.1.2', chunked('2\r\n{}\r\n0\r\nTrailer\r\n\r\n'), bad],
  ['trailers of 64 KiB', 'RFC 9112 7.1.2', chunked(`2\r\n{}\r\n0\r\n${'T: v\r\n'.repeat(11000)}\r\n`), [bad, headersTooLarge, tooLarge]],
  ['a body of 300 KB by Content-Length', 'device-api.md 1.7', join(post('Content-Length: 300000'), Buffer.alloc(300000, 0x20)), tooLarge],
  ['a body of 300 KB in chunks', 'device-api.md 1.7', chunked('493e0\r\n', Buffer.alloc(300000, 0x20), '\r\n0\r\n\r\n'), tooLarge],
  ['a good request, then a bad one', 'device-api.md 1.2.1', join(get(), 'BAD\r\n\r\n'), { statuses: [200, 400] }],
  ['a smuggled request behind Content-Length 0', 'RFC 9112 11.2', join(post('Content-Length: 0'), 'SMUGGLED\r\n\r\n'), { statuses: [400, 400] }],
]);

// ---- paths and methods

add([
  ['an unknown path', 'device-api.md 1.5', head('GET /v1/nothing HTTP/1.1', 'Host: x'), unknownEndpoint],
  ['an unknown version', 'device-api.md 1.5', join(head('POST /v9/devices HTTP/1.1', 'Host: x', 'Content-Length: 2'), '{}'), unknownEndpoint],
  ['a wrong escape', 'device-api.md 1.2.3', head('GET /v1/%zz HTTP/1.1', 'Host: x'), [unknownEndpoint, { status: 400, error: 'Bad request' }]],
  ['half an escape', 'device-api.md 1.2.3', head('GET /v1/% HTTP/1.1', 'Host: x'), [unknownEndpoint, { status: 400, error: 'Bad request' }]],
  ['an escaped NUL', 'device-api.md 1.2.3', head('GET /v1/%00 HTTP/1.1', 'Host: x'), [unknownEndpoint, { status: 400, error: 'Bad request' }]],
  ['escaped bytes that are not UTF-8', 'device-api.md 1.2.3', head('GET /v1/%ff HTTP/1.1', 'Host: x'), [unknownEndpoint, { status: 400, error: 'Bad request' }]],
  ['an escaped slash for a slash', 'device-api.md 1.2.3', head('POST /v1%2Fdevices HTTP/1.1', 'Host: x', 'Content-Length: 0'), unknownEndpoint],
  ['dots out of the root', 'device-api.md 1.2.3', head('GET /../../etc/passwd HTTP/1.1', 'Host: x'), unknownEndpoint],
  ['escaped dots out of the root', 'device-api.md 1.2.3', head('GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1', 'Host: x'), unknownEndpoint],
  ['100 segments', 'device-api.md 1.5', head(`GET ${'/a'.repeat(100)} HTTP/1.1`, 'Host: x'), unknownEndpoint],
  ['two slashes', 'device-api.md 1.2.3', head('POST //v1/devices HTTP/1.1', 'Host: x', 'Content-Length: 0'), unknownEndpoint],
  ['a method the route does not have', 'device-api.md 1.5', head('PUT /v1/devices HTTP/1.1', 'Host: x', 'Content-Length: 0'), { status: 405, error: 'Method not allowed', close: false, allow: true }],
  ['TRACE', 'device-api.md 1.5', head('TRACE / HTTP/1.1', 'Host: x'), [{ status: 405, error: 'Method not allowed', allow: true }, notImplemented]],
  ['a malformed device id', 'device-api.md 1.3.3', head('GET /v1/devices/%27%20or%201%3D1/command HTTP/1.1', 'Host: x', 'Authorization: x'), { status: 401, error: 'Not authorized', close: false }],
  ['an access key of 10,000 bytes', 'device-api.md 1.3.3', head('GET /v1/devices/00000000-0000-4000-8000-000000000000/command HTTP/1.1', 'Host: x', `Authorization: ${'k'.repeat(10000)}`), { status: 401, error: 'Not authorized', close: false }],
]);

// ---- bodies

const DEEP = 33;
add([
  ['JSON: an opening brace', 'device-api.md 1.5', json('{'), invalidJson],
  ['JSON: text', 'device-api.md 1.5', json('hello'), invalidJson],
  ['JSON: a form', 'device-api.md 1.2.6', json('hardware_key=abc&firmware_version=1.0.0', 'Content-Type: application/x-www-form-urlencoded'), invalidJson],
  ['JSON: two values', 'device-api.md 1.5', json('{}{}'), invalidJson],
  ['JSON: text behind the value', 'device-api.md 1.5', json('{} x'), invalidJson],
  ['JSON: a NUL behind the value', 'device-api.md 1.5', json('{}\0'), invalidJson],
  ['JSON: a byte order mark', 'RFC 8259 8.1', json(Buffer.from('efbbbf7b7d', 'hex')), invalidJson],
  ['JSON: UTF-16', 'RFC 8259 8.1', json(Buffer.from('{}', 'utf16le')), invalidJson],
  ['JSON: a comma too much', 'RFC 8259 4', json('{"a":1,}'), invalidJson],
  ['JSON: a comma missing', 'RFC 8259 4', json('{"a":1"b":2}'), invalidJson],
  ['JSON: a colon missing', 'RFC 8259 4', json('{"a" 1}'), invalidJson],
  ['JSON: a value missing', 'RFC 8259 4', json('{"a":}'), invalidJson],
  ['JSON: a name without quotes', 'RFC 8259 4', json('{a:1}'), invalidJson],
  ['JSON: single quotes', 'RFC 8259 7', json("{'a':1}"), invalidJson],
  ['JSON: a comment', 'RFC 8259 2', json('{/* x */}'), invalidJson],
  ['JSON: NaN', 'RFC 8259 6', json('{"a":NaN}'), invalidJson],
  ['JSON: Infinity', 'RFC 8259 6', json('{"a":-Infinity}'), invalidJson],
  ['JSON: a leading zero', 'RFC 8259 6', json('{"a":01}'), invalidJson],
  ['JSON: a leading plus', 'RFC 8259 6', json('{"a":+1}'), invalidJson],
  ['JSON: a bare minus', 'RFC 8259 6', json('{"a":-}'), invalidJson],
  ['JSON: a point without digits', 'RFC 8259 6', json('{"a":1.}'), invalidJson],
  ['JSON: hexadecimal', 'RFC 8259 6', json('{"a":0x1}'), invalidJson],
  ['JSON: a number no double can hold', 'device-api.md 1.5', json('{"a":1e999}'), invalidJson],
  ['JSON: an open string', 'RFC 8259 7', json('{"a":"b}'), invalidJson],
  ['JSON: a line end in a string', 'RFC 8259 7', json('{"a":"b\nc"}'), invalidJson],
  ['JSON: a tab in a string', 'RFC 8259 7', json('{"a":"b\tc"}'), invalidJson],
  ['JSON: an unknown escape', 'RFC 8259 7', json('{"a":"\\x41"}'), invalidJson],
  ['JSON: half an escape', 'RFC 8259 7', json('{"a":"\\u00"}'), invalidJson],
  ['JSON: half a surrogate pair', 'RFC 8259 8.2', json('{"a":"\\ud800"}'), invalidJson],
  ['JSON: the character U+0000', 'device-api.md 1.5', json('{"a":"\\u0000"}'), invalidJson],
  ['JSON: a string that is not UTF-8', 'device-api.md 1.5', json(join('{"a":"', Buffer.from('ff', 'hex'), '"}')), invalidJson],
  ['JSON: an overlong character', 'device-api.md 1.5', json(join('{"a":"', Buffer.from('c0af', 'hex'), '"}')), invalidJson],
  ['JSON: a surrogate in UTF-8', 'device-api.md 1.5', json(join('{"a":"', Buffer.from('eda080', 'hex'), '"}')), invalidJson],
  ['JSON: TRUE', 'RFC 8259 3', json('{"a":TRUE}'), invalidJson],
  [`JSON: ${DEEP} levels of arrays`, 'device-api.md 1.4.4', json(`{"a":${'['.repeat(DEEP - 1)}${']'.repeat(DEEP - 1)}}`), invalidJson],
  ['JSON: 100,000 opening brackets', 'device-api.md 1.4.4', json('['.repeat(100000)), invalidJson],
  ['JSON: an array', 'device-api.md 1.5', json('[]'), notObject],
  ['JSON: a string', 'device-api.md 1.5', json('"x"'), notObject],
  ['JSON: a number', 'device-api.md 1.5', json('1'), notObject],
  ['JSON: null', 'device-api.md 1.5', json('null'), notObject],
  ['JSON: true', 'device-api.md 1.5', json('true'), notObject],
]);
