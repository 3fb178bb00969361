/* "Add Model", Edit, Clone, and the acts of a model. */
import type { JSX } from "preact";
import { call } from "../lib/api";
import { curlLine } from "../lib/curl";
import { navigate } from "../lib/router";
import type { Model } from "../lib/types";
import { t } from "../text";
import { ApiCall, Button, Notice } from "../ui/basic";
import { Confirm, Dialog } from "../ui/dialog";
import { Check, Field, Locked, Radios, Select, Switch, TextInput } from "../ui/form";
import { useForm, type FormState } from "../ui/form-state";
import { toast } from "../ui/toast";
import { IconPicker } from "../shared/model-icon";
import { allTabs, apiChoices, protocolName } from "./model-fields";

interface Values {
  name: string;
  icon: string | null | undefined;
  sku: string;
  authentication_method: string;
  communication_protocol: string;
  device_type: string;
  api_version: string;
  offline: boolean;
  offline_threshold_minutes: string;
  enabled_tabs: string[];
  suggested_commands: string[];
}

const suggested = ["reboot", "dump", "update_firmware"] as const;
const aliases = { offline: "offline_threshold_minutes" };

function toggled(list: readonly string[], order: readonly string[], item: string, on: boolean): string[] {
  return order.filter((x) => (x === item ? on : list.includes(x)));
}

const threshold = (v: Values): number | null => (v.offline ? Number(v.offline_threshold_minutes) : null);

function thresholdError(v: Values): string | null {
  const n = Number(v.offline_threshold_minutes);
  return v.offline && !(Number.isInteger(n) && n >= 1 && n <= 43200) ? t.addModel.thresholdBad : null;
}

export function AddModel({ models, onClose }: { models: Model[]; onClose: () => void }): JSX.Element {
  const { versions, preset } = apiChoices(models);
  const form = useForm<Values>({
    name: "", icon: undefined, sku: "", authentication_method: "cloud_id", communication_protocol: "", device_type: "physical", api_version: preset,
    offline: true, offline_threshold_minutes: "5", enabled_tabs: [...allTabs], suggested_commands: ["reboot", "dump"],
  }, aliases);
  const v = form.value;
  const body = {
    name: v.name.trim(), ...(v.icon ? { icon: v.icon } : {}), ...(v.sku.trim() ? { sku: v.sku.trim() } : {}),
    authentication_method: v.authentication_method, communication_protocol: v.communication_protocol, device_type: v.device_type, api_version: v.api_version,
    offline_threshold_minutes: threshold(v), enabled_tabs: v.enabled_tabs, suggested_commands: v.suggested_commands,
  };
  const ready = v.name.trim() !== "" && v.communication_protocol !== "";
  const add = (): Promise<void> | undefined => {
    if (!ready) return;
    const bad = thresholdError(v);
    if (bad) return void form.setErrors({ offline_threshold_minutes: bad });
    return form.submit(async (_v, key) => {
      const model = await call<Model>("POST", "/partner/models", body, { idempotencyKey: key });
      onClose();
      navigate(`/partners/models/${model.id}?added=1`);
    });
  };
  return (
    <Dialog title={t.addModel.title} width="m" onClose={onClose} onSubmit={() => void add()} footer={
      <>
        <Button onClick={onClose}>{t.cancel}</Button>
        <Button kind="primary" type="submit" disabled={!ready} busy={form.busy}>{t.addModel.add}</Button>
      </>
    }>
      {form.failure && <Notice tone="bad">{form.failure}</Notice>}
      <Field label={t.addModel.name} required error={form.errors["name"]}>
        {(p) => <TextInput {...p} name="name" maxLength={255} autocomplete="off" value={v.name} onText={(name) => form.set({ name })} />}
      </Field>
      <IconPicker value={v.icon} onPick={(icon) => form.set({ icon })} error={form.errors["icon"]} />
      <Field label={t.addModel.sku} optional error={form.errors["sku"]}>
        {(p) => <TextInput {...p} name="sku" autocomplete="off" value={v.sku} onText={(sku) => form.set({ sku })} />}
      </Field>
      <Radios legend={t.addModel.authentication} required name="authentication_method" value={v.authentication_method} onText={(x) => form.set({ authentication_method: x })}
        help={t.addModel.authenticationHelp} error={form.errors["authentication_method"]} choices={[
          { value: "cloud_id", label: t.authentication.cloud_id, note: t.addModel.recommended },
          { value: "mac_sn", label: t.authentication.mac_sn },
          { value: "public_key", label: t.addModel.publicKey, note: t.addModel.soon, disabled: true },
          { value: "x509", label: t.addModel.x509, note: t.addModel.soon, disabled: true },
        ]} />
      <ProtocolRadios form={form} />
      <Radios legend={t.addModel.deviceType} required name="device_type" columns={3} value={v.device_type} onText={(x) => form.set({ device_type: x })}
        help={t.addModel.fixed} error={form.errors["device_type"]} choices={[
          { value: "physical", label: t.deviceType.physical, help: t.addModel.physicalHelp },
          { value: "digital", label: t.deviceType.digital, help: t.addModel.digitalHelp },
          { value: "application", label: t.deviceType.application, help: t.addModel.applicationHelp },
        ]} />
      <Field label={t.addModel.apiVersion} help={t.addModel.apiVersionHelp} error={form.errors["api_version"]}>
        {(p) => <Select {...p} value={v.api_version} onText={(api_version) => form.set({ api_version })} options={versions.map((x) => [x, `${x} · ${t.apiVersion[x] ?? ""}`])} />}
      </Field>
      <Editable form={form} />
      <fieldset class="field">
        <legend>{t.addModel.suggested}</legend>
        <div class="checks">
          {suggested.map((name) => (
            <Check key={name} checked={v.suggested_commands.includes(name)} onChecked={(on) => form.set({ suggested_commands: toggled(v.suggested_commands, suggested, name, on) })}>
              {t.suggested[name]} <code class="faint">{name}</code>
            </Check>
          ))}
        </div>
      </fieldset>
      <ApiCall text={curlLine(location.origin, "POST", "/partner/models", { ...body, ...(v.icon ? { icon: "data:image/png;base64,…" } : {}) })} />
    </Dialog>
  );
}

