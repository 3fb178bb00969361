// Bad input to every field of every route, made from the description of the API (GET /core/v1/openapi.json): a 4xx that
// says what is wrong, never a 5xx, and nothing stored (device-api.md 1.5, management-api.md 1.6).
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { client, makeModel, password, register, request, startInstallation, startServer } from './support/server.js';
import { configured } from './support/config.js';

const AT_ONCE = 8;
const UNLIMITED = `[limits]
management_requests = 0
device_requests = 0
device_updates = 0
failed_signins_account = 0
failed_signins_address = 0
`;
const agent = new http.Agent({ keepAlive: true, maxSockets: AT_ONCE });

let server;
let document;
let objects; // by the name of the parameter or field that names one
let keys;    // by security scheme
let session; // headers of a person who is signed in
let examples; // by method and path: fields without which nothing else is looked at

before(async () => {
  server = await startInstallation({ args: configured(UNLIMITED) });
  document = (await request(server.http, 'GET', '/core/v1/openapi.json')).json;
  const partner = client(server, 'partner', server.partner_key);
  const organization = client(server, 'organization', server.organization_key);
  const model = await makeModel(server);
  await partner.post(`/models/${model.id}/publish`, {});
  const device = await register(server, model.key);
  const child = await register(server, model.key);
  const free = await register(server, model.key);
  await partner.post('/devices/assign', { device_ids: [device.id, child.id], organization_id: server.organization_id });
  const space = await organization.post('/spaces', { name: 'Hall' });
  const command = await organization.post(`/devices/${device.id}/commands`, { name: 'reboot' });
  const definition = (await partner.get(`/models/${model.id}/commands`)).data[0];
  const hardwareKey = (await partner.get(`/models/${model.id}/hardware_keys`)).data[0];
  const apiKey = await partner.post('/api_keys', { name: 'made' }, 201);
  const product = await partner.post('/products', { name: 'Feature' }, 201);
  const license = await partner.post('/licenses', { organization_id: server.organization_id, data: 'feature=4k' }, 201);
  await partner.post(`/licenses/${license.id}/assign`, { device_id: device.id }, 200);
  const incident = await organization.post('/incidents', { device_id: device.id, title: 'made' }, 201);
  const rule = await partner.post(`/models/${model.id}/rules`, { name: 'made' }, 201);
  const file = (await request(server.http, 'POST', `/core/v1/partner/models/${model.id}/files?name=Manual&file_type=manual`,
    { key: server.partner_key, raw: 'content', headers: { 'content-type': 'text/plain' } })).json;
  const ticket = await organization.post('/tickets', { device_id: device.id, title: 'Dark' }, 201);
  const note = await organization.post(`/devices/${device.id}/notes`, { content: 'A note' });
  const rollout = await organization.post('/rollouts', { name: 'made', target: { device_ids: [device.id] }, command: { name: 'reboot' } }, 201);
  const asset = await organization.post(`/spaces/${space.id}/assets`, { name: 'Chair' }, 201);
  await partner.patch('/settings', { self_signup: true });
  const referral = await partner.post('/referrals', { email: 'referred@example.com' }, 201);
  const { link } = (await partner.get('/mails')).data.find(({ kind }) => kind === 'referral');
  const [people, theirs] = await Promise.all([organization, partner].map(async (api) => {
    const rows = (page) => page.items ?? page.data;
    return { user: rows(await api.get('/users'))[0].id, group: (await api.post('/groups', { name: 'made' })).id };
  }));
  keys = { device: device.access_key, partner: server.partner_key, organization: server.organization_key };
  objects = { m: model.id, model_id: model.id, key_id: hardwareKey.id, command_def_id: definition.id, command_id: command.id, incident_id: incident.id, rule_id: rule.id, n: 1, space_id: space.id,
    organization_id: server.organization_id, device_id: device.id, hardware_key: model.key, parent_id: space.id,
    'devices/': device.id, 'models/': model.id, 'spaces/': space.id, 'organizations/': server.organization_id, 'api_keys/': apiKey.id, 'products/': product.id, 'licenses/': license.id, 'files/': file.id, file_id: file.id,
    license_id: license.id, product_id: product.id,
    'referrals/': referral.id, 'signup/': link.split('/').pop(),
    'tickets/': ticket.id, 'rollouts/': rollout.id, note_id: note.id, asset_id: asset.id,
    'organization/users/': people.user, 'organization/groups/': people.group, 'partner/users/': theirs.user, 'partner/groups/': theirs.group,
    'partners/': server.partner_id, group_ids: [people.group],
    device_ids: [free.id], firmware_version: '1.0.0' };
  const identity = { sn: 'one of its own', mac: '02:00:00:00:77:77' };
  const signedIn = await request(server.http, 'POST', '/core/v1/session', { body: { email: server.email, password } });
  examples = {
    'PUT /core/v1/organization/spaces/{id}/access': { user_id: signedIn.json.user.id },
    'POST /v1/devices': identity, 'POST /v1/devices/bulk_create': identity, 'POST /v1/devices-1': identity,
    'POST /v1/devices/{id}/command': { id: command.id },
    'POST /v1/devices/{id}/license': { id: license.id }, 'POST /v1/devices/{id}/licenses': { id: license.id },
    'POST /core/v1/organization/devices/{id}/commands': { name: 'reboot' },
    'POST /core/v1/organization/rollouts': { target: { space_id: space.parent_id }, command: { name: 'reboot' } },
    'POST /core/v1/organization/rollouts/preview': { target: { space_id: space.parent_id } },
    'POST /core/v1/organization/devices/claim': identity, 'POST /core/v1/organization/devices/claim/lookup': identity,
    'POST /core/v1/session/password': { current: password },
    'POST /core/v1/signup/{token}': { name: 'Somebody', password: 'another password' },
    'POST /core/v1/session/otp': (name) => ({ action: name === 'password' ? 'off' : 'confirm' }),
    'PUT /v1/devices/{id}/cloud_settings': { property: 'incidents.suspend_creation' },
    'POST /core/v1/session/reset': { token: 'unknown', password: 'another password' },
  };
  session = { cookie: signedIn.headers['set-cookie'][0].split(';')[0], 'x-csrf-token': signedIn.json.csrf_token };
});
after(async () => {
  agent.destroy();
  await server.stop();
});

