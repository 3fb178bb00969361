// What existing firmware and existing management clients depend on, point by point: device-api.md 12 and management-api.md
// 11, each with a plain Node client and with curl, for models of both protocols where that may differ. (12.10: storage.test.js.)
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { assign, client, makeModel, register, request, startInstallation } from './support/server.js';
import { curl } from './support/curl.js';
import { unlimited } from './support/config.js';

const NOT_AUTHORIZED = '{"error":"Not authorized"}';
const JSON_TYPE = 'application/json; charset=utf-8';
const FIVE = ['id', 'access_key', 'hub_url', 'hub_url_static_cert', 'mqtt_hub_url'];
const CLIENTS = [['node', request], ['curl', curl]];
let server;
let partner;
let organization;
const models = {}; // by protocol
let sensor;
let serial = 0;

before(async () => {
  server = await startInstallation({ args: unlimited() });
  partner = client(server, 'partner', server.partner_key);
  organization = client(server, 'organization', server.organization_key);
  for (const protocol of ['https', 'mqtt']) {
    models[protocol] = await makeModel(server, { name: `By ${protocol}`, communication_protocol: protocol });
    await partner.post(`/models/${models[protocol].id}/publish`, {});
  }
  sensor = await partner.post('/models', { name: 'Sensor', device_type: 'digital', communication_protocol: 'https', authentication_method: 'mac_sn' });
});
after(() => server.stop());

const answer = ({ status, text }) => [status, text];

/** A claimed device; call(method, path below it, body, options). */
async function newDevice(send, protocol) {
  const device = await register(server, models[protocol].key);
  await assign(server, device.id);
  device.call = (method, path, body, options = {}) => send(server.http, method, `/v1/devices/${device.id}${path}`, { key: device.access_key, body, ...options });
  device.levels = async () => (await device.call('POST', '/telemetry', {})).json;
  return device;
}

