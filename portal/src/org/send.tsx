/* "Send command": an active command of the model, its fields as a form, now or later. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { call } from "../lib/api";
import { buildParameters, type FormValues } from "../lib/commands";
import { curlLine } from "../lib/curl";
import type { Command, Device, OrgModel } from "../lib/types";
import { errorText, useFetch } from "../lib/use";
import { t } from "../text";
import { ApiCall, Button, Empty, Failed, Notice, Skeleton } from "../ui/basic";
import { Dialog } from "../ui/dialog";
import { Field, Select, TextInput } from "../ui/form";
import { useForm } from "../ui/form-state";
import { Segments } from "../ui/tabs";
import { toast } from "../ui/toast";
import { CommandFields } from "../shared/command-form";

function presetOf(again: Command | null): FormValues {
  const out: FormValues = {};
  for (const [key, value] of Object.entries(again?.parameters ?? {})) {
    if (typeof value === "boolean") out[key] = value;
    else if (Array.isArray(value) && value.every((x) => typeof x === "string")) out[key] = value as string[];
    else if (value !== null && value !== undefined) out[key] = typeof value === "object" ? JSON.stringify(value) : String(value);
  }
  return out;
}

export function SendCommand({ device, again, onClose, onSent }: { device: Device; again: Command | null; onClose: () => void; onSent: () => void }): JSX.Element {
  const model = useFetch<OrgModel>(`/organization/models/${device.model.id}`);
  const form = useForm<{ name: string; when: string; at: string }>({ name: again?.name ?? "", when: "now", at: "" }, { scheduled_at: "at" });
  const [values, setValues] = useState<FormValues>(presetOf(again));
  // A command that needs a file is not offered: organizations have no files to choose from.
  const usable = model.data?.commands.filter((c) => c.active && !c.with_file) ?? [];
  const def = usable.find((c) => c.name === form.value.name) ?? (usable.length === 1 ? usable[0] : undefined);
  const built = def ? buildParameters(def.custom_fields ?? [], values, t.form) : { parameters: {}, errors: {} };
  const path = `/organization/devices/${device.id}/commands`;
  const at = form.value.when === "later" && form.value.at ? new Date(form.value.at) : null;
  const body = { name: def?.name ?? "", extra_params: built.parameters, ...(at ? { scheduled_at: at.toISOString() } : {}) };
  const [tried, setTried] = useState(false);
  const [fieldErrors, setFieldErrors] = useState<Record<string, string>>({});

  const send = (): Promise<void> | undefined => {
    if (!def) return;
    setTried(true);
    if (Object.keys(built.errors).length) return;
    if (form.value.when === "later" && (!at || at.getTime() < Date.now())) return void form.setErrors({ at: t.send.future });
    return form.submit(async (_v, key) => {
      try {
        await call<Command>("POST", path, body, { idempotencyKey: key });
      } catch (e) {
        const text = errorText(e);
        const named = (def.custom_fields ?? []).find((f) => new RegExp(`^(Parameter )?${f.name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")} is `).test(text));
        if (named) setFieldErrors({ [named.name]: text });
        throw e;
      }
      toast(at ? t.send.scheduled(def.friendly_name) : t.send.sent(def.friendly_name));
      onSent();
      onClose();
    });
  };
  const errors = { ...(tried ? built.errors : {}), ...fieldErrors };
  return (
    <Dialog title={t.send.open} width="s" onClose={onClose} onSubmit={() => void send()} footer={
      <><Button onClick={onClose}>{t.cancel}</Button><Button kind="primary" icon="send" type="submit" busy={form.busy} disabled={!def}>{form.value.when === "later" ? t.send.later : t.send.now}</Button></>
    }>
      {model.error && <Failed text={errorText(model.error)} retry={model.reload} />}
      {!model.data && !model.error && <Skeleton lines={3} height={20} />}
      {model.data && usable.length === 0 && <Empty icon="terminal" title={t.send.noneTitle}>{t.send.noneText}</Empty>}
      {usable.length > 0 && (
        <>
          {form.failure && !Object.keys(fieldErrors).length && <Notice tone="bad">{form.failure}</Notice>}
          {device.status !== "online" && <Notice tone="idle" icon="clock">{t.send.offline}</Notice>}
          <Field label={t.send.command} required help={def?.description || undefined} error={form.errors["name"]}>
            {(p) => <Select {...p} value={def?.name ?? ""} onText={(name) => { form.set({ name }); setValues({}); setTried(false); setFieldErrors({}); }} options={[...(def ? [] : [["", t.send.choose] as [string, string]]), ...usable.map((c): [string, string] => [c.name, c.friendly_name])]} />}
          </Field>
          {def && <CommandFields fields={def.custom_fields ?? []} values={values} errors={errors} data={device as unknown as Record<string, unknown>} onChange={(name, value) => { setValues((old) => ({ ...old, [name]: value })); setFieldErrors({}); }} />}
          <div class="field">
            <span class="field-label">{t.send.when}</span>
            <Segments label={t.send.when} value={form.value.when} onChange={(when) => form.set({ when })} options={[["now", t.send.now], ["later", t.send.later]]} />
          </div>
          {form.value.when === "later" && <Field label={t.send.at} error={form.errors["at"]}>{(p) => <TextInput {...p} type="datetime-local" class="input-date" value={form.value.at} onText={(x) => form.set({ at: x })} />}</Field>}
          <ApiCall text={curlLine(location.origin, "POST", path, body)} />
        </>
      )}
    </Dialog>
  );
}
