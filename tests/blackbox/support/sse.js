// The live stream (management-api.md 9) as a client reads it.
import http from 'node:http';
import https from 'node:https';

const WAIT_MS = 90_000; // a hang, not a slow machine

/**
 * Opens a stream. Resolves with { status, headers, events, next(test), closed, close() } once the reply's head is there;
 * an event is { id, data } with data parsed. A reply that is no stream has `text` instead. `paused`: reads nothing until
 * resume() is called, but for the bytes that sip() allows; who reads nothing at all for ten seconds is given up.
 */
export function follow(server, tenant, { key, query = '', headers = {}, tls = false, paused = false } = {}) {
  const to = tls ? server.https : server.http;
  return new Promise((resolve, reject) => {
    const call = (tls ? https : http).request({
      host: to.host, port: to.port, path: `/core/v1/${tenant}/stream${query}`, rejectUnauthorized: false, agent: false,
      headers: { accept: 'text/event-stream', ...(key ? { authorization: key } : {}), ...headers },
    }, (reply) => {
      const stream = { status: reply.statusCode, headers: reply.headers, events: [], comments: 0, text: '' };
      const waiting = new Set();
      const taken = new Set();
      let rest = '';
      let sips = 0;
      stream.closed = new Promise((done) => { reply.on('close', done); });
      reply.on('error', () => {});
      reply.setEncoding('utf8').on('data', (part) => {
        if (reply.statusCode !== 200) { stream.text += part; return; }
        if (sips > 0 && (sips -= part.length) <= 0) reply.pause();
        rest += part;
        const blocks = rest.split('\n\n');
        rest = blocks.pop();
        for (const block of blocks) read(stream, block);
        for (const look of [...waiting]) look();
      });
      stream.next = (test, what = test) => new Promise((done, fail) => {
        let timer;
        const look = () => {
          const found = stream.events.find((event) => !taken.has(event) && test(event.data));
          if (!found) return false;
          taken.add(found);
          waiting.delete(look);
          clearTimeout(timer);
          done(found);
          return true;
        };
        if (look()) return;
        waiting.add(look);
        timer = setTimeout(() => {
          waiting.delete(look);
          fail(new Error(`no event ${what}; got ${JSON.stringify(stream.events.map(({ data }) => data)).slice(0, 4000)}`));
        }, WAIT_MS);
      });
      stream.resume = () => { sips = 0; reply.resume(); };
      stream.sip = (bytes) => { sips = bytes; reply.resume(); };
      if (paused) reply.pause();
      stream.close = () => { call.destroy(); return stream.closed; };
      if (reply.statusCode === 200) resolve(stream);
      else reply.on('end', () => resolve(stream));
    });
    call.on('error', reject);
    call.end();
  });
}

function read(stream, block) {
  const event = { id: undefined, name: undefined, text: '' };
  for (const line of block.split('\n')) {
    if (line.startsWith(':')) stream.comments++;
    else if (line.startsWith('id:')) event.id = line.slice(3).trim();
    else if (line.startsWith('event:')) event.name = line.slice(6).trim();
    else if (line.startsWith('data:')) event.text += line.slice(5).replace(/^ /, '');
  }
  if (!event.text) return;
  event.data = JSON.parse(event.text);
  stream.events.push(event);
}
