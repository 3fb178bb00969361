// Every MQTT topic of a device, asked for by everybody (mqtt.md 10, device-api.md 1.3): what the table grants and nothing
// else, and nothing of the device reaches another tenant. Topics are read from the hub's table of names.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { client, register, request } from './support/server.js';
import { configured } from './support/config.js';
import { connect, publish, subscribe } from './support/mqtt.js';
import { twoPartners } from './support/tenants.js';

const NOT_AUTHORIZED = 0x87;
const source = readFileSync(fileURLToPath(new URL('../../src/hub/topic_name.c', import.meta.url)), 'utf8');
const names = [...source.matchAll(/(?:DOWN|UP|STR_INIT)\("([^"]+)"/g)].map(([, name]) => name);

// The table of mqtt.md 10: who may subscribe and publish; below: whether names below it count as well.
const row = (subscribers, publishers = [], below = false) => ({ subscribers, publishers, below });
const DOWNLINK = row(['device']);
const UPLINK = row(['device', 'organization', 'partner'], ['device']);
const expected = {
  commands: DOWNLINK, command: DOWNLINK, 'command/children': DOWNLINK, config: DOWNLINK, license: DOWNLINK, space_info: DOWNLINK, firmware: DOWNLINK,
  reply: row(['device'], [], true),
  incidents: row(['device', 'organization', 'partner']),
  telemetry: UPLINK, 'children/telemetries': UPLINK, 'commands/update': UPLINK, 'command/update': UPLINK, 'command/children/update': UPLINK, 'config/update': UPLINK,
  'license/update': UPLINK, update: UPLINK, events: UPLINK,
  presence: row(['organization', 'partner']),
  user: row(['device', 'organization', 'partner'], ['device', 'organization'], true),
  sync: row([], ['device'], true),
};
/** [{ name, subscribers, publishers }] of everything that may stand below a device's prefix. */
const topics = () => [
  ...names.flatMap((name) => [{ name, ...expected[name] }, ...(expected[name].below ? [{ name: `${name}/deep/er`, ...expected[name] }] : [])]),
  ...names.filter((name) => expected[name] === DOWNLINK || name === 'incidents').map((name) => ({ name: `${name}/sync`, ...row([], ['device']) })),
  { name: 'of/no/meaning', ...row(['device']) },
];

let tenants;
let server;
let device; // the one that all of this is about
const links = {}; // name: { link, role: what it is to the device; undefined: nothing }

before(async () => {
  tenants = await twoPartners(configured('[limits]\nmanagement_requests = 0\ndevice_requests = 0\n[mqtt]\ndevice_publishes = 0\napplication_publishes = 0\ndevice_subscribes = 0\napplication_subscribes = 0\n'));
  ({ server } = tenants);
  const { model, customer, sibling, foreign, foreignPartnerKey } = tenants;
  const partner = client(server, 'partner', server.partner_key);
  device = await register(server, model.key);
  const neighbour = await register(server, model.key);
  const siblings = await register(server, model.key);
  await partner.post('/devices/assign', { device_ids: [device.id, neighbour.id], organization_id: customer.id });
  await partner.post('/devices/assign', { device_ids: [siblings.id], organization_id: sibling.id });
  const join = async (name, role, id, key, clientId = id) => { links[name] = { role, link: await connect(server, { username: id, password: key, clientId }) }; };
  const application = (name, role, key) => join(name, role, key.startsWith('mp_') ? 'partner' : 'org', key, `the ${name}`);
  await join('device', 'device', device.id, device.access_key);
  await join('device of the same organization', undefined, neighbour.id, neighbour.access_key);
  await join('device of a sibling', undefined, siblings.id, siblings.access_key);
  await application('organization', 'organization', customer.api_key);
  await application('partner', 'partner', server.partner_key);
  await application('sibling organization', undefined, sibling.api_key);
  await application('organization of another partner', undefined, foreign.api_key);
  await application('other partner', undefined, foreignPartnerKey);
  links['device of a sibling'].id = siblings.id;
});
after(async () => {
  for (const { link } of Object.values(links)) link.end(true);
  await server?.stop();
});

test('every name of the table stands in mqtt.md 10', () => {
  assert.ok(names.length >= 20, `${names.length} names`);
  assert.deepEqual([...names].sort(), Object.keys(expected).sort());
});

test('SUBSCRIBE, also as a shared one, and PUBLISH of every topic by everybody: granted as tabled', async (t) => {
  let asked = 0;
  const wrong = [];
  for (const { name, subscribers, publishers } of topics()) {
    const topic = `v1/device/${device.id}/${name}`;
    for (const [who, { role, link }] of Object.entries(links)) {
      for (const filter of [topic, `$share/group/${topic}`, `${topic}/#`]) {
        // A filter with "#" is granted to an application of the device if it can match something visible.
        if (filter.endsWith('/#') && role && role !== 'device') continue;
        const [code] = await subscribe(link, filter);
        const granted = role === 'device' ? subscribers.includes('device') || filter.endsWith('/#') : subscribers.includes(role);
        asked++;
        if (granted ? code > 2 : code !== NOT_AUTHORIZED) wrong.push(`SUBSCRIBE ${filter.replace(device.id, 'ID')} by ${who}: ${code}`);
        if (code <= 2) await link.unsubscribeAsync(filter);
      }
      const { code } = await publish(link, topic, { marker: 'theirs' });
      asked++;
      if (publishers.includes(role) ? code === NOT_AUTHORIZED : code !== NOT_AUTHORIZED) wrong.push(`PUBLISH ${name} by ${who}: ${code}`);
    }
  }
  t.diagnostic(`${topics().length} topics, ${asked} requests`);
  assert.deepEqual(wrong, []);
});

test('wildcards across devices: devices have none, applications see their own only', async () => {
  for (const [who, { link }] of Object.entries(links)) {
    const isDevice = who.startsWith('device');
    for (const filter of ['#', '+/#', 'v1/#', 'v1/device/#', 'v1/device/+/telemetry', '+/device/+/user/#']) {
      const [code] = await subscribe(link, filter);
      assert.equal(code, isDevice ? NOT_AUTHORIZED : 1, `${filter} by ${who}`);
      if (code <= 2) await link.unsubscribeAsync(filter);
    }
    for (const filter of ['$SYS/#', 'v1/device/+/command', 'v1/device/+/commands', 'v1/device/+/config', 'v1/device/+/reply/#', 'else/where']) {
      assert.deepEqual(await subscribe(link, filter), [NOT_AUTHORIZED], `${filter} by ${who}`);
    }
  }
});

test('a Will on another one\'s topic is refused with the connection', async () => {
  const { customer, sibling } = tenants;
  const will = (name) => ({ will: { topic: `v1/device/${device.id}/${name}`, payload: 'x', qos: 1 } });
  for (const [username, password, clientId] of [['org', sibling.api_key, 'w1'], ['partner', tenants.foreignPartnerKey, 'w2'], ['partner', server.partner_key, 'w3']]) {
    await assert.rejects(connect(server, { username, password, clientId, ...will('user/x') }), ({ code }) => code === NOT_AUTHORIZED);
  }
  await assert.rejects(connect(server, { username: 'org', password: customer.api_key, clientId: 'w4', ...will('telemetry') }), ({ code }) => code === NOT_AUTHORIZED);
});

test('nothing of the device reaches another tenant, by whichever door it came, retained or not', async () => {
  const applications = Object.entries(links).filter(([who]) => !who.startsWith('device'));
  for (const [, { link }] of applications) assert.deepEqual(await subscribe(link, '#'), [1]);
  const { link } = links.device;
  const marker = 'of the device';
  const up = (name, payload, options) => publish(link, `v1/device/${device.id}/${name}`, payload, options);
  await up('telemetry', { telemetries: { marker } }, { retain: true });
  await up('user/note', marker, { retain: true });
  await up('events', { name: marker, category: 'test' });
  await up('update', { name: marker });
  await up('config/update', { marker });
  const ask = (method, path, key, body) => request(server.http, method, path, { key, body });
  assert.equal((await ask('POST', `/v1/devices/${device.id}/telemetry`, device.access_key, { telemetries: { marker: `${marker}, HTTP` } })).status, 201);
  assert.equal((await ask('POST', `/v1/devices/${device.id}/incidents`, device.access_key, { title: marker })).status, 200);
  assert.equal((await ask('POST', `/core/v1/organization/devices/${device.id}/commands`, tenants.customer.api_key, { name: 'reboot' })).status, 200);
  // What comes behind it, on each one's own device, or by each one's own owner.
  await publish(links['device of a sibling'].link, `v1/device/${links['device of a sibling'].id}/user/end`, 'end');
  await links['sibling organization'].link.next((message) => message.payload === 'end');
  for (const owner of ['organization', 'partner']) {
    await links[owner].link.next(({ topic }) => topic.endsWith('/user/note'));
    await links[owner].link.next(({ topic }) => topic.endsWith('/incidents'));
    await links[owner].link.next(({ payload }) => payload.includes('HTTP'));
  }
  // Everybody's newest subscription: retained messages of the device are not for them.
  for (const [, one] of applications) {
    assert.deepEqual(await subscribe(one.link, 'v1/device/+/#'), [1]);
    await one.link.unsubscribeAsync('v1/device/+/#'); // answered behind what the subscription brought
  }
  for (const [who, one] of applications.filter(([, { role }]) => !role)) {
    const seen = one.link.messages.filter(({ topic, payload }) => topic.includes(device.id) || payload.includes(marker));
    assert.deepEqual(seen.map(({ topic }) => topic), [], who);
  }
  for (const who of ['device of the same organization', 'device of a sibling']) assert.deepEqual(links[who].link.messages.map(({ topic }) => topic), [], who);
  for (const owner of ['organization', 'partner']) {
    const seen = new Set(links[owner].link.messages.map(({ topic }) => topic.replace(`v1/device/${device.id}/`, '')));
    for (const name of names.filter((one) => expected[one].subscribers.length === 1 && expected[one].subscribers[0] === 'device')) assert.ok(!seen.has(name), `${owner} sees ${name}`);
  }
});
