// Mail (management-api.md 8.2, 10.1, 10.2): listed with its link without a relay, sent over SMTP with one.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { unlimited } from './support/config.js';
import { editDatabase } from './support/database.js';
import { assign, client, makeModel, password, register, request, setup, startServer, until } from './support/server.js';
import { startRelay } from './support/smtp.js';

let keys;
let server;
let relay;
let session;

const connect = async () => { server = Object.assign(await startServer({ dir: keys.dir, args: unlimited() }), keys); };
const signIn = (secret) => request(server.http, 'POST', '/core/v1/session', { body: { email: keys.email, password: secret } });

async function asAdministrator(secret = password) {
  const reply = await signIn(secret);
  assert.equal(reply.status, 200, reply.text);
  const headers = { cookie: reply.headers['set-cookie'][0].split(';')[0], 'x-csrf-token': reply.json.csrf_token };
  session = async (method, path, body, status = 200) => {
    const answer = await request(server.http, method, `/core/v1${path}`, { body, headers });
    assert.equal(answer.status, status, `${method} ${path}: ${answer.text}`);
    return answer.json;
  };
}

const mails = async () => (await session('GET', '/system/mails')).data;
const ask = (email) => request(server.http, 'POST', '/core/v1/session/reset', { body: { email } });

before(async () => {
  keys = setup();
  relay = await startRelay();
  await connect();
  await asAdministrator();
});
after(async () => {
  await server.stop();
  await relay.close();
  keys.remove();
});

test('without a relay a mail is listed with its link, which works once', async () => {
  assert.equal((await ask('nobody@example.com')).text, '{"success":true}');
  assert.deepEqual(await mails(), []);
  assert.deepEqual((await ask('x')).json, { error: 'Email is invalid' });
  assert.equal((await ask(keys.email)).text, '{"success":true}');
  assert.equal((await ask(keys.email)).text, '{"success":true}'); // no second link at once
  const [mail, ...others] = await mails();
  assert.equal(others.length, 0);
  assert.deepEqual([mail.kind, mail.to, mail.subject, mail.state, mail.error],
    ['password_reset', keys.email, 'Set a new password', 'listed', 'There is no mail relay']);
  assert.ok(!mail.text.includes('/reset/'));
  const [, token] = mail.link.match(/^https?:.*\/reset\/(\w{43})$/);
  const use = () => request(server.http, 'POST', '/core/v1/session/reset', { body: { token, password: 'another horse battery' } });
  assert.equal((await use()).status, 200);
  assert.equal((await use()).status, 404);
  assert.equal((await signIn(password)).status, 401);
  await asAdministrator('another horse battery');
});

test('the relay: system administrators set it, its password is not shown', async () => {
  for (const [smtp, error] of [
    [{ host: 'a/b' }, 'Host is invalid'], [{ host: 'relay' }, 'Parameter from is required'], [{ port: 0 }, 'Port is invalid'],
    [{ host: 'relay', from: 'nobody' }, 'From is invalid'], [{ security: 'much' }, 'Security is invalid'], ['x', 'Smtp is invalid'],
  ]) {
    assert.deepEqual(await session('PATCH', '/system/settings', { smtp }, 422), { error }, JSON.stringify(smtp));
  }
  const set = await session('PATCH', '/system/settings', {
    smtp: { host: '127.0.0.1', port: relay.port, security: 'none', user: 'muster', password: 'open sesame', from: 'muster@northlight.example' } });
  assert.deepEqual(set.smtp, { host: '127.0.0.1', port: relay.port, security: 'none', user: 'muster', password: '*****', from: 'muster@northlight.example' });
  await session('PATCH', '/system/settings', { smtp: { password: '*****' } });
  for (const key of [keys.partner_key, keys.organization_key]) {
    assert.equal((await request(server.http, 'GET', '/core/v1/system/settings', { key })).status, 401);
  }
});

test('with a relay it is sent, and its link is kept nowhere', async () => {
  await session('POST', '/system/settings/smtp/test', { to: 'bo@harbour.example' }, 201);
  const sent = await relay.next();
  assert.deepEqual([sent.from, sent.to, sent.headers.from, sent.headers.to], ['muster@northlight.example', ['bo@harbour.example'],
    '<muster@northlight.example>', '<bo@harbour.example>']);
  assert.deepEqual([sent.headers.subject, sent.text], ['Test of the mail relay', 'Mail of this installation arrives.\n']);
  assert.deepEqual(relay.auth, ['muster', 'open sesame']);
  const count = (await mails()).length;
  assert.equal((await ask(keys.email)).status, 200);
  const mail = await relay.next(({ to }) => to[0] === keys.email);
  assert.match(mail.text, /\nhttps?:\S+\/reset\/\w{43}\n$/);
  const row = await until(async () => (await mails()).find(({ state, kind }) => state === 'sent' && kind === 'password_reset'), 'sent');
  assert.deepEqual([row.link, row.attempts, (await mails()).length], [null, 1, count + 1]);
  await session('POST', `/system/mails/${row.id}/retry`, {}, 422);
});

