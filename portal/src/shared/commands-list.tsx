/* Commands of a device: the same list in both portals; only the organization's has actions. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { call, getPage, query } from "../lib/api";
import { queryParam, setQuery } from "../lib/router";
import { useLive } from "../lib/stream";
import type { Area, Command, Device, Page } from "../lib/types";
import { useFetch } from "../lib/use";
import { t } from "../text";
import { Button, CommandPill, Empty, Notice, Time } from "../ui/basic";
import { Confirm } from "../ui/dialog";
import { Select } from "../ui/form";
import { JsonLine } from "../ui/json";
import { Table, type Column } from "../ui/table";
import { toast } from "../ui/toast";

const states = ["scheduled", "pending", "in_progress", "done", "failed", "aborted"] as const;
const perPage = 50;

function author(c: Command): string {
  const by = c.created_by as { name?: string } | string | null | undefined;
  return typeof by === "string" ? by : by?.name ?? "–";
}

const columns: Column<Command>[] = [
  { key: "status", class: "col-state", label: t.sent.state, render: (c) => <CommandPill status={c.status} delivered={c.delivered_at !== null && c.status === "pending"} /> },
  { key: "name", label: t.sent.command, main: true, render: (c) => <span class="stack stack-1"><span class="strong">{c.friendly_name ?? c.name}</span><code class="faint small">{c.name}</code></span> },
  { key: "parameters", label: t.sent.parameters, render: (c) => <JsonLine value={c.parameters} /> },
  { key: "message", label: t.sent.message, render: (c) => (c.message ? <span class="break">{c.message}</span> : <span class="faint">–</span>) },
  { key: "by", label: t.sent.by, render: author, spare: true },
  { key: "created", label: t.sent.created, render: (c) => <Time at={c.created_at} /> },
  { key: "delivered", class: "wide", label: t.sent.delivered, render: (c) => <Time at={c.delivered_at} /> },
  { key: "finished", label: t.sent.finished, render: (c) => <Time at={c.finished_at} /> },
];

const cancellable = (c: Command): boolean => c.status === "scheduled" || c.status === "pending" || c.status === "in_progress";

export function CommandList({ device, area, send, again }: { device: Device; area: Area; send?: JSX.Element; again?: (c: Command) => void }): JSX.Element {
  const status = queryParam("status");
  const page = Math.max(1, Number(queryParam("page")) || 1);
  const path = `/${area}/devices/${device.id}/commands`;
  const fetched = useFetch<Page<Command>>(path + query({ status, page: page > 1 ? page : "", per_page: perPage }), (p, signal) => getPage<Command>(p, { signal }));
  const [cancel, setCancel] = useState<Command | null>(null);
  useLive(["command"], device.id, fetched.reload, 250);
  return (
    <>
      {area === "partner" && <Notice icon="lock">{t.sent.readOnly}</Notice>}
      {area === "organization" && device.status !== "online" && <Notice tone="idle" icon="clock">{t.send.offline}</Notice>}
      {(status !== "" || (fetched.data?.rows.length ?? 0) > 0) && <div class="filters">
        <Select aria-label={t.sent.state} value={status} onText={(v) => setQuery({ status: v, page: null })} options={[["", t.sent.anyState], ...states.map((s): [string, string] => [s, t.commandStatus[s]])]} />
      </div>}
      <Table id={`commands-${area}`} label={t.sent.title} columns={columns} fetched={fetched} rowKey={(c) => c.id} page={page} perPage={perPage}
        empty={status
          ? <Empty icon="search" title={t.noMatch.title} action={<Button onClick={() => setQuery({ status: null })}>{t.noMatch.clear}</Button>}>{t.noMatch.text}</Empty>
          : <Empty icon="terminal" title={t.sent.emptyTitle} action={send}>{area === "partner" ? t.sent.emptyPartner : t.sent.emptyText}</Empty>}
        rowMenu={area === "partner" ? undefined : (c) => [
          ...(again ? [{ label: t.sent.again, icon: "send" as const, onSelect: () => again(c) }] : []),
          ...(cancellable(c) ? ["line" as const, { label: t.sent.cancel, icon: "close" as const, danger: true, onSelect: () => setCancel(c) }] : []),
        ]} />
      {cancel && (
        <Confirm title={t.sent.cancelTitle(cancel.friendly_name ?? cancel.name)} action={t.sent.cancel} api={["DELETE", `${path}/${cancel.id}`]} onClose={() => setCancel(null)}
          run={async () => { await call("DELETE", `${path}/${cancel.id}`); toast(t.sent.cancelled); fetched.reload(); }}>
          <p>{t.sent.cancelText}</p>
        </Confirm>
      )}
    </>
  );
}
