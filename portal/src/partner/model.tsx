import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { navigate, queryParam } from "../lib/router";
import type { Model } from "../lib/types";
import { errorText, useFetch, useTitle } from "../lib/use";
import { useLive } from "../lib/stream";
import { t } from "../text";
import { Button, Card, Empty, ExactTime, Facts, Failed, Ident, Notice, Skeleton } from "../ui/basic";
import { Icon } from "../ui/icons";
import { Menu } from "../ui/menu";
import { Tabs } from "../ui/tabs";
import { toastError } from "../ui/toast";
import { Activity } from "../shared/activity";
import { ModelIcon } from "../shared/model-icon";
import { PageHead } from "../shared/page";
import { CommandDefs } from "./command-defs";
import { DeviceTable } from "./devices";
import { HardwareKeys } from "./hardware-keys";
import { CloneModel, DeleteModel, EditModel, setPublished } from "./model-dialogs";
import { ModelHistory } from "./model-history";
import { ProtocolBadge, PublishedPill } from "./model-fields";

const tabs = ["info", "hardware-keys", "commands", "devices"] as const;

export function ModelPage({ id, tab }: { id: string; tab: string }): JSX.Element {
  const fetched = useFetch<Model>(`/partner/models/${encodeURIComponent(id)}`);
  const [act, setAct] = useState<"edit" | "clone" | "delete" | "history" | null>(null);
  const model = fetched.data;
  useTitle(model ? `${model.name} · ${t.models.title}` : t.models.title);
  useLive(["registration"], undefined, fetched.reload, 800);

  if (fetched.error && !model) {
    if (fetched.error.status === 404) return <Empty icon="model" title={t.model.gone} action={<Button href="/partners/models">{t.model.toList}</Button>} />;
    return <Failed text={errorText(fetched.error)} retry={fetched.reload} />;
  }
  if (!model) return <Skeleton lines={8} height={20} />;
  const base = `/partners/models/${id}`;
  const added = queryParam("added") === "1";
  return (
    <>
      <PageHead trail={{ href: "/partners/models", label: t.models.title }} title={model.name} icon={<ModelIcon url={model.icon_url} size={44} />}
        badge={<><ProtocolBadge protocol={model.communication_protocol} /><PublishedPill model={model} /></>}
        sub={<><span class="ident"><span class="faint">{t.model.id}</span><Ident value={model.id} /></span><span class="dot-sep">{t.count.devices(model.devices_count)}</span></>}
        actions={
          <>
            {model.device_type !== "digital" && <Button kind="primary" icon="plug" href={`${base}/connect`}>{t.connect.open}</Button>}
            <Button icon="edit" onClick={() => setAct("edit")}>{t.edit}</Button>
            <Menu label={t.more} class="btn btn-plain btn-icon" items={[
              { label: model.published ? t.models.unpublish : t.models.publish, icon: "publish", onSelect: () => void setPublished(model, !model.published, (m) => fetched.set(() => m)).catch(toastError) },
              { label: t.clone, icon: "copy", onSelect: () => setAct("clone") },
              { label: t.history.title, icon: "clock", onSelect: () => setAct("history") },
              "line",
              { label: t.delete, icon: "trash", danger: true, onSelect: () => setAct("delete") },
            ]}><Icon name="more" /></Menu>
          </>
        } />
      <Tabs label={model.name} tabs={tabs.map((x) => ({ href: x === "info" ? base : `${base}/${x}`, label: t.model.tabs[x], on: x === tab, count: x === "devices" ? model.devices_count : undefined }))} />
      {tab === "info" && <Info model={model} added={added} />}
      {tab === "hardware-keys" && <HardwareKeys model={model} />}
      {tab === "commands" && <CommandDefs model={model} />}
      {tab === "devices" && <DeviceTable base={base + "/devices"} modelId={model.id} connectHref={`${base}/connect`} />}
      {act === "edit" && <EditModel model={model} onClose={() => setAct(null)} onSaved={(m) => fetched.set((old) => ({ ...old, ...m }))} />}
      {act === "history" && <ModelHistory model={model} onClose={() => setAct(null)} onRestored={(m) => fetched.set((old) => ({ ...old, ...m }))} />}
      {act === "clone" && <CloneModel model={model} onClose={() => setAct(null)} />}
      {act === "delete" && <DeleteModel model={model} onClose={() => setAct(null)} onDone={() => navigate("/partners/models")} />}
    </>
  );
}

function Info({ model, added }: { model: Model; added: boolean }): JSX.Element {
  return (
    <div class="stack stack-6">
      {added && (
        <Notice tone="ok" action={<Button size="s" icon="plug" href={`/partners/models/${model.id}/connect`}>{t.connect.open}</Button>}>
          <strong>{t.model.added(model.name)}</strong> {model.device_type === "digital" ? t.model.addedDigital : t.model.addedKey}
        </Notice>
      )}
      <div class="columns">
        <Card title={t.model.about}>
          <Facts rows={[
            [t.model.id, <Ident value={model.id} />],
            [t.addModel.sku, model.sku || <span class="faint">–</span>],
            [t.addModel.protocol, <span class="row"><ProtocolBadge protocol={model.communication_protocol} /><Icon name="lock" class="faint" /></span>],
            [t.addModel.deviceType, t.deviceType[model.device_type]],
            [t.addModel.authentication, t.authentication[model.authentication_method]],
            [t.addModel.apiVersion, <>{model.api_version} <span class="faint small">{t.apiVersion[model.api_version]}</span></>],
            [t.addModel.threshold, model.offline_threshold_minutes === null ? t.addModel.thresholdOff : t.count.minutes(model.offline_threshold_minutes)],
            [t.addModel.tabs, <span class="chips">{(model.enabled_tabs ?? []).map((x) => <span key={x} class="chip">{t.tabName[x] ?? x}</span>)}</span>],
            [t.model.vendor, model.vendor],
            [t.model.created, <ExactTime at={model.created_at} />],
            [t.model.updated, <ExactTime at={model.updated_at} />],
          ]} />
        </Card>
        <div class="stack stack-5">
          <Card title={t.connect.stepsTitle}>
            <ConnectionSteps model={model} />
          </Card>
          <Activity area="partner" kind="model" id={model.id} key={model.updated_at} />
        </div>
      </div>
    </div>
  );
}

export function ConnectionSteps({ model }: { model: Model }): JSX.Element {
  const steps = model.communication_protocol === "mqtt" ? t.connect.mqttSteps : t.connect.httpsSteps;
  return (
    <ol class="guide">
      {steps.map(([title, text], i) => <li key={title}><span class="guide-no">{i + 1}</span><div><h3>{title}</h3><p class="small muted">{text}</p></div></li>)}
    </ol>
  );
}