/* --- what the description says ------------------------------------------------------------------------------------------ */

const resolve = (schema) => (schema?.$ref ? document.components.schemas[schema.$ref.split('/').pop()] : schema) ?? {};
const METHODS = ['get', 'post', 'put', 'patch', 'delete'];

/** [{ method, path, scheme, query: [parameter], schema, mime }] */
function operations() {
  return Object.entries(document.paths).flatMap(([path, item]) => METHODS.filter((method) => item[method]).map((method) => {
    const it = item[method];
    const content = it.requestBody?.content ?? {};
    const mime = Object.keys(content)[0];
    return { method: method.toUpperCase(), path, scheme: Object.keys(it.security?.[0] ?? {})[0], query: it.parameters.filter((one) => one.in === 'query'),
      schema: mime === 'application/json' ? content[mime].schema : undefined, form: mime === 'multipart/form-data' ? content[mime].schema : undefined, mime, streams: '200' in it.responses && 'text/event-stream' in (it.responses['200'].content ?? {}) };
  }));
}

/** The path with existing objects in it; undefined if the test has none of that kind. */
function fill({ path }, hostile) {
  const segments = path.split('/');
  const filled = segments.map((segment, i) => {
    if (!segment.startsWith('{')) return segment;
    if (hostile !== undefined) return hostile;
    const name = segment.slice(1, -1);
    return objects[name] ?? objects[`${segments[i - 2]}/${segments[i - 1]}/`] ?? objects[`${segments[i - 1]}/`];
  });
  return filled.includes(undefined) ? undefined : filled.join('/');
}

/** A value that the schema allows. */
function good(name, schema) {
  const it = resolve(schema);
  if (objects[name] !== undefined) return objects[name];
  if (it.oneOf) return good(name, it.oneOf[0]);
  if (it.enum) return it.enum[0];
  switch (it.type) {
    case 'integer': case 'number': return it.minimum ?? 1;
    case 'boolean': return true;
    case 'array': return [good(name, it.items)];
    case 'object': return Object.fromEntries((it.required ?? []).map((key) => [key, good(key, it.properties[key])]));
    case 'string': return it.format === 'email' ? 'somebody@example.com' : it.format === 'date-time' ? '2031-01-01T00:00:00Z' : 'something';
    default: return {};
  }
}

