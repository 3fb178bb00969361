// Open listeners (mqtt.md 2.4): off by default, apart from tenants and from each other, with the limits of section 9's
// open column; and what MQTT 5 clients do there with MQTT.js and the mosquitto clients.
import assert from 'node:assert/strict';
import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { configured } from './support/config.js';
import { connect, connectUrl, publish, subscribe } from './support/mqtt.js';
import { assign, binary, client, makeModel, register, setup, startServer, until } from './support/server.js';

const run = promisify(execFile);
const listener = (name, address, more = '') => `[listener ${name}]\nkind = mqtt\naccess = open\naddress = ${address}\n${more}`;
const LIMITS = { filters: 4, topic: 64, levels: 5, queue: 3, retained: 5 };
const limits = `[limits]
management_requests = 0
[mqtt]
open_filters = ${LIMITS.filters}
open_topic_max = ${LIMITS.topic}
open_topic_levels = ${LIMITS.levels}
open_queue = ${LIMITS.queue}
open_retained = ${LIMITS.retained}
device_publishes = 10
application_publishes = 10
application_subscribes = 10
application_sessions = 2
`;
let keys;
let server;
let addresses = ['127.0.0.1:0', '127.0.0.1:0'];

async function start() {
  server = Object.assign(await startServer({ dir: keys.dir, args: configured(limits + listener('tools', addresses[0]) + listener('lab', addresses[1])) }), keys);
  server.tools = server.listeners.filter(({ kind }) => kind === 'mqtt-open')[0];
  server.lab = server.listeners.filter(({ kind }) => kind === 'mqtt-open')[1];
  addresses = [server.tools, server.lab].map(({ port }) => `127.0.0.1:${port}`);
}

before(async () => {
  keys = setup();
  await start();
});
after(async () => {
  await server.stop();
  keys.remove();
});

const url = ({ host, port }) => `mqtt://${host}:${port}`;
let serial = 0;
const open = (options = {}, to = server.tools) => connectUrl(url(to), { clientId: `c-${++serial}`, ...options });
/** Nothing that was published before is still on its way to this client: its own message comes after all of it. */
async function settled(peer) {
  const fence = `fence/${++serial}`;
  await subscribe(peer, fence, { qos: 1 });
  await publish(peer, fence, '');
  await peer.next(fence);
  peer.messages = peer.messages.filter(({ topic }) => topic !== fence);
  await new Promise((done) => { peer.unsubscribe(fence, done); });
}

describe('who listens', () => {
  test('nobody is let in without credentials by default', async () => {
    const plain = await startServer({});
    assert.ok(!plain.lines.some((line) => /open/.test(line.split(' ')[1] ?? '')), plain.lines.join());
    for (const options of [{ clientId: 'x' }, { clientId: 'x', protocolVersion: 4 }]) {
      const error = await connect(plain, options).then(() => null, (e) => e);
      assert.equal(error.code, options.protocolVersion === 4 ? 0x04 : 0x86);
    }
    await plain.stop();
  });

  test('--mqtt-open opens one on loopback', async () => {
    const tool = await startServer({ args: ['--mqtt-open', '127.0.0.1:0'] });
    const peer = await connectUrl(url(tool['mqtt-open']), { clientId: 'x' });
    assert.equal(peer.connack.reasonCode, 0);
    peer.end(true);
    const refused = await connect(tool, { clientId: 'x' }).then(() => null, (e) => e);
    assert.equal(refused.code, 0x86, 'the other listener stays as it is');
    await tool.stop();
  });

  test('beyond loopback only where the configuration says so', async () => {
    const reply = spawnSync(binary, ['serve', '--data', `${keys.dir}-none`, '--mqtt-open', '0.0.0.0:0'], { encoding: 'utf8' });
    assert.notEqual(reply.status, 0);
    assert.match(reply.stderr, /allow_remote/);
    for (const [more, accepted] of [['', false], ['allow_remote = no\n', false], ['allow_remote = yes\n', true]]) {
      const [, file] = configured(listener('tools', '0.0.0.0:0', more));
      const check = spawnSync(binary, ['config', 'check', file], { encoding: 'utf8' });
      const said = check.stdout + check.stderr;
      assert.equal(check.status === 0, accepted, said);
      if (!accepted) assert.match(said, /:4:.*allow_remote/, 'the line and the setting');
    }
    const remote = await startServer({ args: configured(listener('tools', '0.0.0.0:0', 'allow_remote = yes\n')) });
    const peer = await connectUrl(`mqtt://127.0.0.1:${remote['mqtt-open'].port}`, { clientId: 'x' });
    peer.end(true);
    await remote.stop();
  });

  test('user name and password are ignored, whatever they are', async () => {
    for (const options of [{}, { username: 'org', password: 'wrong' }, { username: 'org', password: keys.organization_key }, { username: 'x' },
      { protocolVersion: 4, username: 'a', password: 'b' }, { clientId: '' }, { clientId: '', protocolVersion: 4 }]) {
      const peer = await open(options);
      assert.equal((await publish(peer, 'any/topic', 'x')).code & 0x80, 0);
      peer.end(true);
    }
  });
});

