import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { getPage, query } from "../lib/api";
import { navigate, queryParam, setQuery } from "../lib/router";
import type { Model, Page } from "../lib/types";
import { useDebounced, useFetch, useTitle } from "../lib/use";
import { t } from "../text";
import { Button, Empty, Time } from "../ui/basic";
import { Select, TextInput } from "../ui/form";
import { Icon } from "../ui/icons";
import { ColumnChooser, Table, type Column } from "../ui/table";
import { toastError } from "../ui/toast";
import { ModelIcon } from "../shared/model-icon";
import { PageHead } from "../shared/page";
import { AddModel, CloneModel, DeleteModel, EditModel, setPublished } from "./model-dialogs";
import { ProtocolBadge, PublishedPill } from "./model-fields";

const columns: Column<Model>[] = [
  { key: "name", label: t.models.name, main: true, render: (m) => <span class="row"><ModelIcon url={m.icon_url} size={28} /><span class="strong break">{m.name}</span></span> },
  { key: "sku", label: t.models.sku, render: (m) => m.sku || <span class="faint">–</span> },
  { key: "protocol", label: t.models.protocol, render: (m) => <ProtocolBadge protocol={m.communication_protocol} /> },
  { key: "type", class: "wide", label: t.models.deviceType, render: (m) => t.deviceType[m.device_type] },
  { key: "authentication", class: "wide", label: t.models.authentication, render: (m) => t.authentication[m.authentication_method] },
  { key: "api", label: t.models.apiVersion, class: "num wide", render: (m) => m.api_version },
  { key: "devices", label: t.models.devices, class: "num right", render: (m) => m.devices_count.toLocaleString("en-US") },
  { key: "published", label: t.models.state, render: (m) => <PublishedPill model={m} /> },
  { key: "updated", class: "wide", label: t.models.updated, render: (m) => <Time at={m.updated_at} /> },
];

type Act = { kind: "edit" | "clone" | "delete"; model: Model };

export function Models(): JSX.Element {
  useTitle(t.models.title);
  const [act, setAct] = useState<Act | null>(null);
  const fetched = useFetch<Page<Model>>(`/partner/models${query({ per_page: 500 })}`, (p, signal) => getPage<Model>(p, { signal }));
  const search = queryParam("search");
  const protocol = queryParam("protocol");
  const wanted = useDebounced(search.toLowerCase(), 120);
  const adding = queryParam("add") === "1";
  const all = fetched.data?.rows ?? [];
  const rows = all.filter((m) => (!wanted || `${m.name} ${m.sku ?? ""} ${m.id}`.toLowerCase().includes(wanted)) && (!protocol || m.communication_protocol === protocol));
  const add = (): void => setQuery({ add: "1" }, { push: true });
  const addButton = <Button kind="primary" icon="plus" onClick={add}>{t.models.add}</Button>;
  const update = (m: Model): void => fetched.set((page) => ({ ...page, rows: page.rows.map((x) => (x.id === m.id ? m : x)) }));

  return (
    <>
      <PageHead title={t.models.title} sub={t.models.sub} actions={addButton} />
      {all.length > 0 && (
        <div class="filters">
          <span class="filter-search"><Icon name="search" /><TextInput type="search" aria-label={t.filter} placeholder={t.models.filter} value={search} onText={(v) => setQuery({ search: v })} /></span>
          <Select aria-label={t.models.protocol} value={protocol} onText={(v) => setQuery({ protocol: v })} options={[["", t.models.anyProtocol], ["mqtt", "MQTT"], ["https", "HTTPS"]]} />
          <span class="end"><ColumnChooser id="models" columns={columns} /></span>
        </div>
      )}
      <Table id="models" label={t.models.title} columns={columns} rowKey={(m) => m.id} rowHref={(m) => `/partners/models/${m.id}`}
        fetched={fetched.data ? { ...fetched, data: { rows, total: rows.length, hasNext: false } } : fetched}
        empty={all.length
          ? <Empty icon="search" title={t.noMatch.title} action={<Button onClick={() => navigate("/partners/models")}>{t.noMatch.clear}</Button>}>{t.noMatch.text}</Empty>
          : <Empty icon="model" title={t.models.emptyTitle} action={addButton}>{t.models.emptyText}</Empty>}
        rowMenu={(m) => [
          { label: t.edit, icon: "edit", onSelect: () => setAct({ kind: "edit", model: m }) },
          { label: t.clone, icon: "copy", onSelect: () => setAct({ kind: "clone", model: m }) },
          { label: m.published ? t.models.unpublish : t.models.publish, icon: "publish", onSelect: () => void setPublished(m, !m.published, update).catch(toastError) },
          "line",
          { label: t.delete, icon: "trash", danger: true, onSelect: () => setAct({ kind: "delete", model: m }) },
        ]} />
      {adding && fetched.data && <AddModel models={all} onClose={() => setQuery({ add: null })} />}
      {act?.kind === "edit" && <EditModel model={act.model} onClose={() => setAct(null)} onSaved={update} />}
      {act?.kind === "clone" && <CloneModel model={act.model} onClose={() => setAct(null)} />}
      {act?.kind === "delete" && <DeleteModel model={act.model} onClose={() => setAct(null)} onDone={fetched.reload} />}
    </>
  );
}
