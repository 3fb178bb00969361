// People, groups and roles (management-api.md 3.8, 5.10, 7, 10.1): every error text, and every management route asked by
// every role. Which permission a route needs is read from the route tables; what a permission means stands here once more.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { assign, client, makeModel, password, register, request, setup, startServer, until } from './support/server.js';
import { unlimited } from './support/config.js';
import { editDatabase } from './support/database.js';
import { readRoutes } from './support/routes.js';
import { follow } from './support/sse.js';

const answer = ({ status, text }) => [status, text];
const error = (text) => JSON.stringify({ error: text });
const NOBODY = '00000000-0000-4000-8000-000000000000';
let server;
let partner;
let organization;
const groups = {}; // name -> id, "partner:" in front of the partner's
const people = {}; // who -> { id, email, as(method, path, body) }
const spaces = {};
const devices = {};
const incidents = {};

const ask = (tenant, method, path, body) => request(server.http, method, `/core/v1/${tenant}${path}`, { key: tenant === 'partner' ? server.partner_key : server.organization_key, body });
const refused = async (tenant, method, path, body, text, status = 422) => assert.deepEqual(answer(await ask(tenant, method, path, body)), [status, error(text)], `${method} ${tenant}${path} ${JSON.stringify(body)}`);

async function signIn(email) {
  const reply = await request(server.http, 'POST', '/core/v1/session', { body: { email, password } });
  assert.equal(reply.status, 200, `${email}: ${reply.text}`);
  return { cookie: reply.headers['set-cookie'][0].split(';')[0], 'x-csrf-token': reply.json.csrf_token, session: reply.json };
}

async function invite(tenant, who, groupIds) {
  const api = tenant === 'partner' ? partner : organization;
  people[who] = await api.post('/users', { email: `${who}@example.com`, name: who, group_ids: groupIds });
  assert.equal(people[who].invited, true);
}

/** Somebody who has an account joins a tenant by its own consent: the link out of that tenant's list of mails, signed in. */
async function accept(email, { items, data }) {
  const [, token] = (items ?? data).find((mail) => mail.to.toLowerCase() === email && mail.kind === 'invitation').link.match(/\/invitation\/(\w+)$/);
  const { session, ...headers } = await signIn(email);
  const reply = await request(server.http, 'POST', '/core/v1/session/invitation', { headers, body: { token } });
  assert.equal(reply.status, 200, reply.text);
  return { before: session, headers };
}

async function start() {
  server = Object.assign(await startServer({ dir: server.dir, args: unlimited() }), { keys: server.keys ?? server, ...pick(server) });
  partner = client(server, 'partner', server.partner_key);
  organization = client(server, 'organization', server.organization_key);
}
const pick = ({ partner_key, organization_key, organization_id, partner_id, email, remove }) => ({ partner_key, organization_key, organization_id, partner_id, email, remove });

