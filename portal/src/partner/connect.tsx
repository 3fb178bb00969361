/* "Connect a device": registration, first connection and first telemetry, each shown as it happens. */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { get, getPage, query } from "../lib/api";
import { registrationCurl, registrationJs, registrationPython } from "../lib/curl";
import { navigate, queryParam, setQuery } from "../lib/router";
import { useLive, useStream } from "../lib/stream";
import type { Device, HardwareKey, Model, Page, PartnerSettings, Registration, StreamEvent } from "../lib/types";
import { errorText, useFetch, useTitle } from "../lib/use";
import { t } from "../text";
import { Button, Card, Code, Facts, Failed, Ident, Notice, Skeleton, Time } from "../ui/basic";
import { Field, Select } from "../ui/form";
import { Icon } from "../ui/icons";
import { Segments } from "../ui/tabs";
import { ModelIcon } from "../shared/model-icon";
import { PageHead } from "../shared/page";
import { ProtocolBadge } from "./model-fields";

const random = (n: number): string => {
  const alphabet = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghjkmnpqrstuvwxyz23456789";
  return Array.from(crypto.getRandomValues(new Uint8Array(n)), (b) => alphabet[b % alphabet.length]).join("");
};

export function ConnectDevice({ id }: { id: string }): JSX.Element {
  const model = useFetch<Model>(`/partner/models/${encodeURIComponent(id)}`);
  const keys = useFetch<Page<HardwareKey>>(`/partner/models/${encodeURIComponent(id)}/hardware_keys`, (p, signal) => getPage<HardwareKey>(p, { signal }));
  const settings = useFetch<PartnerSettings>("/partner/settings");
  useTitle(model.data ? t.connect.titleOf(model.data.name) : t.connect.open);
  const error = model.error ?? keys.error ?? settings.error;
  if (error) return <Failed text={errorText(error)} retry={() => { model.reload(); keys.reload(); settings.reload(); }} />;
  if (!model.data || !keys.data || !settings.data) return <Skeleton lines={8} height={20} />;
  const usable = keys.data.rows.filter((k) => !k.revoked_at);
  return (
    <>
      <PageHead trail={{ href: `/partners/models/${id}`, label: model.data.name }} title={t.connect.open} icon={<ModelIcon url={model.data.icon_url} size={44} />}
        badge={<ProtocolBadge protocol={model.data.communication_protocol} />} sub={t.connect.sub} />
      {usable.length === 0
        ? <Notice tone="warn" action={<Button size="s" href={`/partners/models/${id}/hardware-keys`}>{t.keys.add}</Button>}>{t.connect.noKey}</Notice>
        : <Wizard model={model.data} keys={usable} settings={settings.data} />}
    </>
  );
}

interface Progress {
  problem: string | null;
  refused: Registration | null;
  registeredAt: string | null;
  device: Device | null;
  connectedAt: number | null;
  reportedAt: number | null;
}

