/* Supported Commands of a model: the list and "Add Command" with a live preview. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { call, getPage } from "../lib/api";
import { buildParameters, optionsOf, previewMessage, type FormValues } from "../lib/commands";
import { curlLine } from "../lib/curl";
import type { CommandDef, CustomField, FieldOption, FieldType, Model, Page } from "../lib/types";
import { useFetch } from "../lib/use";
import { t } from "../text";
import { ApiCall, Button, Card, Code, Empty, Notice, Pill } from "../ui/basic";
import { Confirm, Dialog } from "../ui/dialog";
import { Check, Field, Select, Switch, TextInput } from "../ui/form";
import { useForm } from "../ui/form-state";
import { Icon } from "../ui/icons";
import { Table, type Column } from "../ui/table";
import { toast, toastError } from "../ui/toast";
import { CommandFields } from "../shared/command-form";

const columns: Column<CommandDef>[] = [
  { key: "friendly", label: t.commands.friendly, main: true, render: (c) => <span class="stack stack-1"><span class="strong">{c.friendly_name}</span>{c.description && <span class="small faint break">{c.description}</span>}</span> },
  { key: "name", label: t.commands.name, render: (c) => <code>{c.name}</code> },
  { key: "active", label: t.commands.state, render: (c) => (c.active ? <Pill tone="ok">{t.commands.active}</Pill> : <Pill tone="idle">{t.commands.inactive}</Pill>) },
  { key: "file", label: t.commands.file, render: (c) => (c.with_file ? c.file_type ?? t.yes : <span class="faint">–</span>) },
  { key: "timeout", label: t.commands.timeout, class: "num", render: (c) => (c.timeout_seconds ? t.count.seconds(c.timeout_seconds) : <span class="faint">{t.commands.noTimeout}</span>) },
  { key: "fields", label: t.commands.fields, render: (c) => (c.custom_fields?.length ? <span class="chips">{c.custom_fields.map((f) => <span key={f.name} class="chip">{f.label || f.name}</span>)}</span> : <span class="faint">–</span>) },
];

export function CommandDefs({ model }: { model: Model }): JSX.Element {
  const path = `/partner/models/${model.id}/commands`;
  const fetched = useFetch<Page<CommandDef>>(path, (p, signal) => getPage<CommandDef>(p, { signal }));
  const [act, setAct] = useState<{ kind: "add" } | { kind: "edit" | "delete"; def: CommandDef } | null>(null);
  const add = <Button icon="plus" onClick={() => setAct({ kind: "add" })}>{t.commands.add}</Button>;
  const toggle = async (def: CommandDef): Promise<void> => {
    try {
      await call("PATCH", `${path}/${def.id}`, { active: !def.active });
      fetched.set((page) => ({ ...page, rows: page.rows.map((x) => (x.id === def.id ? { ...x, active: !def.active } : x)) }));
      toast(def.active ? t.commands.deactivated(def.friendly_name) : t.commands.activated(def.friendly_name), { undo: () => void toggle({ ...def, active: !def.active }) });
    } catch (e) {
      toastError(e);
    }
  };
  return (
    <>
      <Card title={t.commands.title} action={add} flush>
        <Table id="command-defs" label={t.commands.title} columns={columns} fetched={fetched} rowKey={(c) => c.id} onRow={(c) => setAct({ kind: "edit", def: c })} rowClass={(c) => (c.active ? "" : "is-dim")}
          empty={<Empty icon="terminal" title={t.commands.emptyTitle} action={add}>{t.commands.emptyText}</Empty>}
          rowMenu={(c) => [
            { label: t.edit, icon: "edit", onSelect: () => setAct({ kind: "edit", def: c }) },
            { label: c.active ? t.commands.deactivate : t.commands.activate, icon: c.active ? "pause" : "play", onSelect: () => void toggle(c) },
            "line",
            { label: t.delete, icon: "trash", danger: true, onSelect: () => setAct({ kind: "delete", def: c }) },
          ]} />
      </Card>
      {act?.kind === "add" && <CommandForm path={path} onClose={() => setAct(null)} onDone={fetched.reload} />}
      {act?.kind === "edit" && <CommandForm path={path} edited={act.def} onClose={() => setAct(null)} onDone={fetched.reload} />}
      {act?.kind === "delete" && (
        <Confirm title={t.commands.deleteTitle} typed={act.def.friendly_name} action={t.delete} api={["DELETE", `${path}/${act.def.id}`]} onClose={() => setAct(null)}
          run={async () => { await call("DELETE", `${path}/${act.def.id}`); toast(t.commands.deleted(act.def.friendly_name)); fetched.reload(); }}>
          <p>{t.commands.deleteText}</p>
        </Confirm>
      )}
    </>
  );
}

interface DraftField {
  name: string;
  label: string;
  type: FieldType;
  required: boolean;
  source: "static" | "dynamic";
  path: string;
  options: FieldOption[];
}

const types: FieldType[] = ["string", "text", "number", "integer", "boolean", "select", "multiselect", "date", "datetime", "password", "json", "object", "array"];
const isList = (type: FieldType): boolean => type === "select" || type === "multiselect";

function toDraft(f: CustomField): DraftField {
  return { name: f.name, label: f.label ?? "", type: f.type, required: !!f.required, source: f.path ? "dynamic" : "static", path: f.path ?? "", options: optionsOf(f) };
}

function toField(d: DraftField): CustomField {
  const field: CustomField = { name: d.name.trim(), label: d.label.trim() || d.name.trim(), type: d.type, required: d.required };
  if (isList(d.type)) {
    const one = d.type === "select" ? "Single" : "Multi";
    field.typeName = `${d.source}List${one}`;
    if (d.source === "dynamic") field.path = d.path.trim();
    else field.options = d.options.filter((o) => o.value.trim()).map((o) => ({ value: o.value.trim(), label: o.label.trim() || o.value.trim() }));
  }
  return field;
}

const emptyField: DraftField = { name: "", label: "", type: "string", required: false, source: "static", path: "", options: [{ value: "", label: "" }] };

function CommandForm({ path, edited, onClose, onDone }: { path: string; edited?: CommandDef; onClose: () => void; onDone: () => void }): JSX.Element {
  const form = useForm({
    active: edited?.active ?? true, friendly_name: edited?.friendly_name ?? "", description: edited?.description ?? "", name: edited?.name ?? "",
    with_file: edited?.with_file ?? false, file_type: edited?.file_type ?? "firmware", timeout_seconds: String(edited?.timeout_seconds ?? 60), custom_fields: (edited?.custom_fields ?? []).map(toDraft),
  });
  const v = form.value;
  const body = {
    active: v.active, friendly_name: v.friendly_name.trim(), description: v.description.trim(), name: v.name.trim(), with_file: v.with_file,
    file_type: v.with_file ? v.file_type : null, timeout_seconds: Number(v.timeout_seconds || 0), custom_fields: v.custom_fields.map(toField),
  };
  const setField = (i: number, change: Partial<DraftField>): void => form.set({ custom_fields: v.custom_fields.map((f, j) => (j === i ? { ...f, ...change } : f)) });
  const save = (): Promise<void> | undefined => {
    const e: Record<string, string> = {};
    if (!/^[A-Za-z0-9_.-]{1,64}$/.test(body.name)) e["name"] = t.commands.nameBad;
    if (!/^\d{1,6}$/.test(v.timeout_seconds.trim() || "0")) e["timeout_seconds"] = t.form.wholeNumber;
    v.custom_fields.forEach((f, i) => {
      if (!f.name.trim()) e[`field${i}`] = t.form.required;
      else if (v.custom_fields.findIndex((x) => x.name.trim() === f.name.trim()) < i) e[`field${i}`] = t.commands.fieldTwice;
    });
    if (Object.keys(e).length) return void form.setErrors(e);
    return form.submit(async (_v, key) => {
      await call(edited ? "PATCH" : "POST", edited ? `${path}/${edited.id}` : path, body, edited ? {} : { idempotencyKey: key });
      toast(edited ? t.saved : t.commands.added(body.friendly_name));
      onDone();
      onClose();
    });
  };
  return (
    <Dialog title={edited ? t.commands.editTitle : t.commands.add} width="l" onClose={onClose} onSubmit={() => void save()} side={<Preview body={body} />} footer={
      <><Button onClick={onClose}>{t.cancel}</Button><Button kind="primary" type="submit" busy={form.busy} disabled={!body.friendly_name || !body.name}>{edited ? t.save : t.commands.add}</Button></>
    }>
      {form.failure && <Notice tone="bad">{form.failure}</Notice>}
      <Switch checked={v.active} onChecked={(active) => form.set({ active })} help={t.commands.activeHelp}>{t.commands.activeLabel}</Switch>
      <div class="pair">
        <Field label={t.commands.friendly} required error={form.errors["friendly_name"]}>{(p) => <TextInput {...p} value={v.friendly_name} onText={(friendly_name) => form.set({ friendly_name })} />}</Field>
        <Field label={t.commands.name} required help={t.commands.nameHelp} error={form.errors["name"]}>{(p) => <TextInput {...p} mono spellcheck={false} value={v.name} onText={(name) => form.set({ name })} />}</Field>
      </div>
      <Field label={t.commands.description} optional error={form.errors["description"]}>{(p) => <TextInput {...p} value={v.description} onText={(description) => form.set({ description })} />}</Field>
      <div class="pair">
        <Field label={t.commands.timeoutSeconds} help={t.commands.timeoutHelp} error={form.errors["timeout_seconds"]}>{(p) => <TextInput {...p} inputMode="numeric" class="input-short" value={v.timeout_seconds} onText={(timeout_seconds) => form.set({ timeout_seconds })} />}</Field>
        <div class="field">
          <Switch checked={v.with_file} onChecked={(with_file) => form.set({ with_file })}>{t.commands.withFile}</Switch>
          {v.with_file && <Select aria-label={t.commands.fileType} value={v.file_type} onText={(file_type) => form.set({ file_type })} options={["firmware", "config", "image", "manual", "other"].map((x) => [x, t.fileType[x] ?? x])} />}
        </div>
      </div>
      <fieldset class="field">
        <legend>{t.commands.customFields}</legend>
        <div class="stack stack-3">
          {v.custom_fields.map((f, i) => (
            <FieldEditor key={i} field={f} error={form.errors[`field${i}`]} onChange={(c) => setField(i, c)} onRemove={() => form.set({ custom_fields: v.custom_fields.filter((_, j) => j !== i) })} />
          ))}
          <div><Button size="s" icon="plus" onClick={() => form.set({ custom_fields: [...v.custom_fields, { ...emptyField, options: [{ value: "", label: "" }] }] })}>{t.commands.addField}</Button></div>
        </div>
      </fieldset>
      <ApiCall text={curlLine(location.origin, edited ? "PATCH" : "POST", edited ? `${path}/${edited.id}` : path, body)} />
    </Dialog>
  );
}

function FieldEditor({ field, error, onChange, onRemove }: { field: DraftField; error?: string; onChange: (change: Partial<DraftField>) => void; onRemove: () => void }): JSX.Element {
  const setOption = (i: number, change: Partial<FieldOption>): void => onChange({ options: field.options.map((o, j) => (j === i ? { ...o, ...change } : o)) });
  return (
    <div class="subform stack stack-3">
      <div class="pair">
        <Field label={t.commands.fieldKey} required error={error}>{(p) => <TextInput {...p} mono spellcheck={false} value={field.name} onText={(name) => onChange({ name })} />}</Field>
        <Field label={t.commands.fieldLabel}>{(p) => <TextInput {...p} value={field.label} onText={(label) => onChange({ label })} />}</Field>
      </div>
      <div class="row wrap row-4">
        <Select aria-label={t.commands.fieldType} value={field.type} onText={(type) => onChange({ type: type as FieldType })} options={types.map((x) => [x, t.fieldType[x] ?? x])} />
        {isList(field.type) && <Select aria-label={t.commands.listSource} value={field.source} onText={(x) => onChange({ source: x as DraftField["source"] })} options={[["static", t.commands.listStatic], ["dynamic", t.commands.listDynamic]]} />}
        <Check checked={field.required} onChecked={(required) => onChange({ required })}>{t.commands.fieldRequired}</Check>
        <Button class="end" size="s" kind="quiet" icon="trash" label={t.commands.removeField} onClick={onRemove} />
      </div>
      {isList(field.type) && field.source === "dynamic" && (
        <Field label={t.commands.path} help={t.commands.pathHelp}>{(p) => <TextInput {...p} mono placeholder="details.available_inputs" value={field.path} onText={(path) => onChange({ path })} />}</Field>
      )}
      {isList(field.type) && field.source === "static" && (
        <div class="stack stack-2">
          {field.options.map((o, i) => (
            <div key={i} class="row">
              <TextInput aria-label={t.commands.optionLabel} placeholder={t.commands.optionLabel} value={o.label} onText={(label) => setOption(i, { label })} />
              <TextInput aria-label={t.commands.optionValue} placeholder={t.commands.optionValue} mono value={o.value} onText={(value) => setOption(i, { value })} />
              <Button size="s" kind="quiet" icon="up" label={t.commands.optionUp} disabled={i === 0} onClick={() => onChange({ options: swap(field.options, i) })} />
              <Button size="s" kind="quiet" icon="close" label={t.commands.removeOption} onClick={() => onChange({ options: field.options.filter((_, j) => j !== i) })} />
            </div>
          ))}
          <div><Button size="s" kind="quiet" icon="plus" onClick={() => onChange({ options: [...field.options, { value: "", label: "" }] })}>{t.commands.addOption}</Button></div>
        </div>
      )}
    </div>
  );
}

function swap<T>(list: T[], i: number): T[] {
  const out = [...list];
  [out[i - 1], out[i]] = [out[i]!, out[i - 1]!];
  return out;
}

type Draft = Pick<CommandDef, "name" | "with_file" | "custom_fields" | "friendly_name" | "description">;

function Preview({ body }: { body: Draft }): JSX.Element {
  const [values, setValues] = useState<FormValues>({});
  const { parameters } = buildParameters(body.custom_fields, values, t.form);
  return (
    <>
      <p class="eyebrow">{t.commands.previewForm}</p>
      <div class="preview stack stack-3">
        <div><h3>{body.friendly_name || t.commands.friendly}</h3>{body.description && <p class="small muted">{body.description}</p>}</div>
        <CommandFields fields={body.custom_fields.filter((f) => f.name)} values={values} errors={{}} data={{}} onChange={(name, value) => setValues((old) => ({ ...old, [name]: value }))} />
        {body.custom_fields.length === 0 && <p class="small faint">{t.commands.previewNoFields}</p>}
        <span class="btn btn-primary btn-s is-inert" aria-hidden="true"><Icon name="send" />{t.send.now}</span>
      </div>
      <p class="eyebrow">{t.commands.previewJson}</p>
      <Code text={JSON.stringify(previewMessage(body, parameters), null, 2)} label={t.commands.previewJson} wrap />
    </>
  );
}
