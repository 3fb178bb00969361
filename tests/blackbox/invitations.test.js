// Who comes into a tenant, and how (management-api.md 3.8, 5.9, 5.10, 8.2, 10.1; portal.md 3): invitations, consent, links that let
// their reader act as somebody, one-time codes that a mailbox does not turn off.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { unlimited } from './support/config.js';
import { client, password, request, startInstallation } from './support/server.js';

const error = (text) => JSON.stringify({ error: text });
const answer = ({ status, text }) => [status, text];
let server;
let partner;
let lab;
let ada; // system administrator, administrator of the partner and of its lab

const ask = (method, path, { key, headers, body } = {}) => request(server.http, method, `/core/v1${path}`, { key, headers, body });
const reset = (body) => ask('POST', '/session/reset', { body });

/** Signed in: { session, call(method, path, body) }. */
async function signIn(email, fields = {}) {
  const reply = await ask('POST', '/session', { body: { email, password, ...fields } });
  assert.equal(reply.status, 200, `${email}: ${reply.text}`);
  const headers = { cookie: reply.headers['set-cookie'][0].split(';')[0], 'x-csrf-token': reply.json.csrf_token };
  return { session: reply.json, headers, call: (method, path, body) => ask(method, path, { headers, body }) };
}

const ofMail = (list, to, kind) => (list.items ?? list.data).find((mail) => mail.to === to && (!kind || mail.kind === kind));
const tokenOf = (mail) => mail.link.match(/\/\w+\/(\w{43})$/)[1];
const systemMail = async (to, kind) => ofMail((await ada.call('GET', '/system/mails?per_page=500')).json, to, kind);

let serial = 0;
/** A customer with its own key: { id, api, contact }. */
async function newCustomer(fields = {}) {
  const contact = `contact${++serial}@example.com`;
  const made = await partner.post('/organizations', { name: `Customer ${serial}`, admin_contact_email: contact, ...fields });
  return { ...made, contact: fields.admin_contact_email ?? contact, api: client(server, 'organization', made.api_key) };
}

/** Somebody of this customer, whose invitation was used: its address. */
async function newPerson(customer, email = `person${++serial}@example.com`) {
  const { items } = await customer.api.get('/groups');
  await customer.api.post('/users', { email, name: 'Person', group_ids: [items.find(({ name }) => name === 'Administrators').id] });
  const used = await reset({ token: tokenOf(ofMail(await customer.api.get('/mails'), email)), password });
  assert.equal(used.status, 200, used.text);
  return email;
}

