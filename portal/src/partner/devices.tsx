/* Devices of the partner: list with filters, selection and assignment. */
import type { JSX } from "preact";
import { useRef, useState } from "preact/hooks";
import { call, getPage, query } from "../lib/api";
import { curlLine } from "../lib/curl";
import { navigate, queryParam, setQuery } from "../lib/router";
import { useLive } from "../lib/stream";
import type { Device, Model, Organization, Page } from "../lib/types";
import { useDebounced, useFetch, useTitle } from "../lib/use";
import { t } from "../text";
import { ApiCall, Button, Empty, Notice, Pill, StatusPill, Time } from "../ui/basic";
import { Confirm, Dialog } from "../ui/dialog";
import { Field, Select, TextInput } from "../ui/form";
import { useForm } from "../ui/form-state";
import { Icon } from "../ui/icons";
import { SavedFilters } from "../ui/saved-filters";
import { ColumnChooser, exportCsv, Table, type Column } from "../ui/table";
import { toast, toastError } from "../ui/toast";
import { PageHead } from "../shared/page";

const dash = <span class="faint">–</span>;

const columns: Column<Device>[] = [
  { key: "status", label: t.devices.status, class: "col-state", render: (d) => <StatusPill status={d.status} />, text: (d) => d.status },
  { key: "name", label: t.devices.name, main: true, render: (d) => <span class="strong break">{d.name}</span>, text: (d) => d.name },
  { key: "sn", label: t.devices.sn, render: (d) => (d.sn ? <code>{d.sn}</code> : dash), text: (d) => d.sn },
  { key: "mac", label: t.devices.mac, spare: true, render: (d) => (d.mac ? <code>{d.mac}</code> : dash), text: (d) => d.mac },
  { key: "cloud_id", label: t.devices.cloudId, spare: true, render: (d) => (d.cloud_id ? <code class="break">{d.cloud_id}</code> : dash), text: (d) => d.cloud_id },
  { key: "model", label: t.devices.model, render: (d) => d.model.name, text: (d) => d.model.name },
  { key: "sub_model", label: t.devices.subModel, spare: true, render: (d) => d.model.sub_model ?? dash, text: (d) => d.model.sub_model },
  { key: "firmware", label: t.devices.firmware, class: "num wide", render: (d) => d.firmware.version ?? dash, text: (d) => d.firmware.version },
  { key: "organization", label: t.devices.organization, render: (d) => d.organization?.name ?? <span class="faint">{t.devices.unclaimed}</span>, text: (d) => d.organization?.name },
  { key: "seen", label: t.devices.lastSeen, render: (d) => <Time at={d.last_seen_at} empty={t.devices.never} />, text: (d) => d.last_seen_at },
  { key: "connected", label: t.devices.connected, class: "wide", render: (d) => (d.connected ? <Pill tone="ok">{t.yes}</Pill> : <span class="faint">{t.no}</span>), text: (d) => d.connected },
  { key: "created", label: t.devices.registered, class: "wide", render: (d) => <Time at={d.created_at} />, text: (d) => d.created_at },
];

export function Devices(): JSX.Element {
  useTitle(t.devices.title);
  return (
    <>
      <PageHead title={t.devices.title} sub={t.devices.sub} />
      <DeviceTable base="/partners/devices" />
    </>
  );
}

const perPage = 50;

type Act = { kind: "assign" | "unassign"; devices: Device[] } | { kind: "delete"; devices: Device[] };

