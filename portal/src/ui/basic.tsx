/* Buttons, pills, times, empty states, skeletons: the smallest parts. */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { now } from "../lib/clock";
import { exactTime, relativeTime } from "../lib/format";
import { prefs } from "../lib/prefs";
import type { CommandStatus, Status } from "../lib/types";
import { t } from "../text";
import { Icon, type IconName } from "./icons";

type ButtonProps = {
  kind?: "primary" | "plain" | "quiet" | "danger";
  size?: "s" | "m";
  icon?: IconName;
  busy?: boolean;
  label?: string;
  href?: string;
  class?: string;
  children?: ComponentChildren;
} & Omit<JSX.ButtonHTMLAttributes<HTMLButtonElement>, "size" | "icon" | "label" | "class">;

/** A button, or a link that looks like one. `label` names a button that shows only an icon. */
export function Button({ kind = "plain", size = "m", icon, busy, label, href, class: extra, children, ...rest }: ButtonProps): JSX.Element {
  const cls = ["btn", `btn-${kind}`, size === "s" ? "btn-s" : "", children ? "" : "btn-icon", busy ? "is-busy" : "", extra ?? ""].filter(Boolean).join(" ");
  const inner = (
    <>
      {icon && <Icon name={icon} />}
      {children && <span class="btn-text">{children}</span>}
      {busy && <span class="btn-spin" aria-hidden="true" />}
    </>
  );
  if (href) return <a class={cls} href={href} aria-label={label} title={label}>{inner}</a>;
  return (
    <button type="button" {...rest} class={cls} aria-label={label} title={rest.title ?? label} aria-busy={busy} disabled={(rest.disabled as boolean | undefined) || busy}>
      {inner}
    </button>
  );
}

export type Tone = "ok" | "warn" | "bad" | "idle" | "info";

export function Pill({ tone, children, dot = true }: { tone: Tone; children: ComponentChildren; dot?: boolean }): JSX.Element {
  return <span class={`pill pill-${tone}`}>{dot && <i class="pill-dot" aria-hidden="true" />}{children}</span>;
}

const statusTone: Record<string, Tone> = { online: "ok", offline: "idle", error: "bad" };

export function StatusPill({ status }: { status: Status }): JSX.Element {
  return <Pill tone={status ? statusTone[status] ?? "idle" : "idle"}>{status ? t.status[status] ?? status : t.status.never}</Pill>;
}

const commandTone: Record<CommandStatus, Tone> = { scheduled: "idle", pending: "info", in_progress: "warn", done: "ok", failed: "bad", aborted: "idle" };

export function CommandPill({ status, delivered }: { status: CommandStatus; delivered?: boolean }): JSX.Element {
  const shown = status === "pending" && delivered ? t.commandStatus.delivered : t.commandStatus[status];
  return <Pill tone={commandTone[status]}>{shown}</Pill>;
}

/** Relative time with the exact one on hover; ticks by itself. */
export function Time({ at, empty = "–" }: { at: string | number | null | undefined; empty?: string }): JSX.Element {
  if (at === null || at === undefined) return <span class="faint">{empty}</span>;
  const ms = typeof at === "number" ? at : Date.parse(at);
  if (!Number.isFinite(ms)) return <span class="faint">{empty}</span>;
  const { zone } = prefs.value;
  return <time dateTime={new Date(ms).toISOString()} title={`${exactTime(ms, zone)} ${t.zone[zone]}`} class="nowrap">{relativeTime(ms, now.value)}</time>;
}

export function ExactTime({ at }: { at: string | number | null | undefined }): JSX.Element {
  if (at === null || at === undefined) return <span class="faint">–</span>;
  const ms = typeof at === "number" ? at : Date.parse(at);
  return <time dateTime={new Date(ms).toISOString()} class="num nowrap">{exactTime(ms, prefs.value.zone)}</time>;
}

export function Empty({ icon, title, children, action }: { icon: IconName; title: string; children?: ComponentChildren; action?: ComponentChildren }): JSX.Element {
  return (
    <div class="empty">
      <div class="empty-mark"><Icon name={icon} size={22} /></div>
      <h2>{title}</h2>
      {children && <p class="muted">{children}</p>}
      {action && <div class="row wrap empty-action">{action}</div>}
    </div>
  );
}

