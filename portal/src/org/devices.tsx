import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { call, getPage, query } from "../lib/api";
import { curlLine } from "../lib/curl";
import { navigate, queryParam, setQuery } from "../lib/router";
import { useLive } from "../lib/stream";
import type { Device, OrgModel, Page } from "../lib/types";
import { useDebounced, useFetch, useTitle } from "../lib/use";
import { t } from "../text";
import { ApiCall, Button, Empty, Notice, StatusPill, Time } from "../ui/basic";
import { Confirm, Dialog } from "../ui/dialog";
import { Field, Select, TextInput } from "../ui/form";
import { useForm } from "../ui/form-state";
import { Icon } from "../ui/icons";
import { SavedFilters } from "../ui/saved-filters";
import { ColumnChooser, exportCsv, Table, type Column } from "../ui/table";
import { toast, toastError } from "../ui/toast";
import { PageHead } from "../shared/page";
import { ClaimDevice } from "./claim";
import { spacePath } from "../lib/spaces";
import { SpaceSelect, useSpaces } from "./spaces";

const dash = <span class="faint">–</span>;

const columns: Column<Device>[] = [
  { key: "status", label: t.devices.status, class: "col-state", render: (d) => <StatusPill status={d.status} />, text: (d) => d.status },
  { key: "name", label: t.devices.name, main: true, render: (d) => <span class="strong break">{d.name}</span>, text: (d) => d.name },
  { key: "model", label: t.devices.model, render: (d) => d.model.name, text: (d) => d.model.name },
  { key: "sn", label: t.devices.sn, render: (d) => (d.sn ? <code>{d.sn}</code> : dash), text: (d) => d.sn },
  { key: "mac", label: t.devices.mac, spare: true, render: (d) => (d.mac ? <code>{d.mac}</code> : dash), text: (d) => d.mac },
  { key: "space", label: t.device.space, render: (d) => <span class="break">{spacePath(d.space)}</span>, text: (d) => d.space?.full_path },
  { key: "firmware", label: t.devices.firmware, class: "num wide", render: (d) => d.firmware?.version ?? dash, text: (d) => d.firmware?.version },
  { key: "seen", label: t.devices.lastSeen, render: (d) => <Time at={d.last_seen_at} empty={t.devices.never} />, text: (d) => d.last_seen_at },
];

export function OrgDevices(): JSX.Element {
  useTitle(t.devices.title);
  const claim = queryParam("claim");
  const spaces = useSpaces();
  const [round, setRound] = useState(0);
  const open = (): void => setQuery({ claim: "new" }, { push: true });
  const root = spaces.data?.find((s) => s.parent_id === null);
  return (
    <>
      <PageHead title={t.devices.title} sub={t.devices.subOrganization} actions={<Button kind="primary" icon="claim" onClick={open}>{t.claim.open}</Button>} />
      <OrgDeviceTable key={round} base="/app/devices" onClaim={open} />
      {claim && root && <ClaimDevice code={claim === "new" ? "" : claim} space={root} onClose={() => setQuery({ claim: null })} onClaimed={() => setRound(round + 1)} />}
    </>
  );
}

const perPage = 50;

export function OrgDeviceTable({ base, spaceId, compact, onClaim }: { base: string; spaceId?: number; compact?: boolean; onClaim: () => void }): JSX.Element {
  const status = queryParam("status");
  const search = queryParam("search");
  const model = queryParam("model");
  const page = Math.max(1, Number(queryParam("page")) || 1);
  const wanted = useDebounced(search.trim(), 200);
  const pathOf = (n: number, size = perPage): string => `/organization/devices${query({ space_id: spaceId, status, model_id: model, search: wanted, page: n > 1 ? n : "", per_page: size })}`;
  const fetched = useFetch<Page<Device>>(pathOf(page), (p, signal) => getPage<Device>(p, { signal }));
  const models = useFetch<Page<OrgModel>>(compact ? null : "/organization/models?per_page=500", (p, signal) => getPage<OrgModel>(p, { signal }));
  const [act, setAct] = useState<{ kind: "move" | "rename" | "unclaim"; device: Device } | null>(null);
  useLive(["status", "event"], undefined, fetched.reload, 1000);
  const filtered = !!(status || search || model);
  return (
    <>
      {!compact && (
        <div class="filters">
          <span class="filter-search"><Icon name="search" /><TextInput type="search" aria-label={t.filter} placeholder={t.devices.filter} value={search} onText={(v) => setQuery({ search: v, page: null })} /></span>
          <Select aria-label={t.devices.status} value={status} onText={(v) => setQuery({ status: v, page: null })} options={[["", t.devices.anyStatus], ["online", t.status.online!], ["offline", t.status.offline!], ["error", t.status.error!]]} />
          <Select aria-label={t.devices.model} value={model} onText={(v) => setQuery({ model: v, page: null })} options={[["", t.devices.anyModel], ...(models.data?.rows ?? []).map((m): [string, string] => [m.id, m.name])]} />
          <SavedFilters id="org-devices" base={base} names={["search", "status", "model"]} />
          {filtered && <Button kind="quiet" icon="close" onClick={() => navigate(base)}>{t.noMatch.clear}</Button>}
          <span class="row end">
            <Button icon="download" label={t.exportCsv} onClick={() => void exportCsv<Device>("devices.csv", (n) => pathOf(n, 500), columns).catch(toastError)} />
            <ColumnChooser id="org-devices" columns={columns} />
          </span>
        </div>
      )}
      <Table id={compact ? "space-devices" : "org-devices"} label={t.devices.title} columns={compact ? columns.filter((c) => c.key !== "mac" && c.key !== "firmware") : columns} fetched={fetched}
        rowKey={(d) => d.id} rowHref={(d) => `/app/devices/${d.id}`} page={page} perPage={perPage}
        empty={filtered
          ? <Empty icon="search" title={t.noMatch.title} action={<Button onClick={() => navigate(base)}>{t.noMatch.clear}</Button>}>{t.noMatch.text}</Empty>
          : <Empty icon="device" title={t.claim.emptyTitle} action={<Button kind={compact ? "plain" : "primary"} icon="claim" onClick={onClaim}>{t.claim.open}</Button>}>{t.claim.emptyText}</Empty>}
        rowMenu={(d) => [
          { label: t.device.rename, icon: "edit", onSelect: () => setAct({ kind: "rename", device: d }) },
          { label: t.device.move, icon: "space", onSelect: () => setAct({ kind: "move", device: d }) },
          "line",
          { label: t.device.unclaim, icon: "close", danger: true, onSelect: () => setAct({ kind: "unclaim", device: d }) },
        ]} />
      {act?.kind === "rename" && <RenameDevice device={act.device} onClose={() => setAct(null)} onDone={fetched.reload} />}
      {act?.kind === "move" && <MoveDevice device={act.device} onClose={() => setAct(null)} onDone={fetched.reload} />}
      {act?.kind === "unclaim" && <UnclaimDevice device={act.device} onClose={() => setAct(null)} onDone={fetched.reload} />}
    </>
  );
}