describe('apart', () => {
  test('from devices and applications', async () => {
    const model = await makeModel(server);
    const device = await register(server, model.key);
    await assign(server, device.id);
    const topic = (name) => `v1/device/${device.id}/${name}`;
    const hub = await connect(server, { id: device.id, key: device.access_key });
    const app = await connect(server, { clientId: 'app', username: 'org', password: keys.organization_key });
    const stranger = await open();
    assert.deepEqual(await subscribe(stranger, '#', { qos: 2 }), [2]);
    await subscribe(app, 'v1/device/+/telemetry');
    await subscribe(hub, topic('#'));
    await publish(hub, topic('telemetry'), { telemetries: { temp: 1 } });
    await publish(hub, topic('user/x'), 'secret');
    await app.next('/telemetry');
    await client(server, 'organization', keys.organization_key).post(`/devices/${device.id}/commands`, { name: 'reboot' });
    await hub.next('/command');
    await settled(stranger);
    assert.deepEqual(stranger.messages.map((m) => m.topic), []);
    const seen = hub.messages.length;
    for (const name of ['telemetry', 'user/y', 'command', 'command/update']) await publish(stranger, topic(name), { telemetries: { temp: 2 } });
    await publish(hub, topic('user/z'), 'the end');
    await hub.next('/user/z');
    assert.equal(hub.messages.length, seen + 1, 'nothing of a stranger');
    assert.equal((await client(server, 'organization', keys.organization_key).get(`/devices/${device.id}`)).state.temp, 1);
    stranger.end(true);
    hub.end(true);
    app.end(true);
  });

  test('from the other listener, with equal client ids', async () => {
    const here = await open({ clientId: 'same' });
    const there = await open({ clientId: 'same' }, server.lab);
    for (const peer of [here, there]) await subscribe(peer, '#', { qos: 1 });
    await publish(here, 'a/b', 'here', { retain: true });
    await publish(there, 'a/b', 'there', { retain: true });
    assert.equal((await here.next('a/b')).payload, 'here');
    assert.equal((await there.next('a/b')).payload, 'there');
    await settled(here);
    await settled(there);
    assert.deepEqual([here.messages.length, there.messages.length], [1, 1]);
    assert.deepEqual([here.disconnects, there.disconnects], [[], []], 'neither took the other over');
    await publish(here, 'a/b', '', { retain: true });
    const late = await open({}, server.lab);
    await subscribe(late, 'a/b', { qos: 1 });
    assert.equal((await late.next('a/b')).payload, 'there', 'cleared on the other listener only');
    await publish(there, 'a/b', '', { retain: true });
    for (const peer of [here, there, late]) peer.end(true);
  });

  test('a client id of a device or an application is taken over by neither side', async () => {
    const model = await makeModel(server);
    const device = await register(server, model.key);
    const hub = await connect(server, { id: device.id, key: device.access_key });
    const app = await connect(server, { clientId: 'twin', username: 'org', password: keys.organization_key });
    const [asDevice, asApp] = [await open({ clientId: device.id }), await open({ clientId: 'twin' })];
    for (const peer of [hub, app, asDevice, asApp]) await new Promise((done, fail) => { peer.once('packetreceive', done); peer.sendPing(); peer.closed.then(fail); });
    for (const peer of [hub, app, asDevice, asApp]) peer.end(true);
  });
});

