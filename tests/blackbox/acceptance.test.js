// The acceptance sequence of mqtt.md section 16, steps 1-6 and 8, with MQTT.js over TCP, TLS and WebSocket, with a
// 3.1.1 client, and with mosquitto_pub and mosquitto_sub.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { assign, client, makeModel, register, request, startInstallation, until } from './support/server.js';
import { connect, connectUrl, hubUrl, publish, subscribe } from './support/mqtt.js';

const run = promisify(execFile);
let server;
let partner;
let organization;
let model;

before(async () => {
  server = await startInstallation();
  partner = client(server, 'partner', server.partner_key);
  organization = client(server, 'organization', server.organization_key);
  model = await makeModel(server);
});
after(() => server.stop());

test('step 1: the protocol is chosen at creation and locked', async () => {
  const missing = await request(server.http, 'POST', '/core/v1/partner/models', {
    key: server.partner_key, body: { name: 'No protocol', device_type: 'physical', authentication_method: 'cloud_id' } });
  assert.deepEqual([missing.status, missing.json], [422, { error: 'Parameter communication_protocol is required' }]);
  const changed = await request(server.http, 'PATCH', `/core/v1/partner/models/${model.id}`,
    { key: server.partner_key, body: { communication_protocol: 'https' } });
  assert.equal(changed.status, 422);
  assert.equal(changed.text, '{"error":"Communication protocol cannot be changed after the model is created"}');
  const same = await request(server.http, 'PATCH', `/core/v1/partner/models/${model.id}`,
    { key: server.partner_key, body: { communication_protocol: 'mqtt' } });
  assert.equal(same.status, 200);
});

test('step 2: registration needs no authentication and answers five fields in order', async () => {
  const reply = await request(server.http, 'POST', '/v1/devices', {
    body: { hardware_key: model.key, firmware_version: '1.0.0', sn: 'A-17', mac: '11:22:33:44:55:66' } });
  assert.equal(reply.status, 201);
  assert.deepEqual(Object.keys(reply.json), ['id', 'access_key', 'hub_url', 'hub_url_static_cert', 'mqtt_hub_url']);
  assert.match(reply.json.access_key, /^[0-9a-f]{32}$/);
  assert.equal(reply.json.mqtt_hub_url, `mqtt://127.0.0.1:${server.mqtt.port}`);
  const again = await request(server.http, 'POST', '/v1/devices', {
    body: { hardware_key: model.key, firmware_version: '1.0.0', sn: 'A-17', mac: '11:22:33:44:55:66' } });
  assert.deepEqual([again.status, again.text], [422, '{"error":"Sn has already been taken"}']);
});

test('step 3: other combinations of credentials are refused with the codes of mqtt.md 2.1', async () => {
  const device = await register(server, model.key);
  const other = await register(server, model.key);
  const refused = async (options, code) => {
    const error = await connect(server, options).then(() => null, (e) => e);
    assert.equal(error?.code, code, `${JSON.stringify(options)}: ${error}`);
  };
  await refused({ id: device.id, key: other.access_key }, 0x86);
  await refused({ id: '00000000-0000-4000-8000-000000000000', key: device.access_key }, 0x86);
  await refused({ clientId: device.id }, 0x86);
  await refused({ clientId: other.id, username: device.id, password: device.access_key }, 0x85);
  await refused({ clientId: 'x', username: 'org', password: server.partner_key }, 0x86);
  const https = await makeModel(server, { communication_protocol: 'https' });
  const httpsDevice = await register(server, https.key);
  await refused({ id: httpsDevice.id, key: httpsDevice.access_key }, 0x87);
  const upper = await connect(server, { id: device.id.toUpperCase(), key: device.access_key });
  assert.equal(upper.connack.reasonCode, 0);
  await upper.endAsync();
});

