// Notes, tickets, and the answers for a proxy that there is not (management-api.md 3.7, 3.9, 3.10, 4).
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { assign, client, makeModel, password, register, request, startInstallation } from './support/server.js';

const NOBODY = '00000000-0000-4000-8000-000000000000';
const answer = ({ status, text }) => [status, text];
const error = (text) => JSON.stringify({ error: text });
let server;
let partner;
let organization;
let device;
let space;
let person; // headers of a person of both tenants

const ask = (tenant, method, path, body, headers) => request(server.http, method, `/core/v1/${tenant}${path}`,
  { key: headers ? undefined : server[`${tenant}_key`], headers, body });
const refused = async (tenant, method, path, body, text, status = 422) => assert.deepEqual(answer(await ask(tenant, method, path, body)), [status, error(text)], `${method} ${path}`);

before(async () => {
  server = await startInstallation();
  partner = client(server, 'partner', server.partner_key);
  organization = client(server, 'organization', server.organization_key);
  device = await register(server, (await makeModel(server)).key);
  await assign(server, device.id);
  space = await organization.post('/spaces', { name: 'Hall' });
  const reply = await request(server.http, 'POST', '/core/v1/session', { body: { email: server.email, password } });
  person = { cookie: reply.headers['set-cookie'][0].split(';')[0], 'x-csrf-token': reply.json.csrf_token };
});
after(() => server.stop());

test('notes on devices and spaces', async () => {
  for (const [at, type, id] of [[`/devices/${device.id}`, 'Device', device.id], [`/spaces/${space.id}`, 'Space', space.id]]) {
    const note = await organization.post(`${at}/notes`, { content: '# Wiring' });
    assert.deepEqual(Object.keys(note), ['id', 'content', 'notable_type', 'notable_id', 'created_by', 'created_at', 'updated_at']);
    assert.deepEqual([note.content, note.notable_type, note.notable_id, note.created_by], ['# Wiring', type, id, null]);
    const own = (await ask('organization', 'POST', `${at}/notes`, { content: 'By hand' }, person)).json;
    assert.equal(own.created_by, (await request(server.http, 'GET', '/core/v1/session', { headers: person })).json.user.name);
    assert.deepEqual((await organization.get(`${at}/notes`)).items, [own, note], 'newest first');
    assert.deepEqual((await organization.get(`/${type.toLowerCase()}s/notes`)).items, [own, note]);
    assert.deepEqual((await organization.get(`${at}/notes?per_page=1`)).next_page, 2);
    const changed = await organization.put(`${at}/notes/${note.id}`, { content: 'New' });
    assert.deepEqual([changed.id, changed.content], [note.id, 'New']);
    for (const content of [undefined, null, ' ']) await refused('organization', 'POST', `${at}/notes`, { content }, "Content can't be blank");
    await refused('organization', 'POST', `${at}/notes`, { content: 'x'.repeat(20001) }, 'Content is too long (maximum is 20000 characters)');
    await refused('organization', 'PUT', `${at}/notes/${note.id}`, { content: '' }, "Content can't be blank");
    assert.deepEqual(answer(await ask('organization', 'DELETE', `${at}/notes/${note.id}`)), [200, '{"success":true}']);
    for (const method of ['PUT', 'DELETE']) await refused('organization', method, `${at}/notes/${note.id}`, method === 'PUT' ? { content: 'x' } : undefined, 'Note not found', 404);
    await refused('organization', 'GET', `/${type.toLowerCase()}s/${type === 'Space' ? 999999 : NOBODY}/notes`, undefined, `${type} not found`, 404);
  }
  await organization.post(`/devices/${device.id}/unclaim`, {});
  assert.deepEqual((await organization.get('/devices/notes')).items, [], 'an un-claim removes what belonged to the owner');
  assert.equal((await organization.get('/spaces/notes')).items.length, 1);
  await assign(server, device.id);
});