export function Skeleton({ lines = 3, height }: { lines?: number; height?: number }): JSX.Element {
  return (
    <div class="skeleton" role="status" aria-label={t.loading}>
      {Array.from({ length: lines }, (_, i) => <span key={i} class="skeleton-line" style={{ width: `${92 - ((i * 29) % 46)}%`, height: height ? `${height}px` : undefined }} />)}
    </div>
  );
}

export function Notice({ tone = "info", icon, children, action }: { tone?: Tone; icon?: IconName; children: ComponentChildren; action?: ComponentChildren }): JSX.Element {
  return (
    <div class={`notice notice-${tone}`} role={tone === "bad" ? "alert" : undefined}>
      <Icon name={icon ?? (tone === "info" || tone === "idle" ? "info" : tone === "ok" ? "check" : "alert")} />
      <div class="grow">{children}</div>
      {action}
    </div>
  );
}

export function Failed({ text, retry }: { text: string; retry?: () => void }): JSX.Element {
  return <Notice tone="bad" action={retry && <Button size="s" icon="refresh" onClick={retry}>{t.retry}</Button>}>{text}</Notice>;
}

async function toClipboard(text: string): Promise<void> {
  if (navigator.clipboard) {
    try {
      await navigator.clipboard.writeText(text);
      return;
    } catch {
      // Without permission the older way below still works.
    }
  }
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "sr";
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

export function Copy({ text, label = t.copy, quiet = true, wide }: { text: string; label?: string; quiet?: boolean; wide?: boolean }): JSX.Element {
  const [done, setDone] = useState(false);
  const timer = useRef<ReturnType<typeof setTimeout>>();
  useEffect(() => () => clearTimeout(timer.current), []);
  const copy = async (event: Event): Promise<void> => {
    event.preventDefault();
    event.stopPropagation();
    await toClipboard(text);
    setDone(true);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setDone(false), 1600);
  };
  return (
    <>
      <Button kind={quiet ? "quiet" : "plain"} size="s" icon={done ? "check" : "copy"} label={wide ? undefined : done ? t.copied : label} onClick={copy} class={done ? "is-done" : ""}>
        {wide ? (done ? t.copied : label) : undefined}
      </Button>
      <span class="sr" aria-live="polite">{done ? t.copied : ""}</span>
    </>
  );
}

/** An identifier in full, with Copy. */
export function Ident({ value, empty = "–" }: { value: string | null | undefined; empty?: string }): JSX.Element {
  if (!value) return <span class="faint">{empty}</span>;
  return <span class="ident"><code class="break">{value}</code><Copy text={value} /></span>;
}

/** A secret that may be read again: masked until asked for. */
export function Masked({ value, onReveal }: { value: string; onReveal?: () => void }): JSX.Element {
  const [shown, setShown] = useState(false);
  return (
    <span class="ident">
      <code class={shown ? "break" : "masked"}>{shown ? value : "•••• •••• •••• " + value.slice(-4)}</code>
      <Button kind="quiet" size="s" icon={shown ? "eyeOff" : "eye"} label={shown ? t.hide : t.reveal}
        onClick={() => { if (!shown) onReveal?.(); setShown(!shown); }} />
      <Copy text={value} />
    </span>
  );
}

export function Code({ text, label, wrap }: { text: string; label?: string; wrap?: boolean }): JSX.Element {
  return (
    <div class={wrap ? "code code-wrap" : "code"}>
      <pre tabIndex={0} aria-label={label}><code>{text}</code></pre>
      <div class="code-copy"><Copy text={text} /></div>
    </div>
  );
}

/** "Show API call": the equivalent request of a dialog. */
export function ApiCall({ text }: { text: string }): JSX.Element {
  return (
    <details class="apicall">
      <summary><Icon name="terminal" /><span>{t.showApiCall}</span><Icon name="right" class="apicall-turn" /></summary>
      <Code text={text} label={t.showApiCall} />
    </details>
  );
}

export function Facts({ rows }: { rows: [string, ComponentChildren][] }): JSX.Element {
  return (
    <dl class="facts">
      {rows.map(([label, value]) => <div key={label}><dt>{label}</dt><dd>{value}</dd></div>)}
    </dl>
  );
}

export function Card({ title, action, children, flush, class: extra }: { title?: ComponentChildren; action?: ComponentChildren; children: ComponentChildren; flush?: boolean; class?: string }): JSX.Element {
  return (
    <section class={`card ${extra ?? ""}`}>
      {(title || action) && <header class="card-head"><h2 class="grow">{title}</h2>{action}</header>}
      <div class={flush ? "card-flush" : "card-body"}>{children}</div>
    </section>
  );
}