for (const [transport, protocolVersion] of [['tcp', 5], ['tls', 5], ['ws', 5], ['wss', 5], ['tcp', 4]]) {
  describe(`steps 3 to 6 and 8 over ${transport}, MQTT ${protocolVersion === 5 ? '5.0' : '3.1.1'}`, () => {
    const v5 = protocolVersion === 5;
    let device;
    let hub;

    before(async () => {
      device = await register(server, model.key);
      await assign(server, device.id);
      hub = await connect(server, { transport, id: device.id, key: device.access_key, protocolVersion });
    });
    after(() => hub.end(true));

    test('step 3: CONNACK 0x00 with truthful properties', () => {
      assert.equal(v5 ? hub.connack.reasonCode : hub.connack.returnCode, 0);
      if (v5) {
        assert.equal(hub.connack.properties.receiveMaximum, 256);
        assert.equal(hub.connack.properties.maximumPacketSize, 262144);
      }
    });

    test('step 4: the event topics are granted, those of another device are not', async () => {
      const other = await register(server, model.key);
      const own = ['update', 'config', 'commands', 'license', 'space_info', 'firmware'].map((name) => `v1/device/${device.id}/${name}`);
      assert.deepEqual(await subscribe(hub, own, { qos: 0 }), own.map(() => 0));
      assert.deepEqual(await subscribe(hub, [`v1/device/${other.id}/commands`]), [v5 ? 0x87 : 0x80]);
      const space = await hub.next('/space_info');
      assert.equal(space.json.device_id, device.id);
    });

    test('step 5: configuration and command arrive once, with Response Topic; the answers move the command', async () => {
      await organization.patch(`/devices/${device.id}`, { configuration: { volume: 40 } });
      const config = await hub.next('/config');
      assert.deepEqual(config.json.config, { volume: 40 });
      const sent = await organization.post(`/devices/${device.id}/commands`, { name: 'reboot' });
      assert.equal(sent.status, 'pending');
      const command = await hub.next('/commands');
      assert.equal(command.json.id, sent.id);
      assert.equal(command.json.status, 'pending');
      assert.equal(command.json.device_id, device.id);
      assert.deepEqual(command.json.parameters, {});
      if (v5) {
        assert.equal(command.properties.responseTopic, `v1/device/${device.id}/commands/update`);
        assert.equal(command.properties.correlationData.toString(), sent.id);
        assert.equal(command.properties.contentType, 'application/json');
        assert.equal(command.properties.payloadFormatIndicator, true);
        assert.equal(config.properties.responseTopic, `v1/device/${device.id}/config/update`);
        assert.equal(config.properties.correlationData.toString(), String(config.json.version));
      }
      const answerTo = v5 ? command.properties.responseTopic : `v1/device/${device.id}/commands/update`;
      for (const status of ['in_progress', 'done']) {
        assert.equal((await publish(hub, answerTo, { id: sent.id, status, message: 'ok' })).code, 0);
        const seen = await organization.get(`/devices/${device.id}/commands/${sent.id}`);
        assert.equal(seen.status, status);
        const list = await partner.get(`/devices/${device.id}/commands`);
        assert.equal(list.data.find(({ id }) => id === sent.id).status, status);
      }
      assert.equal(hub.messages.filter(({ topic }) => topic.endsWith('/commands')).length, 1);
      assert.equal(hub.messages.filter(({ topic }) => topic.endsWith('/config')).length, 1);
    });

    test('step 6: telemetry is in the portal and at the owner, without the key', async () => {
      const follower = await connect(server, { clientId: '', username: 'org', password: server.organization_key });
      assert.deepEqual(await subscribe(follower, 'v1/device/+/telemetry'), [1]);
      const stranger = await partner.post('/organizations', { name: `Other ${transport} ${protocolVersion}`, admin_contact_email: 'x@example.com' });
      const foreign = await connect(server, { clientId: '', username: 'org', password: stranger.api_key });
      assert.deepEqual(await subscribe(foreign, 'v1/device/+/telemetry'), [1]);
      const answer = await publish(hub, `v1/device/${device.id}/telemetry`, { telemetries: { temp: 22.5, mode: 'eco' } },
        v5 ? { properties: { userProperties: { access_key: device.access_key, device_id: device.id, note: 'kept' } } } : {});
      assert.equal(answer.code, 0);
      const rows = await partner.get(`/devices/${device.id}/telemetries`);
      assert.equal(rows[0].telemetries.temp, 22.5);
      const relayed = await follower.next('/telemetry');
      assert.equal(relayed.topic, `v1/device/${device.id}/telemetry`);
      assert.equal(relayed.json.telemetries.mode, 'eco');
      assert.ok(!JSON.stringify([relayed.payload, relayed.properties]).includes(device.access_key));
      if (v5) assert.equal(relayed.properties.userProperties.note, 'kept');
      const shown = await organization.get(`/devices/${device.id}`);
      assert.equal(shown.state.temp, 22.5);
      assert.equal(shown.status, 'online');
      // Nothing for the other tenant: a round trip of its own proves that anything earlier would have arrived.
      await subscribe(foreign, 'v1/device/+/events');
      assert.equal(foreign.messages.length, 0);
      follower.end(true);
      foreign.end(true);
    });

    if (v5) {
      test('wrong user properties, foreign topics and bad payloads are refused, the connection stays', async () => {
        const wrong = await publish(hub, `v1/device/${device.id}/telemetry`, {}, { properties: { userProperties: { access_key: 'f'.repeat(32) } } });
        assert.equal(wrong.code, 0x87);
        assert.equal((await publish(hub, 'v1/device/00000000-0000-4000-8000-000000000000/telemetry', {})).code, 0x87);
        assert.equal((await publish(hub, `v1/device/${device.id}/telemetry`, '{')).code, 0x99);
        assert.equal((await publish(hub, `v1/device/${device.id}/telemetry`, { telemetries: { a: [1] } })).code, 0x99);
        assert.equal((await publish(hub, `v1/device/${device.id}/telemetry`, { telemetries: {} })).code, 0);
      });
    }

    test('step 8: a deleted device is told, refused, and may register again', async () => {
      const closed = hub.closed;
      assert.deepEqual(await partner.del(`/devices/${device.id}`), { success: true });
      await closed;
      if (v5) assert.deepEqual(hub.disconnects, [0x98]);
      const error = await connect(server, { transport, id: device.id, key: device.access_key, protocolVersion }).then(() => null, (e) => e);
      assert.equal(error.code, v5 ? 0x86 : 0x04);
      const call = await request(server.http, 'GET', `/v1/devices/${device.id}`, { key: device.access_key });
      assert.deepEqual([call.status, call.text], [401, '{"error":"Not authorized"}']);
      const fresh = await register(server, model.key);
      assert.notEqual(fresh.id, device.id);
    });
  });
}

