/* Overview of a device: the last state as tiles, identifiers, details. */
import type { ComponentChildren, JSX } from "preact";
import { scalar } from "../lib/format";
import { spacePath } from "../lib/spaces";
import type { Area, Device, Scalar } from "../lib/types";
import { t } from "../text";
import { Activity } from "./activity";
import { Card, Code, Empty, ExactTime, Facts, Ident, Time } from "../ui/basic";

const hiddenKeys = new Set(["status"]);

export function StateTiles({ state, href }: { state: Record<string, Scalar>; href: string }): JSX.Element {
  const keys = Object.keys(state).filter((k) => !hiddenKeys.has(k)).sort();
  return (
    <div class="tiles">
      {keys.map((key) => (
        <a key={key} class="tile" href={`${href}?keys=${encodeURIComponent(key)}`}>
          <span class="tile-key trunc">{key}</span>
          <span class="tile-value num trunc" title={String(state[key])}>{scalar(state[key])}</span>
        </a>
      ))}
    </div>
  );
}

export function DeviceOverview({ device, area, waiting }: { device: Device; area: Area; waiting?: ComponentChildren }): JSX.Element {
  const base = `${area === "partner" ? "/partners" : "/app"}/devices/${device.id}`;
  const hasState = Object.keys(device.state ?? {}).some((k) => !hiddenKeys.has(k));
  return (
    <div class="stack stack-6">
      <Card title={t.device.lastStateTitle} action={<span class="small faint">{t.device.updated} <Time at={device.last_seen_at} empty={t.devices.never} /></span>}>
        {hasState ? <StateTiles state={device.state} href={`${base}/telemetry`} /> : waiting ?? <Empty icon="chart" title={t.device.noState}>{t.device.noStateText}</Empty>}
      </Card>
      <div class="columns">
        <Card title={t.device.identity}>
          <Facts rows={[
            [t.device.id, <Ident value={device.id} />],
            [t.devices.cloudId, <Ident value={device.cloud_id} />],
            [t.devices.sn, <Ident value={device.sn} />],
            [t.devices.mac, <Ident value={device.mac} />],
            [t.devices.model, <>{area === "partner" ? <a href={`/partners/models/${device.model.id}`}>{device.model.name}</a> : device.model.name}{device.model.sub_model && <span class="faint"> · {device.model.sub_model}</span>}</>],
            [t.devices.firmware, device.firmware.version ?? "–"],
            area === "partner" ? [t.devices.organization, device.organization?.name ?? <span class="faint">{t.devices.unclaimed}</span>] : [t.device.space, spacePath(device.space)],
            [t.devices.registered, <ExactTime at={device.created_at} />],
            ...(area === "organization" ? [[t.device.claimed, <ExactTime at={device.claimed_at} />] as [string, ComponentChildren]] : []),
          ]} />
        </Card>
        <div class="stack stack-5">
        <Card title={t.device.details}>
          {Object.keys(device.details ?? {}).length
            ? <Code text={JSON.stringify(device.details, null, 2)} label={t.device.details} wrap />
            : <p class="muted small">{t.device.noDetails}</p>}
        </Card>
        <Activity area={area} kind="device" id={device.id} />
        </div>
      </div>
    </div>
  );
}
