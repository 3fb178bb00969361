// The API version of a model decides how its devices are spoken to: every row of device-api.md 1.11 for every version, over
// HTTP and in what is pushed over MQTT.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { assign, client, makeModel, password, request, startInstallation } from './support/server.js';
import { connect, publish, subscribe } from './support/mqtt.js';
import { unlimited } from './support/config.js';

const VERSIONS = [0, 1, 2, 3, 4, 5, 6, 7];
const ID_REQUIRED = 1; // the patch number from which each effect holds
const SN_REQUIRED = 2;
const SEMVER = 4;
const SCOPED = 5;
const STRICT_FIELDS = 6;
const DEVICE_ID = 7;
let server;
let partner;
let organization;
let serial = 0;

before(async () => {
  server = await startInstallation({ args: unlimited() });
  partner = client(server, 'partner', server.partner_key);
  organization = client(server, 'organization', server.organization_key);
});
after(() => server.stop());

const answer = ({ status, text }) => [status, text];
const error = (text) => JSON.stringify({ error: text });

/** A model of that version, by the only one who may choose it: a system administrator. */
async function modelOf(version) {
  const model = await makeModel(server, { authentication_method: 'cloud_id' });
  const signedIn = await request(server.http, 'POST', '/core/v1/session', { body: { email: server.email, password } });
  const session = { cookie: signedIn.headers['set-cookie'][0].split(';')[0], 'x-csrf-token': signedIn.json.csrf_token };
  const changed = await request(server.http, 'PATCH', `/core/v1/system/models/${model.id}`, { headers: session, body: { api_version: `1.0.${version}` } });
  assert.equal(changed.status, 200, changed.text);
  assert.equal((await partner.get(`/models/${model.id}`)).api_version, `1.0.${version}`);
  return model;
}

