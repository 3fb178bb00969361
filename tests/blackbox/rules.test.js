// Rules on telemetry (management-api.md 5.5; device-api.md 3.2): every operator, opening and closing, errors, changes of
// rules, and a server that is killed.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { assign, client, makeModel, register, request, setup, startServer, until } from './support/server.js';
import { connect, publish } from './support/mqtt.js';
import { unlimited } from './support/config.js';

const RULE = ['id', 'model_id', 'name', 'description', 'priority', 'active', 'auto_close', 'definition', 'created_at', 'updated_at'];
let server;
let keys;
let partner;
let organization;
let model;

async function start() {
  server = Object.assign(await startServer({ dir: keys.dir, args: unlimited() }), { partner_key: keys.partner_key, organization_id: keys.organization_id });
  partner = client(server, 'partner', keys.partner_key);
  organization = client(server, 'organization', keys.organization_key);
}
before(async () => {
  keys = setup();
  await start();
  model = await makeModel(server);
});
after(async () => {
  await server.stop();
  keys.remove();
});

const answer = ({ status, text }) => [status, text];
const error = (text) => JSON.stringify({ error: text });
const cond = (key, type, operator, value) => ({ key, type, operator, value });
const asPartner = (method, path, body) => request(server.http, method, `/core/v1/partner${path}`, { key: keys.partner_key, body });
const rules = (of = model) => `/models/${of.id}/rules`;
const makeRule = (fields, of = model) => partner.post(rules(of), { name: 'Hot', definition: { all: [cond('temp', 'number', 'gt', 50)] }, ...fields }, 201);

function device(one) {
  one.send = async (telemetries, more = {}) => {
    const reply = await request(server.http, 'POST', `/v1/devices/${one.id}/telemetry`, { key: one.access_key, body: { telemetries, ...more } });
    assert.equal(reply.status, 201, reply.text);
  };
  one.incidents = async (query = 'status=active') => (await organization.get(`/devices/${one.id}/incidents?${query}`)).items;
  // Incidents of rules follow their sample, in its order.
  one.open = (count) => until(async () => { const items = await one.incidents(); return items.length === count ? { items } : null; }, `${count} active incidents`).then(({ items }) => items);
  return one;
}
async function newDevice({ of = model, claimed = true } = {}) {
  const one = device(await register(server, of.key));
  if (claimed) await assign(server, one.id);
  return one;
}

