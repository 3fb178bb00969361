// Ports for programs that cannot be asked for any.
import { once } from 'node:events';
import net from 'node:net';

/** A port of 127.0.0.1 that nobody listens on at the moment. */
export async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/**
 * The same below the range that connections take theirs from: nobody gets it while a server that had it is away, not even
 * those that try to reach it (a connection to a port of that range may get the very port as its own, and meet itself).
 */
export async function freeLowPort() {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 20_000);
    const server = net.createServer();
    const free = await new Promise((resolve) => {
      server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!free) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
}