/** Fields that take several types: what none of them is. */
const UNTYPED = { priority: ['none of them', {}, [], true, 0, 6, 1.5], value: ['maybe', {}, [], 7] };

const HOSTILE = ['a\u0000b', '\ud800'];

/** Values that the schema does not allow, however leniently it is read (device-api.md 1.4.5). */
function wrong(schema, name) {
  const it = resolve(schema);
  if (it.oneOf) {
    const each = it.oneOf.filter((one) => one.type !== 'null').map((one) => wrong(one));
    return each[0].filter((value) => each.every((others) => others.some((other) => JSON.stringify(other) === JSON.stringify(value))));
  }
  if (it.enum) return ['none of them', {}, [], true];
  switch (it.type) {
    case 'integer': return ['many', 1.5, {}, [], ...(it.minimum === undefined ? [] : [it.minimum - 1]), ...(it.maximum === undefined ? [] : [it.maximum + 1])];
    case 'number': return ['many', {}, []];
    case 'boolean': return ['maybe', {}, [], 7];
    case 'array': return ['text', {}, 7, ...(it.maxItems === undefined ? [] : [Array(it.maxItems + 1).fill(good('', it.items))])];
    case 'object': return ['text', [], 7];
    case 'string':
      if (it.format === 'date-time') return ['yesterday', {}, [], true, 'many', 1e300];
      if (it.format === 'uuid') return ['nobody', {}, [], true];
      if (it.format === 'binary') return [];
      return [{}, [], true, ...(it.maxLength === undefined ? [] : ['x'.repeat(it.maxLength + 1)]), ...(it.format === 'email' ? ['nobody'] : [])];
    default: return UNTYPED[name] ?? [];
  }
}

/* --- asking -------------------------------------------------------------------------------------------------------------- */

/** With whose credentials. */
const as = ({ scheme, path }) => (/^\/core\/v1\/(session\/|system)/.test(path) ? { headers: session } : { key: keys[scheme] });
/** What else has to be there for `name` to be looked at. */
function example({ method, path }, name) {
  const fields = examples[`${method} ${path}`] ?? {};
  return typeof fields === 'function' ? fields(name) : fields;
}
const show = (value) => JSON.stringify(value)?.slice(0, 60);

/** Asks everything, a few at a time; a text for each answer that is not as `judge(reply, ask)` wants it. */
async function ask(asks, judge) {
  const complaints = [];
  const waiting = [...asks];
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    for (let one = waiting.pop(); one; one = waiting.pop()) {
      const reply = await request(one.to ?? server.http, one.method, one.path, { key: one.key, headers: one.headers, body: one.body, raw: one.raw, agent });
      const complaint = judge(reply, one);
      if (complaint) complaints.push(`${one.method} ${one.path} ${one.what}: ${complaint}: ${reply.status} ${reply.text.slice(0, 160)}`);
    }
  }));
  if (complaints.length) assert.fail(`${complaints.length} of ${asks.length}:\n${complaints.sort().join('\n')}`);
}

const refusal = (reply) => reply.status >= 400 && reply.status < 500 && typeof reply.json?.error === 'string' && Object.keys(reply.json).length === 1;
const ALIASES = { nano_id: 'cloud_id', 'incidents.suspend_creation': 'value', str_key_1: 'string_key_1', str_key_2: 'string_key_2' };
/** Says which field, or that what it names does not exist. */
const names = ({ error }, name) => error.toLowerCase().includes((ALIASES[name] ?? name).replaceAll('_', ' ').toLowerCase().replace(/ ids?$/, ''))
  || error.includes(name) || / not found$|^no command$|^Couldn't find |^Invalid (command|email or password)$/.test(error);

/** What stands in the audit log of both: every write does. (So does reading hardware keys.) */
async function written() {
  const newest = async (api, key, rows) => (await request(server.http, 'GET', `/core/v1/${api}/audit?per_page=500`, { key })).json[rows].filter(({ action }) => action !== 'hardware_key.read');
  return JSON.stringify([await newest('partner', server.partner_key, 'data'), await newest('organization', server.organization_key, 'items')]);
}

