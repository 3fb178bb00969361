import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { call, get } from "../lib/api";
import { navigate } from "../lib/router";
import type { Device, PartnerSettings } from "../lib/types";
import { errorText, useFetch, useTitle } from "../lib/use";
import { t } from "../text";
import { Button, Card, Code, Copy, Empty, ExactTime, Facts, Failed, Ident, Notice, Skeleton, Time } from "../ui/basic";
import { Confirm, Dialog } from "../ui/dialog";
import { Icon } from "../ui/icons";
import { Menu } from "../ui/menu";
import { Tabs } from "../ui/tabs";
import { toast } from "../ui/toast";
import { CommandList } from "../shared/commands-list";
import { DeviceHead } from "../shared/device-head";
import { DeviceOverview } from "../shared/device-overview";
import { LiveTail } from "../shared/live";
import { Telemetry } from "../shared/telemetry";
import { traceItem } from "../shared/trace-item";
import { useDevice } from "../shared/use-device";
import { AssignDevices, DeleteDevice, UnassignDevice } from "./devices";

const tabs = ["overview", "telemetry", "commands", "live", "credentials"] as const;
type Act = "assign" | "unassign" | "rotate" | "disconnect" | "delete";

export function DevicePage({ id, tab }: { id: string; tab: string }): JSX.Element {
  const fetched = useDevice("partner", id);
  const [act, setAct] = useState<Act | null>(null);
  const [secret, setSecret] = useState<string | null>(null);
  const device = fetched.data;
  useTitle(device ? `${device.name} · ${t.device.tabs[tab as (typeof tabs)[number]] ?? ""}` : t.devices.title);
  if (fetched.error && !device) {
    if (fetched.error.status === 404) return <Empty icon="device" title={t.device.gone} action={<Button href="/partners/devices">{t.device.toList}</Button>} />;
    return <Failed text={errorText(fetched.error)} retry={fetched.reload} />;
  }
  if (!device) return <Skeleton lines={8} height={20} />;
  const base = `/partners/devices/${id}`;
  const close = (): void => setAct(null);
  return (
    <>
      <DeviceHead device={device} trail={{ href: "/partners/devices", label: t.devices.title }}
        extra={device.organization ? <><span class="faint">{t.devices.organization}</span> {device.organization.name}</> : <span class="faint">{t.devices.unclaimed}</span>}
        actions={
          <>
            {!device.organization && <Button icon="claim" onClick={() => setAct("assign")}>{t.devices.assign}</Button>}
            <Menu label={t.more} class="btn btn-plain btn-icon" items={[
              ...(device.organization ? [{ label: t.devices.unassign, icon: "customers" as const, onSelect: () => setAct("unassign") }] : []),
              { label: t.credentials.rotate, icon: "key", onSelect: () => setAct("rotate") },
              { label: t.device.disconnect, icon: "plug", disabled: !device.connected, onSelect: () => setAct("disconnect") },
              traceItem("partner", id, base),
              "line",
              { label: t.delete, icon: "trash", danger: true, onSelect: () => setAct("delete") },
            ]}><Icon name="more" /></Menu>
          </>
        } />
      {device.refused_registration_at && <Notice tone="warn">{t.device.refused} <Time at={device.refused_registration_at} />.</Notice>}
      <Tabs label={device.name} tabs={tabs.map((x) => ({ href: x === "overview" ? base : `${base}/${x}`, label: t.device.tabs[x], on: x === tab }))} />
      {tab === "overview" && <DeviceOverview device={device} area="partner" />}
      {tab === "telemetry" && <Telemetry device={device} area="partner" />}
      {tab === "commands" && <CommandList device={device} area="partner" />}
      {tab === "live" && <LiveTail area="partner" device={id} />}
      {tab === "credentials" && <Credentials device={device} onRotate={() => setAct("rotate")} />}
      {act === "assign" && <AssignDevices devices={[device]} onClose={close} onDone={fetched.reload} />}
      {act === "unassign" && <UnassignDevice device={device} onClose={close} onDone={fetched.reload} />}
      {act === "delete" && <DeleteDevice device={device} onClose={close} onDone={() => navigate("/partners/devices")} />}
      {act === "disconnect" && (
        <Confirm title={t.device.disconnectTitle} danger={false} action={t.device.disconnect} api={["POST", `/partner/devices/${id}/disconnect`]} onClose={close}
          run={async () => { await call("POST", `/partner/devices/${id}/disconnect`); toast(t.device.disconnected); fetched.reload(); }}>
          <p>{t.device.disconnectText}</p>
        </Confirm>
      )}
      {act === "rotate" && (
        <Confirm title={t.credentials.rotateTitle} typed={device.name} action={t.credentials.rotate} api={["POST", `/partner/devices/${id}/rotate_key`]} onClose={close}
          run={async () => {
            const reply = await call<{ access_key: string }>("POST", `/partner/devices/${id}/rotate_key`);
            setSecret(reply.access_key);
            fetched.reload();
          }}>
          <p>{t.credentials.rotateText}</p>
        </Confirm>
      )}
      {secret && <ShownOnce title={t.credentials.newKey} text={t.credentials.newKeyText} secret={secret} onClose={() => setSecret(null)} />}
    </>
  );
}