interface ActProps {
  device: Device;
  onClose: () => void;
  onDone: () => void;
}

export function RenameDevice({ device, onClose, onDone }: ActProps): JSX.Element {
  const form = useForm({ name: device.name });
  const body = { name: form.value.name.trim() };
  const path = `/organization/devices/${device.id}`;
  const save = (): Promise<void> => form.submit(async () => {
    await call("PATCH", path, body);
    toast(t.saved);
    onDone();
    onClose();
  });
  return (
    <Dialog title={t.device.rename} width="s" onClose={onClose} onSubmit={() => void save()} footer={
      <><Button onClick={onClose}>{t.cancel}</Button><Button kind="primary" type="submit" busy={form.busy} disabled={!body.name}>{t.save}</Button></>
    }>
      {form.failure && <Notice tone="bad">{form.failure}</Notice>}
      <Field label={t.devices.name} required error={form.errors["name"]}>{(p) => <TextInput {...p} value={form.value.name} onText={(name) => form.set({ name })} />}</Field>
      <ApiCall text={curlLine(location.origin, "PATCH", path, body)} />
    </Dialog>
  );
}

export function MoveDevice({ device, onClose, onDone }: ActProps): JSX.Element {
  const spaces = useSpaces();
  const form = useForm({ space_id: String(device.space_id ?? device.space?.id ?? "") });
  const body = { space_id: Number(form.value.space_id) };
  const path = `/organization/devices/${device.id}/move`;
  const save = (): Promise<void> => form.submit(async () => {
    await call("POST", path, body);
    toast(t.device.moved);
    onDone();
    onClose();
  });
  return (
    <Dialog title={t.device.moveTitle(device.name)} width="s" onClose={onClose} onSubmit={() => void save()} footer={
      <><Button onClick={onClose}>{t.cancel}</Button><Button kind="primary" type="submit" busy={form.busy}>{t.device.move}</Button></>
    }>
      {form.failure && <Notice tone="bad">{form.failure}</Notice>}
      <Field label={t.device.space} error={form.errors["space_id"]}>{(p) => <SpaceSelect {...p} spaces={spaces.data ?? []} value={form.value.space_id} onText={(space_id) => form.set({ space_id })} />}</Field>
      <ApiCall text={curlLine(location.origin, "POST", path, body)} />
    </Dialog>
  );
}

export function UnclaimDevice({ device, onClose, onDone }: ActProps): JSX.Element {
  const path = `/organization/devices/${device.id}/unclaim`;
  return (
    <Confirm title={t.device.unclaim} typed={device.name} action={t.device.unclaim} api={["POST", path]} onClose={onClose}
      run={async () => { await call("POST", path); toast(t.device.unclaimed(device.name)); onDone(); }}>
      <p>{t.device.unclaimText}</p>
    </Confirm>
  );
}

export function DeleteOwnDevice({ device, onClose, onDone }: ActProps): JSX.Element {
  const path = `/organization/devices/${device.id}`;
  return (
    <Confirm title={t.devices.deleteTitle} typed={device.name} action={t.delete} api={["DELETE", path]} onClose={onClose}
      run={async () => { await call("DELETE", path); toast(t.devices.deleted(device.name)); onDone(); }}>
      <p>{t.device.deleteOwnText}</p>
    </Confirm>
  );
}
