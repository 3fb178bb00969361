// The account behind a session (management-api.md 10.1; portal.md 2.4, 3): lost access, one-time codes; and secrets in
// commands, and queries that cannot be read.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { after, before, test } from 'node:test';
import { assign, binary, client, makeModel, password, register, request, setup, startServer } from './support/server.js';
import { configured } from './support/config.js';
import { editDatabase } from './support/database.js';
import { follow } from './support/sse.js';

const email = 'ada@example.com';
const changed = 'another battery horse';
const error = (text) => JSON.stringify({ error: text });
const answer = ({ status, text }) => [status, text];
let keys;
let server;

const run = (...args) => new Promise((resolve) => {
  execFile(binary, args, { encoding: 'utf8' }, (failure, stdout, stderr) => resolve({ code: failure ? failure.code : 0, stdout, stderr }));
});
const post = (path, body, headers) => request(server.http, 'POST', `/core/v1/session${path}`, { body, headers });
const signIn = (body) => post('', { email, password, ...body });

async function restart(between) {
  await server.end();
  await between?.();
  await open();
}
async function open() {
  server = await startServer({ dir: keys.dir,
    args: configured('[limits]\nmanagement_requests = 0\nfailed_signins_account = 8\nfailed_signins_address = 0\n') });
  server.end = server.stop;
  Object.assign(server, { partner_key: keys.partner_key, organization_key: keys.organization_key, organization_id: keys.organization_id });
}
async function browser(body) {
  const reply = await signIn(body);
  assert.equal(reply.status, 200, reply.text);
  const headers = { cookie: reply.headers['set-cookie'][0].split(';')[0], 'x-csrf-token': reply.json.csrf_token };
  return { reply, headers, alive: async () => (await request(server.http, 'GET', '/core/v1/session', { headers })).status === 200,
    otp: (sent) => post('/otp', sent, headers) };
}

