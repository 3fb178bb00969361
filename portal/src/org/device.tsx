import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { navigate } from "../lib/router";
import { spacePath } from "../lib/spaces";
import type { Command, OrgModel } from "../lib/types";
import { errorText, useFetch, useTitle } from "../lib/use";
import { t } from "../text";
import { Button, Empty, Failed, Skeleton } from "../ui/basic";
import { Icon } from "../ui/icons";
import { Menu } from "../ui/menu";
import { Tabs } from "../ui/tabs";
import { CommandList } from "../shared/commands-list";
import { DeviceHead } from "../shared/device-head";
import { DeviceOverview } from "../shared/device-overview";
import { LiveTail } from "../shared/live";
import { Telemetry } from "../shared/telemetry";
import { traceItem } from "../shared/trace-item";
import { useDevice } from "../shared/use-device";
import { Configuration } from "./config";
import { DeleteOwnDevice, MoveDevice, RenameDevice, UnclaimDevice } from "./devices";
import { SendCommand } from "./send";

const all = ["overview", "telemetry", "commands", "configuration", "live"] as const;

export function OrgDevicePage({ id, tab }: { id: string; tab: string }): JSX.Element {
  const fetched = useDevice("organization", id);
  const device = fetched.data;
  const model = useFetch<OrgModel>(device ? `/organization/models/${device.model.id}` : null);
  const [act, setAct] = useState<"rename" | "move" | "unclaim" | "delete" | null>(null);
  const [send, setSend] = useState<{ again: Command | null } | null>(null);
  useTitle(device ? `${device.name} · ${t.device.tabs[tab as (typeof all)[number]] ?? ""}` : t.devices.title);
  if (fetched.error && !device) {
    if (fetched.error.status === 404) return <Empty icon="device" title={t.device.gone} action={<Button href="/app/devices">{t.device.toList}</Button>} />;
    return <Failed text={errorText(fetched.error)} retry={fetched.reload} />;
  }
  if (!device) return <Skeleton lines={8} height={20} />;
  const base = `/app/devices/${id}`;
  const enabled = model.data?.enabled_tabs;
  const tabs = all.filter((x) => x === "live" || x === "overview" || !enabled || enabled.includes(x));
  const open = (): void => setSend({ again: null });
  const close = (): void => setAct(null);
  return (
    <>
      <DeviceHead device={device} trail={device.space ? { href: `/app/spaces/${device.space.id}`, label: device.space.full_path.split("/").pop() ?? "" } : { href: "/app/devices", label: t.devices.title }}
        extra={spacePath(device.space)}
        actions={
          <>
            {tabs.includes("commands") && <Button kind="primary" icon="send" onClick={open}>{t.send.open}</Button>}
            <Menu label={t.more} class="btn btn-plain btn-icon" items={[
              { label: t.device.rename, icon: "edit", onSelect: () => setAct("rename") },
              { label: t.device.move, icon: "space", onSelect: () => setAct("move") },
              traceItem("organization", id, base),
              "line",
              { label: t.device.unclaim, icon: "close", danger: true, onSelect: () => setAct("unclaim") },
              { label: t.delete, icon: "trash", danger: true, onSelect: () => setAct("delete") },
            ]}><Icon name="more" /></Menu>
          </>
        } />
      <Tabs label={device.name} tabs={tabs.map((x) => ({ href: x === "overview" ? base : `${base}/${x}`, label: t.device.tabs[x], on: x === tab }))} />
      {tab === "overview" && <DeviceOverview device={device} area="organization" />}
      {tab === "telemetry" && <Telemetry device={device} area="organization" />}
      {tab === "commands" && <CommandList device={device} area="organization" send={<Button icon="send" onClick={open}>{t.send.open}</Button>} again={(c) => setSend({ again: c })} />}
      {tab === "configuration" && <Configuration device={device} onChange={fetched.reload} />}
      {tab === "live" && <LiveTail area="organization" device={id} />}
      {act === "rename" && <RenameDevice device={device} onClose={close} onDone={fetched.reload} />}
      {act === "move" && <MoveDevice device={device} onClose={close} onDone={fetched.reload} />}
      {act === "unclaim" && <UnclaimDevice device={device} onClose={close} onDone={() => navigate("/app/devices")} />}
      {act === "delete" && <DeleteOwnDevice device={device} onClose={close} onDone={() => navigate("/app/devices")} />}
      {send && <SendCommand device={device} again={send.again} onClose={() => setSend(null)} onSent={() => { if (tab !== "commands") navigate(`${base}/commands`); }} />}
    </>
  );
}