describe('limits of the open column', () => {
  test('filters, topic length and levels', async () => {
    const peer = await open();
    assert.deepEqual(await subscribe(peer, ['a', 'b', 'c', 'd', 'e']), [1, 1, 1, 1, 0x97]);
    assert.equal((await publish(peer, 'x'.repeat(LIMITS.topic), '')).code & 0x80, 0);
    assert.equal((await publish(peer, 'x'.repeat(LIMITS.topic + 1), '')).code, 0x90);
    assert.equal((await publish(peer, '1/2/3/4/5/6', '')).code, 0x90);
    peer.end(true);
    const other = await open();
    assert.deepEqual(await subscribe(other, ['1/2/3/4/5/6', 'ok']), [0x8f, 1]);
    other.end(true);
  });

  test('no rates and no quota of sessions', async () => {
    const peers = await Promise.all(Array.from({ length: 6 }, () => open()));
    const answers = await Promise.all(Array.from({ length: 60 }, (_, n) => publish(peers[n % 6], 'many', String(n))));
    assert.ok(answers.every(({ code }) => code < 0x80));
    for (let n = 0; n < 20; n++) await subscribe(peers[0], 'many');
    for (const peer of peers) peer.end(true);
  });

  test('the offline queue: the oldest gives way', async () => {
    const session = { clientId: 'away', clean: false, properties: { sessionExpiryInterval: 600 } };
    const before = await open(session);
    await subscribe(before, 'queue');
    before.end(true);
    await before.closed;
    const peer = await open();
    for (let n = 0; n < 6; n++) await publish(peer, 'queue', String(n));
    const back = await open({ ...session });
    assert.equal(back.connack.sessionPresent, true);
    assert.deepEqual([(await back.next('queue')).payload, (await back.next('queue')).payload, (await back.next('queue')).payload], ['3', '4', '5']);
    back.end(true);
    peer.end(true);
  });

  test('retained messages, until room is made', async () => {
    const peer = await open();
    for (let n = 0; n < LIMITS.retained; n++) assert.equal((await publish(peer, `r/${n}`, 'x', { retain: true })).code & 0x80, 0);
    assert.equal((await publish(peer, 'r/more', 'x', { retain: true })).code, 0x97);
    await publish(peer, 'r/0', '', { retain: true });
    assert.equal((await publish(peer, 'r/more', 'x', { retain: true })).code & 0x80, 0);
    for (const name of ['1', '2', '3', '4', 'more']) await publish(peer, `r/${name}`, '', { retain: true });
    peer.end(true);
  });
});

test('sessions, queued and retained messages of each listener survive a kill', async () => {
  const session = { clientId: 'kept', clean: false, properties: { sessionExpiryInterval: 600 } };
  const places = ['tools', 'lab'];
  for (const place of places) {
    const before = await open({ ...session }, server[place]);
    await subscribe(before, 'k/+', { qos: 2 });
    before.end(true);
    await before.closed;
    const peer = await open({}, server[place]);
    await publish(peer, 'k/1', `${place} queued`, { qos: 2 });
    await publish(peer, 'r/1', `${place} retained`, { retain: true });
    peer.end(true);
  }
  await server.kill();
  await start();
  for (const place of places) {
    const back = await open({ ...session }, server[place]);
    assert.equal(back.connack.sessionPresent, true);
    assert.equal((await back.next('k/1')).payload, `${place} queued`);
    await subscribe(back, 'r/1', { qos: 1 });
    const kept = await back.next('r/1');
    assert.deepEqual([kept.payload, kept.packet.retain], [`${place} retained`, true]);
    await publish(back, 'r/1', '', { retain: true });
    back.end(true);
  }
});

