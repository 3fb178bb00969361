// Signing in to the portals (management-api.md 10.1; portal.md 1.2-1.3, 2): cookies, CSRF, Origin, tenants, limits, and
// what browsers are told by the pages.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { client, inOneMinute, makeModel, password, request, setup, startInstallation, startServer } from './support/server.js';
import { configured } from './support/config.js';
import { blob, editDatabase } from './support/database.js';
import { follow } from './support/sse.js';

const error = (text) => JSON.stringify({ error: text });
const answer = ({ status, text }) => [status, text];
const email = 'ada@example.com';
let server;

before(async () => {
  server = await startInstallation({ args: configured('[limits]\nmanagement_requests = 0\nfailed_signins_account = 3\nfailed_signins_address = 5\n[server]\ntrusted_proxies = 127.0.0.1/32\n') });
});
after(() => server.stop());

const at = (tls, on = server) => (tls ? on.https : on.http);
const signIn = (body = { email, password }, { tls = false, on = server, headers } = {}) => request(at(tls, on), 'POST', '/core/v1/session', { tls, body, headers });

/** A signed-in browser: call(method, path, body) with its cookie, and the CSRF token on writes. */
async function browser({ tls = false, on = server, body } = {}) {
  const reply = await signIn(body, { tls, on });
  assert.equal(reply.status, 200, reply.text);
  const cookie = reply.headers['set-cookie'][0].split(';')[0];
  const csrf = reply.json.csrf_token;
  const call = (method, path, sent, headers = {}) => request(at(tls, on), method, `/core/v1${path}`,
    { tls, body: sent, headers: { cookie, ...(method === 'GET' ? {} : { 'x-csrf-token': csrf }), ...headers } });
  return { reply, cookie, csrf, call };
}

describe('signing in', () => {
  test('the reply and the cookie, on plain HTTP and on TLS', async () => {
    for (const [tls, name, secure] of [[false, /^[a-z]+=/i, false], [true, /^__Host-/, true]]) {
      const reply = await signIn(undefined, { tls });
      assert.equal(reply.status, 200);
      assert.deepEqual(Object.keys(reply.json).filter((member) => ['user', 'tenants', 'csrf_token'].includes(member)), ['user', 'tenants', 'csrf_token']);
      assert.equal(reply.json.user.email, email);
      assert.deepEqual(reply.json.tenants.map(({ kind, id }) => [kind, id]), [['partner', server.partner_id], ['organization', server.organization_id]]);
      assert.ok(reply.json.csrf_token.length >= 22);
      assert.equal(reply.headers['cache-control'], 'no-store');
      assert.equal(reply.headers['set-cookie'].length, 1);
      const [pair, ...flags] = reply.headers['set-cookie'][0].split(/; */);
      assert.match(pair, name);
      assert.ok(pair.split('=')[1].length >= 22);
      const lower = flags.map((flag) => flag.toLowerCase());
      for (const flag of ['httponly', 'samesite=lax', 'path=/']) assert.ok(lower.includes(flag), flag);
      assert.equal(lower.includes('secure'), secure);
      assert.ok(!lower.some((flag) => flag.startsWith('domain')));
      assert.ok(!reply.text.includes(pair.split('=')[1]), 'the token is in the cookie and nowhere else');
      const read = await request(at(tls), 'GET', '/core/v1/session', { tls, headers: { cookie: `other=1; ${pair}; x=y` } });
      assert.deepEqual([read.status, read.json.user.email, read.json.csrf_token], [200, email, reply.json.csrf_token]);
      assert.equal(read.headers['cache-control'], 'no-store');
    }
  });

  test('the e-mail in any case; anything wrong is one and the same 401', async () => {
    assert.equal((await signIn({ email: ' ADA@Example.COM ', password })).status, 200);
    for (const body of [{ email, password: `${password}x` }, { email: 'nobody@example.com', password }]) {
      const reply = await signIn(body);
      assert.deepEqual(answer(reply), [401, error('Invalid email or password')]);
      assert.equal(reply.headers['set-cookie'], undefined);
    }
    for (const body of [{}, { email }, { password }, { email: 5, password: {} }, { email: '', password: '' }]) {
      const reply = await signIn(body);
      assert.ok([401, 422].includes(reply.status), reply.text);
      assert.equal(reply.headers['set-cookie'], undefined);
    }
    assert.deepEqual(answer(await request(server.http, 'POST', '/core/v1/session', { raw: '{' })), [400, error('Invalid JSON')]);
  });

  test('Origin must be ours', async () => {
    const own = `http://127.0.0.1:${server.http.port}`;
    assert.equal((await signIn(undefined, { headers: { origin: own } })).status, 200);
    for (const origin of ['http://evil.example.com', 'null', `https://127.0.0.1:${server.http.port}`, `http://127.0.0.1:${server.http.port + 1}`, `${own}.evil.example.com`, 'http://127.0.0.1']) {
      const reply = await signIn(undefined, { headers: { origin } });
      assert.equal(reply.status, 403, origin);
      assert.equal(reply.headers['set-cookie'], undefined);
    }
    assert.equal((await signIn(undefined, { tls: true, headers: { origin: `https://127.0.0.1:${server.https.port}` } })).status, 200);
    assert.equal((await signIn(undefined, { tls: true, headers: { origin: `http://127.0.0.1:${server.https.port}` } })).status, 403);
  });

  test('over plain HTTP from loopback only; elsewhere the answer says why', async () => {
    const remote = await signIn(undefined, { headers: { 'x-forwarded-for': '192.0.2.7' } });
    assert.equal(remote.status, 403);
    assert.match(remote.json.error, /HTTPS/);
    assert.equal(remote.headers['set-cookie'], undefined);
    assert.equal((await signIn(undefined, { tls: true, headers: { 'x-forwarded-for': '192.0.2.7' } })).status, 200);
  });
});

