// muster simulate --scenario: a short one with a kill ends without a difference; what somebody else changes is told; a file
// with a mistake is not played.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { freeLowPort } from './support/ports.js';
import { client, request, until } from './support/server.js';
import { stage, start } from '../simulate/play.js';

const small = readFileSync(new URL('../simulate/small.scenario', import.meta.url), 'utf8');
const cleanups = [];
after(() => cleanups.forEach((cleanup) => cleanup()));

/** Plays it on free ports: { http, keys, output(), end(), ended: { code, text }, log() }. */
async function play(scenario) {
  const [http, mqtt] = [await freeLowPort(), await freeLowPort()];
  const staged = stage(scenario.replaceAll('18480', String(http)).replaceAll('18483', String(mqtt)));
  const child = start(staged, ['ignore', 'pipe', 'pipe']);
  cleanups.push(staged.remove, () => child.kill('SIGKILL'));
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (part) => { text += part; });
  const ended = once(child, 'close').then(([code]) => ({ code, text }));
  return { http: { host: '127.0.0.1', port: http }, keys: staged.keys, output: () => text, ended, end: () => child.kill('SIGTERM'), log: staged.log };
}

test('everything flows, the server is killed, and in the end all is as the model says', async () => {
  const run = await play(small);
  const { code, text } = await run.ended;
  assert.equal(code, 0, `${text}\n${text.includes('did not end cleanly') ? run.log().slice(-8000) : ''}`);
  assert.match(text, /^kills +1, /m);
  assert.match(text, /^differences +0$/m);
  for (const name of ['reports', 'children_telemetry', 'mass_telemetry', 'command', 'cloud_config', 'device_config', 'license_assign', 'incident', 'firmware', 'move']) {
    const [, count] = text.match(new RegExp(`^  ${name} .*?(\\d+) acknowledged$`, 'm')) ?? [];
    assert.ok(Number(count) > 0, `${name}:\n${text}`);
  }
});

test('what somebody else has changed is a difference', async () => {
  const few = small.slice(0, small.indexOf('[rates]')).replace(/^kill_at.*$/m, '').replace(/^(http|mqtt_generation_.|children) =.*$/mg, '$1 = 1');
  const run = await play(few.replace(/^duration.*$/m, 'duration = 1h').replace(/^settle.*$/m, 'settle = 1s'));
  await until(() => run.output().includes('running'), 'the scenario runs');
  const organization = client({ http: run.http }, 'organization', run.keys.organization_key);
  const { items } = await organization.get('/devices');
  const device = items.find(({ parent_id }) => parent_id === null);
  const child = items.find(({ parent_id }) => parent_id !== null);
  const { items: [root] } = await organization.get('/spaces?space_type=root');
  await organization.patch(`/devices/${device.id}`, { name: 'Renamed' });
  await organization.post(`/devices/${device.id}/move`, { space_id: root.id });
  await organization.put(`/devices/${device.id}/config`, { config: { general: { edit: 7000 } } });
  const command = await organization.post(`/devices/${device.id}/commands`, { name: 'set_level', extra_params: { level: 5 } });
  const incident = await organization.post('/incidents', { device_id: device.id, title: 'By hand' });
  const { access_key: key } = await client({ http: run.http }, 'partner', run.keys.partner_key).post(`/devices/${child.id}/rotate_key`, {}); // its parent speaks for it
  const report = await request(run.http, 'POST', `/v1/devices/${child.id}/telemetry`, { key, body: { telemetries: { n: 99 } } });
  assert.equal(report.status, 201);
  run.end();
  const { code, text } = await run.ended;
  assert.equal(code, 1, text);
  for (const found of [`name is "Renamed", should be ${device.sn}`, `space_id is ${root.id}, should be ${device.space_id}`,
    'configuration 1 is of edit 7000, should be 0 of edit 0', `command ${command.id} exists, and should not`]) {
    assert.ok(text.includes(`difference: ${device.sn}: ${found}`), `${found}:\n${text}`);
  }
  assert.ok(text.includes(`difference: ${child.sn}: behind report 1 stands 99`), text);
  assert.ok(text.includes(`difference: incident ${incident.id} exists, and should not`), text);
  assert.match(text, /^differences +[1-9]/m);
});

test('a file with a mistake is not played', async () => {
  const run = await play(small.replace('mass_telemetry', 'mess_telemetry'));
  const { code, text } = await run.ended;
  assert.equal(code, 2);
  assert.match(text, /^play\.scenario:\d+: unknown key 'mess_telemetry' in \[rates\]$/m);
});