function ProtocolRadios<T extends { communication_protocol: string }>({ form }: { form: FormState<T> }): JSX.Element {
  return (
    <Radios legend={t.addModel.protocol} required name="communication_protocol" value={form.value.communication_protocol}
      onText={(x) => form.set({ communication_protocol: x } as Partial<T>)} help={t.addModel.protocolNote} error={form.errors["communication_protocol"]} choices={[
        { value: "https", label: "HTTPS", help: t.addModel.httpsHelp },
        { value: "mqtt", label: "MQTT", help: t.addModel.mqttHelp },
      ]} />
  );
}

/** Fields that may change at any time: shared by Add and Edit. */
function Editable({ form }: { form: FormState<Values> }): JSX.Element {
  const v = form.value;
  return (
    <>
      <div class="field">
        <span class="field-label">{t.addModel.threshold}</span>
        <div class="row wrap">
          <Switch checked={v.offline} onChecked={(offline) => form.set({ offline })}>{v.offline ? t.addModel.thresholdOn : t.addModel.thresholdOff}</Switch>
          {v.offline && (
            <span class="row">
              <TextInput class="input-short" inputMode="numeric" aria-label={t.addModel.thresholdMinutes} value={v.offline_threshold_minutes} onText={(x) => form.set({ offline_threshold_minutes: x })} />
              <span class="muted">{t.addModel.minutes}</span>
            </span>
          )}
        </div>
        {form.errors["offline_threshold_minutes"] && <p class="field-error" role="alert">{form.errors["offline_threshold_minutes"]}</p>}
      </div>
      <fieldset class="field">
        <legend>{t.addModel.tabs}</legend>
        <div class="checks checks-cols">
          {allTabs.map((tab) => (
            <Check key={tab} checked={v.enabled_tabs.includes(tab)} onChecked={(on) => form.set({ enabled_tabs: toggled(v.enabled_tabs, allTabs, tab, on) })}>{t.tabName[tab]}</Check>
          ))}
        </div>
      </fieldset>
    </>
  );
}