function Wizard({ model, keys, settings }: { model: Model; keys: HardwareKey[]; settings: PartnerSettings }): JSX.Element {
  const deviceId = queryParam("device");
  const since = useRef(new Date(Date.now() - 2000).toISOString());
  const [progress, setProgress] = useState<Progress>({ problem: null, refused: null, registeredAt: null, device: null, connectedAt: null, reportedAt: null });
  const mqtt = model.communication_protocol === "mqtt";

  const found = (r: Registration): void => {
    if (r.result === "refused") return setProgress((p) => (p.registeredAt ? p : { ...p, refused: r }));
    if (r.device_id) {
      setProgress((p) => ({ ...p, refused: null, registeredAt: r.created_at }));
      setQuery({ device: r.device_id });
    }
  };
  const look = (): void => {
    if (deviceId) return;
    getPage<Registration>(`/partner/registrations${query({ model_id: model.id, from: since.current, per_page: 20 })}`).then((page) => {
      const good = page.rows.find((r) => r.result !== "refused" && r.device_id);
      const newest = good ?? page.rows[0];
      if (newest && Date.parse(newest.created_at) >= Date.parse(since.current)) found(newest);
    }, () => undefined);
  };
  const watch = (): void => {
    if (!deviceId) return;
    get<Device>(`/partner/devices/${encodeURIComponent(deviceId)}`).then((device) => setProgress((p) => ({
      ...p, device, registeredAt: p.registeredAt ?? device.created_at,
      connectedAt: p.connectedAt ?? (device.connected ? Date.now() : null),
      reportedAt: p.reportedAt ?? (device.last_seen_at ? Date.parse(device.last_seen_at) : null),
    })), () => undefined);
  };

  // The stream tells at once; the slow look covers a stream that is down.
  useLive(["registration"], undefined, look, 50);
  useStream(deviceId ? ["status", "telemetry", "event"] : [], deviceId || undefined, (event) => {
    if (event.event === "refused") return setProgress((p) => ({ ...p, problem: refusedText(event) }));
    if (event.type === "telemetry") setProgress((p) => ({ ...p, reportedAt: p.reportedAt ?? Date.now(), connectedAt: p.connectedAt ?? (event.transport === "mqtt" ? Date.now() : null) }));
    watch();
  });
  useEffect(() => {
    const both = (): void => { look(); watch(); };
    both();
    const timer = setInterval(both, 2500);
    return () => clearInterval(timer);
  }, [deviceId]);

  const registered = !!deviceId;
  const connected = registered && (!mqtt || progress.connectedAt !== null);
  const reported = registered && progress.reportedAt !== null;
  const restart = (): void => {
    since.current = new Date().toISOString();
    setProgress({ problem: null, refused: null, registeredAt: null, device: null, connectedAt: null, reportedAt: null });
    navigate(`/partners/models/${model.id}/connect`);
  };
  return (
    <div class="wizard">
      <Step no={1} title={t.connect.register} done={registered} active={!registered} at={progress.registeredAt} waiting={t.connect.waitRegister}>
        {!registered ? <Register model={model} keys={keys} settings={settings} refused={progress.refused} /> : (
          <Facts rows={[[t.device.id, <Ident value={deviceId} />], [t.devices.name, progress.device?.name ?? "…"]]} />
        )}
      </Step>
      {mqtt && (
        <Step no={2} title={t.connect.connectMqtt} done={connected} active={registered && !connected} at={progress.connectedAt} waiting={t.connect.waitConnect}>
          {registered && !connected && <MqttParameters device={progress.device} deviceId={deviceId} settings={settings} />}
        </Step>
      )}
      <Step no={mqtt ? 3 : 2} title={t.connect.report} done={reported} active={connected && !reported} at={progress.reportedAt} waiting={t.connect.waitReport}>
        {registered && !reported && progress.problem !== null && <Notice tone="bad">{progress.problem}</Notice>}
        {registered && !reported && <Report mqtt={mqtt} deviceId={deviceId} hub={progress.device?.hub_url ?? settings.public_url} />}
        {reported && progress.device && <p class="small muted">{t.connect.lastState} <code class="break">{JSON.stringify(progress.device.state)}</code></p>}
      </Step>
      {reported && connected && (
        <div class="wizard-end">
          <Notice tone="ok">{t.connect.success(progress.device?.name ?? "")}</Notice>
          <div class="row wrap"><Button kind="primary" href={`/partners/devices/${deviceId}/telemetry`}>{t.connect.openDevice}</Button><Button onClick={restart}>{t.connect.another}</Button></div>
        </div>
      )}
    </div>
  );
}

/** What the server answered to a message it did not take, with the name of the code. */
function refusedText(event: StreamEvent): string {
  const error = (event.payload as { error?: string } | undefined)?.error ?? "";
  const code = Number(event.code);
  const name = event.transport === "mqtt" ? `0x${code.toString(16).toUpperCase()} ${t.reason[code] ?? ""}`.trim() : String(event.code ?? "");
  return t.connect.uplinkRefused(name, error);
}

function Step({ no, title, done, active, at, waiting, children }: { no: number; title: string; done: boolean; active: boolean; at: string | number | null; waiting: string; children?: JSX.Element | false | null | (JSX.Element | false | null)[] }): JSX.Element {
  return (
    <section class={`wstep ${done ? "is-done" : active ? "is-on" : "is-later"}`} aria-current={active ? "step" : undefined}>
      <span class="wstep-dot">{done ? <Icon name="check" size={14} /> : no}</span>
      <div class="wstep-body stack">
        <header class="row wrap">
          <h2>{title}</h2>
          {done && at && <span class="small ok-text"><Time at={at} /></span>}
          {active && <span class="waiting small" role="status"><i aria-hidden="true" />{waiting}</span>}
        </header>
        {children}
      </div>
    </section>
  );
}

function Register({ model, keys, settings, refused }: { model: Model; keys: HardwareKey[]; settings: PartnerSettings; refused: Registration | null }): JSX.Element {
  const [keyId, setKeyId] = useState(keys[0]!.id);
  const [language, setLanguage] = useState("curl");
  const ids = useRef({ cloud: settings.short_code + random(16), sn: `TEST-${random(6).toUpperCase()}`, mac: "02:" + Array.from(crypto.getRandomValues(new Uint8Array(5)), (b) => b.toString(16).padStart(2, "0")).join(":") });
  const key = keys.find((k) => k.id === keyId) ?? keys[0]!;
  const fields = {
    hardware_key: key.key, firmware_version: "1.0.0", sn: ids.current.sn,
    ...(model.authentication_method === "cloud_id" ? { cloud_id: ids.current.cloud } : { mac: ids.current.mac }),
    name: t.connect.deviceName(model.name),
    ...(model.device_type === "application" ? { parent_id: "PARENT_DEVICE_ID" } : {}),
  };
  const origin = settings.public_url || location.origin;
  const text = language === "curl" ? registrationCurl(origin, fields) : language === "js" ? registrationJs(origin, fields) : registrationPython(origin, fields);
  return (
    <div class="stack">
      <p class="muted">{t.connect.registerText}</p>
      {refused && <Notice tone="bad"><strong>{refused.error}</strong><br /><span>{t.connect.refusal(refused.error ?? "")}</span></Notice>}
      <div class="row wrap between">
        <Segments label={t.connect.language} value={language} onChange={setLanguage} options={[["curl", "curl"], ["js", "JavaScript"], ["python", "Python"]]} />
        {keys.length > 1 && <Field label={t.keys.key}>{(p) => <Select {...p} value={keyId} onText={setKeyId} options={keys.map((k): [string, string] => [k.id, k.name])} />}</Field>}
      </div>
      <Code text={text} label={t.connect.register} />
      <p class="small faint">{origin.startsWith("https") ? t.connect.selfSigned : ""} {t.connect.registerAnswer}</p>
    </div>
  );
}