/** A secret that can be read only now. */
export function ShownOnce({ title, text, secret, onClose }: { title: string; text: string; secret: string; onClose: () => void }): JSX.Element {
  return (
    <Dialog title={title} width="s" onClose={onClose} footer={<><Copy text={secret} quiet={false} wide /><Button kind="primary" onClick={onClose}>{t.done}</Button></>}>
      <Notice tone="warn" icon="key">{text}</Notice>
      <Code text={secret} label={title} wrap />
    </Dialog>
  );
}

function Credentials({ device, onRotate }: { device: Device; onRotate: () => void }): JSX.Element {
  const settings = useFetch<PartnerSettings>("/partner/settings", (p) => get<PartnerSettings>(p));
  const hub = device.hub_url ?? settings.data?.public_url;
  const mqtt = device.mqtt_hub_url ?? settings.data?.mqtt_url;
  return (
    <div class="columns">
      <Card title={t.credentials.title} action={<Button icon="refresh" onClick={onRotate}>{t.credentials.rotate}</Button>}>
        <Facts rows={[
          [t.device.id, <Ident value={device.id} />],
          [t.credentials.hub, <Ident value={hub} />],
          [t.credentials.mqtt, <Ident value={mqtt} />],
          [t.credentials.user, <Ident value={device.id} />],
          [t.credentials.client, <Ident value={device.id} />],
          [t.credentials.version, "MQTT 5"],
          [t.credentials.key, <span class="muted">{t.credentials.neverShown}</span>],
          ...(device.key_issued_at ? [[t.credentials.issued, <ExactTime at={device.key_issued_at} />] as [string, JSX.Element]] : []),
          ...(device.key_last_used_at ? [[t.credentials.used, <Time at={device.key_last_used_at} />] as [string, JSX.Element]] : []),
        ]} />
      </Card>
      <Card title={t.credentials.how}>
        <p class="small muted">{t.credentials.howText}</p>
        {mqtt && <Code text={mosquittoLine(mqtt, device.id)} label={t.credentials.how} />}
      </Card>
    </div>
  );
}

/** A mosquitto_sub line for this device; the key stays a placeholder. */
export function mosquittoLine(url: string, id: string): string {
  const u = /^(mqtts?):\/\/([^:/]+)(?::(\d+))?/.exec(url);
  const secure = u?.[1] === "mqtts";
  return [
    `mosquitto_sub -V mqttv5 -h ${u?.[2] ?? "HOST"} -p ${u?.[3] ?? (secure ? "8883" : "1883")}${secure ? " --cafile server.pem" : ""}`,
    `  -i ${id}`,
    `  -u ${id} -P "$ACCESS_KEY"`,
    `  -t v1/device/${id}/command -v`,
  ].join(" \\\n");
}