describe('a session', () => {
  test('reads with the cookie alone, writes with the token too', async () => {
    const { call, cookie, csrf } = await browser();
    assert.equal((await call('GET', '/partner/models')).status, 200);
    assert.equal((await call('GET', '/organization/info')).status, 200);
    const body = { name: 'By session', communication_protocol: 'mqtt', device_type: 'physical' };
    for (const token of ['', 'wrong', `${csrf}x`, csrf.slice(1), csrf.toUpperCase() === csrf ? csrf.toLowerCase() : csrf.toUpperCase()]) {
      assert.deepEqual(answer(await call('POST', '/partner/models', body, { 'x-csrf-token': token })), [403, error('Forbidden')], token);
    }
    const none = await request(server.http, 'POST', '/core/v1/partner/models', { body, headers: { cookie } });
    assert.deepEqual(answer(none), [403, error('Forbidden')]);
    assert.equal((await call('GET', '/partner/models?search=By%20session')).json.data.length, 0);
    const made = await call('POST', '/partner/models', body);
    assert.equal(made.status, 201);
    for (const [method, path] of [['PATCH', `/partner/models/${made.json.id}`], ['DELETE', `/partner/models/${made.json.id}`], ['POST', '/session/tenant'], ['DELETE', '/session'], ['PUT', '/session/preferences'], ['POST', '/session/password']]) {
      assert.deepEqual(answer(await request(server.http, method, `/core/v1${path}`, { body: {}, headers: { cookie } })), [403, error('Forbidden')], `${method} ${path}`);
    }
    const other = await browser();
    assert.equal((await call('POST', '/organization/spaces', { name: 'x' }, { 'x-csrf-token': other.csrf })).status, 403, 'the token of another session');
  });

  test('acts for the first tenant of each kind until it is switched', async () => {
    const { call, reply } = await browser();
    assert.deepEqual([reply.json.current?.partner, reply.json.current?.organization], [server.partner_id, server.organization_id]);
    assert.equal((await call('GET', '/organization/info')).json.id, server.organization_id);
  });

  test('switching the tenant; not to one the person does not belong to', async () => {
    const { call } = await browser();
    const other = await browser();
    const partner = client(server, 'partner', server.partner_key);
    const stranger = await partner.post('/organizations', { name: 'Stranger', admin_contact_email: 'x@example.com' });
    for (const body of [{ kind: 'organization', id: stranger.id }, { kind: 'partner', id: server.organization_id }, { kind: 'organization', id: 'nonsense' }]) {
      assert.equal((await call('POST', '/session/tenant', body)).status, 404, JSON.stringify(body));
    }
    for (const body of [{}, { kind: 'organization' }, { kind: 'nonsense', id: server.organization_id }]) assert.equal((await call('POST', '/session/tenant', body)).status, 422);
    const switched = await call('POST', '/session/tenant', { kind: 'organization', id: server.organization_id });
    assert.equal(switched.status, 200);
    assert.equal((await call('GET', '/organization/info')).json.id, server.organization_id);
    const mine = await call('POST', '/partner/organizations', { name: 'My own', admin_contact_email: 'x@example.com', admin: 'me' });
    assert.ok([200, 201].includes(mine.status), mine.text);
    assert.equal((await call('POST', '/session/tenant', { kind: 'organization', id: mine.json.id })).status, 200);
    assert.equal((await call('GET', '/organization/info')).json.id, mine.json.id);
    assert.deepEqual((await call('GET', '/organization/devices')).json.items, []);
    assert.equal((await other.call('GET', '/organization/info')).json.id, server.organization_id, 'another session is not switched');
  });

  test('a broken or foreign cookie is nobody; a key beside a cookie decides', async () => {
    const { cookie } = await browser();
    const [name, token] = cookie.split('=');
    for (const value of [`${name}=${token.slice(1)}x`, `${name}=`, `${name}=${'x'.repeat(43)}`, `x${cookie}`, `__Host-${cookie}`, 'nonsense']) {
      assert.deepEqual(answer(await request(server.http, 'GET', '/core/v1/session', { headers: { cookie: value } })), [401, error('Not authorized')], value);
    }
    assert.equal((await request(server.https, 'GET', '/core/v1/session', { tls: true, headers: { cookie } })).status, 401, 'the plain cookie does not count on TLS');
    const wrongKey = await request(server.http, 'GET', '/core/v1/partner/models', { key: 'mp_wrong', headers: { cookie } });
    assert.equal(wrongKey.status, 401);
  });

  test('signing out ends it, and clears the cookie', async () => {
    const { call } = await browser();
    const out = await call('DELETE', '/session');
    assert.deepEqual(answer(out), [200, '{"success":true}']);
    assert.match(out.headers['set-cookie'][0], /Max-Age=0|Expires=Thu, 01 Jan 1970/i);
    assert.deepEqual(answer(await call('GET', '/session')), [401, error('Not authorized')]);
    assert.deepEqual(answer(await call('GET', '/partner/models')), [401, error('Not authorized')]);
    assert.equal((await call('DELETE', '/session')).status, 401);
  });

  test('keys are no sessions', async () => {
    for (const key of [server.partner_key, server.organization_key]) {
      assert.equal((await request(server.http, 'GET', '/core/v1/session', { key })).status, 401);
      assert.equal((await request(server.http, 'GET', '/core/v1/session/preferences', { key })).status, 401);
    }
  });

  test('preferences are kept', async () => {
    const { call } = await browser();
    assert.equal((await call('GET', '/session/preferences')).status, 200);
    assert.equal((await call('PUT', '/session/preferences', { theme: 'dark', columns: { devices: ['name'] } })).status, 200);
    const other = await browser();
    assert.deepEqual((await other.call('GET', '/session/preferences')).json, { theme: 'dark', columns: { devices: ['name'] } });
    assert.equal((await call('PUT', '/session/preferences', { x: 'y'.repeat(20000) })).status, 413);
    assert.equal((await call('PUT', '/session/preferences', [])).status, 422);
  });

  test('the live stream takes the cookie, and ends with the session', async () => {
    const { call, cookie } = await browser();
    const stream = await follow(server, 'partner', { headers: { cookie } });
    assert.equal(stream.status, 200);
    assert.equal((await follow(server, 'partner', { headers: { cookie: 'muster=x' } })).status, 401);
    await call('DELETE', '/session');
    stream.close();
  });
});

