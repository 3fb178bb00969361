// The portal against the real program, as a person meets it: set-up, a model, a device that appears by itself, its live chart, a command,
// the protocol lock, claiming; on a wide screen, on a phone and in the dark. One installation, told as one story; each part builds on those before.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import mqtt from 'mqtt';
import { password, request, startServer } from '../blackbox/support/server.js';
import { faint, nameless, phone, startBrowser, WAIT_MS, wide } from './browser.js';

const portalDir = process.env.MUSTER_PORTAL_DIR;
const args = portalDir ? ['--portal-dir', portalDir] : [];
let server;
let browser;
let page;
let base;
const story = {};

before(async () => {
  server = await startServer({ args });
  browser = await startBrowser();
  page = browser.page;
  base = `http://127.0.0.1:${server.http.port}`;
});

after(async () => {
  story.device?.end(true);
  await browser?.close();
  await server?.stop();
});

const go = (path) => page.goto(base + path);
const text = (selector) => page.locator(selector).first().innerText();
const dialog = () => page.locator('dialog[open]');
const button = (name) => page.getByRole('button', { name, exact: true });

/** A call as the signed-in person: { status, body }. */
const asPerson = (method, path, body) => page.evaluate(async ([m, p, b]) => {
  const session = await (await fetch('/core/v1/session')).json();
  const reply = await fetch(`/core/v1${p}`, { method: m, headers: { 'X-CSRF-Token': session.csrf_token, 'Content-Type': 'application/json' }, body: b === undefined ? undefined : JSON.stringify(b) });
  return { status: reply.status, body: await reply.json() };
}, [method, path, body]);

const until = async (what, check) => {
  const end = Date.now() + WAIT_MS;
  for (;;) {
    const value = await check();
    if (value) return value;
    if (Date.now() > end) throw new Error(`did not come about: ${what}`);
    await new Promise((resolve) => { setTimeout(resolve, 50); });
  }
};