/** RFC 6238, on its own: the code `steps` periods from now. */
function code(secret, steps = 0) {
  const bits = [...secret].map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('');
  const raw = Buffer.from(bits.match(/.{8}/g).map((b) => parseInt(b, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + steps));
  const hash = createHmac('sha1', raw).update(counter).digest();
  return String((hash.readUInt32BE(hash[19] & 15) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

before(async () => { keys = setup({ email }); await open(); });
after(async () => { await server.end(); keys.remove(); });

test('a reset link: made beside no server, once, the newest only; ends every session, signs nobody in', async () => {
  const busy = await run('reset-link', '--data', keys.dir, '--email', email);
  assert.equal(busy.code, 1);
  assert.match(busy.stderr, /in use by a running server: stop it first/);
  assert.equal(busy.stdout, '');
  const ada = await browser();
  const links = [];
  await restart(async () => {
    for (let i = 0; i < 2; i++) {
      const made = await run('reset-link', '--data', keys.dir, '--email', ' ADA@example.com ');
      assert.equal(made.code, 0, made.stderr);
      links.push(made.stdout.match(/^Reset link \(valid 24 hours, one use\): http\S+\/reset\/([0-9A-Za-z]{22,})\n$/)[1]);
    }
    const nobody = await run('reset-link', '--data', keys.dir, '--email', 'nobody@example.com');
    assert.deepEqual([nobody.code, nobody.stdout], [1, '']);
    assert.match(nobody.stderr, /nobody@example\.com/);
    assert.equal((await run('reset-link', '--data', `${keys.dir}-none`, '--email', email)).code, 1);
    assert.equal((await run('reset-link', '--data', keys.dir)).code, 2);
  });
  assert.ok(await ada.alive());
  const page = await request(server.http, 'GET', `/reset/${links[1]}`);
  assert.equal(page.status, 200);
  assert.deepEqual(answer(await post('/reset', { password: changed })), [422, error('Parameter token is required')]);
  assert.deepEqual(answer(await post('/reset', { token: links[1] })), [422, error('Parameter password is required')]);
  for (const token of [links[0], 'x', 'x'.repeat(500), `${links[1]}x`]) {
    assert.deepEqual(answer(await post('/reset', { token, password: changed })), [404, error('Reset link not found')]);
  }
  assert.deepEqual(answer(await post('/reset', { token: links[1], password: 'short' })), [422, error('Password is too short (minimum is 12 characters)')]);
  assert.equal((await post('/reset', { token: links[1], password: changed }, { origin: 'http://evil.example.com' })).status, 403);
  const reply = await post('/reset', { token: links[1], password: changed });
  assert.deepEqual(answer(reply), [200, '{"success":true}']);
  assert.equal(reply.headers['set-cookie'], undefined);
  assert.equal(await ada.alive(), false);
  assert.deepEqual(answer(await post('/reset', { token: links[1], password })), [404, error('Reset link not found')]);
  assert.deepEqual(answer(await signIn()), [401, error('Invalid email or password')]);
  const again = await browser({ password: changed });
  const audit = await client(server, 'partner', keys.partner_key).get('/audit');
  assert.ok(audit.data.some((row) => row.action === 'user.password_reset'));
  assert.ok(!JSON.stringify(audit).includes(links[1]));
  const back = await post('/password', { current: changed, password }, again.headers);
  assert.equal(back.status, 200, back.text);
});

test('one-time codes: confirmed with a first code, needed from then on, each used once', async () => {
  const ada = await browser();
  assert.equal(ada.reply.json.user.otp, false);
  assert.deepEqual(answer(await ada.otp({})), [422, error('Parameter action is required')]);
  assert.deepEqual(answer(await ada.otp({ action: 'nonsense' })), [422, error('Action is invalid')]);
  assert.deepEqual(answer(await ada.otp({ action: 'confirm' })), [422, error('Parameter code is required')]);
  assert.deepEqual(answer(await ada.otp({ action: 'confirm', code: '000000' })), [422, error('Code is invalid')]);
  assert.equal((await request(server.http, 'POST', '/core/v1/session/otp', { body: { action: 'start' }, key: keys.partner_key })).status, 401);
  const { cookie } = ada.headers;
  assert.equal((await post('/otp', { action: 'start' }, { cookie })).status, 403, 'without the CSRF token');
  const { json: { secret, url } } = await ada.otp({ action: 'start' });
  assert.match(secret, /^[A-Z2-7]{32}$/);
  assert.equal(url, `otpauth://totp/Muster:ada%40example.com?secret=${secret}&issuer=Muster&algorithm=SHA1&digits=6&period=30`);
  assert.equal((await signIn()).status, 200, 'asked for is not on');
  assert.deepEqual(answer(await ada.otp({ action: 'confirm', code: code(secret) })), [200, '{"success":true}']);
  assert.deepEqual(answer(await ada.otp({ action: 'start' })), [422, error('One-time codes are on already')]);

  assert.deepEqual(answer(await signIn()), [401, error('One-time code required')]);
  assert.deepEqual(answer(await signIn({ password: 'wrong battery horse' })), [401, error('Invalid email or password')]);
  const used = code(secret, 1); // one step of drift
  assert.deepEqual(answer(await signIn({ password: 'wrong battery horse', otp: used })), [401, error('Invalid email or password')]);
  assert.deepEqual(answer(await signIn({ otp: '12' })), [401, error('Invalid email or password')]);
  const second = await browser({ otp: used });
  assert.equal(second.reply.json.user.otp, true);
  assert.deepEqual(answer(await signIn({ otp: used })), [401, error('Invalid email or password')]);

  assert.deepEqual(answer(await second.otp({ action: 'off', password: 'wrong battery horse' })), [422, error('Password is invalid')]);
  assert.deepEqual(answer(await second.otp({ action: 'off', password })), [200, '{"success":true}']);
  assert.equal((await signIn()).status, 200);
});

test('wrong codes count as failed sign-ins; a reset turns codes off, and nobody who asks by mail voids its link', async () => {
  const ada = await browser();
  const { json: { secret } } = await ada.otp({ action: 'start' });
  assert.equal((await ada.otp({ action: 'confirm', code: code(secret) })).status, 200);
  let token;
  await restart(async () => { token = (await run('reset-link', '--data', keys.dir, '--email', email)).stdout.match(/reset\/(\S+)/)[1]; });
  for (let i = 0; i < 12; i++) assert.deepEqual(answer(await signIn()), [401, error('One-time code required')]); // no guess
  const replies = [];
  for (let i = 0; i < 17; i++) replies.push((await signIn({ otp: 'abcdef' })).status); // a minute may end in between
  assert.ok(replies.includes(429) && replies[0] === 401, replies.join());
  await restart(() => editDatabase(keys.dir, 'UPDATE password_reset SET expires_at = expires_at - 3600000;')); // made an hour ago
  assert.deepEqual(answer(await post('/reset', { email })), [200, '{"success":true}']);
  assert.equal((await post('/reset', { token, password })).status, 200);
  assert.equal((await signIn()).status, 200);
});

test('values of password fields: the device gets them, the partner and live events show that there is one', async () => {
  const model = await makeModel(server, { communication_protocol: 'https' });
  const partner = client(server, 'partner', keys.partner_key);
  const organization = client(server, 'organization', keys.organization_key);
  await partner.post(`/models/${model.id}/commands`, { name: 'join', friendly_name: 'Join', custom_fields: [
    { name: 'network', label: 'Network', type: 'string' }, { name: 'pin', label: 'PIN', type: 'password' }, { name: 'spare', label: 'Spare', type: 'password' }] });
  const device = await register(server, model.key);
  await assign(server, device.device_id ?? device.id);
  const id = device.device_id ?? device.id;
  const live = await follow(server, 'partner', { key: keys.partner_key });
  const sent = await organization.post(`/devices/${id}/commands`, { name: 'join', extra_params: { network: 'hall', pin: '4711-x' } });
  assert.deepEqual(sent.parameters, { network: 'hall', pin: '4711-x', spare: null });
  const listed = await partner.get(`/devices/${id}/commands`);
  assert.deepEqual(listed.data[0].parameters, { network: 'hall', pin: '*****', spare: null });
  const event = await live.next((one) => JSON.stringify(one).includes(sent.id));
  assert.ok(JSON.stringify(event).includes('hall'));
  assert.ok(!JSON.stringify(event).includes('4711-x'));
  live.close();
  const fetched = await request(server.http, 'GET', `/v1/devices/${id}/command`, { headers: { authorization: device.access_key } });
  assert.deepEqual(fetched.json.parameters, { network: 'hall', pin: '4711-x', spare: null });
});

test('a query that cannot be read is refused, not dropped', async () => {
  for (const bad of ['status=%ff', 'x=%c3', 'name=%ed%a0%80', '%ff=1', 'x=%zz']) {
    assert.deepEqual(answer(await request(server.http, 'GET', `/core/v1/partner/devices?${bad}`, { key: keys.partner_key })), [400, error('Bad request')], bad);
  }
  assert.equal((await request(server.http, 'GET', '/core/v1/partner/devices?name=%c3%a9&&x', { key: keys.partner_key })).status, 200);
  assert.equal((await request(server.http, 'GET', '/core/v1/partner/devices?x=%ff')).status, 401);
});