describe('MQTT 5 with MQTT.js', () => {
  test('request and response', async () => {
    const [asks, answers] = [await open(), await open()];
    await subscribe(answers, 'service');
    await subscribe(asks, 'reply/asks');
    await publish(asks, 'service', 'how much', { properties: { responseTopic: 'reply/asks', correlationData: Buffer.from('7'), userProperties: { a: ['1', '2'] }, contentType: 'text/plain' } });
    const question = await answers.next('service');
    assert.deepEqual([question.properties.responseTopic, question.properties.correlationData.toString(), question.properties.contentType], ['reply/asks', '7', 'text/plain']);
    assert.deepEqual({ ...question.properties.userProperties }, { a: ['1', '2'] });
    await publish(answers, question.properties.responseTopic, 'so much', { properties: { correlationData: question.properties.correlationData } });
    const answer = await asks.next('reply/asks');
    assert.deepEqual([answer.payload, answer.properties.correlationData.toString()], ['so much', '7']);
    asks.end(true);
    answers.end(true);
  });

  test('a shared subscription spreads, in groups of their own', async () => {
    const [a, b, other, peer] = await Promise.all([open(), open(), open(), open()]);
    await subscribe(a, '$share/g/work', { qos: 1 });
    await subscribe(b, '$share/g/work', { qos: 1 });
    await subscribe(other, '$share/h/work', { qos: 1 });
    await Promise.all(Array.from({ length: 20 }, (_, n) => publish(peer, 'work', String(n))));
    for (let n = 0; n < 20; n++) await other.next('work');
    await until(() => a.messages.length + b.messages.length >= 20, 'all of it has arrived');
    assert.deepEqual([...a.messages, ...b.messages].map(({ payload }) => Number(payload)).sort((x, y) => x - y), Array.from({ length: 20 }, (_, n) => n));
    assert.ok(a.messages.length > 0 && b.messages.length > 0);
    for (const one of [a, b, other, peer]) one.end(true);
  });

  test('topic aliases both ways', async () => {
    const reads = await open({ properties: { topicAliasMaximum: 2 } });
    await subscribe(reads, 'alias/+');
    const aliases = [];
    reads.on('packetreceive', ({ cmd, topic, properties }) => { if (cmd === 'publish') aliases.push([topic, properties?.topicAlias]); });
    const writes = await open({ autoUseTopicAlias: true, autoAssignTopicAlias: true });
    for (const name of ['a', 'a', 'b', 'b', 'c', 'c']) await publish(writes, `alias/${name}`, name);
    const got = [];
    for (let n = 0; n < 6; n++) got.push(await reads.next(({ topic }) => topic.startsWith('alias/')));
    assert.deepEqual(got.map(({ topic }) => topic), ['a', 'a', 'b', 'b', 'c', 'c'].map((name) => `alias/${name}`));
    assert.ok(aliases.some(([topic, alias]) => topic === '' && alias > 0), 'an alias was used');
    reads.end(true);
    writes.end(true);
  });

  test('subscription identifiers, No Local, Retain As Published', async () => {
    const peer = await open();
    await subscribe(peer, 'id/#', { qos: 0, properties: { subscriptionIdentifier: 7 } });
    await subscribe(peer, 'id/x', { qos: 1, rap: true, properties: { subscriptionIdentifier: 9 } });
    await subscribe(peer, 'own', { qos: 1, nl: true });
    await publish(peer, 'own', 'unheard');
    await publish(peer, 'id/x', 'x', { retain: true });
    const message = await peer.next('id/x');
    assert.deepEqual([...[message.properties.subscriptionIdentifier].flat()].sort(), [7, 9]);
    assert.equal(message.packet.retain, true);
    await settled(peer);
    assert.ok(!peer.messages.some(({ topic }) => topic === 'own'));
    await publish(peer, 'id/x', '', { retain: true });
    peer.end(true);
  });

  test('a message expires, another one tells what is left', async () => {
    const session = { clientId: 'expiry', clean: false, properties: { sessionExpiryInterval: 600 } };
    const before = await open(session);
    await subscribe(before, 'expiry');
    before.end(true);
    await before.closed;
    const peer = await open();
    await publish(peer, 'expiry', 'short', { properties: { messageExpiryInterval: 1 } });
    const published = Date.now();
    await publish(peer, 'expiry', 'long', { properties: { messageExpiryInterval: 3600 } });
    await until(() => Date.now() > published + 1500, 'the short one has expired');
    const back = await open({ ...session });
    const message = await back.next('expiry');
    assert.equal(message.payload, 'long');
    assert.ok(message.properties.messageExpiryInterval < 3600 && message.properties.messageExpiryInterval > 0);
    back.end(true);
    peer.end(true);
  });

  test('takeover, and a Will with a delay that a reconnect calls off', async () => {
    const watcher = await open();
    await subscribe(watcher, 'will/+');
    const session = (payload, delay) => ({ clientId: 'mortal', clean: false, properties: { sessionExpiryInterval: 600 },
      will: { topic: `will/${payload}`, payload, qos: 1, properties: { willDelayInterval: delay } } });
    const first = await open(session('first', 3600));
    const second = await open(session('second', 0));
    await first.closed;
    assert.deepEqual(first.disconnects, [0x8e]);
    second.stream.destroy();
    assert.equal((await watcher.next('will/second')).payload, 'second');
    await settled(watcher);
    assert.ok(!watcher.messages.some(({ topic }) => topic === 'will/first'));
    watcher.end(true);
  });
});