test('a ticket goes from the organization to the partner and back', async () => {
  const before_ = (await organization.get('/info')).statistics.open_tickets;
  const made = (await ask('organization', 'POST', '/tickets', { device_id: device.id, title: 'Dark', description: 'No picture' }, person));
  assert.equal(made.status, 201, made.text);
  const ticket = made.json;
  assert.deepEqual(Object.keys(ticket), ['id', 'title', 'description', 'status', 'created_at', 'device_id', 'user_name', 'user_email', 'comments']);
  assert.deepEqual([ticket.status, ticket.device_id, ticket.user_email, ticket.comments], ['open', device.id, server.email, []]);
  assert.equal((await organization.get('/info')).statistics.open_tickets, before_ + 1);
  const { comments, ...summary } = ticket;
  for (const api of [organization, partner]) assert.deepEqual(await api.get('/tickets'), [summary]);
  assert.deepEqual(comments, []);
  assert.deepEqual(answer(await ask('organization', 'POST', `/tickets/${ticket.id}/message`, { message: 'Hello?' })), [200, '{"success":true}']);
  const replied = await ask('partner', 'POST', `/tickets/${ticket.id}/message?message=On%20our%20way`, undefined, person);
  assert.equal(replied.status, 200, replied.text);
  assert.deepEqual(replied.json.comments.map(({ text, owner_type: type, system, user }) => [text, type, system, user]),
    [['Hello?', 'organization', false, null], ['On our way', 'partner', false, ticket.user_name]]);
  assert.equal(replied.json.comments[1].owner, 'Northlight');
  assert.equal((await organization.put(`/tickets/${ticket.id}`, { title: 'Very dark' })).title, 'Very dark');
  assert.equal((await partner.put(`/tickets/${ticket.id}`, { description: 'Fuse' })).description, 'Fuse');
  const mails = (await partner.get('/mails')).data.filter(({ kind }) => /ticket/.test(kind));
  assert.deepEqual(mails.map(({ kind }) => kind).sort(), ['ticket', 'ticket_comment'].sort(), JSON.stringify(mails));
  assert.equal((await organization.get('/mails')).items.filter(({ kind }) => kind === 'ticket_comment').length, 1);
  const resolved = await partner.post(`/tickets/${ticket.id}/resolved`, {});
  assert.deepEqual([resolved.status, resolved.comments.at(-1).system], ['resolved', true]);
  for (const tenant of ['partner', 'organization']) await refused(tenant, 'POST', `/tickets/${ticket.id}/resolved`, {}, 'Cannot move from resolved to resolved', 403);
  assert.deepEqual(await organization.get('/tickets'), []);
  for (const status of ['resolved', 'all']) assert.deepEqual((await organization.get(`/tickets?status=${status}`)).map(({ id }) => id), [ticket.id]);
  const second = await organization.post('/tickets', { device_id: device.id, title: 'By a key' }, 201);
  assert.deepEqual([second.user_name, second.user_email, second.description], [null, null, '']);
  assert.deepEqual(answer(await ask('organization', 'POST', `/tickets/${second.id}/resolved`, {})), [200, '{"success":true}']);
});

test('a partner that does not want mail about tickets gets none (5.10)', async () => {
  const count = async () => (await partner.get('/mails?per_page=500')).data.filter(({ kind }) => /ticket/.test(kind)).length;
  const open_ = async (title) => organization.post('/tickets', { device_id: device.id, title }, 201);
  const before_ = await count();
  await partner.patch('/settings', { notifications: { ticket_emails: false } });
  const quiet = await open_('Quiet');
  await organization.post(`/tickets/${quiet.id}/message`, { message: 'x' });
  assert.equal(await count(), before_);
  await partner.patch('/settings', { notifications: { ticket_emails: true } });
  await open_('Loud');
  assert.ok(await count() > before_);
  for (const { id } of await organization.get('/tickets')) await organization.post(`/tickets/${id}/resolved`, {});
});

test('tickets: every refusal', async () => {
  const ticket = await organization.post('/tickets', { device_id: device.id, title: 'x' }, 201);
  await refused('organization', 'POST', '/tickets', { title: 'x' }, 'Parameter device_id is required');
  await refused('organization', 'POST', '/tickets', { device_id: device.id }, 'Parameter title is required');
  await refused('organization', 'POST', '/tickets', { device_id: device.id, title: ' ' }, "Title can't be blank");
  await refused('organization', 'POST', '/tickets', { device_id: NOBODY, title: 'x' }, 'Device not found', 404);
  for (const tenant of ['organization', 'partner']) {
    await refused(tenant, 'POST', `/tickets/${ticket.id}/message`, {}, 'Parameter message is required');
    await refused(tenant, 'POST', `/tickets/${ticket.id}/message`, { message: ' ' }, "Message can't be blank");
    await refused(tenant, 'PUT', `/tickets/${ticket.id}`, { title: 'x'.repeat(256) }, 'Title is too long (maximum is 255 characters)');
    const unknown = tenant === 'partner' ? ['Not authorized', 401] : ['Ticket not found', 404];
    for (const id of [NOBODY, 'x']) {
      for (const [method, path] of [['GET', ''], ['PUT', ''], ['POST', '/resolved'], ['POST', '/message']]) await refused(tenant, method, `/tickets/${id}${path}`, method === 'GET' ? undefined : { message: 'x' }, ...unknown);
    }
  }
  assert.equal((await ask('partner', 'POST', '/tickets', { device_id: device.id, title: 'x' })).status, 405);
});

test('edge: there is no on-site proxy, and old clients are told so', async () => {
  assert.deepEqual(await organization.get('/edges'), { items: [], next_page: null, has_next_page: false });
  for (const at of ['/edges/devices', '/edge/devices']) {
    for (const [method, path] of [['POST', '/start_claim'], ['POST', '/start_ping'], ['POST', `/${device.id}/update_hostname`], ['GET', '/get_claim_status'], ['GET', '/get_ping_status']]) {
      await refused('organization', method, `${at}${path}`, method === 'GET' ? undefined : {}, 'Must provide proxy id', 400);
      await refused('organization', method, `${at}${path}?proxy_id=7`, method === 'GET' ? undefined : {}, 'Proxy not found', 400);
      if (method === 'POST') await refused('organization', method, `${at}${path}`, { proxy_id: 7 }, 'Proxy not found', 400);
    }
  }
});
