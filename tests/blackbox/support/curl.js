// HTTP as a script does it: one `curl` for each call. Same arguments and result as request() of server.js.
import { execFile } from 'node:child_process';

/** A header with the value '' is not sent. */
export function curl(to, method, path, { key, body, raw, headers = {}, tls = false } = {}) {
  const payload = raw ?? (body === undefined ? undefined : JSON.stringify(body));
  const fields = { 'content-type': 'application/json', ...(key ? { authorization: key } : {}), ...headers };
  const args = ['-sS', '-k', '-i', '--max-time', '90', ...(method === 'HEAD' ? ['-I'] : ['-X', method]),
    ...Object.entries(fields).flatMap(([name, value]) => ['-H', value === '' ? `${name}:` : `${name}: ${value}`]),
    ...(payload === undefined ? [] : ['--data-binary', '@-']), `${tls ? 'https' : 'http'}://${to.host}:${to.port}${path}`];
  return new Promise((resolve, reject) => {
    const child = execFile('curl', args, { encoding: 'utf8', maxBuffer: 64 << 20 }, (error, out) => {
      if (error) { reject(error); return; }
      const end = out.indexOf('\r\n\r\n');
      const [line, ...rest] = out.slice(0, end).split('\r\n');
      const text = out.slice(end + 4);
      let json;
      try { json = JSON.parse(text); } catch { json = undefined; }
      resolve({ status: Number(line.split(' ')[1]), text, json,
        headers: Object.fromEntries(rest.map((one) => [one.slice(0, one.indexOf(':')).toLowerCase(), one.slice(one.indexOf(':') + 1).trim()])) });
    });
    child.stdin.on('error', () => {});
    child.stdin.end(payload);
  });
}