test('both generations of command topics work, each session gets its own', async () => {
  for (const [topic, options] of [['commands', {}], ['command', {}], ['#', {}]]) {
    const device = await register(server, model.key);
    await assign(server, device.id);
    const hub = await connect(server, { id: device.id, key: device.access_key, ...options });
    await subscribe(hub, `v1/device/${device.id}/${topic}`);
    const sent = await organization.post(`/devices/${device.id}/commands`, { name: 'reboot' });
    const name = topic === 'commands' ? 'commands' : 'command';
    const message = await hub.next((m) => m.topic === `v1/device/${device.id}/${name}`);
    assert.equal(message.json.id, sent.id);
    assert.equal(message.properties.responseTopic, `v1/device/${device.id}/${name}/update`);
    assert.equal((await publish(hub, message.properties.responseTopic, { status: 'done' },
      { properties: { correlationData: message.properties.correlationData } })).code, 0);
    assert.equal((await organization.get(`/devices/${device.id}/commands/${sent.id}`)).status, 'done');
    assert.equal(hub.messages.filter(({ json }) => json?.id === sent.id).length, 1);
    hub.end(true);
  }
});

test('a command sent while the device is away waits for it, and the next one for the one before', async () => {
  const device = await register(server, model.key);
  await assign(server, device.id);
  const first = await organization.post(`/devices/${device.id}/commands`, { name: 'reboot' });
  const second = await organization.post(`/devices/${device.id}/commands`, { name: 'dump' });
  const hub = await connect(server, { id: device.id, key: device.access_key });
  await subscribe(hub, `v1/device/${device.id}/command`);
  assert.equal((await hub.next('/command')).json.id, first.id);
  await publish(hub, `v1/device/${device.id}/command/update`, { id: first.id, status: 'done' });
  assert.equal((await hub.next('/command')).json.id, second.id);
  hub.end(true);
});