describe('limits', () => {
  test('failed sign-ins of one address for one account; a right one does not count', async () => {
    const { failed, limited, right, again, elsewhere } = await inOneMinute(async (round) => {
      const to = { email: `limits-${round}@example.com`, password: 'a wrong password' };
      const several = async (count, ...how) => {
        const statuses = [];
        for (let n = 0; n < count; n++) statuses.push((await signIn(...how)).status);
        return statuses;
      };
      return {
        failed: await several(3, to),
        limited: await signIn(to),
        right: await several(6),
        again: await signIn({ ...to, email: `LIMITS-${round}@example.com ` }),
        elsewhere: await signIn(to, { tls: true, headers: { 'x-forwarded-for': `192.0.2.${90 + round}` } }),
      };
    });
    assert.deepEqual(failed, [401, 401, 401]);
    assert.deepEqual(answer(limited), [429, error('Too many requests')]);
    const seconds = Number(limited.headers['retry-after']);
    assert.ok(Number.isInteger(seconds) && seconds >= 1 && seconds <= 60, limited.headers['retry-after']);
    assert.deepEqual(right, [200, 200, 200, 200, 200, 200], 'another account, whose successes are not counted');
    assert.equal(again.status, 429, 'the same account, however it is written');
    assert.equal(elsewhere.status, 401, 'nobody can lock an account out from elsewhere');
  });

  test('failed sign-ins of one address for any account; loopback is exempt', async () => {
    const from = (address, n) => signIn({ email: `guess-${n}@example.com`, password: 'a wrong password' }, { tls: true, headers: { 'x-forwarded-for': address } });
    const statuses = await inOneMinute(async (round) => {
      const seen = [];
      for (let n = 0; n < 7; n++) seen.push((await from(`192.0.2.${20 + 2 * round + (n === 6 ? 1 : 0)}`, n)).status);
      return seen;
    });
    assert.deepEqual(statuses, [401, 401, 401, 401, 401, 429, 401]);
    for (let n = 7; n < 14; n++) assert.equal((await signIn({ email: `guess-${n}@example.com`, password: 'a wrong password' })).status, 401);
  });

  test('many wrong guesses at once do not slip through', async () => {
    const replies = await inOneMinute((round) =>
      Promise.all(Array.from({ length: 10 }, () => signIn({ email: `parallel-${round}@example.com`, password: 'a wrong password' }))));
    assert.equal(replies.filter(({ status }) => status === 401).length, 3);
    assert.equal(replies.filter(({ status }) => status === 429).length, 7);
  });
});

