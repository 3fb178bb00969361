// Whom incidents are told to (management-api.md 6.2, 8.2, 8.3): mail, chat channels with inheritance, the daily summary.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { configured } from './support/config.js';
import { editDatabase } from './support/database.js';
import { startReceiver } from './support/receiver.js';
import { assign, client, makeModel, password, register, request, setup, startServer, until } from './support/server.js';
import { startRelay } from './support/smtp.js';

const config = '[notify]\nallowed_networks = 127.0.0.1\nfirst_retry = 1ms\nsecond_retry = 1ms\ntimeout = 10m\n[limits]\nmanagement_requests = 0\n';

let keys;
let server;
let relay;
let receiver;
let organization;
let device;
let root;
let room;

async function connect() {
  server = Object.assign(await startServer({ dir: keys.dir, args: configured(config) }), keys);
  organization = client(server, 'organization', keys.organization_key);
}

async function setRelay() {
  const reply = await request(server.http, 'POST', '/core/v1/session', { body: { email: keys.email, password } });
  const headers = { cookie: reply.headers['set-cookie'][0].split(';')[0], 'x-csrf-token': reply.json.csrf_token };
  const set = await request(server.http, 'PATCH', '/core/v1/system/settings', { headers,
    body: { smtp: { host: '127.0.0.1', port: relay.port, security: 'none', from: 'muster@northlight.example' } } });
  assert.equal(set.status, 200, set.text);
}

const events = (space, value) => organization.put(`/spaces/${space.id}`, { config: { events: value } });
const channel = (name) => `http://127.0.0.1:${receiver.port}/${name}`;
const report = (title, more = {}) => organization.post('/incidents', { device_id: device.id, title, ...more });

/** The mail that comes last closes the list of what an incident caused. */
async function mailed(title, addresses) {
  for (let i = 0; i < addresses.length; i++) await relay.next(({ headers }) => headers.subject.includes(title));
  assert.deepEqual(relay.mails.filter(({ headers }) => headers.subject.includes(title)).flatMap(({ to }) => to).sort(), [...addresses].sort());
}

before(async () => {
  keys = setup();
  relay = await startRelay();
  receiver = await startReceiver();
  await connect();
  await setRelay();
  const model = await makeModel(server);
  device = await register(server, model.key, { name: 'Lobby <panel>' });
  await assign(server, device.id);
  [root] = (await organization.get('/spaces')).items;
  room = await organization.post('/spaces', { name: 'Room' });
  await organization.post(`/devices/${device.id}/move`, { space_id: room.id });
});
after(async () => {
  await server.stop();
  await relay.close();
  await receiver.close();
  keys.remove();
});

test('settings: addresses and the hour of the summary', async () => {
  const settings = await organization.get('/settings');
  assert.deepEqual([settings.name, settings.notification_emails, settings.daily_report_hour], ['Northlight Lab', [], null]);
  for (const [body, error] of [
    [{ notification_emails: ['nobody'] }, 'Notification emails is not an email'], [{ notification_emails: 'a@example.com' }, 'Notification emails is invalid'],
    [{ daily_report_hour: 24 }, 'Daily report hour is invalid'], [{ daily_report_hour: 'noon' }, 'Daily report hour is invalid'],
  ]) {
    assert.deepEqual(await organization.patch('/settings', body, 422), { error });
  }
  const changed = await organization.patch('/settings', { notification_emails: ['desk@harbour.example', 'night@harbour.example'], daily_report_hour: 7 });
  assert.deepEqual([changed.notification_emails, changed.daily_report_hour], [['desk@harbour.example', 'night@harbour.example'], 7]);
});

test('an incident is mailed to those addresses', async () => {
  await report('Dark', { priority: 'high', description: 'It is dark.' });
  await mailed('Dark', ['desk@harbour.example', 'night@harbour.example']);
  const { headers, text } = relay.mails.find((mail) => mail.headers.subject.includes('Dark'));
  assert.equal(headers.subject, 'Incident: high: Dark');
  assert.match(text, /^high: Dark\nLobby <panel>, Northlight Lab\/Room\n\nIt is dark\.\n\nhttps?:\S+\/app\/devices\/[0-9a-f-]{36}\n$/);
});

