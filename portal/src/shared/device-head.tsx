/* The head of a device page, the same for both portals. */
import type { ComponentChildren, JSX } from "preact";
import type { Device } from "../lib/types";
import { t } from "../text";
import { Notice, Pill, StatusPill, Time } from "../ui/basic";
import { PageHead } from "./page";

export function DeviceHead({ device, trail, extra, actions }: { device: Device; trail: { href: string; label: string }; extra?: ComponentChildren; actions?: ComponentChildren }): JSX.Element {
  return (
    <>
      <PageHead trail={trail} title={device.name} badge={<><StatusPill status={device.status} />{device.connected && <Pill tone="info">{t.device.connected}</Pill>}</>}
        sub={
          <>
            <span>{device.model.name}</span>
            {device.sn && <span class="dot-sep"><span class="faint">{t.devices.sn}</span> <code>{device.sn}</code></span>}
            {extra && <span class="dot-sep">{extra}</span>}
            {device.connected_since && device.connected && <span class="dot-sep"><span class="faint">{t.device.connectedSince}</span> <Time at={device.connected_since} /></span>}
            <span class="dot-sep"><span class="faint">{t.device.lastReport}</span> <Time at={device.last_seen_at} empty={t.devices.never} /></span>
          </>
        } actions={actions} />
      {device.status === "offline" && device.last_seen_at && (
        <Notice tone="idle" icon="clock">{t.device.offlineSince} <Time at={device.last_seen_at} />. {t.device.lastState}</Notice>
      )}
    </>
  );
}