export function DeviceTable({ base, modelId, connectHref }: { base: string; modelId?: string; connectHref?: string }): JSX.Element {
  const status = queryParam("status");
  const search = queryParam("search");
  const wanted = useDebounced(search.trim(), 200);
  const chosenModel = modelId ?? queryParam("model");
  const claimed = queryParam("claimed");
  const page = Math.max(1, Number(queryParam("page")) || 1);
  const filter = { model_id: chosenModel, status, search: wanted, unclaimed: claimed === "no" ? "true" : "", organization_id: claimed && claimed !== "no" ? claimed : "" };
  const pathOf = (n: number, size = perPage): string => `/partner/devices${query({ ...filter, page: n > 1 ? n : "", per_page: size })}`;
  const fetched = useFetch<Page<Device>>(pathOf(page), (p, signal) => getPage<Device>(p, { signal }));
  const models = useFetch<Page<Model>>(modelId ? null : "/partner/models?per_page=500", (p, signal) => getPage<Model>(p, { signal }));
  const organizations = useFetch<Page<Organization>>("/partner/organizations?per_page=500", (p, signal) => getPage<Organization>(p, { signal }));
  const [selected, setSelected] = useState<Set<string>>(new Set());
  const [act, setAct] = useState<Act | null>(null);
  useLive(["registration", "status", "event"], undefined, fetched.reload, 1000);

  const filtered = !!(status || search || claimed || (!modelId && chosenModel));
  const shown = modelId ? columns.filter((c) => c.key !== "model") : columns;
  // Devices chosen on other pages stay known, so that the bulk bar can act on them.
  const known = useRef(new Map<string, Device>());
  for (const d of fetched.data?.rows ?? []) known.current.set(d.id, d);
  const chosen = [...selected].map((id) => known.current.get(id)).filter((d): d is Device => !!d);
  const selectAll = async (): Promise<void> => {
    try {
      const ids = new Set<string>();
      for (let n = 1; ; n++) {
        const reply = await getPage<Device>(pathOf(n, 500));
        for (const d of reply.rows) {
          known.current.set(d.id, d);
          ids.add(d.id);
        }
        if (!reply.hasNext) break;
      }
      setSelected(ids);
    } catch (e) {
      toastError(e);
    }
  };
  const total = fetched.data?.total ?? 0;
  const done = (): void => { setSelected(new Set()); fetched.reload(); };
  return (
    <>
      <div class="filters">
        <span class="filter-search"><Icon name="search" /><TextInput type="search" aria-label={t.filter} placeholder={t.devices.filter} value={search} onText={(v) => setQuery({ search: v, page: null })} /></span>
        <Select aria-label={t.devices.status} value={status} onText={(v) => setQuery({ status: v, page: null })} options={[["", t.devices.anyStatus], ["online", t.status.online!], ["offline", t.status.offline!], ["error", t.status.error!]]} />
        {!modelId && <Select aria-label={t.devices.model} value={chosenModel} onText={(v) => setQuery({ model: v, page: null })} options={[["", t.devices.anyModel], ...(models.data?.rows ?? []).map((m): [string, string] => [m.id, m.name])]} />}
        <Select aria-label={t.devices.organization} value={claimed} onText={(v) => setQuery({ claimed: v, page: null })} options={[["", t.devices.anyOrganization], ["no", t.devices.unclaimed], ...(organizations.data?.rows ?? []).map((o): [string, string] => [o.id, o.name])]} />
        {!modelId && <SavedFilters id="devices" base={base} names={["search", "status", "model", "claimed"]} />}
        {filtered && <Button kind="quiet" icon="close" onClick={() => navigate(base)}>{t.noMatch.clear}</Button>}
        <span class="row end">
          <Button icon="download" label={t.exportCsv} onClick={() => void exportCsv<Device>("devices.csv", (n) => pathOf(n, 500), columns).catch(toastError)} />
          <ColumnChooser id={modelId ? "model-devices" : "devices"} columns={shown} />
        </span>
      </div>
      <Table id={modelId ? "model-devices" : "devices"} label={t.devices.title} columns={shown} fetched={fetched} rowKey={(d) => d.id} rowHref={(d) => `/partners/devices/${d.id}`}
        page={page} perPage={perPage} selected={selected} onSelect={setSelected}
        bulk={<><Button size="s" icon="claim" disabled={!chosen.length} onClick={() => setAct({ kind: "assign", devices: chosen })}>{t.devices.assign}</Button>{total > selected.size && <Button size="s" kind="quiet" onClick={() => void selectAll()}>{t.table.selectAll(total)}</Button>}</>}
        empty={filtered
          ? <Empty icon="search" title={t.noMatch.title} action={<Button onClick={() => navigate(base)}>{t.noMatch.clear}</Button>}>{t.noMatch.text}</Empty>
          : <Empty icon="device" title={t.devices.emptyTitle} action={connectHref
              ? <Button kind="primary" icon="plug" href={connectHref}>{t.connect.open}</Button>
              : <Button kind="primary" icon="model" href="/partners/models">{t.devices.toModels}</Button>}>{t.devices.emptyText}</Empty>}
        rowMenu={(d) => [
          d.organization
            ? { label: t.devices.unassign, icon: "customers", onSelect: () => setAct({ kind: "unassign", devices: [d] }) }
            : { label: t.devices.assign, icon: "claim", onSelect: () => setAct({ kind: "assign", devices: [d] }) },
          "line",
          { label: t.delete, icon: "trash", danger: true, onSelect: () => setAct({ kind: "delete", devices: [d] }) },
        ]} />
      {act?.kind === "assign" && <AssignDevices devices={act.devices} onClose={() => setAct(null)} onDone={done} />}
      {act?.kind === "unassign" && <UnassignDevice device={act.devices[0]!} onClose={() => setAct(null)} onDone={done} />}
      {act?.kind === "delete" && <DeleteDevice device={act.devices[0]!} onClose={() => setAct(null)} onDone={done} />}
    </>
  );
}

