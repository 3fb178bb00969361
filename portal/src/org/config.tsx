/* Configuration as JSON: version, applied or pending, earlier versions, and what to do when two people save at once. */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, call, get, getPage } from "../lib/api";
import { curlLine } from "../lib/curl";
import { setDirty } from "../lib/router";
import { useLive } from "../lib/stream";
import type { Config, ConfigVersion, Device, Page } from "../lib/types";
import { errorText, useFetch } from "../lib/use";
import { t } from "../text";
import { ApiCall, Button, Card, Code, Empty, Failed, Notice, Pill, Skeleton, Time } from "../ui/basic";
import { TextArea } from "../ui/form";
import { toast } from "../ui/toast";

const show = (config: unknown): string => JSON.stringify(config ?? {}, null, 2);

export function AppliedPill({ version, applied }: { version: number; applied: number }): JSX.Element {
  if (version === 0) return <Pill tone="idle">{t.config.never}</Pill>;
  return applied >= version ? <Pill tone="ok">{t.config.applied}</Pill> : <Pill tone="warn">{t.config.pending}</Pill>;
}

function authorName(v: ConfigVersion): string {
  const by = v.author as { name?: string } | string | null | undefined;
  return typeof by === "string" ? by : by?.name ?? "";
}

export function Configuration({ device, onChange }: { device: Device; onChange: () => void }): JSX.Element {
  const path = `/organization/devices/${device.id}/config`;
  const current = useFetch<Config>(path);
  const versions = useFetch<Page<ConfigVersion>>(`${path}/versions`, (p, signal) => getPage<ConfigVersion>(p, { signal }));
  const [draft, setDraft] = useState<string | null>(null);
  const [base, setBase] = useState(0);
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<string | null>(null);
  const [conflict, setConflict] = useState<Config | null>(null);
  const owner = useRef({});
  useLive(["config"], device.id, () => { current.reload(); versions.reload(); }, 400);
  useEffect(() => () => setDirty(owner.current, false), []);

  const edit = (text: string): void => {
    if (draft === null) setBase(current.data?.version ?? 0);
    const clean = text === show(current.data?.config);
    setDraft(clean ? null : text);
    setDirty(owner.current, !clean);
    setFailure(null);
  };
  const drop = (): void => { setDraft(null); setDirty(owner.current, false); setConflict(null); setFailure(null); };

  let parsed: Record<string, unknown> | null = null;
  let problem: string | null = null;
  if (draft !== null) {
    try {
      const value: unknown = JSON.parse(draft);
      if (typeof value === "object" && value !== null && !Array.isArray(value)) parsed = value as Record<string, unknown>;
      else problem = t.config.notObject;
    } catch (e) {
      problem = t.config.notJson((e as Error).message);
    }
  }
  const save = async (onto: number): Promise<void> => {
    if (!parsed || busy) return;
    setBusy(true);
    setFailure(null);
    try {
      await call("PUT", path, { config: parsed, base_version: onto });
      drop();
      toast(t.config.saved);
      current.reload();
      versions.reload();
      onChange();
    } catch (e) {
      if (e instanceof ApiError && e.status === 422 && e.message.includes("old version")) setConflict(await get<Config>(path).catch(() => null));
      else setFailure(errorText(e));
    } finally {
      setBusy(false);
    }
  };

  if (current.error && !current.data) return <Failed text={errorText(current.error)} retry={current.reload} />;
  if (!current.data) return <Skeleton lines={8} height={20} />;
  const version = current.data.version;
  const applied = device.applied_config_version ?? 0;
  return (
    <div class="columns columns-uneven columns-editor">
      <Card title={<span class="row wrap">{t.config.title}<span class="chip num">{t.config.version(version)}</span><AppliedPill version={version} applied={applied} /></span>}
        action={draft !== null && <span class="row"><Button size="s" onClick={drop}>{t.discard}</Button><Button size="s" kind="primary" busy={busy} disabled={!parsed} onClick={() => void save(base)}>{t.config.save}</Button></span>}>
        <div class="stack">
          {failure && <Notice tone="bad">{failure}</Notice>}
          {conflict && (
            <Notice tone="warn" action={<span class="row wrap"><Button size="s" onClick={() => { drop(); current.reload(); }}>{t.config.takeTheirs}</Button><Button size="s" kind="primary" busy={busy} onClick={() => void save(conflict.version)}>{t.config.keepMine}</Button></span>}>
              {t.config.conflict(conflict.version)}
            </Notice>
          )}
          {conflict && <div><p class="eyebrow">{t.config.theirs(conflict.version)}</p><Code text={show(conflict.config)} label={t.config.theirs(conflict.version)} wrap /></div>}
          {version > 0 && applied < version && draft === null && <p class="small muted">{t.config.pendingText(applied)}</p>}
          <TextArea mono class="editor" aria-label={t.config.title} aria-invalid={!!problem} spellcheck={false} rows={Math.min(28, Math.max(10, (draft ?? show(current.data.config)).split("\n").length + 1))}
            value={draft ?? show(current.data.config)} onText={edit} onKeyDown={(e) => { if ((e.ctrlKey || e.metaKey) && e.key === "s") { e.preventDefault(); void save(base); } }} />
          {problem ? <p class="field-error" role="alert">{problem}</p> : <p class="field-help">{t.config.help}</p>}
          {parsed && <ApiCall text={curlLine(location.origin, "PUT", path, { config: parsed, base_version: base })} />}
        </div>
      </Card>
      <Card title={t.config.history} flush>
        {versions.data && versions.data.rows.length > 0
          ? (
            <ul class="versions">
              {versions.data.rows.map((v) => (
                <li key={v.version}>
                  <details>
                    <summary><span class="chip num">{t.config.version(v.version)}</span><span class="grow small muted trunc">{authorName(v)}</span><span class="small faint"><Time at={v.created_at ?? v.last_updated} /></span></summary>
                    <Code text={show(v.config)} label={t.config.version(v.version)} wrap />
                    {v.version !== version && <Button size="s" icon="refresh" onClick={() => edit(show(v.config))}>{t.config.restore}</Button>}
                  </details>
                </li>
              ))}
            </ul>
          )
          : versions.data ? <Empty icon="config" title={t.config.noHistory}>{t.config.noHistoryText}</Empty> : <div class="pad"><Skeleton /></div>}
      </Card>
    </div>
  );
}