describe('the rule', () => {
  test('is made, listed, changed, tried out and deleted', async () => {
    const definition = { all: [cond('temp', 'number', 'gte', 50)], any: [cond('mode', 'string', 'in', ['a', 'b']), cond('on', 'boolean', 'eq', true)] };
    const made = await makeRule({ name: 'Too hot', description: 'Watch it', priority: 2, definition });
    assert.deepEqual(Object.keys(made), RULE);
    assert.deepEqual({ ...made, id: 0, created_at: 0, updated_at: 0 }, { id: 0, model_id: model.id, name: 'Too hot', description: 'Watch it', priority: 'high', active: true,
      auto_close: true, definition, created_at: 0, updated_at: 0 });
    const other = await makeModel(server);
    const plain = await partner.post(rules(other), { name: 'Plain' }, 201);
    assert.deepEqual([plain.priority, plain.description, plain.definition], ['moderate', null, { all: [], any: [] }]);
    const listed = (await partner.get(rules())).data.find(({ id }) => id === made.id);
    assert.deepEqual(listed, { ...made, open_incidents: 0, errors: 0 });
    const all = (await partner.get('/rules')).data.map(({ id }) => id);
    assert.ok(all.includes(made.id) && all.includes(plain.id));
    const path = `${rules()}/${made.id}`;
    const tried = async (state) => (await partner.post(`${path}/test`, { state }, 200)).matches;
    assert.deepEqual([await tried({ temp: 50, mode: 'b' }), await tried({ temp: 50, mode: 'c', on: true }), await tried({ temp: 50 }), await tried({ mode: 'a' })], [true, true, false, false]);
    const changed = await partner.patch(path, { name: 'Hotter', priority: 'low', active: false, description: null });
    assert.deepEqual([changed.name, changed.priority, changed.active, changed.description, changed.definition], ['Hotter', 'low', false, null, definition]);
    assert.deepEqual(answer(await asPartner('DELETE', path)), [200, '{"success":true}']);
    assert.deepEqual(answer(await asPartner('DELETE', path)), [404, error('Rule not found')]);
    assert.equal((await partner.get(rules())).data.length, 0);
    const actions = (await partner.get('/audit?object_kind=rule')).data.filter(({ object_id }) => object_id === made.id).map(({ action }) => action);
    assert.deepEqual(actions, ['rule.delete', 'rule.update', 'rule.create']);
  });

  test('what is refused', async () => {
    const { id } = await makeRule({});
    const bad = (definition, where) => [{ name: 'x', definition }, `Definition is invalid: ${where}`];
    const all = (...list) => ({ all: list });
    for (const [body, text] of [
      [{}, 'Parameter name is required'], [{ name: ' ' }, "Name can't be blank"], [{ name: 'x'.repeat(256) }, 'Name is too long (maximum is 255 characters)'],
      [{ name: 'x', priority: 6 }, 'Priority must be between 1 and 5'], [{ name: 'x', active: 'maybe' }, 'Active is invalid'], [{ name: 'x', auto_close: 7 }, 'Auto close is invalid'],
      [{ name: 'x', description: {} }, 'Description is invalid'],
      bad(7, 'must be an object'), bad([], 'must be an object'), bad({ all: {} }, 'all'), bad({ any: 'x' }, 'any'), bad({ any: Array(33).fill(cond('a', 'number', 'eq', 1)) }, 'any'),
      bad(all(cond('', 'number', 'eq', 1)), 'all[0].key'), bad(all(cond(7, 'number', 'eq', 1)), 'all[0].key'), bad(all(cond('k'.repeat(129), 'number', 'eq', 1)), 'all[0].key'),
      bad(all(cond('a', 'date', 'eq', 1)), 'all[0].type'), bad({ any: [cond('a', 'number', 'eq', 1), cond('a', 'number', 'like', 1)] }, 'any[1].operator'),
      bad(all(cond('a', 'number', 'contains', 1)), 'all[0].operator'), bad(all(cond('a', 'string', 'gt', 'a')), 'all[0].operator'), bad(all(cond('a', 'boolean', 'ne', true)), 'all[0].operator'),
      bad(all(cond('a', 'number', 'eq', '1')), 'all[0].value'), bad(all(cond('a', 'number', 'between', [2, 1])), 'all[0].value'), bad(all(cond('a', 'number', 'between', [1])), 'all[0].value'),
      bad(all(cond('a', 'string', 'eq', 1)), 'all[0].value'), bad(all(cond('a', 'string', 'in', [])), 'all[0].value'), bad(all(cond('a', 'string', 'in', ['a', 1])), 'all[0].value'),
      bad(all(cond('a', 'string', 'eq', 'x'.repeat(1001))), 'all[0].value'), bad(all(cond('a', 'boolean', 'eq', 'true')), 'all[0].value'), bad(all('x'), 'all[0].key'),
    ]) {
      assert.deepEqual(answer(await asPartner('POST', rules(), body)), [422, error(text)], JSON.stringify(body).slice(0, 200));
    }
    for (const [method, path, body, status, text] of [
      ['POST', `/models/${randomUUID()}/rules`, { name: 'x' }, 404, 'Model not found'], ['GET', `/models/${randomUUID()}/rules`, undefined, 404, 'Model not found'],
      ['PATCH', `${rules()}/${randomUUID()}`, {}, 404, 'Rule not found'], ['GET', `${rules()}/x/errors`, undefined, 404, 'Rule not found'],
      ['POST', `${rules()}/${randomUUID()}/test`, { state: {} }, 404, 'Rule not found'], ['POST', `${rules()}/${id}/test`, {}, 422, 'Parameter state is required'],
      ['POST', `${rules()}/${id}/test`, { state: [] }, 422, 'State must be an object'], ['PATCH', `${rules()}/${id}`, { definition: { all: 1 } }, 422, 'Definition is invalid: all'],
    ]) {
      assert.deepEqual(answer(await asPartner(method, path, body)), [status, error(text)], `${method} ${path}`);
    }
    const many = await makeModel(server);
    for (let i = 0; i < 64; i++) await partner.post(rules(many), { name: `${i}` }, 201);
    assert.deepEqual(answer(await asPartner('POST', rules(many), { name: 'one more' })), [422, error('Too many rules (maximum is 64)')]);
    await partner.del(`${rules()}/${id}`);
  });

  test('each operator', async () => {
    const { id } = await makeRule({});
    const path = `${rules()}/${id}`;
    const matches = async (condition, state) => {
      await partner.patch(path, { definition: { all: [condition] } });
      return (await partner.post(`${path}/test`, { state }, 200)).matches;
    };
    for (const [operator, value, yes, no] of [
      ['eq', 1.5, [1.5], [1, '1.5']], ['ne', 1, [2], [1, 'x']], ['gt', 1, [2], [1]], ['gte', 1, [1], [0.5]], ['lt', 1, [0], [1]], ['lte', 1, [1], [1.1]],
      ['between', [1, 3], [1, 2, 3], [0, 4]], ['exists', undefined, [1, 'x', true], []], ['missing', undefined, [], [1, 'x']],
    ]) {
      for (const x of yes) assert.equal(await matches(cond('x', 'number', operator, value), { x }), true, `${x} ${operator}`);
      for (const x of no) assert.equal(await matches(cond('x', 'number', operator, value), { x }), false, `${x} not ${operator}`);
    }
    for (const [operator, value, yes, no] of [
      ['eq', 'a', ['a'], ['A', 1]], ['ne', 'a', ['b', ''], ['a', true]], ['contains', 'ell', ['hello'], ['help']], ['starts_with', 'he', ['hello'], ['oh he']],
      ['ends_with', 'lo', ['hello'], ['low']], ['in', ['a', 'b'], ['a', 'b'], ['c', 'ab']],
    ]) {
      for (const x of yes) assert.equal(await matches(cond('x', 'string', operator, value), { x }), true, `${x} ${operator}`);
      for (const x of no) assert.equal(await matches(cond('x', 'string', operator, value), { x }), false, `${x} not ${operator}`);
    }
    assert.deepEqual([await matches(cond('x', 'boolean', 'eq', false), { x: false }), await matches(cond('x', 'boolean', 'eq', false), { x: 0 }),
      await matches(cond('x', 'number', 'missing'), {}), await matches(cond('x', 'number', 'exists'), {}), await matches(cond('x', 'number', 'ne', 1), {})], [true, false, true, false, false]);
    await partner.patch(path, { definition: { any: [], all: [] } });
    assert.equal((await partner.post(`${path}/test`, { state: { x: 1 } }, 200)).matches, false, 'both empty never match');
    await partner.del(path);
  });
});

