import type { JSX } from "preact";
import { getPage, query } from "../lib/api";
import { queryParam, setQuery } from "../lib/router";
import { useLive } from "../lib/stream";
import type { Model, Page, Registration } from "../lib/types";
import { useFetch, useTitle } from "../lib/use";
import { t } from "../text";
import { Button, Empty, Pill, Time } from "../ui/basic";
import { Select } from "../ui/form";
import { Table, type Column } from "../ui/table";
import { PageHead } from "../shared/page";

const tone = { created: "ok", replaced: "info", refused: "bad" } as const;
const dash = <span class="faint">–</span>;

export function Provisioning(): JSX.Element {
  useTitle(t.provisioning.title);
  const page = Math.max(1, Number(queryParam("page")) || 1);
  const result = queryParam("result");
  const model = queryParam("model");
  const models = useFetch<Page<Model>>("/partner/models?per_page=500", (p, signal) => getPage<Model>(p, { signal }));
  const fetched = useFetch<Page<Registration>>(`/partner/registrations${query({ result, model_id: model, page: page > 1 ? page : "", per_page: 50 })}`, (p, signal) => getPage<Registration>(p, { signal }));
  useLive(["registration"], undefined, fetched.reload, 600);
  const names = new Map(models.data?.rows.map((m) => [m.id, m.name]));
  const columns: Column<Registration>[] = [
    { key: "result", class: "col-state", label: t.provisioning.result, render: (r) => <Pill tone={tone[r.result]}>{t.provisioning.results[r.result]}</Pill> },
    { key: "time", label: t.provisioning.time, main: true, render: (r) => <Time at={r.created_at} /> },
    { key: "model", label: t.devices.model, render: (r) => (r.model_id ? names.get(r.model_id) ?? r.model_id.slice(0, 8) : dash) },
    { key: "identity", label: t.provisioning.identity, render: (r) => <span class="stack stack-1">{[r.sn, r.mac, r.cloud_id].filter(Boolean).map((x) => <code key={x} class="break small">{x}</code>)}</span> },
    { key: "address", label: t.provisioning.address, render: (r) => <code class="small">{r.address}</code> },
    { key: "outcome", label: t.provisioning.outcome, render: (r) => (r.device_id ? <a href={`/partners/devices/${r.device_id}`}>{t.provisioning.openDevice}</a> : r.error ? <span class="bad-text">{r.error}</span> : dash) },
  ];
  const filtered = !!(result || model);
  return (
    <>
      <PageHead title={t.provisioning.title} sub={t.provisioning.sub} />
      <div class="filters">
        <Select aria-label={t.provisioning.result} value={result} onText={(v) => setQuery({ result: v, page: null })} options={[["", t.provisioning.anyResult], ...(["created", "replaced", "refused"] as const).map((x): [string, string] => [x, t.provisioning.results[x]])]} />
        <Select aria-label={t.devices.model} value={model} onText={(v) => setQuery({ model: v, page: null })} options={[["", t.devices.anyModel], ...(models.data?.rows ?? []).map((m): [string, string] => [m.id, m.name])]} />
        {filtered && <Button kind="quiet" icon="close" onClick={() => setQuery({ result: null, model: null, page: null })}>{t.noMatch.clear}</Button>}
      </div>
      <Table id="registrations" label={t.provisioning.title} columns={columns} fetched={fetched} rowKey={(r) => String(r.id)} page={page} perPage={50}
        empty={filtered ? <Empty icon="search" title={t.noMatch.title}>{t.noMatch.text}</Empty> : <Empty icon="provisioning" title={t.provisioning.emptyTitle} action={<Button href="/partners/models">{t.devices.toModels}</Button>}>{t.provisioning.emptyText}</Empty>} />
    </>
  );
}