before(async () => {
  server = setup();
  await start();
  for (const group of (await organization.get('/groups')).items) groups[group.name] = group.id;
  for (const group of (await partner.get('/groups')).data) groups[`partner:${group.name}`] = group.id;
  const team = await organization.post('/groups', { name: 'Team' });
  groups.Team = team.id;
  const fitters = await partner.post('/groups', { name: 'Fitters', permissions: { models: 'read', tickets: 'write' } }, 201);
  groups['partner:Fitters'] = fitters.id;
  await invite('organization', 'admin', [groups.Administrators]);
  await invite('organization', 'viewer', [groups.Viewers]);
  for (const who of ['view', 'edit', 'spaceadmin', 'nothing']) await invite('organization', who, [groups.Team]);
  await invite('partner', 'support', [groups['partner:Support']]);
  await invite('partner', 'fitter', [groups['partner:Fitters']]);
  await invite('partner', 'boss', [groups['partner:Administrators']]);
  spaces.site = await organization.post('/spaces/find_or_create', { name: 'Site' });
  spaces.room = await organization.post('/spaces/find_or_create', { name: 'Site/Room' });
  spaces.other = await organization.post('/spaces/find_or_create', { name: 'Other' });
  const model = await makeModel(server);
  for (const where of ['room', 'other']) {
    devices[where] = await register(server, model.key, { name: `In ${where}` });
    await assign(server, devices[where].id);
    await organization.post(`/devices/${devices[where].id}/move`, { space_id: spaces[where].id });
    incidents[where] = await organization.post('/incidents', { device_id: devices[where].id, title: `In ${where}` });
  }
  for (const [who, role] of [['view', 'view'], ['edit', 'edit'], ['spaceadmin', 'admin']]) {
    const { items } = await organization.get(`/spaces/${spaces.site.id}/access`);
    await organization.put(`/spaces/${spaces.site.id}/access`, [...items.map(({ user_id, role: had }) => ({ user_id, role: had })), { user_id: people[who].id, role }]);
  }
  await server.stop();
  // Nobody reads the invitations here: they get the password of the first account.
  editDatabase(server.dir, `UPDATE user SET password_hash = (SELECT password_hash FROM user WHERE email = 'ada@example.com') WHERE password_hash = '';`);
  await start();
  for (const [who, person] of Object.entries(people)) {
    const { session, ...headers } = await signIn(person.email);
    person.session = session;
    person.headers = headers;
    person.as = (tenant, method, path, body) => request(server.http, method, `/core/v1/${tenant}${path}`, { headers, body });
    assert.equal(session.user.name, who);
  }
});
after(async () => { await server.stop(); server.remove(); });