const SET_UP = '/core/v1/setup/{token}'; // only a new installation takes it

test('every operation that takes fields is driven', (t) => {
  const all = operations();
  const left = all.filter(({ method, path, schema, mime }) => (schema || mime === 'multipart/form-data') && !fill({ path }) && path !== SET_UP);
  assert.deepEqual(left.map(({ method, path }) => `${method} ${path}`), []);
  t.diagnostic(`${all.length} operations, ${writes().length} with a JSON body, ${all.filter(({ mime }) => mime === 'multipart/form-data').length} with a form`);
});

const writes = () => operations().filter(({ schema, path }) => schema && fill({ path }));

test('every field with a wrong type, too much, or out of range', async () => {
  const asks = [];
  for (const operation of writes()) {
    const whole = resolve(operation.schema);
    const fields = (whole.type === 'array' ? resolve(whole.items) : whole).properties ?? {};
    for (const [name, schema] of Object.entries(fields)) {
      const base = { ...good('', whole.type === 'array' ? whole.items : whole), ...example(operation, name) };
      for (const value of wrong(schema, name)) {
        const body = { ...base, [name]: value };
        asks.push({ method: operation.method, path: fill(operation), ...as(operation), what: `${name} = ${show(value)}`, name, list: whole.type === 'array',
          body: whole.type === 'array' ? [body] : body });
      }
    }
  }
  assert.ok(asks.length > 400, `${asks.length} asked`);
  const before_ = await written();
  await ask(asks, (reply, { name, list }) => {
    if (list && reply.status < 300) return typeof (reply.json?.results ?? reply.json)?.[0]?.error === 'string' ? null : 'taken';
    if (reply.status < 300 && reply.json?.results) return Object.values(reply.json.results).every(({ success }) => !success) ? null : 'taken'; // of each device apart
    if (!refusal(reply)) return 'no refusal';
    return names(reply.json, name) ? null : 'does not name the field';
  });
  assert.equal(await written(), before_, 'something was stored');
});

test('the fields of uploads', async () => {
  const asks = [];
  for (const operation of operations().filter(({ mime }) => mime === 'multipart/form-data')) {
    const { properties, required } = operation.form;
    const base = { name: 'Manual', file_type: 'manual' };
    const make = (name, value, fields) => asks.push({ method: operation.method, path: `${fill(operation)}?${new URLSearchParams(fields)}`, ...as(operation),
      headers: { 'content-type': 'text/plain' }, raw: 'content', what: `${name} ${show(value)}`, name });
    for (const [name, schema] of Object.entries(properties)) {
      for (const value of wrong(schema, name).filter((one) => typeof one === 'string')) make(name, value, { ...base, [name]: value });
    }
    for (const name of required.filter((one) => one !== 'file')) make(name, 'missing', Object.fromEntries(Object.entries(base).filter(([one]) => one !== name)));
    make('version', 'none', { ...base, file_type: 'firmware' });
    make('version', 'text', { ...base, file_type: 'firmware', version: 'new' });
  }
  const before_ = await written();
  await ask(asks.filter(({ path, name }) => name !== 'version' || path.includes('/partner/')), (reply, { name }) => {
    if (!refusal(reply)) return 'no refusal';
    return names(reply.json, name) ? null : 'does not name the field';
  });
  assert.equal(await written(), before_, 'something was stored');
});

test('the fields of the set-up', async () => {
  const empty = await startServer({ args: configured(UNLIMITED) });
  try {
    const { method, schema } = operations().find(({ path, schema: fields }) => path === SET_UP && fields);
    const whole = resolve(schema);
    const base = { ...good('', whole), password };
    const make = (name, what, body) => ({ to: empty.http, method, path: SET_UP.replace('{token}', empty.setupLink.split('/').pop()), what: `${name} ${what}`, name, body });
    const asks = Object.entries(whole.properties).flatMap(([name, one]) => wrong(one, name).map((value) => make(name, show(value), { ...base, [name]: value })));
    for (const name of whole.required) asks.push(make(name, 'missing', { ...base, [name]: undefined }), make(name, 'null', { ...base, [name]: null }));
    assert.ok(asks.length > 25, `${asks.length} asked`);
    await ask(asks, (reply, { name }) => (refusal(reply) && names(reply.json, name) ? null : 'no refusal that names the field'));
    assert.equal((await request(empty.http, 'GET', '/core/v1/setup')).json.needed, true, 'somebody was made an administrator');
  } finally {
    await empty.stop();
  }
});