export function EditModel({ model, onClose, onSaved }: { model: Model; onClose: () => void; onSaved: (m: Model) => void }): JSX.Element {
  const form = useForm<Values>({
    name: model.name, icon: undefined, sku: model.sku ?? "", authentication_method: model.authentication_method, communication_protocol: model.communication_protocol,
    device_type: model.device_type, api_version: model.api_version, offline: model.offline_threshold_minutes !== null,
    offline_threshold_minutes: String(model.offline_threshold_minutes ?? 5), enabled_tabs: model.enabled_tabs ?? [...allTabs], suggested_commands: [],
  }, aliases);
  const v = form.value;
  const registered = model.devices_count > 0;
  const body = {
    name: v.name.trim(), sku: v.sku.trim() || null, ...(v.icon === undefined ? {} : { icon: v.icon }),
    ...(registered ? {} : { authentication_method: v.authentication_method }), offline_threshold_minutes: threshold(v), enabled_tabs: v.enabled_tabs,
  };
  const save = (): Promise<void> | undefined => {
    const bad = thresholdError(v);
    if (bad) return void form.setErrors({ offline_threshold_minutes: bad });
    return form.submit(async () => {
      onSaved(await call<Model>("PATCH", `/partner/models/${model.id}`, body));
      toast(t.saved);
      onClose();
    });
  };
  return (
    <Dialog title={t.editModel.title} width="m" onClose={onClose} onSubmit={() => void save()} footer={
      <>
        <Button onClick={onClose}>{t.cancel}</Button>
        <Button kind="primary" type="submit" busy={form.busy} disabled={!v.name.trim()}>{t.save}</Button>
      </>
    }>
      {form.failure && <Notice tone="bad">{form.failure}</Notice>}
      <Field label={t.addModel.name} required error={form.errors["name"]}>{(p) => <TextInput {...p} name="name" maxLength={255} value={v.name} onText={(name) => form.set({ name })} />}</Field>
      <IconPicker value={v.icon} current={model.icon_url} onPick={(icon) => form.set({ icon })} error={form.errors["icon"]} />
      <Field label={t.addModel.sku} optional error={form.errors["sku"]}>{(p) => <TextInput {...p} value={v.sku} onText={(sku) => form.set({ sku })} />}</Field>
      {registered
        ? <Locked label={t.addModel.authentication} value={t.authentication[model.authentication_method]} note={t.editModel.authenticationLocked} />
        : <Radios legend={t.addModel.authentication} name="authentication_method" value={v.authentication_method} onText={(x) => form.set({ authentication_method: x })} error={form.errors["authentication_method"]}
            choices={[{ value: "cloud_id", label: t.authentication.cloud_id }, { value: "mac_sn", label: t.authentication.mac_sn }]} />}
      <div class="locked-group">
        <Locked label={t.addModel.protocol} value={protocolName(model.communication_protocol)} />
        <Locked label={t.addModel.deviceType} value={t.deviceType[model.device_type]} />
        <Locked label={t.addModel.apiVersion} value={model.api_version} />
        <p class="field-help">{t.addModel.protocolNote} {t.editModel.apiLocked}</p>
      </div>
      <Editable form={form} />
      <ApiCall text={curlLine(location.origin, "PATCH", `/partner/models/${model.id}`, body)} />
    </Dialog>
  );
}

export function CloneModel({ model, onClose }: { model: Model; onClose: () => void }): JSX.Element {
  const form = useForm({ name: t.cloneModel.nameOf(model.name), communication_protocol: "" });
  const v = form.value;
  const ready = v.name.trim() !== "" && v.communication_protocol !== "";
  const body = { name: v.name.trim(), communication_protocol: v.communication_protocol };
  const clone = (): Promise<void> => form.submit(async (_v, key) => {
    const made = await call<Model>("POST", `/partner/models/${model.id}/clone`, body, { idempotencyKey: key });
    onClose();
    navigate(`/partners/models/${made.id}`);
  });
  return (
    <Dialog title={t.cloneModel.title(model.name)} width="m" intro={t.cloneModel.intro} onClose={onClose} onSubmit={() => { if (ready) void clone(); }} footer={
      <>
        <Button onClick={onClose}>{t.cancel}</Button>
        <Button kind="primary" type="submit" busy={form.busy} disabled={!ready}>{t.clone}</Button>
      </>
    }>
      {form.failure && <Notice tone="bad">{form.failure}</Notice>}
      <Field label={t.addModel.name} required error={form.errors["name"]}>{(p) => <TextInput {...p} value={v.name} onText={(name) => form.set({ name })} />}</Field>
      <ProtocolRadios form={form} />
      <ApiCall text={curlLine(location.origin, "POST", `/partner/models/${model.id}/clone`, body)} />
    </Dialog>
  );
}

export function DeleteModel({ model, onClose, onDone }: { model: Model; onClose: () => void; onDone: () => void }): JSX.Element {
  const path = `/partner/models/${model.id}`;
  return (
    <Confirm title={t.deleteModel.title} typed={model.name} action={t.delete} api={["DELETE", path]} onClose={onClose}
      run={async () => { await call("DELETE", path); toast(t.deleteModel.done(model.name)); onDone(); }}>
      <p>{t.deleteModel.text}</p>
    </Confirm>
  );
}

/** Publishes or unpublishes; both can be taken back, so Undo is offered instead of a question. */
export async function setPublished(model: Model, on: boolean, after: (m: Model) => void): Promise<void> {
  const reply = await call<Partial<Model> | null>("POST", `/partner/models/${model.id}/${on ? "publish" : "unpublish"}`);
  const next = reply && reply.id ? ({ ...model, ...reply } as Model) : { ...model, published: on };
  after(next);
  toast(on ? t.models.nowPublished(model.name) : t.models.nowUnpublished(model.name), { undo: () => void setPublished(next, !on, after).catch(() => undefined) });
}