for (const [name, send] of CLIENTS) {
  for (const protocol of ['https', 'mqtt']) {
    // What protocols could make differ; the rest once with curl, which is slow to start.
    const everything = name === 'node' || protocol === 'https' ? test : () => {};
    describe(`firmware of a model of protocol ${protocol}, ${name}`, { concurrency: 4 }, () => {
      test('12.1 registration is 201 with a body; a duplicate is 422 and says "already"', async () => {
        const body = { hardware_key: models[protocol].key, firmware_version: '1.0.0', sn: `C-${++serial}`, mac: '11:22:33:44:55:66' };
        const first = await send(server.http, 'POST', '/v1/devices', { body });
        assert.equal(first.status, 201);
        assert.deepEqual(Object.keys(first.json), FIVE);
        for (const field of FIVE) assert.ok(typeof first.json[field] === 'string' && first.json[field] !== '' && !first.json[field].endsWith('/'), field);
        const second = await send(server.http, 'POST', '/v1/devices', { body });
        assert.deepEqual(answer(second), [422, '{"error":"Sn has already been taken"}']);
      });

      everything('12.2 every reply to every device call parses as JSON', async () => {
        const device = await newDevice(send, protocol);
        const other = await newDevice(send, protocol);
        await organization.post(`/devices/${device.id}/commands`, { name: 'reboot' });
        const license = await partner.post('/licenses', { organization_id: server.organization_id, data: 'feature=4k' }, 201);
        await partner.post(`/licenses/${license.id}/assign`, { device_id: device.id }, 200);
        const ask = async (method, path, body, status, options) => {
          const reply = await device.call(method, path, body, options);
          const what = `${method} ${path}: ${reply.status} ${reply.text}`;
          assert.equal(reply.status, status, what);
          assert.ok(reply.text.length > 0 && reply.json !== undefined, what);
          assert.deepEqual([reply.headers['content-type'], Number(reply.headers['content-length'])], [JSON_TYPE, Buffer.byteLength(reply.text)], what);
          return reply.json;
        };
        await ask('GET', '', undefined, 200);
        await ask('PUT', '', { name: 'Door' }, 200);
        await ask('POST', '/telemetry', { telemetries: { temp: 22 } }, 201);
        await ask('POST', '/telemetry', { status: 'broken' }, 422);
        const command = await ask('GET', '/command', undefined, 200);
        await ask('GET', '/command/pending_commands', undefined, 200);
        await ask('POST', '/command', { ...command, status: 'in_progress' }, 200);
        await ask('POST', '/command', { ...command, status: 'done' }, 200);
        await ask('POST', '/command', { id: randomUUID(), status: 'done' }, 404);
        await ask('POST', '/config', await ask('GET', '/config', undefined, 200), 200);
        await ask('GET', '/license', undefined, 200);
        const [waiting] = await ask('GET', '/licenses', undefined, 200);
        await ask('POST', '/licenses', { id: waiting.id, state: 'inuse' }, 200);
        await ask('POST', '/license', { id: waiting.id, state: 'removed' }, 200);
        await ask('PUT', '/cloud_settings', { property: 'incidents.suspend_creation', value: false }, 200);
        await ask('GET', '/space', undefined, 200);
        await ask('PUT', '/space/move', { target: 'unsorted' }, 200);
        await ask('GET', '/files', undefined, 200);
        await ask('GET', `/files/${randomUUID()}`, undefined, 400);
        const dump = await ask('POST', '/dumps/text%2Fplain/boot.log', undefined, 201, { raw: 'line 1\n' });
        await ask('PUT', `/dumps/${dump.id}`, undefined, 200, { raw: 'line 2\n' });
        await ask('POST', `/dumps/${dump.id}`, undefined, 200, { raw: 'line 3\n' });
        await ask('POST', '/dumps', undefined, 201, { raw: 'text' });
        const { incident_id: incident } = await ask('POST', '/incidents', { title: 'Fan stuck' }, 200);
        await ask('GET', '/incidents', undefined, 200);
        await ask('DELETE', `/incidents/${incident}`, undefined, 200);
        await ask('DELETE', '/incidents', undefined, 200);
        await ask('POST', '/events', { name: 'door', category: 'access' }, 200);
        const child = await ask('POST', '/children', { model_id: sensor.id, firmware_version: '1.0.0' }, 201);
        await ask('GET', '/children', undefined, 200);
        await ask('POST', '/children/telemetries', { [child.id]: { status: 'offline' } }, 201);
        await ask('POST', '/nothing', {}, 404);
        await ask('PATCH', '/config', {}, 405);
        await ask('GET', '', undefined, 401, { key: other.access_key });
        await ask('DELETE', '', undefined, 200);
      });

      test('12.3 a configuration that is posted back unchanged keeps its config_version', async () => {
        const device = await newDevice(send, protocol);
        await organization.patch(`/devices/${device.id}`, { configuration: { volume: 40, list: [1, { a: null }] } });
        const first = await device.call('GET', '/config');
        for (let n = 0; n < 4; n++) {
          const set = await device.call('POST', '/config', undefined, { raw: (await device.call('GET', '/config')).text });
          assert.equal(set.status, 200);
          assert.equal((await device.levels()).config_version, 1);
        }
        assert.equal((await device.call('GET', '/config')).text, first.text);
      });

      test('12.4 a device that restarts inside a command still sees it, in progress', async () => {
        const device = await newDevice(send, protocol);
        const { id } = await organization.post(`/devices/${device.id}/commands`, { name: 'reboot' });
        assert.equal((await device.levels()).command, true);
        assert.deepEqual([(await device.call('GET', '/command')).json].map((one) => [one.id, one.status]), [[id, 'pending']]);
        assert.equal((await device.call('POST', '/command', { id, status: 'in_progress' })).status, 200);
        assert.equal((await device.levels()).command, true);
        const again = (await device.call('GET', '/command')).json;
        assert.deepEqual([again.id, again.status, again.name], [id, 'in_progress', 'reboot']);
        assert.equal((await device.call('POST', '/command', { ...again, status: 'done' })).status, 200);
        assert.equal((await device.levels()).command, false);
        assert.deepEqual(answer(await device.call('GET', '/command')), [200, '{}']);
      });

      everything('12.5 an append to a nonsense dump is 404 as JSON', async () => {
        const device = await newDevice(send, protocol);
        for (const id of ['nonsense', '0', randomUUID(), 'null']) {
          assert.deepEqual(answer(await device.call('PUT', `/dumps/${id}`, undefined, { raw: 'more' })), [404, '{"error":"Dump not found"}'], id);
        }
      });

      test('12.6 after deletion every call is 401 with the exact bytes', async () => {
        const device = await newDevice(send, protocol);
        assert.deepEqual(answer(await device.call('DELETE', '')), [200, '{"success":true}']);
        for (const [method, path, body] of [['GET', ''], ['PUT', '', { name: 'x' }], ['POST', '/telemetry', {}], ['POST', '/telemetry', { status: 7 }], ['GET', '/command'], ['POST', '/command', {}],
          ['GET', '/config'], ['POST', '/config', {}], ['GET', '/licenses'], ['GET', '/space'], ['GET', '/files'], ['POST', '/dumps', {}], ['PUT', '/dumps/nonsense', {}],
          ['GET', '/incidents'], ['POST', '/events', {}], ['GET', '/children'], ['DELETE', '']]) {
          assert.deepEqual(answer(await device.call(method, path, body)), [401, NOT_AUTHORIZED], `${method} ${path}`);
        }
      });

      everything('12.7 HEAD / over a TLS connection of its own is 200 without a body', async () => {
        const reply = await send(server.https, 'HEAD', '/', { tls: true, headers: { connection: 'close' } });
        assert.deepEqual(answer(reply), [200, '']);
      });

      everything('12.8 a trailing slash, a lower-case header, Bearer and no content type', async () => {
        const device = await newDevice(send, protocol);
        const at = `/v1/devices/${device.id}`;
        assert.equal((await send(server.http, 'GET', `${at}/`, { headers: { authorization: device.access_key } })).status, 200);
        assert.equal((await send(server.http, 'GET', `${at}/`, { headers: { Authorization: `Bearer ${device.access_key}` } })).status, 200);
        assert.equal((await send(server.https, 'GET', at, { tls: true, headers: { AUTHORIZATION: `bearer ${device.access_key}` } })).status, 200);
        const bare = name === 'curl' ? { 'content-type': '' } : {};
        const set = await send(server.http, 'POST', `${at}/telemetry/`, { raw: '{"telemetries":{"a":1}}', headers: { authorization: device.access_key, ...bare } });
        assert.equal(set.status, 201);
        assert.equal((await device.call('GET', '')).json.state.a, 1);
      });

      everything('12.9 PUT, GET and DELETE are safe to repeat', async () => {
        const device = await newDevice(send, protocol);
        const twice = async (method, path, body, options) => [await device.call(method, path, body, options), await device.call(method, path, body, options)];
        const same = ([a, b]) => { assert.equal(a.status, 200, a.text); assert.equal(b.status, 200, b.text); };
        const but = ({ json: { last_seen: _, ...rest } }) => rest;
        const [a, b] = await twice('PUT', '', { name: 'Door', firmware_version: '1.0.1' });
        same([a, b]);
        assert.deepEqual(but(a), but(b));
        for (const path of ['', '/command', '/config', '/licenses', '/space', '/incidents', '/files']) same(await twice('GET', path));
        same(await twice('PUT', '/cloud_settings', { 'incidents.suspend_creation': true }));
        same(await twice('PUT', '/space/move', { target: 'unsorted' }));
        same(await twice('DELETE', '/incidents'));
        const { json: dump } = await device.call('POST', '/dumps/text%2Fplain/a', undefined, { raw: 'abc' });
        const appended = await twice('PUT', `/dumps/${dump.id}`, undefined, { raw: 'def' });
        same(appended);
        assert.deepEqual(appended.map(({ json }) => json.length), [6, 9]);
        const [gone, nobody] = await twice('DELETE', '');
        assert.deepEqual([answer(gone), answer(nobody)], [[200, '{"success":true}'], [401, NOT_AUTHORIZED]]);
      });
    });
  }
}