test('a relay that refuses for good, and one that is not there', async () => {
  relay.refuse = () => '550 no such person';
  const { id } = await session('POST', '/system/settings/smtp/test', { to: 'gone@harbour.example' }, 201);
  const read = async () => (await mails()).find((row) => row.id === id);
  const failed = await until(async () => { const row = await read(); return row.state === 'failed' && row; }, 'refused');
  assert.deepEqual([failed.error, failed.attempts], ['The relay refused it with code 550', 1]);
  relay.refuse = (address) => (address === 'gone@harbour.example' ? '451 later' : undefined);
  await session('POST', `/system/mails/${id}/retry`, {});
  const waiting = await until(async () => { const row = await read(); return row.attempts === 1 && row; }, 'tried again');
  assert.deepEqual([waiting.state, waiting.next_attempt_at > new Date().toISOString()], ['waiting', true]);
  await session('POST', `/system/mails/${id}/retry`, {}, 422);
});

test('5xx is final wherever the relay says it, 4xx is not', async () => {
  relay.refuse = () => undefined;
  for (const stage of ['greeting', 'auth', 'from', 'data', 'end']) {
    for (const [code, state] of [['554', 'failed'], ['451', 'waiting']]) {
      relay.says = { [stage]: `${code} no` };
      const { id } = await session('POST', '/system/settings/smtp/test', { to: 'gone@harbour.example' }, 201);
      const row = await until(async () => (await mails()).find((one) => one.id === id && one.attempts === 1), `${stage} ${code}`);
      assert.equal(row.state, state, `${stage} ${code}: ${row.error}`);
      assert.ok(row.error);
    }
  }
  relay.says = {};
});

test('administrators are told of claims (portal.md 6.5)', async () => {
  relay.refuse = () => undefined;
  const model = await makeModel(server, { authentication_method: 'cloud_id' });
  await client(server, 'partner', keys.partner_key).post(`/models/${model.id}/publish`, {});
  const organization = client(server, 'organization', keys.organization_key);
  const room = await organization.post('/spaces', { name: 'Room' });
  await register(server, model.key, { cloud_id: 'NL01mail0001', name: 'Lobby panel' });
  await organization.post('/devices/claim', { cloud_id: 'NL01mail0001', space_id: room.id });
  const claimed = await relay.next(({ headers }) => headers.subject.startsWith('Claimed'));
  assert.deepEqual([claimed.to, claimed.headers.subject], [[keys.email], 'Claimed: Lobby panel']);
  assert.match(claimed.text, /^Northlight Lab claimed Lobby panel into Northlight Lab\/Room\.\n/);
  await assign(server, (await register(server, model.key, { cloud_id: 'NL01mail0002' })).id);
  const assigned = await relay.next(({ headers }) => headers.subject.startsWith('Claimed'));
  assert.match(assigned.text, /^Northlight claimed 1 device into Northlight Lab\.\n/);
  assert.equal((await organization.get('/mails')).items.length, 2);
});

test('a mail that was committed is sent after a kill', async () => {
  let asked;
  const isAsked = new Promise((done) => { asked = done; });
  relay.refuse = () => { asked(); return null; }; // no answer
  await session('POST', '/system/settings/smtp/test', { to: 'late@harbour.example' }, 201);
  await isAsked;
  await server.kill();
  relay.refuse = () => undefined;
  await connect();
  assert.ok(await relay.next(({ to }) => to[0] === 'late@harbour.example'));
});

test('who is no system administrator has no business here', async () => {
  await server.stop();
  editDatabase(keys.dir, 'UPDATE user SET system_admin = 0');
  await connect();
  await asAdministrator('another horse battery');
  assert.deepEqual(await session('GET', '/system/settings', undefined, 403), { error: 'Forbidden' });
  assert.deepEqual(await session('GET', '/system/mails', undefined, 403), { error: 'Forbidden' });
  assert.deepEqual((await session('GET', '/partner/mails')).data, []);
});
