// A web server that takes webhooks: what came, in order, and what it answers.
import { once } from 'node:events';
import http from 'node:http';
import { until } from './server.js';

/**
 * Listens on `host` (an address of loopback). Returns { url, calls, answer, next(test), hangUp(), close() }: `calls` are
 * { path, headers, text, json } in the order in which they came; `answer` is a function of a call, its status (or null: none
 * comes; or a promise of either), 204 at first; next() is the first call, from the one after the last that was given, that `test` likes.
 */
export async function startReceiver(host = '127.0.0.1') {
  const receiver = { calls: [], answer: () => 204 };
  const server = http.createServer((request, reply) => {
    const parts = [];
    request.on('data', (part) => parts.push(part));
    request.on('error', () => {});
    request.on('end', async () => {
      const text = Buffer.concat(parts).toString('utf8');
      const call = { path: request.url, headers: request.headers, text, json: JSON.parse(text) };
      receiver.calls.push(call);
      const status = await receiver.answer(call);
      if (status !== null) reply.writeHead(status, status >= 300 && status < 400 ? { location: '/elsewhere' } : {}).end('ignored');
    });
  });
  server.listen(0, host);
  await once(server, 'listening');
  receiver.port = server.address().port;
  receiver.url = `http://${host}:${receiver.port}/hook`;
  let given = 0;
  receiver.next = async (test = () => true) => until(() => {
    const at = receiver.calls.findIndex((call, i) => i >= given && test(call));
    if (at >= 0) given = at + 1;
    return at >= 0 && receiver.calls[at];
  }, 'a call to the webhook');
  receiver.hangUp = () => server.closeAllConnections();
  receiver.close = () => new Promise((done) => { server.close(done); server.closeAllConnections(); });
  return receiver;
}
