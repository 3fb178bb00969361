import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { call, getPage } from "../lib/api";
import { curlLine } from "../lib/curl";
import { useLive } from "../lib/stream";
import type { HardwareKey, Model, Page } from "../lib/types";
import { useFetch } from "../lib/use";
import { t } from "../text";
import { ApiCall, Button, Card, Empty, Masked, Notice, Pill, Time } from "../ui/basic";
import { Confirm, Dialog } from "../ui/dialog";
import { Check, Field, TextInput } from "../ui/form";
import { useForm } from "../ui/form-state";
import { Table, type Column } from "../ui/table";
import { toast } from "../ui/toast";

const columns: Column<HardwareKey>[] = [
  { key: "name", label: t.keys.name, main: true, render: (k) => <span class="strong">{k.name}</span> },
  { key: "key", label: t.keys.key, render: (k) => <Masked value={k.key} /> },
  { key: "used", label: t.keys.used, render: (k) => <Usage k={k} /> },
  { key: "first", label: t.keys.first, render: (k) => <Time at={k.first_used_at} empty={t.keys.never} /> },
  { key: "last", label: t.keys.last, render: (k) => <Time at={k.last_used_at} empty={t.keys.never} /> },
  { key: "state", label: t.keys.state, render: (k) => (k.revoked_at ? <Pill tone="bad">{t.keys.revoked}</Pill> : <Pill tone="ok">{t.keys.active}</Pill>) },
];

function Usage({ k }: { k: HardwareKey }): JSX.Element {
  if (!k.expected_count) return <span class="num">{k.used_count.toLocaleString("en-US")}</span>;
  const over = k.used_count > k.expected_count;
  return (
    <span class="usage">
      <span class="num">{t.keys.of(k.used_count, k.expected_count)}{k.enforce_count && <span class="faint"> · {t.keys.enforced}</span>}</span>
      <span class={over ? "meter is-over" : "meter"} aria-hidden="true"><i style={{ width: `${Math.min(100, (k.used_count / k.expected_count) * 100)}%` }} /></span>
    </span>
  );
}

export function HardwareKeys({ model }: { model: Model }): JSX.Element {
  const path = `/partner/models/${model.id}/hardware_keys`;
  const fetched = useFetch<Page<HardwareKey>>(model.device_type === "digital" ? null : path, (p, signal) => getPage<HardwareKey>(p, { signal }));
  const [act, setAct] = useState<{ kind: "add" } | { kind: "edit" | "revoke"; key: HardwareKey } | null>(null);
  useLive(["registration"], undefined, fetched.reload, 800);
  if (model.device_type === "digital") return <Empty icon="key" title={t.keys.digitalTitle}>{t.keys.digitalText}</Empty>;
  const add = <Button icon="plus" onClick={() => setAct({ kind: "add" })}>{t.keys.add}</Button>;
  return (
    <>
      <Card title={t.keys.title} action={add} flush>
        <Table id="keys" label={t.keys.title} columns={columns} fetched={fetched} rowKey={(k) => k.id} rowClass={(k) => (k.revoked_at ? "is-dim" : "")}
          empty={<Empty icon="key" title={t.keys.emptyTitle} action={add}>{t.keys.emptyText}</Empty>}
          rowMenu={(k) => (k.revoked_at ? [] : [
            { label: t.edit, icon: "edit", onSelect: () => setAct({ kind: "edit", key: k }) },
            "line",
            { label: t.keys.revoke, icon: "lock", danger: true, onSelect: () => setAct({ kind: "revoke", key: k }) },
          ])} />
      </Card>
      <p class="small faint hint">{t.keys.hint}</p>
      {act?.kind === "add" && <KeyForm path={path} onClose={() => setAct(null)} onDone={fetched.reload} />}
      {act?.kind === "edit" && <KeyForm path={path} edited={act.key} onClose={() => setAct(null)} onDone={fetched.reload} />}
      {act?.kind === "revoke" && (
        <Confirm title={t.keys.revokeTitle} typed={act.key.name} action={t.keys.revoke} api={["POST", `${path}/${act.key.id}/revoke`]} onClose={() => setAct(null)}
          run={async () => { await call("POST", `${path}/${act.key.id}/revoke`); toast(t.keys.revokedDone(act.key.name)); fetched.reload(); }}>
          <p>{t.keys.revokeText}</p>
        </Confirm>
      )}
    </>
  );
}

function KeyForm({ path, edited, onClose, onDone }: { path: string; edited?: HardwareKey; onClose: () => void; onDone: () => void }): JSX.Element {
  const form = useForm({ name: edited?.name ?? "", expected_count: edited?.expected_count ? String(edited.expected_count) : "", enforce_count: edited?.enforce_count ?? false });
  const v = form.value;
  const body = { name: v.name.trim(), expected_count: v.expected_count.trim() ? Number(v.expected_count) : null, enforce_count: v.enforce_count };
  const target = edited ? `${path}/${edited.id}` : path;
  const method = edited ? "PATCH" : "POST";
  const save = (): Promise<void> | undefined => {
    if (v.expected_count.trim() && !/^[1-9]\d{0,8}$/.test(v.expected_count.trim())) return void form.setErrors({ expected_count: t.form.wholeNumber });
    return form.submit(async (_v, key) => {
      await call(method, target, body, edited ? {} : { idempotencyKey: key });
      toast(edited ? t.saved : t.keys.addedDone(body.name));
      onDone();
      onClose();
    });
  };
  return (
    <Dialog title={edited ? t.keys.editTitle : t.keys.add} width="s" onClose={onClose} onSubmit={() => void save()} footer={
      <><Button onClick={onClose}>{t.cancel}</Button><Button kind="primary" type="submit" busy={form.busy} disabled={!v.name.trim()}>{edited ? t.save : t.keys.add}</Button></>
    }>
      {form.failure && <Notice tone="bad">{form.failure}</Notice>}
      <Field label={t.keys.name} required help={t.keys.nameHelp} error={form.errors["name"]}>{(p) => <TextInput {...p} value={v.name} autocomplete="off" onText={(name) => form.set({ name })} />}</Field>
      <Field label={t.keys.expected} optional help={t.keys.expectedHelp} error={form.errors["expected_count"]}>{(p) => <TextInput {...p} inputMode="numeric" class="input-short" value={v.expected_count} onText={(expected_count) => form.set({ expected_count })} />}</Field>
      <Check checked={v.enforce_count} onChecked={(enforce_count) => form.set({ enforce_count })} help={t.keys.enforceHelp}>{t.keys.enforce}</Check>
      <ApiCall text={curlLine(location.origin, method, target, body)} />
    </Dialog>
  );
}
