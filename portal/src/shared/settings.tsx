/* Settings: the addresses to put into firmware (partner) and API keys. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { OneTimeCodes } from "../account/codes";
import { call, getPage } from "../lib/api";
import { curlLine } from "../lib/curl";
import type { ApiKey, Area, Page, PartnerSettings } from "../lib/types";
import { errorText, useFetch, useTitle } from "../lib/use";
import { t } from "../text";
import { ApiCall, Button, Card, Empty, Facts, Failed, Ident, Notice, Pill, Skeleton, Time } from "../ui/basic";
import { Confirm, Dialog } from "../ui/dialog";
import { Field, Radios, TextInput } from "../ui/form";
import { useForm } from "../ui/form-state";
import { Table, type Column } from "../ui/table";
import { Tabs } from "../ui/tabs";
import { toast } from "../ui/toast";
import { ShownOnce } from "../partner/device";
import { PageHead } from "./page";

export function SettingsView({ area, tab }: { area: Area; tab: string }): JSX.Element {
  useTitle(t.settings.title);
  const base = area === "partner" ? "/partners/settings" : "/app/settings";
  const tabs = area === "partner" ? (["provision", "api-keys", "account"] as const) : (["api-keys", "account"] as const);
  return (
    <>
      <PageHead title={t.settings.title} />
      {tabs.length > 1 && <Tabs label={t.settings.title} tabs={tabs.map((x, i) => ({ href: i === 0 ? base : `${base}/${x}`, label: t.settings.tabs[x], on: x === tab }))} />}
      {tab === "provision" && <Provision />}
      {tab === "api-keys" && <ApiKeys area={area} />}
      {tab === "account" && <OneTimeCodes />}
    </>
  );
}

function Provision(): JSX.Element {
  const fetched = useFetch<PartnerSettings>("/partner/settings");
  if (fetched.error) return <Failed text={errorText(fetched.error)} retry={fetched.reload} />;
  const s = fetched.data;
  if (!s) return <Skeleton lines={4} height={20} />;
  return (
    <Card title={t.settings.provision}>
      <div class="stack">
        <p class="muted">{t.settings.provisionText}</p>
        <Facts rows={[
          [t.settings.partner, s.name],
          [t.settings.shortCode, <Ident value={s.short_code} />],
          [t.settings.entry, <Ident value={`${s.public_url}/v1/devices`} />],
          [t.settings.hub, <Ident value={s.public_url} />],
          [t.settings.mqtt, <Ident value={s.mqtt_url} />],
        ]} />
      </div>
    </Card>
  );
}

const columns: Column<ApiKey>[] = [
  { key: "name", label: t.apiKeys.name, main: true, render: (k) => <span class="strong">{k.name}</span> },
  { key: "scope", label: t.apiKeys.scope, render: (k) => <Pill tone={k.scope === "full" ? "info" : "idle"} dot={false}>{t.apiKeys.scopes[k.scope] ?? k.scope}</Pill> },
  { key: "expires", label: t.apiKeys.expires, render: (k) => <Time at={k.expires_at} empty={t.keys.never} /> },
  { key: "used", label: t.apiKeys.used, render: (k) => <Time at={k.last_used_at} empty={t.keys.never} /> },
  { key: "created", label: t.apiKeys.created, render: (k) => <Time at={k.created_at} /> },
];

function ApiKeys({ area }: { area: Area }): JSX.Element {
  const path = `/${area}/api_keys`;
  const fetched = useFetch<Page<ApiKey>>(path, (p, signal) => getPage<ApiKey>(p, { signal }));
  const [adding, setAdding] = useState(false);
  const [revoke, setRevoke] = useState<ApiKey | null>(null);
  const [secret, setSecret] = useState<string | null>(null);
  const add = <Button icon="plus" onClick={() => setAdding(true)}>{t.apiKeys.add}</Button>;
  const rows = fetched.data?.rows.filter((k) => !k.revoked_at);
  return (
    <>
      <Card title={t.apiKeys.title} action={add} flush>
        <Table id="api-keys" label={t.apiKeys.title} columns={columns} rowKey={(k) => k.id}
          fetched={rows ? { ...fetched, data: { rows, total: rows.length, hasNext: false } } : fetched}
          empty={<Empty icon="key" title={t.apiKeys.emptyTitle} action={add}>{area === "partner" ? t.apiKeys.emptyPartner : t.apiKeys.emptyOrganization}</Empty>}
          rowMenu={(k) => [{ label: t.apiKeys.revoke, icon: "trash", danger: true, onSelect: () => setRevoke(k) }]} />
      </Card>
      <p class="small faint hint">{t.apiKeys.hint}</p>
      {adding && <AddApiKey path={path} onClose={() => setAdding(false)} onDone={(key) => { setAdding(false); setSecret(key); fetched.reload(); }} />}
      {secret && <ShownOnce title={t.apiKeys.newKey} text={t.apiKeys.newKeyText} secret={secret} onClose={() => setSecret(null)} />}
      {revoke && (
        <Confirm title={t.apiKeys.revokeTitle} typed={revoke.name} action={t.apiKeys.revoke} api={["DELETE", `${path}/${revoke.id}`]} onClose={() => setRevoke(null)}
          run={async () => { await call("DELETE", `${path}/${revoke.id}`); toast(t.apiKeys.revoked(revoke.name)); fetched.reload(); }}>
          <p>{t.apiKeys.revokeText}</p>
        </Confirm>
      )}
    </>
  );
}

function AddApiKey({ path, onClose, onDone }: { path: string; onClose: () => void; onDone: (key: string) => void }): JSX.Element {
  const form = useForm({ name: "", scope: "full", expires_at: "" });
  const v = form.value;
  const body = { name: v.name.trim(), scope: v.scope, ...(v.expires_at ? { expires_at: new Date(`${v.expires_at}T23:59:59Z`).toISOString() } : {}) };
  const create = (): Promise<void> => form.submit(async (_v, key) => {
    const made = await call<ApiKey>("POST", path, body, { idempotencyKey: key });
    onDone(made.key ?? made.api_key ?? "");
  });
  return (
    <Dialog title={t.apiKeys.add} width="s" onClose={onClose} onSubmit={() => void create()} footer={
      <><Button onClick={onClose}>{t.cancel}</Button><Button kind="primary" type="submit" busy={form.busy} disabled={!body.name}>{t.apiKeys.create}</Button></>
    }>
      {form.failure && <Notice tone="bad">{form.failure}</Notice>}
      <Field label={t.apiKeys.name} required help={t.apiKeys.nameHelp} error={form.errors["name"]}>{(p) => <TextInput {...p} autocomplete="off" value={v.name} onText={(name) => form.set({ name })} />}</Field>
      <Radios legend={t.apiKeys.scope} name="scope" value={v.scope} onText={(scope) => form.set({ scope })} choices={[
        { value: "full", label: t.apiKeys.scopes.full!, help: t.apiKeys.fullHelp }, { value: "read", label: t.apiKeys.scopes.read!, help: t.apiKeys.readHelp }]} />
      <Field label={t.apiKeys.expires} optional error={form.errors["expires_at"]}>{(p) => <TextInput {...p} type="date" class="input-date" value={v.expires_at} onText={(expires_at) => form.set({ expires_at })} />}</Field>
      <ApiCall text={curlLine(location.origin, "POST", path, body)} />
    </Dialog>
  );
}