/** RFC 6238, on its own. */
function code(secret, steps = 0) {
  const bits = [...secret].map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('');
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + steps));
  const hash = createHmac('sha1', Buffer.from(bits.match(/.{8}/g).map((b) => parseInt(b, 2)))).update(counter).digest();
  return String((hash.readUInt32BE(hash[19] & 15) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

async function turnCodesOn(person) {
  const { json: { secret } } = await person.call('POST', '/session/otp', { action: 'start' });
  assert.equal((await person.call('POST', '/session/otp', { action: 'confirm', code: code(secret) })).status, 200);
  return secret;
}

before(async () => {
  server = await startInstallation({ args: unlimited() });
  partner = client(server, 'partner', server.partner_key);
  lab = client(server, 'organization', server.organization_key);
  ada = await signIn(server.email);
});
after(() => server.stop());

describe('a new customer', () => {
  test('has its contact invited as administrator, by the same commit', async () => {
    const customer = await newCustomer({ name: 'Harbour College' });
    const [user, ...others] = (await customer.api.get('/users')).items;
    assert.deepEqual([user.email, user.invited, user.group_names, others], [customer.contact, true, ['Administrators'], []]);
    const mail = ofMail(await customer.api.get('/mails'), customer.contact);
    assert.deepEqual([mail.kind, mail.subject], ['invitation', 'Invitation to Harbour College']);
    assert.equal((await reset({ token: tokenOf(mail), password, name: 'Bo' })).status, 200);
    const { session } = await signIn(customer.contact);
    assert.deepEqual([session.user.name, session.tenants.map(({ name, role }) => [name, role])], ['Bo', [['Harbour College', 'administrator']]]);
    assert.equal((await ask('POST', `/partner/organizations/${customer.id}/invite`, { key: server.partner_key, body: { email: 'late@example.com' } })).json.error,
      'The organization has an administrator already');
  });

  test('is for its contact, for who makes it, or for both; many at once as well', async () => {
    const make = async (fields) => {
      const made = await ada.call('POST', '/partner/organizations', { name: `Own ${++serial}`, admin_contact_email: `own${serial}@example.com`, ...fields });
      assert.equal(made.status, 200, made.text);
      return (await client(server, 'organization', made.json.api_key).get('/users')).items.map(({ email, invited }) => [email, invited]);
    };
    assert.deepEqual(await make({ admin: 'me' }), [[server.email, false]]);
    assert.deepEqual(await make({ admin: 'both' }), [[server.email, false], [`own${serial}@example.com`, true]]);
    assert.deepEqual(await make({ admin: 'both', admin_contact_email: server.email }), [[server.email, false]]);
    assert.deepEqual(await make({ admin_contact_email: 'own-again@example.com' }), [['own-again@example.com', true]]);
    assert.deepEqual(await make({ admin_contact_email: 'own-again@example.com' }), [['own-again@example.com', true]], 'one contact of two customers');
    const { results } = await partner.post('/organizations/bulk', [1, 2].map((n) => ({ name: `Bulk ${n}`, admin_contact_email: `bulk${n}@example.com` })));
    for (const { organization } of results) assert.equal((await client(server, 'organization', organization.api_key).get('/mails')).items.length, 1);
  });
});

describe('who has an account', () => {
  test('comes into another tenant by consent only: the link of the mail, signed in with the account', async () => {
    const customer = await newCustomer();
    const email = await newPerson(customer);
    const { data: [administrators] } = await partner.get('/groups');
    const invited = await partner.post('/users', { email, name: 'x', group_ids: [administrators.id] });
    assert.deepEqual([invited.invited, invited.group_names, invited.last_login_at, invited.login_count], [true, ['Administrators'], null, 0]);
    const person = await signIn(email);
    assert.deepEqual(person.session.tenants.map(({ kind }) => kind), ['organization'], 'nothing before it consents');
    assert.equal((await person.call('GET', '/partner/models')).status, 401);
    const mail = ofMail(await partner.get('/mails'), email);
    assert.deepEqual([mail.kind, mail.state], ['invitation', 'listed']);
    assert.match(mail.text, /sign in with it and accept/);
    const token = tokenOf(mail);
    // The link is no way to the account, and not for others.
    assert.deepEqual(answer(await reset({ token, password: 'another battery horse' })), [422, error('Sign in to accept this invitation')]);
    const { api } = customer;
    assert.equal((await api.get('/mails')).items.filter(({ to }) => to === email).length, 1, 'the inviting tenant has it, no other');
    for (const wrong of [token, 'x', `${token}x`]) {
      assert.deepEqual(answer(await ada.call('POST', '/session/invitation', { token: wrong })), [404, error('Invitation not found')]);
    }
    assert.deepEqual(answer(await person.call('POST', '/session/invitation', {})), [422, error('Parameter token is required')]);
    assert.deepEqual(answer(await partner.patch(`/users/${invited.id}`, { name: 'Renamed' }, 422).then((json) => ({ status: 422, text: JSON.stringify(json) }))),
      [422, error('User has not accepted the invitation yet')]);
    const joined = await person.call('POST', '/session/invitation', { token });
    assert.equal(joined.status, 200, joined.text);
    assert.deepEqual(joined.json.tenants.map(({ kind }) => kind), ['partner', 'organization']);
    assert.deepEqual(answer(await person.call('POST', '/session/invitation', { token })), [404, error('Invitation not found')], 'once');
    assert.equal((await person.call('GET', '/partner/models')).status, 200);
    assert.equal((await partner.get(`/users/${invited.id}`)).invited, false);
    assert.ok((await partner.get('/audit?action=user.join')).data.some(({ object_id: about }) => about === invited.id));
  });

  test('invited by mistake as the only administrator, it is sent away again', async () => {
    const email = await newPerson(await newCustomer());
    const { api } = await newCustomer({ admin_contact_email: email });
    const [wrong, ...others] = (await api.get('/users')).items;
    assert.deepEqual([wrong.email, wrong.invited, others], [email, true, []]);
    assert.ok((await api.post(`/users/${wrong.id}/deactivate`, {})).deactivated_at);
    const { items: [administrators] } = await api.get('/groups');
    const right = await api.post('/users', { email: 'right@example.com', name: 'Right', group_ids: [administrators.id] });
    await assert.rejects(api.post(`/users/${right.id}/deactivate`, {}), /422 .*At least one administrator is required/);
  });

  test('an account made in somebody\'s name beforehand is no way in', async () => {
    const attacker = await newCustomer();
    const victim = await newPerson(attacker, 'victim@example.com'); // whoever administers that customer has its password
    const other = await newCustomer();
    const { items: [administrators] } = await lab.get('/groups');
    await partner.post(`/organizations/${other.id}/invite`, { email: victim });
    const external = await lab.post(`/groups/${administrators.id}/add_external_user`, { email: victim });
    assert.ok(external.users.some(({ email }) => email === victim));
    const { session } = await signIn(victim);
    assert.deepEqual(session.tenants.map(({ name }) => name), [attacker.name]);
    const seen = JSON.stringify([await attacker.api.get('/mails'), session]);
    for (const api of [other.api, lab]) assert.ok(!seen.includes(tokenOf(ofMail(await api.get('/mails'), victim))));
    await lab.post(`/groups/${administrators.id}/remove_users`, { user_ids: [external.users.find(({ email }) => email === victim).id] });
  });

  test('one that is out everywhere signs in to accept, and again not without', async () => {
    const customer = await newCustomer();
    const email = await newPerson(customer);
    const { items } = await customer.api.get('/users');
    const { id } = items.find((user) => user.email === email);
    await customer.api.post(`/users/${id}/deactivate`, {});
    const weaken = async () => answer(await ask('POST', `/organization/users/${id}/reset_otp`, { key: customer.api_key }));
    assert.deepEqual(await weaken(), [403, error('Forbidden')], 'nobody administers who is out everywhere');
    await reset({ email });
    assert.equal((await systemMail(email, 'password_reset')).link, null);
    const { items: [administrators] } = await customer.api.get('/groups');
    await customer.api.post('/users', { email, name: 'x', group_ids: [administrators.id] });
    assert.deepEqual(await weaken(), [403, error('Forbidden')], 'nor who has not consented yet');
    const person = await signIn(email);
    assert.deepEqual(person.session.tenants, []);
    assert.equal((await person.call('GET', '/organization/info')).status, 401);
    const joined = await person.call('POST', '/session/invitation', { token: tokenOf(ofMail(await customer.api.get('/mails'), email)) });
    assert.deepEqual([joined.json.tenants.length, joined.json.current.organization], [1, customer.id]);
    assert.equal((await person.call('GET', '/organization/info')).status, 200);
  });
});

describe('links that let their reader act as somebody', () => {
  test('are shown to who administers every tenant of the person, and to nobody else', async () => {
    const customer = await newCustomer();
    const email = await newPerson(customer);
    assert.equal((await reset({ email })).status, 200);
    const own = ofMail(await customer.api.get('/mails'), email, 'password_reset');
    assert.match(own.link, /\/reset\/\w{43}$/, 'without a relay its own administrators hand it on');
    assert.equal((await systemMail(email, 'password_reset')).link, null, 'a system administrator does not act as a customer\'s person');
    assert.equal(ofMail(await partner.get('/mails'), email), undefined);
    const reader = await customer.api.post('/api_keys', { name: 'read', scope: 'read' });
    assert.equal(ofMail((await ask('GET', '/organization/mails', { key: reader.key })).json, email, 'password_reset').link, null);

    // Of two tenants: neither of them alone.
    const { data: [administrators] } = await partner.get('/groups');
    await partner.post('/users', { email, name: 'x', group_ids: [administrators.id] });
    await (await signIn(email)).call('POST', '/session/invitation', { token: tokenOf(ofMail(await partner.get('/mails'), email)) });
    assert.equal(ofMail(await customer.api.get('/mails'), email, 'password_reset').link, null);
    // And the one that was read before is of no use any more.
    assert.deepEqual(answer(await reset({ token: tokenOf(own), password: 'another battery horse' })), [404, error('Reset link not found')]);

    // Ada administers the partner and the lab, so she may read of somebody who is of both.
    const both = `both${++serial}@example.com`;
    const { items: [ofLab] } = await lab.get('/groups');
    await lab.post('/users', { email: both, name: 'Both', group_ids: [ofLab.id] });
    assert.match((await systemMail(both, 'invitation')).link, /\/invitation\//);
    const fresh = await newCustomer();
    const { link, subject, text } = await systemMail(fresh.contact, 'invitation');
    assert.deepEqual([link, subject, text], [null, null, null], 'nor what a tenant\'s mails say');
    assert.match((await fresh.api.get('/mails')).items[0].link, /\/invitation\//);
  });
});

describe('one-time codes', () => {
  test('stay on when the password is reset by mail; administrators of the person may turn them off', async () => {
    const customer = await newCustomer();
    const email = await newPerson(customer);
    await turnCodesOn(await signIn(email));
    await reset({ email });
    const changed = 'another battery horse';
    assert.equal((await reset({ token: tokenOf(ofMail(await customer.api.get('/mails'), email, 'password_reset')), password: changed })).status, 200);
    const again = (fields) => ask('POST', '/session', { body: { email, password: changed, ...fields } });
    assert.deepEqual(answer(await again()), [401, error('One-time code required')]);
    const { items } = await customer.api.get('/users');
    const { id } = items.find((user) => user.email === email);
    const off = await customer.api.post(`/users/${id}/reset_otp`, {});
    assert.equal(off.id, id);
    assert.equal((await again()).status, 200);
    assert.ok((await customer.api.get('/audit?action=user.reset_otp')).items.some(({ object_id: about }) => about === id));
    assert.deepEqual(answer(await ask('POST', `/organization/users/${id}/reset_otp`, { key: server.organization_key })), [404, error('User not found')]);
  });

  test('a tenant does not weaken somebody who is of another one, too; a system administrator may, for all to see', async () => {
    const customer = await newCustomer();
    const email = await newPerson(customer);
    const person = await signIn(email);
    await turnCodesOn(person);
    const { data: [administrators] } = await partner.get('/groups');
    const { id } = await partner.post('/users', { email, name: 'x', group_ids: [administrators.id] });
    await person.call('POST', '/session/invitation', { token: tokenOf(ofMail(await partner.get('/mails'), email)) });
    for (const [tenant, key] of [['partner', server.partner_key], ['organization', customer.api_key]]) {
      assert.deepEqual(answer(await ask('POST', `/${tenant}/users/${id}/reset_otp`, { key })), [403, error('Forbidden')]);
    }
    assert.deepEqual(answer(await person.call('POST', '/system/users/reset_otp', { email })), [403, error('Forbidden')]);
    assert.deepEqual(answer(await ada.call('POST', '/system/users/reset_otp', {})), [422, error('Parameter email is required')]);
    assert.deepEqual(answer(await ada.call('POST', '/system/users/reset_otp', { email: 'nobody@example.com' })), [404, error('User not found')]);
    assert.deepEqual(answer(await ada.call('POST', '/system/users/reset_otp', { email })), [200, '{"success":true}']);
    assert.equal((await person.call('GET', '/session')).json.user.otp, false);
    const logs = [(await partner.get('/audit')).data, (await customer.api.get('/audit')).items, (await ada.call('GET', '/system/audit')).json.data];
    for (const log of logs) assert.ok(log.some(({ action, object_id: about }) => action === 'user.reset_otp' && about === id));
  });
});

describe('referrals', () => {
  const refused = async (reply, status, text) => assert.deepEqual(answer(await reply), [status, error(text)]);
  const complete = (token, body, headers) => ask('POST', `/signup/${token}`, { body, headers });
  const refer = (email, fields = {}, status = 201) => partner.post('/referrals', { email, ...fields }, status);

  test('a company is invited by mail, and becomes a customer with the person as its administrator', async () => {
    const email = `boss${++serial}@harbour.example`;
    const made = await refer(email, { organization_name: 'Harbour', message: 'As agreed.' });
    assert.deepEqual({ ...made, id: 0, created_at: 0, expires_at: 0 }, { id: 0, email, organization_name: 'Harbour', message: 'As agreed.', status: 'pending',
      created_by: null, created_at: 0, expires_at: 0, accepted_at: null, organization: null });
    assert.deepEqual(await refer(email.toUpperCase(), { message: 'Again.' }, 200), made, 'idempotent by address');
    const mails = (await partner.get('/mails')).data.filter(({ to }) => to === email);
    assert.deepEqual(mails.map(({ kind, subject }) => [kind, subject]), [['referral', 'Northlight invites you']]);
    assert.match(mails[0].text, /As agreed\./);
    const token = tokenOf(mails[0]);
    assert.equal((await ask('GET', `/signup/${token}x`)).status, 404);
    assert.deepEqual((await ask('GET', `/signup/${token}`)).json, { kind: 'referral', email, partner: 'Northlight', organization_name: 'Harbour', expires_at: made.expires_at, has_account: false });
    const whole = { organization_name: 'Harbour College', name: 'Bo', password };
    await refused(complete(token, { ...whole, organization_name: undefined }), 422, 'Parameter organization_name is required');
    await refused(complete(token, { ...whole, name: undefined }), 422, 'Parameter name is required');
    await refused(complete(token, { ...whole, password: undefined }), 422, 'Parameter password is required');
    await refused(complete(token, { ...whole, password: 'short' }), 422, 'Password is too short (minimum is 12 characters)');
    await refused(complete('x', whole), 404, 'Sign-up link not found');
    await refused(complete(token, whole, { origin: 'http://evil.example.com' }), 403, 'Origin is not allowed');
    const done = await complete(token, whole);
    assert.equal(done.status, 201, done.text);
    assert.equal(done.headers['set-cookie'], undefined, 'signs nobody in');
    await refused(complete(token, whole), 404, 'Sign-up link not found');
    const person = await signIn(email);
    assert.deepEqual([person.session.user.name, person.session.tenants.map(({ kind, name, role }) => [kind, name, role])], ['Bo', [['organization', 'Harbour College', 'administrator']]]);
    const info = (await person.call('GET', '/organization/info')).json;
    assert.deepEqual([info.id, info.partner, info.contacts.admin_email, info.contacts.admin_name], [done.json.organization.id, 'Northlight', email, 'Bo']);
    const [accepted] = (await partner.get('/referrals?status=accepted')).data;
    assert.deepEqual([accepted.id, accepted.status, accepted.organization], [made.id, 'accepted', done.json.organization]);
    assert.ok((await partner.get('/organizations')).data.some(({ id }) => id === info.id));
    const told = ofMail((await ada.call('GET', '/partner/mails')).json, server.email, 'referral');
    assert.deepEqual([told.subject, told.link.endsWith('/partners/customers')], ['New customer: Harbour College', true]);
    assert.ok((await partner.get('/audit?action=organization.sign_up')).data.some(({ object_id: about }) => about === info.id));
    await refused(ask('DELETE', `/partner/referrals/${made.id}`, { key: server.partner_key }), 422, 'Referral was accepted');
    assert.deepEqual((await refer(email, {}, 200)).status, 'accepted');
  });

  test('who has an account accepts signed in; the partner need not be told', async () => {
    const home = await newCustomer();
    const email = await newPerson(home);
    await reset({ email });
    const read = tokenOf(ofMail(await home.api.get('/mails'), email, 'password_reset'));
    await partner.patch('/settings', { notifications: { referral_emails: false } });
    await refer(email);
    const told = (await ada.call('GET', '/partner/mails')).json.data.filter(({ to }) => to === server.email).length;
    const token = tokenOf(ofMail(await partner.get('/mails'), email, 'referral'));
    assert.equal((await ask('GET', `/signup/${token}`)).json.has_account, true);
    const body = { organization_name: 'Second', name: 'ignored', password: 'another battery horse' };
    const person = await signIn(email);
    const { cookie } = person.headers;
    for (const headers of [undefined, { cookie }, ada.headers]) await refused(complete(token, body, headers), 422, 'Sign in to accept this invitation');
    assert.equal((await person.call('POST', `/signup/${token}`, body)).status, 201);
    assert.ok((await person.call('GET', '/session')).json.tenants.some(({ name }) => name === 'Second'));
    assert.deepEqual(answer(await reset({ token: read, password: 'another battery horse' })), [404, error('Reset link not found')], 'home alone does not act as it any more');
    assert.equal((await ada.call('GET', '/partner/mails')).json.data.filter(({ to }) => to === server.email).length, told);
    await partner.patch('/settings', { notifications: { referral_emails: true } });
  });

  test('a revoked one is of no use; every refusal', async () => {
    const email = `gone${++serial}@harbour.example`;
    const made = await refer(email);
    const token = tokenOf(ofMail(await partner.get('/mails'), email, 'referral'));
    assert.deepEqual(await partner.del(`/referrals/${made.id}`), { success: true });
    await refused(ask('GET', `/signup/${token}`), 404, 'Sign-up link not found');
    await refused(complete(token, { organization_name: 'x', name: 'x', password }), 404, 'Sign-up link not found');
    await refused(ask('DELETE', `/partner/referrals/${made.id}`, { key: server.partner_key }), 404, 'Referral not found');
    assert.deepEqual((await partner.get('/referrals?status=revoked')).data.map(({ id }) => id), [made.id]);
    assert.notEqual((await refer(email)).id, made.id, 'may be invited again');
    const post = (body) => ask('POST', '/partner/referrals', { key: server.partner_key, body });
    await refused(post({}), 422, 'Parameter email is required');
    await refused(post({ email: 'x' }), 422, 'Email is not an email');
    await refused(post({ email: 'x@example.com', message: 'x'.repeat(4097) }), 422, 'Message is too long (maximum is 4096 characters)');
    await refused(ask('GET', '/partner/referrals?status=lost', { key: server.partner_key }), 422, 'Status is invalid');
    assert.equal((await partner.get('/referrals?per_page=1')).page_info.has_next, true);
  });
});

describe('sign-up by oneself', () => {
  const at = (host, method, path, body) => ask(method, path, { body, headers: host ? { host } : {} });

  test('is there where the partner offers it, and tells nobody who has an account', async () => {
    assert.deepEqual((await at(null, 'GET', '/signup')).json, { self_signup: false, partner: null });
    const off = [404, error('Sign-up is not offered here')];
    assert.deepEqual(answer(await at(null, 'POST', '/signup', { email: 'new@example.com' })), off);
    await partner.patch('/settings', { self_signup: true, domain: 'https://cloud.northlight.example' });
    assert.deepEqual((await at('CLOUD.northlight.example', 'GET', '/signup')).json, { self_signup: true, partner: 'Northlight' });
    const known = await newPerson(await newCustomer());
    for (const email of ['new@example.com', known, 'new@example.com']) {
      assert.deepEqual(answer(await at('cloud.northlight.example', 'POST', '/signup', { email })), [200, '{"success":true}']);
    }
    assert.deepEqual(answer(await at(null, 'POST', '/signup', { email: 'x' })), [422, error('Email is not an email')]);
    const mails = (await partner.get('/mails')).data.filter(({ kind }) => kind === 'sign_up');
    assert.deepEqual(mails.map(({ to }) => to).sort(), ['new@example.com', known].sort(), 'one mail to an address, asked for again at once');
    assert.equal(mails[0].text, mails[1].text);
    const token = tokenOf(ofMail({ data: mails }, 'new@example.com'));
    const body = { organization_name: 'Newcomers', name: 'Nia', password };
    assert.equal((await ask('POST', `/signup/${token}`, { body })).status, 201);
    const { session } = await signIn('new@example.com');
    assert.deepEqual(session.tenants.map(({ name, role }) => [name, role]), [['Newcomers', 'administrator']]);
    assert.deepEqual(answer(await ask('POST', `/signup/${tokenOf(ofMail({ data: mails }, known))}`, { body })), [422, error('Sign in to accept this invitation')]);
    await partner.patch('/settings', { self_signup: false });
    assert.deepEqual(answer(await at('cloud.northlight.example', 'POST', '/signup', { email: 'late@example.com' })), off);
    for (const method of ['GET', 'POST']) assert.deepEqual(answer(await ask(method, `/signup/${tokenOf(ofMail({ data: mails }, known))}`, { body: method === 'POST' ? body : undefined })), off, 'its links too');
  });

  test('asking is limited like guessing a password', async () => {
    await partner.patch('/settings', { self_signup: true });
    const replies = [];
    for (let i = 0; i < 21; i++) replies.push((await at(null, 'POST', '/signup', { email: 'often@example.com' })).status); // a minute may end in between
    assert.ok(replies[0] === 200 && replies.includes(429), replies.join());
    const guesses = [];
    for (let i = 0; i < 21; i++) guesses.push((await ask('POST', '/signup/guess', { body: { organization_name: 'x', name: 'x', password } })).status);
    assert.ok(guesses.every((status) => status === 404 || status === 429) && guesses.includes(429), guesses.join());
  });
});