describe('life of sessions', () => {
  test('a new password ends the others; idle ones end after 12 hours; they survive a restart', async () => {
    const keys = setup();
    let own = await startServer({ dir: keys.dir });
    const first = await browser({ on: own });
    const second = await browser({ on: own });
    const change = (who, body) => who.call('POST', '/session/password', body);
    assert.equal((await change(first, { current: 'not this one!', password: 'another long password' })).status, 422);
    assert.deepEqual(answer(await change(first, { current: password, password: 'short' })), [422, error('Password is too short (minimum is 12 characters)')]);
    assert.equal((await change(first, { current: password, password: 'another long password' })).status, 200);
    assert.equal((await first.call('GET', '/session')).status, 200, 'the session that asked stays');
    assert.equal((await second.call('GET', '/session')).status, 401);
    assert.equal((await signIn(undefined, { on: own })).status, 401, 'the old password');
    const third = await browser({ on: own, body: { email, password: 'another long password' } });
    const { id } = third.reply.json.user;
    await own.stop();

    own = await startServer({ dir: keys.dir });
    const again = (on) => request(on.http, 'GET', '/core/v1/session', { headers: { cookie: first.cookie } });
    assert.equal((await again(own)).status, 200, 'it survives a restart');
    assert.equal((await request(own.http, 'POST', '/core/v1/organization/spaces', { body: { name: 'After' }, headers: { cookie: first.cookie, 'x-csrf-token': first.csrf } })).status, 200);
    await own.stop();

    editDatabase(keys.dir, `UPDATE web_session SET last_used_at = last_used_at - 12 * 3600 * 1000 - 60000;`);
    own = await startServer({ dir: keys.dir });
    assert.equal((await again(own)).status, 401, '12 hours idle');
    const fourth = await browser({ on: own, body: { email, password: 'another long password' } });
    await own.stop();

    editDatabase(keys.dir, `UPDATE user SET deactivated_at = ${Date.now()} WHERE id = ${blob(id)};`);
    own = await startServer({ dir: keys.dir });
    assert.equal((await signIn({ email, password: 'another long password' }, { on: own })).status, 401, 'deactivated');
    assert.ok(fourth.cookie);
    await own.stop();
    keys.remove();
  });
});