test('first run: the link opens the set-up, and is dead afterwards', async () => {
  const link = new URL(server.setupLink);
  await go('/setup');
  await page.getByRole('heading', { name: 'Set-up needs its link' }).waitFor();
  await go('/setup/not-the-token');
  await page.getByRole('heading', { name: 'This set-up link no longer works' }).waitFor();

  await go(link.pathname);
  await page.getByLabel('Name').fill('Ada Lovelace');
  await page.getByLabel('E-mail').fill('ada@example.com');
  await page.locator('input[name=password]').fill('short');
  await button('Continue').click();
  await page.getByText('At least 12 characters, these are 5').waitFor();
  await page.locator('input[name=password]').fill(password);
  await page.locator('input[name=again]').fill(password);
  await browser.shot('01-setup-administrator');
  await button('Continue').click();
  await page.getByLabel('Public URL').waitFor();
  assert.match(await page.getByLabel('MQTT URL').inputValue(), /^mqtts?:\/\//);
  await page.getByLabel('Public URL').fill(base);
  await browser.shot('02-setup-addresses');
  await button('Continue').click();
  await page.getByLabel('Company name').fill('Northlight');
  assert.match(await page.getByLabel('Short code').inputValue(), /^[A-Za-z0-9]{4}$/);
  await page.getByLabel('Short code').fill('nl7Q');
  await browser.shot('03-setup-partner');
  await button('Continue').click();
  await browser.shot('04-setup-summary');
  await button('Finish set-up').click();

  await page.getByRole('heading', { name: 'Get started' }).waitFor();
  assert.equal(new URL(page.url()).pathname, '/partners/');
  await browser.shot('05-first-overview');
  assert.equal((await request(server.http, 'GET', `/core/v1${link.pathname}`)).status, 404);
  assert.deepEqual((await request(server.http, 'GET', '/core/v1/setup')).json, { needed: false });
});

test('sign out and in again: one neutral error, the wanted view after it', async () => {
  await page.getByRole('button', { name: 'Account' }).click();
  await browser.shot('06-account-menu');
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await browser.shot('07-sign-in');
  await go('/partners/models');
  await page.getByLabel('E-mail').fill('ada@example.com');
  await page.getByLabel('Password').fill('not the password');
  await button('Sign in').click();
  await page.getByText('Invalid email or password').waitFor();
  await page.getByLabel('Password').fill(password);
  await button('Sign in').click();
  await page.getByRole('heading', { name: 'No models yet' }).waitFor();
  await browser.shot('08-models-empty');
});

test('Add Model with MQTT: the dialog as specified', async () => {
  await button('Add Model').first().click();
  await dialog().waitFor();
  const captions = await dialog().locator('.field > label, .field > legend, .field > .field-label').allInnerTexts();
  assert.deepEqual(captions.map((c) => c.replace(/ \*| optional|\n.*/g, '').trim()), ['Model name', 'Icon', 'SKU', 'Authentication method', 'Communication Protocol', 'Device type', 'API version',
    'Offline detection threshold', 'Enabled tabs in device view', 'Suggested commands']);
  assert.equal(await dialog().locator('input[name=communication_protocol]:checked').count(), 0, 'no protocol is preselected');
  assert.equal(await dialog().locator('input[name=authentication_method]:checked').inputValue(), 'cloud_id');
  assert.equal(await dialog().locator('input[name=device_type]:checked').inputValue(), 'physical');
  assert.equal(await dialog().locator('input[value=public_key], input[value=x509]').evaluateAll((list) => list.filter((e) => e.disabled).length), 2);
  await dialog().getByText('This setting must be configured at model creation time and cannot be changed afterwards.').waitFor();
  assert.deepEqual(await dialog().locator('.checks:not(.checks-cols) input').evaluateAll((list) => list.map((e) => e.checked)), [true, true, false]);
  const add = dialog().getByRole('button', { name: 'Add', exact: true });
  assert.ok(await add.isDisabled());
  await dialog().getByLabel('Model name').fill('Panel 55');
  assert.ok(await add.isDisabled(), 'the protocol must be chosen');
  await dialog().locator('input[value=mqtt]').check();
  assert.deepEqual(await nameless(page), []);
  await browser.shot('09-add-model');
  await add.click();

  await page.getByText('Panel 55 is ready.').waitFor();
  story.model = new URL(page.url()).pathname.split('/').pop();
  await page.getByText(story.model).first().waitFor();
  await page.getByText('Unpublished').first().waitFor();
  await browser.shot('10-model-info');

  await go('/partners/models?add=1');
  await dialog().getByLabel('Model name').fill('Panel 55');
  await dialog().locator('input[value=https]').check();
  await dialog().getByRole('button', { name: 'Add', exact: true }).click();
  await dialog().locator('.has-error', { hasText: 'Name has already been taken' }).waitFor();
  assert.equal(await dialog().getByLabel('Model name').inputValue(), 'Panel 55', 'the form keeps its content');
  await page.keyboard.press('Escape');
});

test('the protocol is locked: no control, and 422 from the API for every change', async () => {
  await go(`/partners/models/${story.model}`);
  await button('Edit').click();
  const locked = dialog().locator('.locked-group');
  assert.match(await locked.innerText(), /Communication Protocol\s+MQTT\s+Device type\s+Physical\s+API version\s+1\.0\.7/);
  assert.match(await locked.innerText(), /cannot be changed afterwards/);
  assert.equal(await dialog().locator('[name=communication_protocol], [name=device_type], select').count(), 0);
  await browser.shot('11-edit-model-locked');
  await page.keyboard.press('Escape');

  const path = `/partner/models/${story.model}`;
  assert.deepEqual(await asPerson('PATCH', path, { communication_protocol: 'https' }), { status: 422, body: { error: 'Communication protocol cannot be changed after the model is created' } });
  assert.equal((await asPerson('PATCH', path, { communication_protocol: 'mqtt' })).status, 200);

  await page.getByRole('button', { name: 'More' }).click();
  await page.getByRole('menuitem', { name: 'Clone' }).click();
  assert.equal(await dialog().locator('input[name=communication_protocol]:checked').count(), 0, 'a clone asks again');
  assert.ok(await dialog().getByRole('button', { name: 'Clone' }).isDisabled());
  await browser.shot('12-clone-model');
  await page.keyboard.press('Escape');
});

test('hardware key: masked, revealed, another one added', async () => {
  await page.getByRole('link', { name: 'Hardware Keys' }).click();
  const row = page.locator('tbody tr').first();
  await row.waitFor();
  assert.match(await row.innerText(), /•••• •••• ••••/);
  await row.getByRole('button', { name: 'Reveal' }).click();
  story.key = (await row.locator('code').first().innerText()).trim();
  assert.match(story.key, /^[0-9a-f]{8}-[0-9a-f-]{27}$/);
  await browser.shot('13-hardware-keys');
  await button('Add key').click();
  await dialog().getByLabel('Name').fill('Batch 7');
  await dialog().getByLabel('Expected device count').fill('100');
  await dialog().getByRole('button', { name: 'Add key' }).click();
  await page.getByText('0 of 100').waitFor();
});

test('Add Command: live preview, then in the list', async () => {
  await page.getByRole('link', { name: 'Supported Commands' }).click();
  await page.getByText('Create dump report').waitFor();
  await button('Add Command').click();
  await dialog().getByLabel('Friendly name').fill('Set input');
  await dialog().getByLabel('Name sent to device').fill('set_input');
  await dialog().getByRole('button', { name: 'Add field' }).click();
  await dialog().getByLabel('Field key').fill('input');
  await dialog().locator('.subform').getByLabel('Label').first().fill('Input');
  await dialog().getByLabel('Type', { exact: true }).selectOption('select');
  await dialog().locator('.subform').getByLabel('Label', { exact: true }).nth(1).fill('HDMI 1');
  await dialog().getByLabel('Value').fill('33');
  await dialog().locator('.subform').getByLabel('Required').check();
  await dialog().locator('.preview').getByLabel('Input').selectOption('33');
  assert.match(await dialog().locator('.dialog-side pre').innerText(), /"name": "set_input",\s+"parameters": \{\s+"input": "33"/);
  await browser.shot('14-add-command');
  await dialog().getByRole('button', { name: 'Add Command' }).click();
  await page.locator('tbody tr', { hasText: 'set_input' }).waitFor();
});

test('Connect a device: each step turns green as it happens', async () => {
  await go(`/partners/models/${story.model}/connect`);
  await page.getByText('Waiting for the registration').waitFor();
  await browser.shot('15-connect-waiting');
  const command = await text('.wstep .code pre');
  const body = JSON.parse(/-d '([\s\S]*)'$/.exec(command.trim())[1]);
  assert.equal(body.hardware_key, story.key);
  assert.match(body.cloud_id, /^nl7Q/);

  const refused = await request(server.http, 'POST', '/v1/devices', { body: { ...body, firmware_version: '' } });
  assert.equal(refused.status, 422);
  await page.getByText("Firmware version can't be blank").waitFor();

  const reply = await request(server.http, 'POST', '/v1/devices', { body: { ...body, name: 'Lobby panel' } });
  assert.equal(reply.status, 201);
  story.credentials = reply.json;
  story.cloudId = body.cloud_id;
  story.sn = body.sn;
  await page.locator('.wstep.is-done', { hasText: 'Register' }).waitFor();
  await page.getByText('Waiting for the connection').waitFor();
  await browser.shot('16-connect-registered');

  const { id, access_key: key, mqtt_hub_url: hub } = story.credentials;
  const client = mqtt.connect(hub, { protocolVersion: 5, clientId: id, username: id, password: key, reconnectPeriod: 200 });
  story.device = client;
  story.got = [];
  client.on('message', (topic, payload) => story.got.push({ topic, body: JSON.parse(payload.toString()) }));
  await new Promise((resolve, reject) => { client.once('connect', resolve); client.once('error', reject); });
  await client.subscribeAsync([`v1/device/${id}/command`, `v1/device/${id}/config`], { qos: 1 });
  await page.locator('.wstep.is-done', { hasText: 'Connect over MQTT' }).waitFor();
  await story.report({ temp: 21.5, input: 'HDMI 1', screen_on: true });
  await page.getByText('Lobby panel is connected and reporting.').waitFor();
  await browser.shot('17-connect-done');
});

story.report = (telemetries) => story.device.publishAsync(`v1/device/${story.credentials.id}/telemetry`, JSON.stringify({ telemetries }), { qos: 1 });

test('a device appears in the list by itself', async () => {
  await go('/partners/devices');
  await page.locator('tbody tr', { hasText: 'Lobby panel' }).waitFor();
  assert.equal(await page.locator('tbody tr').count(), 1);
  const other = await request(server.http, 'POST', '/v1/devices', { body: { hardware_key: story.key, firmware_version: '1.0.0', cloud_id: 'nl7QSecondDevice00001', sn: 'A-18', name: 'Canteen' } });
  assert.equal(other.status, 201);
  await page.locator('tbody tr', { hasText: 'Canteen' }).waitFor();
  await browser.shot('18-devices');
  await page.getByRole('searchbox', { name: 'Filter' }).fill('A-18');
  await until('the filter holds', async () => (await page.locator('tbody tr').count()) === 1);
  assert.match(page.url(), /search=A-18/);
  await go('/partners/provisioning');
  await page.locator('tbody tr', { hasText: "Firmware version can't be blank" }).waitFor();
  await browser.shot('19-provisioning');
});

test('its live chart moves', async () => {
  await go(`/partners/devices/${story.credentials.id}/telemetry?keys=temp,input`);
  await page.locator('.chart canvas').waitFor();
  const last = page.locator('.legend-item b').first();
  await until('the first value is drawn', async () => (await last.innerText()) === '21.5');
  const picture = () => page.locator('.chart canvas').evaluate((canvas) => canvas.toDataURL());
  await story.report({ temp: 21.4 });
  const early = await picture();
  for (let i = 1; i <= 12; i++) {
    await story.report({ temp: 21.5 + i, input: i < 6 ? 'HDMI 1' : 'HDMI 2' });
    await until('the chart took the value', async () => (await last.innerText()) === String(21.5 + i));
  }
  await until('the line is drawn', async () => (await picture()) !== early);
  const row = page.locator('tbody tr', { hasText: 'temp' });
  assert.match(await row.innerText(), /33\.5/);
  await page.locator('.stateband', { hasText: 'HDMI 2' }).waitFor();
  await browser.shot('20-telemetry');
  await page.getByRole('radio', { name: '1 h', exact: true }).click();
  assert.match(page.url(), /range=1h/);
  await until('the hour is drawn', async () => (await last.innerText()) === '33.5');
});

test('the live tail shows what the device sends', async () => {
  await go(`/partners/devices/${story.credentials.id}/live`);
  await page.getByText('Messages appear here as they arrive.').waitFor();
  await story.report({ temp: 20 });
  const row = page.locator('.tail-row', { hasText: 'Telemetry' }).first();
  await row.waitFor();
  assert.match(await row.innerText(), /"temp":20/);
  assert.doesNotMatch(await row.innerText(), new RegExp(story.credentials.access_key));
  await browser.shot('21-live');
});

test('an armed trace shows every packet of the device', async () => {
  await page.getByRole('button', { name: 'More' }).click();
  await page.getByRole('menuitem', { name: 'Arm trace' }).click();
  await page.getByText('Every packet and call is shown for 15 minutes').waitFor();
  const packet = page.locator('.tail-row', { hasText: 'PUBLISH' });
  await until('a packet is shown', async () => { // the second stream opens a moment after the trace is armed
    await story.report({ temp: 20 });
    return await packet.count() > 0;
  });
  assert.match(await packet.first().innerText(), /"temp":20/);
  await page.locator('.tail-row', { hasText: 'PUBACK' }).first().waitFor();
  assert.doesNotMatch(await page.content(), new RegExp(story.credentials.access_key));
  await browser.shot('21-trace');
  await page.getByRole('button', { name: 'More' }).click();
  await page.getByRole('menuitem', { name: 'End trace' }).click();
  await page.getByText('Trace ended').waitFor();
});

test('the partner sees commands read-only, and credentials without the key', async () => {
  await go(`/partners/devices/${story.credentials.id}/commands`);
  await page.getByText('Commands are sent by the customer').waitFor();
  assert.equal(await page.getByRole('button', { name: /send/i }).count(), 0);
  await go(`/partners/devices/${story.credentials.id}/credentials`);
  await page.getByText('Never shown. Rotate it to get a new one.').waitFor();
  assert.doesNotMatch(await page.content(), new RegExp(story.credentials.access_key));
  await browser.shot('22-credentials');
});

test('claiming in the organization portal', async () => {
  await asPerson('POST', `/partner/models/${story.model}/publish`);
  await page.getByRole('button', { name: 'Switch tenant' }).click();
  await page.getByRole('menuitemcheckbox', { name: /Lab/ }).click();
  await page.getByRole('heading', { name: 'Spaces' }).waitFor();
  await button('Create space').first().click();
  await dialog().getByLabel('Name').fill('Lobby');
  await dialog().getByRole('button', { name: 'Create space' }).click();
  await page.locator('h1', { hasText: 'Lobby' }).waitFor();

  await go('/app/devices?claim=new');
  await dialog().getByLabel('Cloud ID', { exact: true }).fill('nl7QNeverSeenBefore001');
  await dialog().getByRole('button', { name: 'Look up' }).click();
  await dialog().getByText('This device has not contacted the server yet. Connect it to power and network.').waitFor();
  await dialog().getByRole('radio', { name: 'MAC & Serial Number' }).click();
  await dialog().getByLabel('Serial Number').waitFor();
  await dialog().getByRole('radio', { name: 'Cloud ID' }).click();
  await dialog().getByLabel('Cloud ID', { exact: true }).fill(story.cloudId);
  await dialog().getByRole('button', { name: 'Look up' }).click();
  await dialog().getByText(story.sn).waitFor();
  await dialog().getByLabel('Space').selectOption({ label: '\u2003Lobby' });
  await browser.shot('23-claim');
  await dialog().getByRole('button', { name: 'Claim', exact: true }).click();
  await dialog().getByText('Lobby panel is yours').waitFor();
  await browser.shot('24-claimed');
  await dialog().getByRole('link', { name: 'Open device' }).click();
  await page.getByRole('heading', { name: 'Lobby panel' }).waitFor();

  await go(`/c/${story.cloudId}`);
  await dialog().getByText('This device is already in your organization.').waitFor();
});

test('a command is sent, reaches the device and is seen done', async () => {
  await go(`/app/devices/${story.credentials.id}/commands`);
  await page.getByText('No commands yet').waitFor();
  await page.locator('.page-actions').getByRole('button', { name: 'Send command' }).click();
  await dialog().getByLabel('Command').selectOption('set_input');
  await dialog().getByRole('button', { name: 'Send now', exact: true }).click();
  await dialog().getByText('This is needed').waitFor();
  await dialog().getByLabel('Input').selectOption('33');
  await browser.shot('25-send-command');
  await dialog().locator('button[type=submit]').click();
  const row = page.locator('tbody tr', { hasText: 'set_input' });
  await row.waitFor();

  const command = await until('the device gets the command', () => story.got.find((m) => m.topic.endsWith('/command'))?.body);
  assert.equal(command.name, 'set_input');
  assert.equal(command.parameters.input, '33');
  const answer = (status, message) => story.device.publishAsync(`v1/device/${story.credentials.id}/command/update`, JSON.stringify({ id: command.id, status, message }), { qos: 1 });
  await answer('in_progress');
  await row.getByText('In progress').waitFor();
  await answer('done', 'Switched');
  await row.getByText('Done').waitFor();
  await row.getByText('Switched').waitFor();
  await browser.shot('26-command-done');

  await asPerson('POST', `/organization/devices/${story.credentials.id}/commands`, { name: 'reboot' });
  const reboot = page.locator('tbody tr', { hasText: 'reboot' });
  await reboot.waitFor();
  await reboot.getByRole('button', { name: 'Actions' }).click();
  await page.getByRole('menuitem', { name: 'Cancel command' }).click();
  await dialog().getByRole('button', { name: 'Cancel command' }).click();
  await reboot.getByText('Aborted').waitFor();
});

test('configuration: saved, pending, confirmed by the device, guarded', async () => {
  await go(`/app/devices/${story.credentials.id}/configuration`);
  const editor = page.getByRole('textbox', { name: 'Configuration' });
  await editor.fill('{"volume": ');
  await page.getByText(/Not valid JSON/).waitFor();
  await page.locator('.side').getByRole('link', { name: 'Devices' }).click();
  await page.getByRole('heading', { name: 'Unsaved changes' }).waitFor();
  await button('Stay here').click();
  await editor.fill('{"volume": 40}');
  await button('Save configuration').click();
  const config = await until('the device gets it', () => story.got.find((m) => m.topic.endsWith('/config') && m.body.version === 1)?.body);
  assert.deepEqual(config.config, { volume: 40 });
  await page.getByText('Pending').waitFor();
  await browser.shot('27-configuration-pending');
  await story.device.publishAsync(`v1/device/${story.credentials.id}/config/update`, JSON.stringify(config), { qos: 1 });
  await page.getByText('Applied', { exact: true }).waitFor();

  await editor.fill('{"volume": 50}');
  assert.equal((await asPerson('PUT', `/organization/devices/${story.credentials.id}/config`, { config: { volume: 45 }, base_version: 1 })).status, 200);
  await button('Save configuration').click();
  await page.getByText(/Someone saved version 2/).waitFor();
  await browser.shot('28-configuration-conflict');
  await button('Save mine over it').click();
  await page.locator('.chip', { hasText: 'v3' }).first().waitFor();
});

test('rotating the access key shows the new one once and ends the connection', async () => {
  await go(`/partners/devices/${story.credentials.id}/credentials`);
  const closed = new Promise((resolve) => { story.device.once('close', resolve); });
  await button('Rotate access key').click();
  const confirm = dialog().getByRole('button', { name: 'Rotate access key' });
  assert.ok(await confirm.isDisabled());
  await dialog().getByLabel('Type “Lobby panel” to confirm').fill('Lobby panel');
  await confirm.click();
  await page.getByText('This is the only time the key is shown.').waitFor();
  const key = (await text('dialog .code pre')).trim();
  assert.match(key, /^[0-9a-f]{32}$/);
  assert.notEqual(key, story.credentials.access_key);
  await closed;
  story.device.end(true);
  const { id, mqtt_hub_url: hub } = story.credentials;
  story.device = await mqtt.connectAsync(hub, { protocolVersion: 5, clientId: id, username: id, password: key });
  await button('Done').click();
});

test('API keys: shown once, work, are deleted by name', async () => {
  await go('/partners/settings/api-keys');
  await button('Add API key').first().click();
  await dialog().getByLabel('Name').fill('Reports');
  await dialog().getByRole('button', { name: 'Create key' }).click();
  await page.getByText('This is the only time the key is shown.').waitFor();
  const key = (await text('dialog .code pre')).trim();
  assert.match(key, /^mp_[0-9A-Za-z]{43}$/);
  assert.equal((await request(server.http, 'GET', '/core/v1/partner/devices', { key })).status, 200);
  await button('Done').click();
  await page.locator('tbody tr', { hasText: 'Reports' }).getByRole('button', { name: 'Actions' }).click();
  await page.getByRole('menuitem', { name: 'Delete key' }).click();
  await dialog().getByLabel('Type “Reports” to confirm').fill('Reports');
  await dialog().getByRole('button', { name: 'Delete key' }).click();
  await page.getByText('No API keys').waitFor();
  assert.equal((await request(server.http, 'GET', '/core/v1/partner/devices', { key })).status, 401);
});

test('two tabs share one live stream', async () => {
  const streams = [];
  const count = (p) => p.on('request', (r) => { if (r.url().includes('/stream')) streams.push(p); });
  count(page);
  await go(`/partners/devices/${story.credentials.id}/telemetry?keys=temp`);
  await page.locator('.chart canvas').waitFor();
  const second = await browser.context.newPage();
  count(second);
  await second.goto(`${base}/partners/devices/${story.credentials.id}/telemetry?keys=temp`);
  await second.locator('.chart canvas').waitFor();
  await story.report({ temp: 77 });
  for (const p of [page, second]) await p.locator('.legend-item b', { hasText: '77' }).waitFor();
  assert.equal(streams.filter((p) => p === second).length, 0, 'the second tab opens no stream of its own');
  await page.close();
  page = second;
  browser.page = second;
  await until('the second tab takes over', () => streams.includes(second));
  await until('and gets events', async () => {
    await story.report({ temp: 78 });
    return (await second.locator('.legend-item b').first().innerText()) === '78';
  });
});

test('signing out in one tab signs out the others', async () => {
  const second = await browser.context.newPage();
  await second.goto(`${base}/partners/`);
  await second.getByRole('heading', { name: 'Overview' }).waitFor();
  await second.getByRole('button', { name: 'Account' }).click();
  await second.getByRole('menuitem', { name: 'Sign out' }).click();
  await second.getByRole('heading', { name: 'Sign in' }).waitFor();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await second.close();
  await page.getByLabel('E-mail').fill('ada@example.com');
  await page.getByLabel('Password').fill(password);
  await button('Sign in').click();
  await page.locator('.topbar').waitFor();
});

test('on loss a banner says so, and the view catches up', async () => {
  await go(`/partners/devices/${story.credentials.id}`);
  await page.getByRole('heading', { name: 'Last state' }).waitFor();
  await page.locator('.tile', { hasText: 'temp' }).waitFor();
  await browser.context.route('**/stream?*', (route) => route.abort());
  story.device.end(true);
  const dir = server.dir;
  const ports = Object.fromEntries(['http', 'https', 'mqtt', 'mqtts'].map((k) => [k, server[k].port]));
  await server.kill();
  await page.getByText(/^Reconnecting/).waitFor();
  await browser.shot('29-reconnecting', page);
  server = await startServer({ args, dir, ports });
  await browser.context.unroute('**/stream?*');
  await page.getByText(/^Reconnecting/).waitFor({ state: 'detached' });
});

const views = () => {
  const device = story.credentials.id;
  return [
    ['overview', '/partners/'], ['models', '/partners/models'], ['add-model', '/partners/models?add=1'], ['model', `/partners/models/${story.model}`], ['keys', `/partners/models/${story.model}/hardware-keys`],
    ['commands', `/partners/models/${story.model}/commands`], ['model-devices', `/partners/models/${story.model}/devices`], ['connect', `/partners/models/${story.model}/connect`], ['devices', '/partners/devices'],
    ['device', `/partners/devices/${device}`], ['telemetry', `/partners/devices/${device}/telemetry`], ['device-commands', `/partners/devices/${device}/commands`], ['device-live', `/partners/devices/${device}/live`],
    ['credentials', `/partners/devices/${device}/credentials`], ['provisioning', '/partners/provisioning'], ['live', '/partners/live'], ['customers', '/partners/customers'], ['settings', '/partners/settings'],
    ['api-keys', '/partners/settings/api-keys'], ['spaces', '/app/'], ['org-devices', '/app/devices'], ['claim', '/app/devices?claim=new'], ['org-device', `/app/devices/${device}`],
    ['org-telemetry', `/app/devices/${device}/telemetry`], ['org-commands', `/app/devices/${device}/commands`], ['configuration', `/app/devices/${device}/configuration`], ['org-settings', '/app/settings'],
  ];
};

for (const [name, size, scheme] of [['wide', wide, 'light'], ['dark', wide, 'dark'], ['phone', phone, 'light']]) {
  test(`every screen, ${name}: named controls, readable text, nothing sticks out`, async () => {
    await page.setViewportSize(size);
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
    for (const [view, path] of views()) {
      await go(path);
      await page.locator('.page-head, dialog[open]').first().waitFor();
      await page.locator('.skeleton').first().waitFor({ state: 'detached' });
      assert.deepEqual(await nameless(page), [], view);
      assert.deepEqual(await faint(page), [], view);
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(width <= size.width, `${view} is ${width} pixels wide`);
      assert.ok((await page.title()).endsWith('· Muster'), view);
      await browser.shot(`${name}-${view}`, page);
    }
  });
}

test('the drawer menu and keyboard alone on a phone', async () => {
  await go('/partners/');
  await page.getByRole('button', { name: 'Open menu' }).click();
  await page.locator('.side.is-open').waitFor();
  await browser.shot('phone-menu', page);
  await page.locator('.side').getByRole('link', { name: 'Models' }).click();
  await page.getByRole('heading', { name: 'Models' }).waitFor();
  await until('the drawer closes', async () => (await page.locator('.side.is-open').count()) === 0);
  await page.setViewportSize(wide);
  await page.keyboard.press('/');
  await page.keyboard.type('Lobby');
  await page.locator('.search-hit', { hasText: 'Lobby panel' }).waitFor();
  await browser.shot('30-search', page);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Lobby panel' }).waitFor();
});

test('the theme can be chosen and stays', async () => {
  await page.emulateMedia({ colorScheme: 'light' });
  await page.getByRole('button', { name: 'Account' }).click();
  await page.getByRole('menuitemcheckbox', { name: 'Dark' }).click();
  await page.reload();
  await page.locator('.topbar').waitFor();
  assert.equal(await page.evaluate(() => getComputedStyle(document.documentElement).colorScheme), 'dark');
});

test('no page complained: no script error, nothing the content security policy refused', () => {
  assert.deepEqual(browser.complaints, []);
});
