// A complete device: registers, connects over MQTT v5, reports, executes commands.
// node device.js http://127.0.0.1:8080 HARDWARE_KEY [COUNT]     (npm install mqtt; COUNT reports, then it ends)
import { randomBytes } from 'node:crypto';
import mqtt from 'mqtt';

const [server, hardwareKey, count] = process.argv.slice(2);

// A real device keeps the reply in flash and registers only once.
const reply = await fetch(`${server}/v1/devices`, {
  method: 'POST',
  body: JSON.stringify({
    hardware_key: hardwareKey, firmware_version: '1.0.0',
    cloud_id: `demo${randomBytes(8).toString('hex')}`, sn: `JS-${randomBytes(4).toString('hex')}`, mac: '02:00:00:00:00:01',
  }),
});
if (reply.status !== 201) throw new Error(`registration: ${reply.status} ${await reply.text()}`);
const { id, access_key: accessKey, mqtt_hub_url: hubUrl } = await reply.json();
console.log(`registered as ${id}`);

const topic = (name) => `v1/device/${id}/${name}`;
const hub = mqtt.connect(hubUrl, { protocolVersion: 5, clientId: id, username: id, password: accessKey });
let reports = 0;

hub.on('connect', () => hub.subscribe([topic('command'), topic('config')], { qos: 1 }));
hub.on('error', (error) => console.error(error.message));
hub.on('message', (name, payload, packet) => {
  const message = JSON.parse(payload);
  const answer = (body) => hub.publish(packet.properties.responseTopic, JSON.stringify(body), { qos: 1 });
  if (name === topic('command')) {
    console.log(`command ${message.name}`, message.parameters);
    answer({ id: message.id, status: 'in_progress' });
    answer({ id: message.id, status: 'done', message: 'ok' });
  } else {
    console.log('configuration', message.config);
    answer(message); // applied
  }
});

function report() {
  const body = { telemetries: { temp: 20 + Math.random() * 5, uptime: Math.round(process.uptime()) } };
  hub.publish(topic('telemetry'), JSON.stringify(body), { qos: 1 }, (error) => {
    console.log(error ? `refused: ${error.message}` : 'stored');
    if (++reports === Number(count)) hub.end();
    else setTimeout(report, 5000);
  });
}
report();