describe('its incidents', () => {
  test('open on a match of the merged state and close without one', async () => {
    const own = await makeModel(server);
    const one = await newDevice({ of: own });
    await one.send({ temp: 99 });
    const rule = await makeRule({ name: 'Hot', priority: 1, description: 'above 50', definition: { all: [cond('temp', 'number', 'gt', 50), cond('armed', 'boolean', 'eq', true)] } }, own);
    await one.send({ armed: true });
    const [incident] = await one.open(1);
    assert.deepEqual([incident.title, incident.description, incident.origin, incident.issue, incident.priority], ['Hot', 'above 50', 'rule', `rule_${rule.id}`, 'critical']);
    await one.send({ temp: 98 });
    assert.equal((await request(server.http, 'DELETE', `/v1/devices/${one.id}/incidents/${incident.id}`, { key: one.access_key })).status, 404, 'not the device\'s to close');
    assert.deepEqual((await partner.get(rules(own))).data.map(({ open_incidents: n }) => n), [1]);
    await one.send({ armed: null });
    await one.open(0);
    await one.send({ temp: 60, armed: true }, { override: true });
    const [second] = await one.open(1);
    assert.notEqual(second.id, incident.id);
    await one.send({}, { override: true });
    await one.open(0);
    assert.equal((await one.incidents('status=closed')).length, 2);
  });

  test('over MQTT too; an unclaimed device has none; several in one moment each count', async () => {
    const own = await makeModel(server);
    await makeRule({}, own);
    const free = await newDevice({ of: own, claimed: false });
    await free.send({ temp: 99 });
    await assign(server, free.id);
    assert.deepEqual(await free.incidents('from=0'), []);
    const one = await newDevice({ of: own });
    const hub = await connect(server, { id: one.id, key: one.access_key });
    try {
      await Promise.all([60, 40, 60, 40, 60].map((temp) => publish(hub, `v1/device/${one.id}/telemetry`, { telemetries: { temp } })));
      await until(async () => (await one.incidents('status=closed')).length === 2 && (await one.incidents()).length === 1, 'three incidents, two closed');
    } finally {
      await hub.endAsync(true);
    }
  });

  test('one that a person closed opens again with the next match, and closes with the first other', async () => {
    const own = await makeModel(server);
    await makeRule({}, own);
    const one = await newDevice({ of: own });
    await one.send({ temp: 60 });
    const [first] = await one.open(1);
    await organization.del(`/incidents/${first.id}`);
    await one.send({ temp: 61 });
    const [second] = await one.open(1);
    assert.notEqual(second.id, first.id);
    await organization.del(`/incidents/${second.id}`);
    await one.send({ temp: 10 });
    await one.send({ temp: 60 });
    await one.open(1);
    assert.equal((await one.incidents('from=0')).length, 3);
  });

  test('stay without auto_close, and are not made while suspended', async () => {
    const own = await makeModel(server);
    await makeRule({ auto_close: false }, own);
    const one = await newDevice({ of: own });
    await one.send({ temp: 60 });
    const [{ id }] = await one.open(1);
    await one.send({ temp: 10 });
    await one.send({ temp: 60 });
    const other = await newDevice({ of: own });
    await organization.post(`/devices/${other.id}/suspend_incidents`);
    await other.send({ temp: 60 });
    await organization.post(`/devices/${other.id}/resume_incidents`);
    assert.equal((await other.incidents('from=0')).length, 0);
    await other.send({ temp: 60 });
    await other.open(1);
    assert.deepEqual((await one.incidents('from=0')).map((item) => item.id), [id], 'still the first');
  });

  test('follow changes of the rule: other limits, off, on, deleted', async () => {
    const own = await makeModel(server);
    const rule = await makeRule({}, own);
    const path = `${rules(own)}/${rule.id}`;
    const one = await newDevice({ of: own });
    await one.send({ temp: 60 });
    await one.open(1);
    await partner.patch(path, { definition: { all: [cond('temp', 'number', 'gt', 70)] } });
    await one.send({ other: 1 });
    await one.open(0);
    await partner.patch(path, { definition: { all: [cond('temp', 'number', 'gt', 50)] } });
    await one.send({ other: 2 });
    await one.open(1);
    await partner.patch(path, { active: false });
    await one.open(0);
    await one.send({ other: 3 });
    await partner.patch(path, { active: true });
    assert.equal((await one.incidents()).length, 0);
    await one.send({ other: 4 });
    await one.open(1);
    await partner.del(path);
    await one.open(0);
    const again = await makeRule({ name: 'Again' }, own);
    await one.send({ other: 5 });
    assert.equal((await one.open(1))[0].issue, `rule_${again.id}`);
  });

  test('a value of another type is false and is logged once, a missing one only false', async () => {
    const own = await makeModel(server);
    const rule = await makeRule({}, own);
    const one = await newDevice({ of: own });
    await one.send({ other: 1 });
    await one.send({ temp: 'hot' });
    await one.send({ temp: 'hotter' });
    await one.send({ temp: 60 });
    await one.open(1);
    await one.send({ temp: true });
    await one.open(0);
    const { data } = await until(async () => { const list = await partner.get(`${rules(own)}/${rule.id}/errors`); return list.data.length === 2 && list; }, 'two errors');
    assert.deepEqual(Object.keys(data[0]), ['id', 'rule_id', 'device_id', 'key', 'expected', 'found', 'created_at']);
    assert.deepEqual(data.map(({ device_id, key, expected, found }) => [device_id, key, expected, found]), [[one.id, 'temp', 'number', 'boolean'], [one.id, 'temp', 'number', 'string']]);
  });
});

