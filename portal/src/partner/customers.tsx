import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { call, getPage } from "../lib/api";
import { curlLine } from "../lib/curl";
import type { Organization, Page } from "../lib/types";
import { useFetch, useTitle } from "../lib/use";
import { queryParam, setQuery } from "../lib/router";
import { t } from "../text";
import { ApiCall, Button, Empty, Ident, Notice, Time } from "../ui/basic";
import { Dialog } from "../ui/dialog";
import { Field, TextInput } from "../ui/form";
import { useForm } from "../ui/form-state";
import { Table, type Column } from "../ui/table";
import { PageHead } from "../shared/page";
import { ShownOnce } from "./device";

const columns: Column<Organization>[] = [
  { key: "name", label: t.customers.name, main: true, render: (o) => <span class="row"><span class="strong break">{o.name}</span>{o.lab && <span class="chip">{t.customers.lab}</span>}</span> },
  { key: "id", label: t.customers.id, render: (o) => <Ident value={o.id} />, spare: true },
  { key: "devices", label: t.devices.title, class: "num right", render: (o) => <a href={`/partners/devices?claimed=${o.id}`}>{(o.devices_count ?? o.devices ?? 0).toLocaleString("en-US")}</a> },
  { key: "created", label: t.customers.created, render: (o) => <Time at={o.created_at} /> },
];

export function Customers(): JSX.Element {
  useTitle(t.customers.title);
  const fetched = useFetch<Page<Organization>>("/partner/organizations?per_page=500", (p, signal) => getPage<Organization>(p, { signal }));
  const [secret, setSecret] = useState<string | null>(null);
  const button = <Button kind="primary" icon="plus" onClick={() => setQuery({ create: "1" }, { push: true })}>{t.customers.create}</Button>;
  return (
    <>
      <PageHead title={t.customers.title} sub={t.customers.sub} actions={button} />
      <Table id="customers" label={t.customers.title} columns={columns} fetched={fetched} rowKey={(o) => o.id} rowHref={(o) => `/partners/devices?claimed=${o.id}`}
        empty={<Empty icon="customers" title={t.customers.emptyTitle} action={button}>{t.customers.emptyText}</Empty>} />
      {queryParam("create") === "1" && <CreateCustomer onClose={() => setQuery({ create: null })} onDone={(key) => { fetched.reload(); setQuery({ create: null }); setSecret(key); }} />}
      {secret && <ShownOnce title={t.customers.keyTitle} text={t.customers.keyText} secret={secret} onClose={() => setSecret(null)} />}
    </>
  );
}

function CreateCustomer({ onClose, onDone }: { onClose: () => void; onDone: (key: string | null) => void }): JSX.Element {
  const form = useForm({ name: "", admin_contact_name: "", admin_contact_email: "" });
  const v = form.value;
  const body = { name: v.name.trim(), admin_contact_email: v.admin_contact_email.trim(), ...(v.admin_contact_name.trim() ? { admin_contact_name: v.admin_contact_name.trim() } : {}) };
  const create = (): Promise<void> => form.submit(async (_v, key) => {
    const made = await call<Organization & { api_key?: string }>("POST", "/partner/organizations", body, { idempotencyKey: key });
    onDone(made.api_key ?? null);
  });
  return (
    <Dialog title={t.customers.create} width="s" onClose={onClose} onSubmit={() => void create()} footer={
      <><Button onClick={onClose}>{t.cancel}</Button><Button kind="primary" type="submit" busy={form.busy} disabled={!body.name || !body.admin_contact_email}>{t.customers.create}</Button></>
    }>
      {form.failure && <Notice tone="bad">{form.failure}</Notice>}
      <Field label={t.customers.name} required error={form.errors["name"]}>{(p) => <TextInput {...p} value={v.name} onText={(name) => form.set({ name })} />}</Field>
      <Field label={t.customers.adminEmail} required help={t.customers.adminHelp} error={form.errors["admin_contact_email"]}>{(p) => <TextInput {...p} type="email" value={v.admin_contact_email} onText={(admin_contact_email) => form.set({ admin_contact_email })} />}</Field>
      <Field label={t.customers.adminName} optional error={form.errors["admin_contact_name"]}>{(p) => <TextInput {...p} value={v.admin_contact_name} onText={(admin_contact_name) => form.set({ admin_contact_name })} />}</Field>
      <ApiCall text={curlLine(location.origin, "POST", "/partner/organizations", body)} />
    </Dialog>
  );
}