test('channels of a space, and of the spaces above (8.3)', async () => {
  await events(root, { tree: { incidents: { email: 'root@harbour.example', gchat: channel('gchat'), slack: { enabled: true, url: channel('slack') }, msteams: channel('teams'), service_now: true } } });
  await events(room, { tree: { incidents: { slack: false, email: ['room@harbour.example'] } } });
  await report('Cold', { priority: 'low' });
  await mailed('Cold', ['room@harbour.example']);
  const calls = [await receiver.next(), await receiver.next()].sort((a, b) => a.path.localeCompare(b.path));
  assert.deepEqual(calls.map(({ path }) => path), ['/gchat', '/teams']);
  assert.match(calls[0].json.text, /^low: Cold\nLobby ‹panel›, Northlight Lab\/Room\nhttps?:\S+$/);
  const card = calls[1].json.attachments[0];
  assert.equal(card.contentType, 'application/vnd.microsoft.card.adaptive');
  assert.equal(card.content.body[0].text, 'low: Cold');
  assert.ok(calls.every(({ headers, json }) => !('x-muster-signature' in headers) && !('secret' in json)));
});

test('inheritance ends where a space says so', async () => {
  await events(room, { inherit_incidents: { gchat: false }, tree: { incidents: {} } });
  await report('Wet');
  await mailed('Wet', ['root@harbour.example']);
  assert.deepEqual([(await receiver.next()).path, (await receiver.next()).path].sort(), ['/slack', '/teams']);
  await events(room, { inherit_tree: false });
  await report('Loud');
  await mailed('Loud', ['desk@harbour.example', 'night@harbour.example']); // as if nothing were set
  await events(room, { tree: { incidents: { email: false } }, inherit_tree: false });
  await report('Late');
  await events(room, { tree: { incidents: { email: true, slack: channel('slack') } }, inherit_tree: false });
  await report('Last');
  await mailed('Last', ['desk@harbour.example', 'night@harbour.example']);
  assert.match((await receiver.next()).json.text, /Last/); // the first call after "Wet"
  assert.ok(!relay.mails.some(({ headers }) => headers.subject.includes('Late')));
  const audit = JSON.stringify((await organization.get('/audit?action=space.update')).items);
  assert.ok(audit.includes('*****') && !/\/(slack|gchat|teams)/.test(audit), 'whoever has a channel\'s address may write there');
});

test('a server that does not answer holds up its own tenant only', async () => {
  const partner = client(server, 'partner', keys.partner_key);
  receiver.answer = ({ path }) => (path === '/silent' ? null : 204);
  await partner.patch('/settings', { webhook: { url: channel('silent') } });
  for (let i = 0; i < 10; i++) await partner.post('/settings/webhook/test', {});
  await until(() => receiver.calls.filter(({ path }) => path === '/silent').length === 8, 'as many as a tenant may have under way');
  await events(room, { tree: { incidents: { email: false, slack: channel('slack') } }, inherit_tree: false });
  await report('Meanwhile');
  assert.match((await receiver.next(({ path }) => path === '/slack')).json.text, /Meanwhile/);
  assert.equal(receiver.calls.filter(({ path }) => path === '/silent').length, 8);
  await events(room, { inherit_tree: false });
  receiver.answer = () => 204;
  receiver.hangUp();
  await until(async () => (await partner.get('/webhook_deliveries?state=delivered')).data.length === 10, 'all ten');
});

test('the daily summary at its hour, once', async () => {
  await server.stop();
  editDatabase(keys.dir, 'UPDATE daily_summary SET next_at = 1');
  await connect();
  const isSummary = ({ headers }) => headers.subject.startsWith('Incidents of Northlight Lab');
  const first = await relay.next(isSummary);
  await relay.next(isSummary);
  assert.match(first.text, /^Opened in the last 24 hours: 7, of which closed again: 0\.\nActive now: 7\.\n\n\S+ {2}\w+: Meanwhile \(Lobby <panel>, Northlight Lab\/Room\)\n/);
  assert.equal(relay.mails.filter(isSummary).length, 2);
  await server.stop();
  await connect();
  const { id } = await report('After');
  assert.ok(id);
  await mailed('After', ['desk@harbour.example', 'night@harbour.example']);
  assert.equal(relay.mails.filter(isSummary).length, 2);
});