test('a killed server judges each sample once: the same incidents, no more, no less', async () => {
  const own = await makeModel(server);
  await makeRule({}, own);
  await makeRule({ name: 'Cold', definition: { all: [cond('temp', 'number', 'lt', 0)] } }, own);
  const devices = [];
  for (let i = 0; i < 6; i++) devices.push(await newDevice({ of: own }));
  const expected = new Map(devices.map(({ id }) => [id, { state: {}, opened: 0 }]));
  let seed = 12345;
  const random = (n) => { seed = (seed * 1103515245 + 12345) & 0x7fffffff; return (seed >> 8) % n; };
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 12; i++) {
      await Promise.all(devices.map(async (one) => {
        const temp = [-5, 20, 60][random(3)];
        const model_ = expected.get(one.id);
        const hot = temp > 50, cold = temp < 0;
        model_.opened += (hot && !model_.state.hot) + (cold && !model_.state.cold);
        model_.state = { hot, cold };
        await one.send({ temp });
      }));
    }
    await server.kill();
    await start();
    for (const one of devices) {
      const { state, opened } = expected.get(one.id);
      await until(async () => {
        const items = await one.incidents('from=0&per_page=500');
        const active = items.filter(({ status }) => status === 'active').map(({ title }) => title);
        return items.length === opened && active.length === (state.hot || state.cold ? 1 : 0) && (!active.length || active[0] === (state.hot ? 'Hot' : 'Cold'));
      }, `round ${round}: ${opened} incidents of ${one.id}`, 20_000);
    }
  }
});
