import type { JSX } from "preact";
import { session } from "../lib/api";
import { prefs, setPrefs } from "../lib/prefs";
import { useLive } from "../lib/stream";
import type { Overview } from "../lib/types";
import { errorText, useFetch, useTitle } from "../lib/use";
import { t } from "../text";
import { Button, Card, Failed, Skeleton } from "../ui/basic";
import { Icon } from "../ui/icons";
import { PageHead } from "../shared/page";

export function PartnerOverview(): JSX.Element {
  useTitle(t.overview.title);
  const fetched = useFetch<Overview>("/partner/overview");
  useLive(["status", "registration", "event"], undefined, fetched.reload, 1500);
  const o = fetched.data;
  const first = session.value?.user.name.split(" ")[0] ?? "";
  if (fetched.error && !o) return <Failed text={errorText(fetched.error)} retry={fetched.reload} />;
  return (
    <>
      <PageHead title={t.overview.title} sub={o && o.devices.total === 0 ? t.overview.welcome(first) : t.overview.sub} />
      {!o ? <Skeleton lines={6} height={28} /> : (
        <div class="stack stack-6">
          {!prefs.value.checklistDone && <Checklist o={o} />}
          {o.devices.total > 0 && <Counts o={o} />}
          {o.devices.total > 0 && (
            <div class="columns">
              <Card title={t.overview.traffic}>
                <div class="figures">
                  <Figure value={o.messages_per_minute} label={t.overview.perMinute} href="/partners/live" />
                  <Figure value={o.devices.connected} label={t.overview.connected} href="/partners/devices?status=online" />
                  <Figure value={o.registrations_today} label={t.overview.registrations} href="/partners/provisioning" />
                  <Figure value={o.registrations_refused_today} label={t.overview.refused} href="/partners/provisioning?result=refused" warn={o.registrations_refused_today > 0} />
                </div>
              </Card>
              <Card title={t.overview.firmware}>
                <Firmware rows={o.firmware} />
              </Card>
            </div>
          )}
        </div>
      )}
    </>
  );
}

function Counts({ o }: { o: Overview }): JSX.Element {
  const d = o.devices;
  const parts: [number, string, string, string][] = [
    [d.online, t.status.online!, "ok", "?status=online"],
    [d.error, t.status.error!, "bad", "?status=error"],
    [d.offline, t.status.offline!, "idle", "?status=offline"],
    [d.never_seen, t.status.never, "none", ""],
  ];
  return (
    <Card>
      <div class="fleet">
        <div class="fleet-total">
          <a href="/partners/devices" class="fleet-number num">{d.total.toLocaleString("en-US")}</a>
          <span class="muted">{t.overview.devices}</span>
          <a class="small" href="/partners/devices?claimed=no">{t.overview.unclaimed(d.unclaimed)}</a>
        </div>
        <div class="fleet-body">
          <div class="fleet-bar" role="img" aria-label={parts.map(([n, label]) => `${label} ${n}`).join(", ")}>
            {parts.map(([n, label, tone]) => n > 0 && <i key={label} class={`fleet-${tone}`} style={{ flexGrow: n }} />)}
          </div>
          <div class="fleet-legend">
            {parts.map(([n, label, tone, search]) => (
              <a key={label} href={`/partners/devices${search}`}>
                <i class={`fleet-${tone}`} aria-hidden="true" /><b class="num">{n.toLocaleString("en-US")}</b><span class="muted">{label}</span>
              </a>
            ))}
          </div>
        </div>
        <div class="fleet-side">
          <a href="/partners/models"><b class="num">{o.models}</b> <span class="muted">{t.overview.models(o.models)}</span></a>
          <a href="/partners/customers"><b class="num">{o.organizations}</b> <span class="muted">{t.overview.customers(o.organizations)}</span></a>
        </div>
      </div>
    </Card>
  );
}

function Figure({ value, label, href, warn }: { value: number; label: string; href: string; warn?: boolean }): JSX.Element {
  return <a class="figure" href={href}><b class={`num ${warn ? "warn-text" : ""}`}>{Math.round(value).toLocaleString("en-US")}</b><span class="muted small">{label}</span></a>;
}

function Firmware({ rows }: { rows: Overview["firmware"] }): JSX.Element {
  if (!rows.length) return <p class="muted">{t.overview.noFirmware}</p>;
  const most = Math.max(...rows.map((r) => r.devices), 1);
  const models = [...new Set(rows.map((r) => r.model))];
  return (
    <div class="stack">
      {models.map((model) => (
        <div key={model} class="stack stack-2">
          <h3 class="small">{model}</h3>
          {rows.filter((r) => r.model === model).map((r) => (
            <div key={r.version ?? ""} class="bar-row">
              <span class="num small">{r.version ?? t.overview.unknownVersion}</span>
              <span class="bar"><i style={{ width: `${Math.max(2, (r.devices / most) * 100)}%` }} /></span>
              <span class="num small muted">{r.devices.toLocaleString("en-US")}</span>
            </div>
          ))}
        </div>
      ))}
    </div>
  );
}

function Checklist({ o }: { o: Overview }): JSX.Element | null {
  const steps: { done: boolean; title: string; text: string; href: string; action: string }[] = [
    { done: o.models > 0, title: t.checklist.model, text: t.checklist.modelText, href: "/partners/models?add=1", action: t.models.add },
    { done: o.devices.total > 0, title: t.checklist.device, text: t.checklist.deviceText, href: "/partners/models", action: t.connect.open },
    { done: o.devices.total > o.devices.unclaimed, title: t.checklist.assign, text: t.checklist.assignText, href: "/partners/devices?claimed=no", action: t.devices.assign },
  ];
  const doneCount = steps.filter((s) => s.done).length;
  if (doneCount === steps.length) return null;
  const current = steps.findIndex((s) => !s.done);
  return (
    <Card title={t.checklist.title} action={<><span class="small faint">{t.checklist.progress(doneCount, steps.length)}</span>{doneCount > 0 && <Button size="s" kind="quiet" onClick={() => setPrefs({ checklistDone: true })}>{t.checklist.hide}</Button>}</>} flush>
      <ol class="checklist">
        {steps.map((s, i) => (
          <li key={s.title} class={s.done ? "is-done" : i === current ? "is-on" : ""}>
            <span class="check-dot">{s.done ? <Icon name="check" size={13} /> : i + 1}</span>
            <div class="grow"><h3>{s.title}</h3><p class="small muted">{s.text}</p></div>
            {i === current && <Button kind="primary" href={s.href}>{s.action}</Button>}
          </li>
        ))}
      </ol>
    </Card>
  );
}

