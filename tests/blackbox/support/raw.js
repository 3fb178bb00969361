// HTTP byte by byte, for what node:http would not send or would not show.
import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';

const WAIT_MS = 90_000; // a hang, not a slow machine

/** A connection: send(bytes), reply() (the next one; `head` for a reply to HEAD), end() (waits for the server's FIN), destroy(). */
export async function open(to, { secure = false, ...options } = {}) {
  const socket = secure
    ? tls.connect({ host: to.host, port: to.port, rejectUnauthorized: false, ...options })
    : net.connect({ host: to.host, port: to.port });
  const peer = { socket, data: Buffer.alloc(0), ended: false };
  let wake = () => {};
  socket.on('data', (part) => { peer.data = Buffer.concat([peer.data, part]); wake(); });
  socket.on('close', () => { peer.ended = true; wake(); });
  socket.on('end', () => { peer.ended = true; wake(); });
  socket.on('error', () => { peer.ended = true; wake(); });
  await once(socket, secure ? 'secureConnect' : 'connect');

  peer.until = async (look, what) => {
    const deadline = Date.now() + WAIT_MS;
    for (;;) {
      const found = look();
      if (found) return found;
      if (Date.now() > deadline) throw new Error(`no ${what}; got ${JSON.stringify(peer.data.toString('latin1').slice(0, 500))}`);
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, 1000);
        wake = () => { clearTimeout(timer); resolve(); };
      });
    }
  };
  peer.send = (bytes) => socket.write(Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes, 'utf8'));
  peer.reply = async ({ head = false } = {}) => {
    const reply = await peer.until(() => take(peer, head) ?? (peer.ended ? { status: 'end' } : null), 'reply');
    if (reply.status === 'end') throw new Error('the connection ended without a reply');
    return reply;
  };
  peer.end = async () => {
    await peer.until(() => peer.ended, 'end of the connection');
    if (peer.data.length) throw new Error(`more before the end: ${peer.data.toString('latin1')}`);
  };
  peer.destroy = () => socket.destroy();
  return peer;
}

function take(peer, isHead) {
  const end = peer.data.indexOf('\r\n\r\n');
  if (end < 0) return null;
  const [line, ...fields] = peer.data.subarray(0, end).toString('latin1').split('\r\n');
  const headers = {};
  for (const field of fields) headers[field.slice(0, field.indexOf(':')).toLowerCase()] = field.slice(field.indexOf(':') + 1).trim();
  const status = Number(line.split(' ')[1]);
  const bodiless = isHead || status < 200 || status === 204 || status === 304;
  const length = bodiless ? 0 : Number(headers['content-length'] ?? 0);
  if (peer.data.length < end + 4 + length) return null;
  const text = peer.data.subarray(end + 4, end + 4 + length).toString('utf8');
  peer.data = peer.data.subarray(end + 4 + length);
  return { status, line, headers, text };
}

/** One request on a connection of its own: { status, headers, text }. */
export async function exchange(to, bytes, options) {
  const peer = await open(to, options);
  try {
    peer.send(bytes);
    return await peer.reply(options);
  } finally {
    peer.destroy();
  }
}

/** The head of a request, with Host. */
export function head(method, path, headers = {}, version = '1.1') {
  const lines = Object.entries({ Host: 'muster.test', ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${path} HTTP/${version}\r\n${lines.join('')}\r\n`;
}