test('every required field missing, and null', async () => {
  const asks = [];
  for (const operation of writes()) {
    const whole = resolve(operation.schema);
    const list = whole.type === 'array';
    const schema = list ? resolve(whole.items) : whole;
    for (const name of schema.required ?? []) {
      const base = { ...good('', schema), ...example(operation, name) };
      const { [name]: _, ...without } = base;
      const takesNull = (schema.properties[name].oneOf ?? []).some(({ type }) => type === 'null');
      for (const [what, body] of [['missing', without], ...(takesNull ? [] : [['null', { ...base, [name]: null }]])]) {
        asks.push({ method: operation.method, path: fill(operation), ...as(operation), what: `${name} ${what}`, name, list, body: list ? [body] : body });
      }
    }
  }
  assert.ok(asks.length > 20, `${asks.length} asked`);
  const before_ = await written();
  await ask(asks, (reply, { name, list }) => {
    if (list && reply.status < 300) return typeof (reply.json?.results ?? reply.json)?.[0]?.error === 'string' ? null : 'taken';
    if (!refusal(reply)) return 'no refusal';
    return names(reply.json, name) ? null : 'does not name the field';
  });
  assert.equal(await written(), before_, 'something was stored');
});

test('bodies that are no JSON, of another type, too deep, or with texts that are none', async () => {
  const asks = [];
  for (const operation of writes()) {
    const whole = resolve(operation.schema);
    const make = (what, rest) => asks.push({ method: operation.method, path: fill(operation), ...as(operation), what, ...rest });
    for (const raw of ['{', 'nonsense', '{"a":1}}', '{"a":"\xff\xfe"}', '{"a":01}', '['.repeat(2000)]) make(`body ${show(raw)}`, { raw: Buffer.from(raw, 'latin1') });
    if (whole.type === 'array') make('no body', {});
    make('body of another type', { body: whole.type === 'array' ? { a: 1 } : [1] });
    for (const text of HOSTILE) make(`text ${show(text)}`, { body: whole.type === 'array' ? [{ name: text }] : { name: text } });
  }
  const before_ = await written();
  await ask(asks, (reply) => (refusal(reply) ? null : 'no refusal'));
  assert.equal(await written(), before_, 'something was stored');
});

test('paths and queries', async () => {
  const asks = [];
  for (const operation of operations().filter(({ streams }) => !streams)) {
    const body = operation.schema ? good('', operation.schema) : undefined;
    if (operation.path.includes('{')) {
      for (const hostile of ['nobody', '%00', '%ff', '%2e%2e', 'x'.repeat(4000), '9'.repeat(30), '%F0%9F%92%A5', '-1', "'%20OR%201=1"]) {
        asks.push({ method: operation.method, path: fill(operation, hostile), ...as(operation), what: `path with ${hostile.slice(0, 20)}`, body, refuse: true });
      }
    }
    const path = fill(operation);
    if (operation.method !== 'GET' || !path) continue;
    for (const { name, schema } of operation.query) {
      for (const value of ['nonsense', '-1', '99999999999999999999', '%ff', '%00', "'", 'x'.repeat(3000)]) {
        const it = resolve(schema);
        asks.push({ method: 'GET', path: `${path}?${name}=${value}`, ...as(operation), what: 'query', refuse: /^(from|to)$/.test(name) && value === 'nonsense' && Boolean(it.oneOf) });
      }
    }
  }
  const before_ = await written();
  await ask(asks, (reply, { refuse }) => {
    if (reply.status >= 500) return 'fails';
    if (refuse) return refusal(reply) ? null : 'no refusal';
    return reply.status < 300 || refusal(reply) ? null : 'neither answer nor refusal';
  });
  assert.equal(await written(), before_, 'something was stored');
});