const MANY = 120; // more than a page
let spaces; // how many there are, with the root
let site;

/** Devices and spaces for more than one page; what each client does with them is its own. */
async function fillOrganization() {
  const body = Array.from({ length: 25 }, () => ({ hardware_key: models.https.key, firmware_version: '1.0.0', mac: '02:00:00:00:aa:aa' }));
  const ids = [];
  while (ids.length < MANY) {
    const reply = await request(server.http, 'POST', '/v1/devices/bulk_create', { body: body.map((one) => ({ ...one, sn: `B-${++serial}` })) });
    ids.push(...reply.json.map(({ id }) => id));
  }
  await assign(server, ids);
  for (let n = 0; n < 9; n++) {
    site = await organization.post('/spaces/find_or_create', { name: [`Site ${n}`, ...Array.from({ length: 12 }, (_, i) => `${i}`)].join('/') });
  }
  spaces = (await organization.get('/spaces?per_page=500')).items.length;
  assert.ok(spaces > 100);
}

for (const [name, send] of CLIENTS) {
  describe(`a management client, ${name}`, () => {
    const call = (method, path, { key = server.organization_key, ...options } = {}) => send(server.http, method, `/core/v1/organization${path}`, { key, ...options });
    const get = async (path) => {
      const reply = await call('GET', path);
      assert.equal(reply.status, 200, reply.text);
      return reply.json;
    };
    let device;
    before(async () => {
      if (!site) await fillOrganization();
      device = await newDevice(request, 'mqtt');
    });

    test('11.1 commands: the list, the bare object, and the end of exactly that one', async () => {
      const at = `/devices/${device.id}/commands`;
      const ends = { done: 'done', failed: 'failed', aborted: undefined };
      for (const [end, reported] of Object.entries(ends)) {
        const sent = await call('POST', at, { body: { name: 'reboot', file_id: null, extra_params: {} } });
        assert.equal(sent.status, 200);
        assert.ok(typeof sent.json.id === 'string' && sent.json.id !== '' && sent.json.id === sent.json.id.trim());
        assert.equal(sent.json.status, 'pending');
        if (reported) await device.call('POST', '/command', { id: sent.json.id, status: reported });
        else assert.equal((await call('DELETE', `${at}/${sent.json.id}`)).status, 200);
        const list = await get(`${at}?per_page=500`);
        assert.ok(Array.isArray(list.items) && list.items.every((one) => typeof one === 'object' && !Array.isArray(one)));
        assert.equal(list.has_next_page, false);
        assert.equal(list.items.find(({ id }) => id === sent.json.id).status, end);
        assert.equal((await get(`${at}/${sent.json.id}`)).status, end);
      }
      assert.equal((await get(`${at}?per_page=1`)).has_next_page, true);
    });

    test('11.2 device and space lists: pages of 100 until a short one', async () => {
      for (const [path, least] of [['/devices', MANY], ['/spaces', spaces]]) {
        const ids = [];
        for (let page = 1; ; page++) {
          const { items, next_page: next, has_next_page: more } = await get(`${path}?per_page=100&page=${page}`);
          ids.push(...items.map(({ id }) => id));
          assert.deepEqual([next, more], items.length === 100 ? [page + 1, true] : [null, false]);
          if (items.length < 100) break;
        }
        assert.ok(ids.length >= least && new Set(ids).size === ids.length);
        assert.deepEqual((await get(path)).items.map(({ id }) => id), ids.slice(0, 100), 'without parameters');
      }
    });

    test('11.3 what a device and a model must have', async () => {
      const one = await get(`/devices/${device.id}`);
      assert.equal(one.id, device.id);
      assert.equal(one.model.id, models.mqtt.id);
      assert.deepEqual(one.custom_parameters, {});
      const model = await get(`/models/${one.model.id}`);
      assert.deepEqual([model.id, typeof model.vendor, model.model], [one.model.id, 'string', 'By mqtt']);
      assert.ok(Array.isArray(model.commands) && model.commands.some((command) => command.name === 'reboot') && Array.isArray(model.parameters));
    });

    test('11.4 incidents by status and window; the words', async () => {
      const titles = Array.from({ length: 4 }, (_, n) => `${name} ${n}`);
      const made = [];
      for (const title of titles) made.push((await call('POST', '/incidents', { body: { device_id: device.id, title } })).json.id);
      for (const id of made.slice(0, 2)) assert.equal((await call('DELETE', `/incidents/${id}`)).status, 200);
      const now = Math.floor(Date.now() / 1000) + 1;
      const rows = {};
      for (const status of ['active', 'closed']) {
        rows[status] = (await get(`/incidents?status=${status}&from=0&to=${now}&per_page=500`)).items;
        assert.ok(rows[status].every((row) => row.status === status));
      }
      const own = (status) => rows[status].map(({ id }) => id).filter((id) => made.includes(id)).sort();
      assert.deepEqual(own('closed'), made.slice(0, 2).sort());
      assert.deepEqual(own('active'), made.slice(2).sort());
      const ids = [...rows.active, ...rows.closed].map(({ id }) => id);
      assert.equal(new Set(ids).size, ids.length);
      for (const status of ['online', 'offline']) {
        await device.call('POST', '/telemetry', { status });
        assert.equal((await get(`/devices/${device.id}`)).status, status);
      }
      await call('POST', '/tickets', { body: { device_id: device.id, title: 'Dark' } });
      assert.ok((await get('/tickets')).some(({ device_id: id, status }) => id === device.id && status === 'open'));
    });

    test('11.5 bodies where none is expected, message by query, windows in every form', async () => {
      const info = await call('GET', '/info', { body: { anything: true } });
      assert.deepEqual([info.status, typeof info.json.statistics.devices], [200, 'number']);
      const { id } = (await call('POST', `/devices/${device.id}/commands`, { body: { name: 'reboot' } })).json;
      const cancelled = await call('DELETE', `/devices/${device.id}/commands/${id}`, { body: { device_id: device.id, id } });
      assert.deepEqual([cancelled.status, cancelled.json.status], [200, 'aborted']);
      const ticket = (await call('POST', '/tickets', { body: { device_id: device.id, title: 'Dark' } })).json;
      assert.deepEqual(answer(await call('POST', `/tickets/${ticket.id}/message?message=Still%20dark`)), [200, '{"success":true}']);
      assert.ok((await get(`/tickets/${ticket.id}`)).comments.some(({ text }) => text === 'Still dark'));
      const [from, to] = [Date.now() - 86_400_000, Date.now() + 1000].map((ms) => Math.floor(ms / 1000) * 1000);
      const forms = [(ms) => ms / 1000, (ms) => ms, (ms) => new Date(ms).toISOString(), (ms) => new Date(ms).toISOString().replace('.000Z', 'Z')];
      const lists = [];
      for (const form of forms) lists.push((await get(`/incidents?from=${form(from)}&to=${form(to)}&device_id=${device.id}`)).items.map((row) => row.id));
      assert.ok(lists[0].length > 0);
      for (const list of lists) assert.deepEqual(list, lists[0]);
    });

    test('11.6 GET, PUT and DELETE are safe to repeat; a second DELETE is 404', async () => {
      const space = (await call('POST', '/spaces', { body: { name: `Hall ${name}` } })).json;
      for (let n = 0; n < 2; n++) assert.equal((await call('PUT', `/spaces/${space.id}`, { body: { name: `Hall of ${name}`, config: { maintenance: true } } })).status, 200);
      const spare = await newDevice(request, 'https');
      const incident = (await call('POST', '/incidents', { body: { device_id: device.id, title: 'Twice' } })).json;
      const group = (await call('POST', '/groups', { body: { name: `Group ${name}` } })).json;
      for (const [path, missing] of [[`/spaces/${space.id}`, 'Space'], [`/incidents/${incident.id}`, 'Incident'], [`/groups/${group.id}`, 'Group'], [`/devices/${spare.id}`, 'Device']]) {
        assert.deepEqual(answer(await call('DELETE', path)), [200, '{"success":true}'], path);
        assert.deepEqual(answer(await call('DELETE', path)), [404, `{"error":"${missing} not found"}`]);
      }
    });

    test('11.7 space ids are numbers, and taken as number or as text', async () => {
      assert.ok((await get('/spaces?per_page=5')).items.every(({ id, parent_id: parent }) => typeof id === 'number' && (parent === null || typeof parent === 'number')));
      assert.equal(typeof (await get(`/spaces/${site.id}`)).id, 'number');
      for (const form of [Number, String]) {
        const identity = { sn: `K-${++serial}`, mac: '02:00:00:00:bb:bb' };
        await register(server, models.https.key, identity);
        const claimed = await call('POST', '/devices/claim', { body: { space_id: form(site.id), ...identity } });
        assert.deepEqual([claimed.status, claimed.json.space_id, claimed.json.space.id], [200, site.id, site.id], claimed.text);
        const moved = await call('POST', `/devices/${device.id}/move`, { body: { space_id: form(site.id) } });
        assert.deepEqual([moved.status, moved.json.space_id, moved.json.space.id], [200, site.id, site.id], moved.text);
      }
    });

    test('11.8 a key opens its own API only; what belongs to others does not exist', async () => {
      const other = await partner.post('/organizations', { name: `Other ${name}`, admin_contact_email: 'o@example.com' });
      const ask = (base, path, key) => send(server.http, 'GET', `/core/v1/${base}${path}`, { key });
      for (const [base, key] of [['organization', server.partner_key], ['partner', server.organization_key], ['organization', device.access_key],
        ['partner', device.access_key], ['organization', models.https.key], ['partner', undefined]]) {
        assert.deepEqual(answer(await ask(base, `/devices/${device.id}`, key)), [401, NOT_AUTHORIZED], base);
      }
      const incident = (await call('POST', '/incidents', { body: { device_id: device.id, title: 'Ours' } })).json;
      const ticket = (await call('POST', '/tickets', { body: { device_id: device.id, title: 'Ours' } })).json;
      for (const [path, missing] of [[`/devices/${device.id}`, 'Device'], [`/spaces/${site.id}`, 'Space'], [`/tickets/${ticket.id}`, 'Ticket'], [`/devices/${device.id}/commands`, 'Device']]) {
        assert.deepEqual(answer(await ask('organization', path, other.api_key)), [404, `{"error":"${missing} not found"}`], path);
      }
      assert.equal((await send(server.http, 'DELETE', `/core/v1/organization/incidents/${incident.id}`, { key: other.api_key })).status, 404);
      assert.deepEqual(answer(await ask('partner', `/devices/${randomUUID()}`, server.partner_key)), [404, '{"error":"Errors::NotFound"}']);
      assert.deepEqual(answer(await ask('partner', `/tickets/${randomUUID()}`, server.partner_key)), [401, NOT_AUTHORIZED]);
      assert.deepEqual((await send(server.http, 'GET', '/core/v1/organization/devices', { key: other.api_key })).json.items, []);
    });
  });
}