for (const version of VERSIONS) {
  describe(`API version 1.0.${version}`, () => {
    const from = (first, then, otherwise) => (version >= first ? then : otherwise);
    let model;
    let device;
    let license;
    let command;
    before(async () => {
      model = await modelOf(version);
      const registered = await enroll();
      assert.equal(registered.status, 201, registered.text);
      device = registered.json;
      device.call = (method, path = '', body = undefined, options = {}) =>
        request(server.http, method, `/v1/devices/${device.id}${path}`, { key: device.access_key, body, ...options });
      await assign(server, device.id);
      await organization.patch(`/devices/${device.id}`, { configuration: { volume: 40 } });
      command = await organization.post(`/devices/${device.id}/commands`, { name: 'reboot' });
      license = await partner.post('/licenses', { organization_id: server.organization_id, data: 'feature=4k' }, 201);
      await partner.post(`/licenses/${license.id}/assign`, { device_id: device.id }, 200);
    });
    const enroll = (fields = {}) => request(server.http, 'POST', '/v1/devices', {
      body: { hardware_key: model.key, firmware_version: '1.0.0', sn: `V-${++serial}`, cloud_id: `versions-${String(serial).padStart(16, '0')}`, ...fields } });
    /** Members in their order; `last` only from 1.0.7. */
    const members = (json, names) => assert.deepEqual(Object.keys(json), [...names, ...from(DEVICE_ID, ['device_id'], [])]);
    const names = (json) => assert.equal(json.device_id, from(DEVICE_ID, device.id, undefined));

    test('1.0.2: a serial number at registration by Cloud ID; 1.0.4: versions are SemVer', async () => {
      const without = await enroll({ sn: undefined });
      assert.deepEqual(answer(without), from(SN_REQUIRED, [422, error("Sn can't be blank")], [201, without.text]));
      const text = await enroll({ firmware_version: 'build 7' });
      assert.deepEqual(answer(text), from(SEMVER, [422, error('Firmware version is invalid')], [201, text.text]));
      for (const firmware of ['2.0.0', '2.0.0-rc.1+7', 'build 8', '2.0']) {
        const taken = version < SEMVER || firmware.startsWith('2.0.0');
        const reply = await device.call('PUT', '', { firmware_version: firmware });
        assert.deepEqual(answer(reply), taken ? [200, reply.text] : [422, error('Firmware version is invalid')], firmware);
      }
    });

    test('1.0.3: the returned hub_url and the host of old serve the same', async () => {
      const own = await device.call('GET', '/command');
      const hub = new URL(device.hub_url);
      const there = await request({ host: hub.hostname, port: hub.port }, 'GET', `/v1/devices/${device.id}/command`, { key: device.access_key, tls: true });
      assert.deepEqual(answer(there), answer(own));
    });

    test('1.0.5: the configuration is scoped; 1.0.7: it names the device', async () => {
      const shown = (await device.call('GET', '/config')).json;
      if (version < SCOPED) {
        assert.deepEqual(shown, { version: 1, last_updated: shown.last_updated, volume: 40 });
        assert.deepEqual(answer(await device.call('POST', '/config', shown)), [200, '{"success":true,"version":1}']);
        await device.call('POST', '/config', { config: { volume: 41 } });
        assert.deepEqual((await device.call('GET', '/config')).json.config, { volume: 41 }, 'a field like any other');
        return;
      }
      members(shown, ['name', 'version', 'last_updated', 'config']);
      names(shown);
      assert.deepEqual([shown.version, shown.config], [1, { volume: 40 }]);
      const set = (await device.call('POST', '/config', shown)).json;
      members(set, ['success', 'name', 'version', 'last_updated', 'config']);
      names(set);
      assert.equal(set.version, 1);
      await device.call('POST', '/config', { config: { volume: 41 } });
      assert.deepEqual((await device.call('GET', '/config')).json.config, { volume: 41 }, 'the wrapping is not stored');
    });

    test('1.0.6: an unknown field of Update Device', async () => {
      const reply = await device.call('PUT', '', { name: 'Door', colour: 'red' });
      assert.deepEqual(answer(reply), from(STRICT_FIELDS, [400, error('Unknown parameter: colour')], [200, reply.text]));
      assert.equal((await device.call('GET')).json.name, from(STRICT_FIELDS, model.name, 'Door'));
    });

    test('1.0.7: device_id in what is got', async () => {
      const got = (await device.call('GET', '/command')).json;
      assert.deepEqual(Object.keys(got), ['id', ...from(DEVICE_ID, ['device_id'], []), 'status', 'name', 'parameters']);
      names(got);
      const [pending] = (await device.call('GET', '/command/pending_commands')).json;
      assert.equal(pending.device_id, device.id, 'in every version');
      names((await device.call('GET', '/license')).json);
      names((await device.call('GET', '/licenses')).json[0]);
      await device.call('POST', '/incidents', { title: 'Fan stuck' });
      names((await device.call('GET', '/incidents')).json[0]);
      members((await device.call('GET', '/space')).json, ['location', 'temperature_units', 'maintenance', 'name', 'local_time']);
      members((await device.call('PUT', '/space/move', { target: 'unsorted' })).json, ['location', 'temperature_units', 'maintenance', 'name', 'local_time']);
      assert.deepEqual(Object.keys((await device.call('POST', '/telemetry', {})).json).length, 8, 'telemetry is answered alike in all');
    });

    test('and in what is pushed', async () => {
      const hub = await connect(server, { id: device.id, key: device.access_key });
      const topic = (name) => `v1/device/${device.id}/${name}`;
      assert.deepEqual(await subscribe(hub, ['config', 'space_info', 'license', 'command', 'incidents'].map(topic)), [1, 1, 1, 1, 1]);
      const config = (await hub.next('/config')).json;
      names(config);
      assert.equal('name' in config, version >= SCOPED);
      names((await hub.next('/space_info')).json);
      names((await hub.next('/license')).json[0]);
      names((await hub.next('/command')).json);
      await organization.post('/incidents', { device_id: device.id, title: 'Seen by people' }, 201);
      names((await hub.next('/incidents')).json[0]);
      const update = await publish(hub, topic('update'), { colour: 'red' });
      assert.equal(update.code, from(STRICT_FIELDS, 0x99, 0));
      await hub.endAsync(true);
    });

    test('1.0.1: Update Command names its command', async () => {
      const reply = await device.call('POST', '/command', { status: 'done' });
      assert.deepEqual(answer(reply), from(ID_REQUIRED, [422, error("Id can't be blank")], [200, '{"success":true}']));
      assert.equal((await organization.get(`/devices/${device.id}/commands/${command.id}`)).status, from(ID_REQUIRED, 'pending', 'done'));
      assert.equal((await device.call('POST', '/command', { id: command.id, status: 'done' })).status, 200);
    });
  });
}