describe('mosquitto clients, MQTT 5', () => {
  const at = () => ['-h', server.mqtt.host, '-p', String(server.mqtt.port), '-V', 'mqttv5'];

  test('mosquitto_sub gets a command, mosquitto_pub answers and reports', async () => {
    const device = await register(server, model.key);
    await assign(server, device.id);
    const who = ['-i', device.id, '-u', device.id, '-P', device.access_key];
    const prefix = `v1/device/${device.id}`;
    const subscriber = spawn('mosquitto_sub', [...at(), ...who, '-t', `${prefix}/command`, '-q', '1', '-C', '1', '-W', '30', '-F', '%R %D %p'],
      { stdio: ['ignore', 'pipe', 'inherit'] });
    const exited = once(subscriber, 'close'); // it may end before anybody waits for that
    let out = '';
    subscriber.stdout.on('data', (part) => { out += part; });
    await until(async () => (await partner.get(`/devices/${device.id}`)).connected, 'mosquitto_sub is connected');
    const sent = await organization.post(`/devices/${device.id}/commands`, { name: 'reboot' });
    const [code] = await exited;
    assert.equal(code, 0);
    assert.ok(out.startsWith(`${prefix}/command/update ${sent.id} {`), out);
    await run('mosquitto_pub', [...at(), ...who, '-t', `${prefix}/command/update`, '-q', '1', '-m', JSON.stringify({ id: sent.id, status: 'done' })]);
    assert.equal((await organization.get(`/devices/${device.id}/commands/${sent.id}`)).status, 'done');
    await run('mosquitto_pub', [...at(), ...who, '-t', `${prefix}/telemetry`, '-q', '2', '-m', '{"telemetries":{"temp":3}}']);
    assert.equal((await partner.get(`/devices/${device.id}/telemetries`))[0].telemetries.temp, 3);
  });

  test('an organization follows with mosquitto_sub', async () => {
    const device = await register(server, model.key);
    await assign(server, device.id);
    // stdbuf: it says "Subscribed" when it is, not when its buffer is full
    const subscriber = spawn('stdbuf', ['-oL', 'mosquitto_sub', ...at(), '-u', 'org', '-P', server.organization_key, '-t', `v1/device/${device.id}/telemetry`, '-q', '1', '-C', '1', '-W', '30', '-d'],
      { stdio: ['ignore', 'pipe', 'inherit'] });
    const exited = once(subscriber, 'close'); // it may end before anybody waits for that
    let out = '';
    subscriber.stdout.on('data', (part) => { out += part; });
    await until(() => /Subscribed/.test(out), 'mosquitto_sub is subscribed');
    const reply = await request(server.http, 'POST', `/v1/devices/${device.id}/telemetry`, { key: device.access_key, body: { telemetries: { temp: 9 } } });
    assert.equal(reply.status, 201);
    const [code] = await exited;
    assert.equal(code, 0);
    assert.match(out, /"temp":9/);
  });
});

test('the data serves HTTPS and MQTT alike', async () => {
  const device = await register(server, model.key);
  await assign(server, device.id);
  const sent = await organization.post(`/devices/${device.id}/commands`, { name: 'reboot' });
  const hub = await connectUrl(hubUrl(server, 'tls'), { clientId: device.id, username: device.id, password: device.access_key });
  await subscribe(hub, `v1/device/${device.id}/command`);
  await hub.next('/command');
  const got = await request(server.https, 'GET', `/v1/devices/${device.id}/command/`, { tls: true, headers: { Authorization: `bearer ${device.access_key}` } });
  assert.equal(got.json.id, sent.id);
  const done = await request(server.https, 'POST', `/v1/devices/${device.id}/command`, { tls: true, key: device.access_key, body: { id: sent.id, status: 'done' } });
  assert.deepEqual([done.status, done.text], [200, '{"success":true}']);
  const telemetry = await request(server.https, 'POST', `/v1/devices/${device.id}/telemetry`, { tls: true, key: device.access_key, body: { telemetries: { temp: 1 } } });
  assert.equal(telemetry.status, 201);
  assert.deepEqual(Object.keys(telemetry.json), ['config_version', 'command', 'info_version', 'new_licenses', 'latest_fw_version',
    'latest_fw_file_id', 'space_data_version', 'success']);
  hub.end(true);
});