describe('users', () => {
  test('are invited into groups; every refusal', async () => {
    const { group_names: names, name, email, deactivated_at: deactivated, created_at: created } = await organization.get(`/users/${people.admin.id}`);
    assert.deepEqual([names, name, email, deactivated], [['Administrators'], 'admin', 'admin@example.com', null]);
    assert.ok(Date.parse(created) > 0);
    const listed = (await organization.get('/users')).items;
    assert.ok(listed.length >= 7 && listed.every((user) => user.deactivated_at === null));
    const whole = { email: 'new@example.com', name: 'New', group_ids: [groups.Team] };
    const bad = (change, text) => refused('organization', 'POST', '/users', { ...whole, ...change }, text);
    await bad({ email: undefined }, "Email can't be blank");
    await bad({ email: ' ' }, "Email can't be blank");
    await bad({ email: 'x' }, 'Email is not an email');
    await bad({ email: 'a b@example.com' }, 'Email is not an email');
    await bad({ name: undefined }, 'Parameter name is required');
    await bad({ name: ' ' }, "Name can't be blank");
    for (const ids of [undefined, [], null, 'x', [NOBODY], [groups['partner:Support']], [7]]) await bad({ group_ids: ids }, 'You have to assign the user at least to one group');
    await bad({ email: 'ADMIN@example.com' }, 'The user ADMIN@example.com is already associated with another account');
    await refused('organization', 'GET', `/users/${NOBODY}`, undefined, 'User not found', 404);
    await refused('organization', 'GET', '/users/x', undefined, 'User not found', 404);
    await refused('organization', 'GET', `/users/${people.support.id}`, undefined, 'User not found', 404);
    await refused('partner', 'GET', `/users/${people.viewer.id}`, undefined, 'User not found', 404);
    const again = await organization.post(`/users/${people.admin.id}/resend_welcome`, {});
    assert.equal(again.id, people.admin.id);
  });

  test('an account is of one organization of a partner; the partner\'s own people may join', async () => {
    const customer = await partner.post('/organizations', { name: 'Second', admin_contact_email: 'second@example.com' });
    const theirs = client(server, 'organization', customer.api_key);
    const { items: [administrators] } = await theirs.get('/groups');
    const reply = await request(server.http, 'POST', '/core/v1/organization/users', { key: customer.api_key, body: { email: people.viewer.email, name: 'x', group_ids: [administrators.id] } });
    assert.deepEqual(answer(reply), [422, error(`The user ${people.viewer.email} is already associated with another account`)]);
    const joined = await theirs.post('/users', { email: people.support.email, name: 'ignored', group_ids: [administrators.id] });
    assert.deepEqual([joined.id, joined.name, joined.invited], [people.support.id, 'support', true]);
    assert.deepEqual((await signIn(people.support.email)).session.tenants.map(({ kind }) => kind), ['partner'], 'not before it consents');
    await accept(people.support.email, await theirs.get('/mails'));
    assert.equal((await theirs.get(`/users/${people.support.id}`)).invited, false);
    const { session, ...headers } = await signIn(people.support.email);
    assert.deepEqual(session.tenants.map(({ kind, role }) => [kind, role]), [['partner', 'member'], ['organization', 'administrator']]);
    const switched = await request(server.http, 'POST', '/core/v1/session/tenant', { headers, body: { kind: 'organization', id: customer.id } });
    assert.equal(switched.json.current.organization, customer.id);
    assert.equal((await request(server.http, 'GET', '/core/v1/organization/info', { headers })).json.name, 'Second');
    const elsewhere = await request(server.http, 'POST', '/core/v1/session/tenant', { headers, body: { kind: 'organization', id: server.organization_id } });
    assert.deepEqual(answer(elsewhere), [404, error('Tenant not found')]);
    await theirs.post('/users', { email: 'third@example.com', name: 'Third', group_ids: [administrators.id] });
    await theirs.post(`/users/${people.support.id}/deactivate`, {});
    assert.equal((await request(server.http, 'GET', '/core/v1/session', { headers })).status, 401, 'deactivation ends sessions');
    assert.deepEqual((await signIn(people.support.email)).session.tenants.map(({ kind }) => kind), ['partner']);
    people.support.headers = null;
    const { session: fresh, ...own } = await signIn(people.support.email);
    people.support.as = (tenant, method, path, body) => request(server.http, method, `/core/v1/${tenant}${path}`, { headers: own, body });
    assert.ok(fresh);
  });

  test('deactivated: no session, no sign-in, not listed; comes back by an invitation; never the last administrator', async () => {
    const leaver = await organization.post('/users', { email: 'leaver@example.com', name: 'Leaver', group_ids: [groups.Viewers] });
    const gone = await organization.post(`/users/${leaver.id}/deactivate`, {});
    assert.ok(Date.parse(gone.deactivated_at) > 0);
    assert.deepEqual(await organization.post(`/users/${leaver.id}/deactivate`, {}), gone);
    assert.ok(!(await organization.get('/users')).items.some(({ id }) => id === leaver.id));
    assert.ok(!(await organization.get(`/groups/${groups.Viewers}`)).users.some(({ id }) => id === leaver.id));
    await refused('organization', 'POST', `/users/${leaver.id}/resend_welcome`, {}, 'User is deactivated');
    const back = await organization.post('/users', { email: 'leaver@example.com', name: 'x', group_ids: [groups.Team] });
    assert.deepEqual([back.id, back.group_names, back.deactivated_at], [leaver.id, ['Team'], null]);
    await organization.post(`/users/${leaver.id}/deactivate`, {});
    const customer = await partner.post('/organizations', { name: 'Lonely', admin_contact_email: 'l@example.com' });
    const theirs = client(server, 'organization', customer.api_key);
    const { items: [administrators] } = await theirs.get('/groups');
    const only = await theirs.post('/users', { email: 'only@example.com', name: 'Only', group_ids: [administrators.id] });
    for (const other of (await theirs.get('/users')).items.filter(({ id }) => id !== only.id)) await theirs.post(`/users/${other.id}/deactivate`, {});
    for (const [path, body] of [[`/users/${only.id}/deactivate`, {}], [`/groups/${administrators.id}/remove_users`, { user_ids: [only.id] }]]) {
      const reply = await request(server.http, 'POST', `/core/v1/organization${path}`, { key: customer.api_key, body });
      assert.deepEqual(answer(reply), [422, error('At least one administrator is required')]);
    }
    assert.equal((await theirs.get(`/users/${only.id}`)).deactivated_at, null);
  });
});