describe('mosquitto clients', () => {
  const at = (version = 'mqttv5') => ['-h', '127.0.0.1', '-p', String(server.tools.port), '-V', version];
  /** mosquitto_sub that is subscribed; lines() resolves when it ends. */
  async function listening(args) {
    const child = spawn('stdbuf', ['-oL', 'mosquitto_sub', ...args, '-d', '-W', '60'], { stdio: ['ignore', 'pipe', 'inherit'] });
    let out = '';
    child.stdout.on('data', (part) => { out += part; });
    const exited = once(child, 'close'); // behind its last words
    await until(() => /^Subscribed/m.test(out), 'mosquitto_sub is subscribed');
    return { child, lines: async () => { await exited; return out.split('\n').filter((line) => line.startsWith('>')); } };
  }

  for (const version of ['mqttv5', 'mqttv311']) {
    test(`publish, subscribe and retained, ${version}`, async () => {
      const topic = `m/${version}`;
      const subscriber = await listening([...at(version), '-t', topic, '-q', '2', '-C', '3', '-F', '>%p']);
      for (const qos of ['0', '1', '2']) await run('mosquitto_pub', [...at(version), '-t', topic, '-q', qos, '-m', `at ${qos}`]);
      assert.deepEqual((await subscriber.lines()).sort(), ['>at 0', '>at 1', '>at 2']);
      await run('mosquitto_pub', [...at(version), '-t', topic, '-r', '-q', '1', '-m', 'kept']);
      const { stdout } = await run('mosquitto_sub', [...at(version), '-t', topic, '-C', '1', '-W', '60', '--retained-only', '-F', '%r %p']);
      assert.equal(stdout, '1 kept\n');
      await run('mosquitto_pub', [...at(version), '-t', topic, '-r', '-n', '-q', '1']);
    });

    test(`a session that is away, and a Will, ${version}`, async () => {
      const id = ['-i', `sub-${version}`, '-c', ...(version === 'mqttv5' ? ['-x', '600'] : [])];
      await run('mosquitto_sub', [...at(version), ...id, '-t', 'm/away', '-q', '1', '-E']);
      for (const text of ['1', '2']) await run('mosquitto_pub', [...at(version), '-t', 'm/away', '-q', '1', '-m', text]);
      const { stdout } = await run('mosquitto_sub', [...at(version), ...id, '-t', 'm/away', '-q', '1', '-C', '2', '-W', '60']);
      assert.equal(stdout, '1\n2\n');
      const watcher = await listening([...at(version), '-t', 'm/will', '-q', '1', '-C', '1', '-F', '>%p']);
      const mortal = await listening([...at(version), '-t', 'm/none', '--will-topic', 'm/will', '--will-payload', 'gone', '--will-qos', '1']);
      mortal.child.kill('SIGKILL');
      assert.deepEqual(await watcher.lines(), ['>gone']);
    });
  }

  test('mosquitto_rr asks and is answered', async () => {
    const server = await open();
    await subscribe(server, 'm/ask');
    const asked = server.next('m/ask').then((question) => publish(server, question.properties.responseTopic, 'fine', { properties: { correlationData: question.properties.correlationData } }));
    const { stdout } = await run('mosquitto_rr', [...at(), '-t', 'm/ask', '-e', 'm/told', '-m', 'how are you', '-W', '60']);
    await asked;
    assert.equal(stdout, 'fine\n');
    server.end(true);
  });
});

test('a new subscriber gets all that is retained, also where it fills what is sent at once to the byte', async () => {
  const tool = await startServer({ args: ['--mqtt-open', '127.0.0.1:0'] });
  const COUNT = 40;
  const PACKET = 16 * 1024; // 16 of them are 256 KiB
  const head = 1 + 2 + 2 + 't/00'.length + 1; // of the PUBLISH: type, length, topic and its length, no properties
  const peer = await connectUrl(url(tool['mqtt-open']), { clientId: 'p' });
  for (let i = 0; i < COUNT; i++) {
    await publish(peer, `t/${String(i).padStart(2, '0')}`, 'x'.repeat(PACKET - head), { retain: true });
  }
  const late = await connectUrl(url(tool['mqtt-open']), { clientId: 's' });
  assert.deepEqual(await subscribe(late, 't/+', { qos: 0 }), [0]);
  await late.next('t/39');
  assert.equal(late.messages.length, COUNT);
  await Promise.all([peer.endAsync(), late.endAsync()]);
  await tool.stop();
});