function MqttParameters({ device, deviceId, settings }: { device: Device | null; deviceId: string; settings: PartnerSettings }): JSX.Element {
  const url = device?.mqtt_hub_url ?? settings.mqtt_url;
  const [language, setLanguage] = useState("mosquitto");
  const topics = ["command", "config", "license", "space_info", "firmware", "incidents"].map((x) => `v1/device/${deviceId}/${x}`);
  const host = /^mqtts?:\/\/([^:/]+)(?::(\d+))?/.exec(url);
  const mosquitto = [
    `mosquitto_sub -V mqttv5 -h ${host?.[1] ?? "HOST"} -p ${host?.[2] ?? "1883"} -q 1 -v`,
    `  -i ${deviceId}`,
    `  -u ${deviceId} -P "$ACCESS_KEY"`,
    `  -t v1/device/${deviceId}/command`,
    `  -t v1/device/${deviceId}/config`,
  ].join(" \\\n");
  const js = [
    `import mqtt from "mqtt";`,
    `const id = "${deviceId}";`,
    `const client = mqtt.connect("${url}", {`,
    `  protocolVersion: 5, clientId: id, username: id, password: process.env.ACCESS_KEY,`,
    `});`,
    `client.on("connect", () => client.subscribe([\`v1/device/\${id}/command\`, \`v1/device/\${id}/config\`], { qos: 1 }));`,
    `client.on("message", (topic, payload) => console.log(topic, payload.toString()));`,
    `client.publish(\`v1/device/\${id}/telemetry\`, JSON.stringify({ telemetries: { temp: 21.5 } }), { qos: 1 });`,
  ].join("\n");
  const python = [
    `import os, paho.mqtt.client as mqtt`,
    ``,
    `id = "${deviceId}"`,
    `client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=id, protocol=mqtt.MQTTv5)`,
    `client.username_pw_set(id, os.environ["ACCESS_KEY"])`,
    `client.on_connect = lambda c, *_: c.subscribe([(f"v1/device/{id}/command", 1), (f"v1/device/{id}/config", 1)])`,
    `client.on_message = lambda c, u, m: print(m.topic, m.payload.decode())`,
    `client.connect("${host?.[1] ?? "HOST"}", ${host?.[2] ?? "1883"})`,
    `client.loop_forever()`,
  ].join("\n");
  return (
    <div class="stack">
      <p class="muted">{t.connect.mqttText}</p>
      <Card flush>
        <div class="pad">
          <Facts rows={[
            [t.connect.url, <Ident value={url} />],
            [t.connect.version, "5"],
            [t.connect.user, <Ident value={deviceId} />],
            [t.connect.password, <span><code>access_key</code> <span class="muted small">{t.connect.passwordNote}</span></span>],
            [t.connect.client, <Ident value={deviceId} />],
            [t.connect.topics, <span class="stack stack-1">{topics.map((x) => <code key={x} class="break small">{x}</code>)}</span>],
          ]} />
        </div>
      </Card>
      <Segments label={t.connect.language} value={language} onChange={setLanguage} options={[["mosquitto", "mosquitto"], ["js", "JavaScript"], ["python", "Python"]]} />
      <Code text={language === "mosquitto" ? mosquitto : language === "js" ? js : python} label={t.connect.connectMqtt} />
    </div>
  );
}

function Report({ mqtt, deviceId, hub }: { mqtt: boolean; deviceId: string; hub: string }): JSX.Element {
  const body = `{"status":"online","telemetries":{"temp":21.5}}`;
  const http = [`curl -X POST '${hub}/v1/devices/${deviceId}/telemetry'`, `  -H "Authorization: $ACCESS_KEY" -H 'Content-Type: application/json'`, `  -d '${body}'`].join(" \\\n");
  return (
    <div class="stack">
      <p class="muted">{mqtt ? t.connect.reportMqtt : t.connect.reportHttps}</p>
      {mqtt && <Code text={`topic    v1/device/${deviceId}/telemetry\npayload  ${body}`} label={t.connect.report} />}
      {!mqtt && <Code text={http} label={t.connect.report} />}
    </div>
  );
}