describe('groups', () => {
  test('added, renamed, filled, emptied, deleted; every refusal', async () => {
    const made = await organization.post('/groups', { name: 'Crew', user_ids: [people.viewer.id, people.support.id, NOBODY, 'x'] });
    assert.deepEqual(made.users, [{ id: people.viewer.id, name: 'viewer', email: people.viewer.email }], 'foreign ids are ignored');
    assert.deepEqual([made.built_in, await organization.get(`/groups/${made.id}`)], [false, made]);
    await refused('organization', 'POST', '/groups', {}, 'Parameter name is required');
    await refused('organization', 'POST', '/groups', { name: 'CREW' }, 'Name has already been taken');
    await refused('organization', 'POST', '/groups', { name: 'x', user_ids: 'x' }, 'User ids is invalid');
    const path = `/groups/${made.id}`;
    await refused('organization', 'PUT', path, {}, 'Parameter name is required');
    await refused('organization', 'PUT', path, { name: 'Team' }, 'Name has already been taken');
    assert.equal((await organization.put(path, { name: 'Squad' })).name, 'Squad');
    for (let i = 0; i < 2; i++) assert.deepEqual((await organization.post(`${path}/add_users`, { user_ids: [people.admin.id] })).users.map(({ id }) => id).sort(), [people.admin.id, people.viewer.id].sort());
    for (let i = 0; i < 2; i++) assert.deepEqual((await organization.post(`${path}/remove_users`, { user_ids: [people.viewer.id] })).users.map(({ id }) => id), [people.admin.id]);
    for (const what of ['add_users', 'remove_users']) {
      await refused('organization', 'POST', `${path}/${what}`, {}, 'Parameter user_ids is required');
      await refused('organization', 'POST', `/groups/${NOBODY}/${what}`, { user_ids: [] }, 'Group not found', 404);
    }
    for (const name of ['Administrators', 'Viewers']) {
      await refused('organization', 'PUT', `/groups/${groups[name]}`, { name: 'x' }, 'Built-in groups cannot be changed');
      await refused('organization', 'DELETE', `/groups/${groups[name]}`, undefined, 'Built-in groups cannot be changed');
    }
    assert.deepEqual(answer(await ask('organization', 'DELETE', path)), [200, '{"success":true}']);
    for (const method of ['GET', 'DELETE']) await refused('organization', method, path, undefined, 'Group not found', 404);
    await refused('organization', 'GET', `/groups/${groups['partner:Support']}`, undefined, 'Group not found', 404);
  });

  test('somebody of another tenant has what the group has, and nothing else', async () => {
    const guests = await organization.post('/groups', { name: 'Guests' });
    const path = `/groups/${guests.id}/add_external_user`;
    await refused('organization', 'POST', path, {}, 'Parameter email is required');
    await refused('organization', 'POST', path, { email: 'nobody@example.com' }, 'User not found', 404);
    await refused('organization', 'POST', `/groups/${NOBODY}/add_external_user`, { email: 'x@example.com' }, 'Group not found', 404);
    for (let i = 0; i < 2; i++) assert.deepEqual((await organization.post(path, { email: people.fitter.email.toUpperCase() })).users.map(({ id }) => id), [people.fitter.id]);
    assert.ok(!(await organization.get('/users')).items.some(({ id }) => id === people.fitter.id));
    assert.equal((await organization.get(`/users/${people.fitter.id}`)).external, true);
    await accept(people.fitter.email, await organization.get('/mails'));
    const { session, ...headers } = await signIn(people.fitter.email);
    assert.deepEqual(session.tenants.map(({ kind, role, space_role: space }) => [kind, role, space]), [['partner', 'member', undefined], ['organization', 'member', 'none']]);
    const seen = async () => (await request(server.http, 'GET', '/core/v1/organization/devices', { headers }));
    assert.deepEqual(answer(await seen()), [403, error('Forbidden')]);
    await organization.put(`/spaces/${spaces.other.id}/access`, [{ group_id: guests.id, role: 'view' }]);
    assert.deepEqual((await seen()).json.items.map(({ id }) => id), [devices.other.id]);
    await organization.put(`/spaces/${spaces.other.id}/access`, []);
    assert.equal((await seen()).status, 403);
    await organization.post(`/groups/${guests.id}/remove_users`, { user_ids: [people.fitter.id] });
    assert.equal((await seen()).status, 401, 'who has nothing left does not belong to it');
    await refused('organization', 'GET', `/users/${people.fitter.id}`, undefined, 'User not found', 404);
    await organization.del(`/groups/${guests.id}`);
  });

  test('a partner\'s groups have permissions, and nobody gives what it does not have', async () => {
    const made = await partner.post('/groups', { name: 'Sellers', permissions: { customers: 'write', users: 'write' } }, 201);
    assert.deepEqual(made.permissions, { models: 'none', devices: 'none', customers: 'write', licenses: 'none', tickets: 'none', settings: 'none', users: 'write' });
    for (const permissions of [7, { models: 'all' }, { devices: 'service' }, { users: true }]) await refused('partner', 'POST', '/groups', { name: 'x', permissions }, 'Permissions is invalid');
    const support = `/groups/${groups['partner:Support']}`;
    await refused('partner', 'PATCH', support, { name: 'x' }, 'Built-in groups cannot be changed');
    for (const permissions of [{ models: 'write' }, { settings: 'read' }, { devices: 'write' }]) await refused('partner', 'PATCH', support, { permissions }, 'Permissions is invalid');
    assert.equal((await partner.patch(support, { permissions: { licenses: 'none' } })).permissions.licenses, 'none');
    assert.equal((await people.support.as('partner', 'GET', '/users')).status, 403);
    assert.equal((await partner.patch(support, { permissions: { licenses: 'read' } })).permissions.licenses, 'read');
    await refused('partner', 'PATCH', `/groups/${groups['partner:Administrators']}`, { permissions: {} }, 'Built-in groups cannot be changed');
    await partner.post(`/groups/${made.id}/add_users`, { user_ids: [people.fitter.id] });
    const fitter = people.fitter.as;
    assert.deepEqual(answer(await fitter('partner', 'POST', '/groups', { name: 'Own', permissions: { devices: 'write' } })), [403, error('Forbidden')]);
    assert.deepEqual(answer(await fitter('partner', 'PATCH', `/groups/${made.id}`, { permissions: { settings: 'read' } })), [403, error('Forbidden')]);
    assert.deepEqual(answer(await fitter('partner', 'POST', `/groups/${groups['partner:Administrators']}/add_users`, { user_ids: [people.fitter.id] })), [403, error('Forbidden')]);
    assert.deepEqual(answer(await fitter('partner', 'POST', '/users', { email: 'q@example.com', name: 'q', group_ids: [groups['partner:Administrators']] })), [403, error('Forbidden')]);
    assert.deepEqual(answer(await fitter('partner', 'POST', `/users/${people.boss.id}/deactivate`, {})), [403, error('Forbidden')]);
    const below = await fitter('partner', 'POST', '/groups', { name: 'Below', permissions: { customers: 'read' } });
    assert.equal(below.status, 201);
    // Who was invited to more than that, and has not consented yet, or was sent away again.
    const { email } = people.nothing;
    const { id } = await partner.post('/users', { email, name: 'x', group_ids: [groups['partner:Administrators']] });
    const change = (method, what, body) => fitter('partner', method, `/users/${id}${what}`, body);
    const changes = [['PATCH', '', { group_ids: [below.json.id] }], ['POST', '/deactivate', {}], ['POST', '/resend_welcome', {}]];
    for (let i = 0; i < 2; i++) {
      for (const [method, what, body] of changes) assert.deepEqual(answer(await change(method, what, body)), [403, error('Forbidden')], `${method} ${what}`);
      await partner.post(`/users/${id}/deactivate`, {});
    }
    assert.equal((await fitter('partner', 'POST', '/users', { email, name: 'x', group_ids: [below.json.id] })).json.id, id);
    assert.ok((await change('POST', '/deactivate', {})).json.deactivated_at);
    assert.equal((await fitter('partner', 'PATCH', `/users/${people.fitter.id}`, { name: 'Fitter' })).json.name, 'Fitter');
    await partner.patch(`/users/${people.fitter.id}`, { group_ids: [groups['partner:Fitters']], name: 'fitter' });
    assert.equal((await fitter('partner', 'GET', '/users')).status, 403);
  });
});

