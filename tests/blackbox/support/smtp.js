// A mail relay that keeps what it is given.
import { once } from 'node:events';
import net from 'node:net';
import { until } from './server.js';

function decode(text) {
  const [head, ...body] = text.split('\r\n\r\n');
  const headers = Object.fromEntries(head.replaceAll('\r\n ', ' ').split('\r\n').map((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  }));
  const bytes = Buffer.from(body.join('\r\n\r\n').replaceAll('=\r\n', '').replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16))), 'latin1');
  return { headers, text: bytes.toString('utf8').replaceAll('\r\n', '\n') };
}

/**
 * Listens on loopback. Returns { port, mails, refuse, says, auth, next(test), close() }: `mails` are { from, to, raw, headers, text },
 * `says` other replies (greeting, auth, from, data, end), `refuse(address)` the reply to RCPT TO (undefined: taken, null: none comes), `auth` the last AUTH PLAIN as [user, password]; next() is the
 * first mail, from the one after the last that was given, that `test` likes.
 */
export async function startRelay() {
  const relay = { mails: [], refuse: () => undefined, auth: null, says: {} };
  const sockets = new Set();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => {});
    const say = (line) => socket.write(`${line}\r\n`);
    let rest = '';
    let mail = { to: [] };
    let inData = false;
    let isSigningIn = false;
    const takeData = () => {
      const end = rest.indexOf('\r\n.\r\n');
      if (end < 0) return false;
      const raw = `${rest.slice(0, end)}\r\n`.replaceAll('\r\n..', '\r\n.');
      rest = rest.slice(end + 5);
      if (!relay.says.end) relay.mails.push({ ...mail, raw, ...decode(raw) });
      mail = { to: [] };
      inData = false;
      say(relay.says.end ?? '250 taken');
      return true;
    };
    const takeLine = () => {
      const end = rest.indexOf('\r\n');
      if (end < 0) return false;
      const line = rest.slice(0, end);
      rest = rest.slice(end + 2);
      const [, from] = line.match(/^MAIL FROM:<(.*?)>/i) ?? [];
      const [, to] = line.match(/^RCPT TO:<(.*?)>/i) ?? [];
      const auth = isSigningIn ? line : line.match(/^AUTH PLAIN (\S+)/i)?.[1];
      isSigningIn = /^AUTH PLAIN$/i.test(line);
      if (isSigningIn) {
        say('334 ');
      } else if (/^EHLO/i.test(line)) {
        say('250-relay');
        say('250-SMTPUTF8');
        say('250 AUTH PLAIN');
      } else if (auth) {
        relay.auth = Buffer.from(auth, 'base64').toString('utf8').split('\0').slice(1);
        say(relay.says.auth ?? '235 welcome');
      } else if (from !== undefined) {
        mail = { from, to: [] };
        say(relay.says.from ?? '250 from');
      } else if (to !== undefined) {
        const refusal = relay.refuse(to);
        if (refusal === undefined) mail.to.push(to);
        if (refusal !== null) say(refusal ?? '250 to');
      } else if (/^DATA/i.test(line)) {
        inData = !relay.says.data;
        say(relay.says.data ?? '354 go on');
      } else if (/^QUIT/i.test(line)) {
        say('221 bye');
        socket.end();
      } else {
        say('250 fine');
      }
      return true;
    };
    say(relay.says.greeting ?? '220 relay');
    socket.on('data', (data) => {
      rest += data.toString('utf8');
      while (inData ? takeData() : takeLine());
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  relay.port = server.address().port;
  let given = 0;
  relay.next = async (test = () => true) => until(() => {
    const at = relay.mails.findIndex((mail, i) => i >= given && test(mail));
    if (at >= 0) given = at + 1;
    return at >= 0 && relay.mails[at];
  }, 'a mail');
  relay.close = () => new Promise((done) => {
    server.close(done);
    for (const socket of sockets) socket.destroy();
  });
  return relay;
}