describe('set-up over HTTP', () => {
  test('what /setup shows without its link, the refusals, and that finishing signs in', async () => {
    const own = await startServer();
    const post = (path, body, options) => request(own.http, 'POST', `/core/v1/setup${path}`, { body, ...options });
    const good = { name: 'Ada', email, password, partner_name: 'Northlight' };
    assert.equal((await request(own.http, 'GET', '/core/v1/setup')).json.needed, true);
    assert.equal((await signIn(undefined, { on: own })).status, 401, 'no account before');
    for (const token of ['nonsense', 'x'.repeat(43), '%00']) {
      assert.ok([400, 404].includes((await request(own.http, 'GET', `/core/v1/setup/${token}`)).status));
      assert.ok([400, 404].includes((await post(`/${token}`, good)).status));
    }
    const token = own.setupLink.split('/').pop();
    for (const [field, value] of [['name', ''], ['email', 'nobody'], ['password', 'short'], ['partner_name', ''], ['short_code', 'abc']]) {
      assert.equal((await post(`/${token}`, { ...good, [field]: value })).status, 422, field);
    }
    assert.equal((await post(`/${token}`, good, { headers: { origin: 'http://evil.example.com' } })).status, 403);
    const done = await post(`/${token}`, good);
    assert.equal(done.status, 201);
    const cookie = done.headers['set-cookie'][0].split(';')[0];
    assert.equal((await request(own.http, 'GET', '/core/v1/session', { headers: { cookie } })).json.user.email, email);
    assert.equal((await post(`/${token}`, good)).status, 404);
    assert.equal((await request(own.http, 'GET', '/core/v1/setup')).json.needed, false);
    await own.stop();
  });
});

describe('pages', () => {
  test('the portals: HTML, a strict policy, no redirects', async () => {
    for (const [to, tls] of [[server.http, false], [server.https, true]]) {
      for (const path of ['/partners/', '/partners', '/partners/models/abc?tab=info', '/app/', '/app/devices', '/setup', '/setup/sometoken', '/c/code']) {
        const reply = await request(to, 'GET', path, { tls });
        assert.equal(reply.status, 200, path);
        assert.match(reply.headers['content-type'], /^text\/html/);
        const policy = reply.headers['content-security-policy'];
        assert.match(policy, /default-src 'none'|default-src 'self'/);
        assert.match(policy, /frame-ancestors 'none'/);
        assert.ok(!/unsafe-inline|unsafe-eval|\*/.test(policy), policy);
        assert.equal(reply.headers['x-content-type-options'], 'nosniff');
        assert.match(reply.headers['referrer-policy'], /no-referrer|same-origin/);
        assert.equal(reply.headers['set-cookie'], undefined);
        assert.equal('strict-transport-security' in reply.headers, tls);
        assert.ok(!/<script(?![^>]*\bsrc=)[^>]*>\s*\S/.test(reply.text), 'no inline scripts');
        assert.ok(!/(?:src|href)="(?:https?:)?\/\//.test(reply.text), 'nothing from elsewhere');
      }
    }
  });

  test('their files are immutable by name, everything else is revalidated', async () => {
    const page = await request(server.http, 'GET', '/partners/');
    const files = [...page.text.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, path]) => path);
    assert.ok(files.length >= 1, 'the page names its files');
    for (const path of files) {
      const reply = await request(server.http, 'GET', path);
      assert.equal(reply.status, 200, path);
      assert.equal(reply.headers['x-content-type-options'], 'nosniff');
      assert.match(reply.headers['cache-control'], path.startsWith('/assets/') ? /immutable/ : /no-cache/);
      if (path.endsWith('.js')) assert.match(reply.headers['content-type'], /javascript/);
      const packed = await request(server.http, 'GET', path, { headers: { 'accept-encoding': 'gzip' } });
      assert.equal(packed.status, 200);
    }
    assert.match(page.headers['cache-control'], /no-cache/);
    assert.deepEqual(answer(await request(server.http, 'GET', '/assets/nothing.js')), [404, error('Unknown endpoint')]);
    assert.deepEqual(answer(await request(server.http, 'GET', '/assets/%2e%2e/%2e%2e/etc/passwd')), [404, error('Unknown endpoint')]);
    const head = await request(server.http, 'HEAD', '/app/');
    assert.deepEqual([head.status, head.text], [200, '']);
  });

  test('no path of the program answers with a redirect', async () => {
    const model = await makeModel(server);
    for (const path of ['/', '/partners', '/app', '/setup', '/c', '/core', '/core/v1', '/core/v1/partner', '/core/v1/session', '/v1', '/v1/devices', '/mqtt', '/healthz', '/index.html', '/favicon.ico', `/core/v1/partner/models/${model.id}/`]) {
      const { status, headers } = await request(server.http, 'GET', path, { headers: { accept: 'text/html' } });
      assert.ok(status < 300 || status >= 400, `${path}: ${status}`);
      assert.equal(headers.location, undefined);
    }
  });
});