describe('roles', () => {
  const SPACE = { nothing: 0, view: 1, edit: 2, spaceadmin: 3 };
  const AREAS = {
    support: { MODELS: 'READ', DEVICES: 'SERVICE', CUSTOMERS: 'READ', LICENSES: 'READ', TICKETS: 'WRITE' },
    fitter: { MODELS: 'READ', TICKETS: 'WRITE' }, boss: null,
  };
  const LEVELS = ['READ', 'SERVICE', 'WRITE'];
  /** What management-api.md 7 lets this person do at all. */
  function may(who, needs) {
    if (who in AREAS) {
      if (who === 'boss' || needs === 'MEMBER') return true;
      if (needs === 'ADMINISTRATOR') return false;
      const [area, level] = needs.split('_');
      return LEVELS.indexOf(AREAS[who][area] ?? '') >= LEVELS.indexOf(level);
    }
    if (who === 'admin' || needs === 'MEMBER') return true;
    if (who === 'viewer') return ['VIEWER', 'DIRECTORY', 'VIEW', 'EDIT_OR_VIEWER'].includes(needs);
    const least = { VIEW: 1, EDIT: 2, EDIT_OR_VIEWER: 2, ADMIN: 3, DIRECTORY: 3 }[needs];
    return least !== undefined && SPACE[who] >= least;
  }
  const routes = readRoutes().filter(({ access }) => ['PARTNER', 'ORGANIZATION'].includes(access));

  test('every route says what it needs', () => {
    for (const { method, path, needs } of routes) assert.match(needs ?? 'nothing', /^[A-Z_]+$/, `${method} ${path}: say NEEDS(...) in its row (src/api/call.h)`);
    assert.ok(routes.length > 80);
  });

  test('every route by every role: 403, or let in', async () => {
    const ids = { spaces: spaces.room.id, devices: devices.room.id, groups: groups.Team, users: people.nothing.id };
    for (const route of routes.filter(({ path }) => !path.endsWith('/stream'))) {
      const tenant = route.access.toLowerCase();
      // An object that does not exist, where one that does would be changed by who may: the role is checked before.
      const path = route.path.replace(`/core/v1/${tenant}`, '').split('/').map((segment, i, all) =>
        (segment.startsWith(':') ? (route.method === 'GET' && ids[all[i - 1]]) || (all[i - 1] === 'spaces' ? 999999 : NOBODY) : segment)).join('/');
      for (const [who, { as }] of Object.entries(people).filter(([name]) => (name in AREAS) === (tenant === 'partner'))) {
        const body = ['GET', 'DELETE'].includes(route.method) ? undefined : {};
        const { status, text } = await as(tenant, route.method, path, body);
        const what = `${route.method} ${path} (${route.needs}) by ${who}: ${status} ${text.slice(0, 200)}`;
        if (may(who, route.needs)) assert.ok(status !== 403 && (status !== 401 || path.startsWith('/tickets/')) && status < 500, what); // an unknown ticket is 401 (4)
        else assert.deepEqual([status, text], [403, error('Forbidden')], what);
      }
    }
  });

  test('in a space and below it, and nowhere else: lists are filtered, other objects do not exist', async () => {
    for (const who of ['view', 'edit', 'spaceadmin']) {
      const { as } = people[who];
      const items = async (path) => (await as('organization', 'GET', path)).json.items.map(({ id }) => id);
      assert.deepEqual(await items('/devices'), [devices.room.id], who);
      assert.deepEqual(await items(`/devices?space_id=${spaces.other.id}`), [], who);
      assert.deepEqual(await items('/devices?search=In'), [devices.room.id], who);
      assert.deepEqual(await items('/spaces'), [spaces.site.id, spaces.room.id], who);
      assert.deepEqual((await as('organization', 'GET', '/overview')).json.devices.total, 1);
      assert.deepEqual(answer(await as('organization', 'GET', `/devices/${devices.other.id}`)), [404, error('Device not found')]);
      assert.deepEqual(answer(await as('organization', 'GET', `/spaces/${spaces.other.id}`)), [404, error('Space not found')]);
      const may = (least) => SPACE[who] >= least;
      const check = async (least, method, path, body) => assert.equal((await as('organization', method, path, body)).status, may(least) ? 200 : 403, `${method} ${path} by ${who}`);
      await check(1, 'GET', `/devices/${devices.room.id}`);
      await check(2, 'PATCH', `/devices/${devices.room.id}`, { name: 'In room' });
      await check(2, 'POST', `/devices/${devices.room.id}/commands`, { name: 'reboot' });
      await check(2, 'PUT', `/devices/${devices.room.id}/config`, { config: { a: { b: 1 } } });
      await check(3, 'POST', `/devices/${devices.room.id}/move`, { space_id: spaces.site.id });
      await organization.post(`/devices/${devices.room.id}/move`, { space_id: spaces.room.id });
      await check(3, 'PUT', `/spaces/${spaces.room.id}`, { space_type: 'room' });
      await check(3, 'POST', '/spaces/find_or_create', { name: 'Room', parent_id: spaces.site.id });
      const bulk = async (action, where) => (await as('organization', 'POST', '/devices/bulk', { device_ids: [devices[where].id], action, space_id: spaces.room.id })).json.results?.[devices[where].id];
      if (may(2)) {
        assert.equal((await bulk('suspend', 'room')).success, true);
        assert.match(JSON.stringify(await bulk('suspend', 'other')), /Device not found/);
        assert[may(3) ? 'doesNotMatch' : 'match'](JSON.stringify(await bulk('move', 'room')), /Forbidden/);
        await check(2, 'POST', `/devices/${devices.room.id}/resume_incidents`, {});
        assert.deepEqual((await items('/incidents?status=active')), [incidents.room.id], who);
        await check(2, 'POST', `/incidents/${incidents.room.id}/acknowledge`, {});
        assert.deepEqual(answer(await as('organization', 'POST', `/incidents/${incidents.other.id}/acknowledge`, {})), [404, error('Incident not found')]);
      }
      if (who === 'spaceadmin') { // not out of what it administers
        const root = spaces.site.parent_id;
        for (const [method, path, body] of [['POST', `/devices/${devices.room.id}/move`, { space_id: spaces.other.id }], ['PUT', `/spaces/${spaces.room.id}`, { parent_id: spaces.other.id }],
          ['POST', '/spaces', { name: 'x', parent_id: root }], ['POST', '/spaces', { name: 'x' }]]) {
          assert.deepEqual(answer(await as('organization', method, path, body)), [404, error('Space not found')], `${method} ${path}`);
        }
      }
    }
    const viewer = people.viewer.as;
    assert.equal((await viewer('organization', 'GET', '/devices')).json.items.length, 2);
    for (const method of ['PATCH', 'DELETE']) assert.equal((await viewer('organization', method, `/devices/${devices.other.id}`, method === 'PATCH' ? {} : undefined)).status, 403);
    assert.ok(!('last_login_at' in (await viewer('organization', 'GET', `/users/${people.admin.id}`)).json), 'Viewers do not see people\'s activity');
    assert.ok('last_login_at' in await organization.get(`/users/${people.viewer.id}`));
  });

  test('a rollout is for the devices that one may command, and for its maker', async () => {
    const as = (who) => (method, path, body) => people[who].as('organization', method, `/rollouts${path}`, body);
    const [edit, viewer, admin, other] = ['edit', 'viewer', 'admin', 'spaceadmin'].map(as);
    const command = { name: 'reboot' };
    const preview = async (who) => (await who('POST', '/preview', { target: { search: 'In ' } })).json.devices;
    assert.deepEqual([await preview(edit), await preview(admin)], [1, 2]);
    assert.deepEqual(answer(await edit('POST', '', { name: 'x', target: { device_ids: [devices.other.id] }, command })), [404, error('Device not found')]);
    assert.deepEqual(answer(await edit('POST', '', { name: 'x', target: { space_id: spaces.other.id }, command })), [404, error('Space not found')]);
    const { json: made } = await edit('POST', '', { name: 'mine', target: { search: 'In ' }, command });
    const ids = async (who) => (await who('GET', '')).json.items.map(({ id }) => id);
    assert.deepEqual([await ids(edit), await ids(viewer), await ids(admin), await ids(other)], [[made.id], [made.id], [made.id], []]);
    assert.deepEqual(answer(await other('POST', `/${made.id}/start`, {})), [404, error('Rollout not found')]);
    assert.deepEqual(answer(await viewer('POST', `/${made.id}/start`, {})), [403, error('Forbidden')]);
    const { json: theirs } = await admin('POST', '', { name: 'theirs', target: { search: 'In ' }, command });
    assert.deepEqual(answer(await edit('GET', `/${theirs.id}`)), [404, error('Rollout not found')]);
    assert.equal((await edit('POST', `/${made.id}/start`, {})).status, 200);
    const sent = await until(async () => { const now = (await edit('GET', `/${made.id}`)).json; return now.counts.sent && now; }, 'it is sent');
    assert.deepEqual([sent.devices, sent.created_by], [1, 'edit']);
    assert.deepEqual((await edit('GET', `/${made.id}/devices`)).json.items.map(({ device_id: id }) => id), [devices.room.id]);
    assert.equal((await admin('POST', `/${made.id}/abort`, {})).json.state, 'aborted');
  });

  test('the live stream follows the role on every event', async () => {
    const stream = await follow(server, 'organization', { headers: people.view.headers, query: '?types=telemetry' });
    try {
      const tell = (where, n) => request(server.http, 'POST', `/v1/devices/${devices[where].id}/telemetry`, { key: devices[where].access_key, body: { telemetries: { n } } });
      await tell('other', 1);
      await tell('room', 2);
      const first = (await stream.next(() => true)).data;
      assert.equal(first.device_id, devices.room.id);
      await organization.put(`/spaces/${spaces.other.id}/access`, [{ user_id: people.view.id, role: 'view' }]);
      await tell('other', 3);
      assert.equal((await stream.next(() => true)).data.device_id, devices.other.id);
      await organization.put(`/spaces/${spaces.other.id}/access`, []);
      await tell('other', 4);
      await tell('room', 5);
      assert.equal((await stream.next(() => true)).data.device_id, devices.room.id);
    } finally {
      stream.close();
    }
  });
});