export function AssignDevices({ devices, onClose, onDone }: { devices: Device[]; onClose: () => void; onDone: () => void }): JSX.Element {
  const organizations = useFetch<Page<Organization>>("/partner/organizations?per_page=500", (p, signal) => getPage<Organization>(p, { signal }));
  const form = useForm({ organization_id: "" });
  const chosen = form.value.organization_id || organizations.data?.rows[0]?.id || "";
  const body = { device_ids: devices.map((d) => d.id), organization_id: chosen };
  const assign = (): Promise<void> => form.submit(async (_v, key) => {
    await call("POST", "/partner/devices/assign", body, { idempotencyKey: key });
    toast(t.devices.assigned(devices.length, organizations.data?.rows.find((o) => o.id === chosen)?.name ?? ""));
    onDone();
    onClose();
  });
  return (
    <Dialog title={t.devices.assignTitle} width="s" intro={t.devices.assignText(devices.length)} onClose={onClose} onSubmit={() => void assign()} footer={
      <><Button onClick={onClose}>{t.cancel}</Button><Button kind="primary" type="submit" busy={form.busy} disabled={!chosen}>{t.devices.assign}</Button></>
    }>
      {form.failure && <Notice tone="bad">{form.failure}</Notice>}
      <ul class="mini-list">{devices.slice(0, 5).map((d) => <li key={d.id}><Icon name="device" /><span class="trunc">{d.name}</span><span class="faint small trunc">{d.sn ?? d.cloud_id}</span></li>)}{devices.length > 5 && <li class="faint">{t.devices.andMore(devices.length - 5)}</li>}</ul>
      <Field label={t.devices.organization} required error={form.errors["organization_id"]}>
        {(p) => <Select {...p} value={chosen} onText={(organization_id) => form.set({ organization_id })} options={(organizations.data?.rows ?? []).map((o): [string, string] => [o.id, o.lab ? `${o.name} (${t.customers.lab})` : o.name])} />}
      </Field>
      <ApiCall text={curlLine(location.origin, "POST", "/partner/devices/assign", body)} />
    </Dialog>
  );
}

export function UnassignDevice({ device, onClose, onDone }: { device: Device; onClose: () => void; onDone: () => void }): JSX.Element {
  const path = `/partner/devices/${device.id}/unassign`;
  return (
    <Confirm title={t.devices.unassignTitle} typed={device.name} action={t.devices.unassign} api={["POST", path]} onClose={onClose}
      run={async () => { await call("POST", path); toast(t.devices.unassigned(device.name)); onDone(); }}>
      <p>{t.devices.unassignText(device.organization?.name ?? "")}</p>
    </Confirm>
  );
}

export function DeleteDevice({ device, onClose, onDone }: { device: Device; onClose: () => void; onDone: () => void }): JSX.Element {
  const path = `/partner/devices/${device.id}`;
  return (
    <Confirm title={t.devices.deleteTitle} typed={device.name} action={t.delete} api={["DELETE", path]} onClose={onClose}
      run={async () => { await call("DELETE", path); toast(t.devices.deleted(device.name)); onDone(); }}>
      <p>{t.devices.deleteText}</p>
    </Confirm>
  );
}

