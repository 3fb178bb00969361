/* Who changed what and when, from the audit log, on every object's page. */
import type { JSX } from "preact";
import { getPage, query } from "../lib/api";
import { useLive } from "../lib/stream";
import type { Area, Page } from "../lib/types";
import { errorText, useFetch } from "../lib/use";
import { t } from "../text";
import { Button, Card, Failed, Skeleton, Time } from "../ui/basic";
import { useState } from "preact/hooks";

interface AuditRow {
  id: number;
  created_at: string;
  actor_kind: string;
  actor: string | null;
  address: string | null;
  action: string;
}

const few = 8;

export function Activity({ area, kind, id }: { area: Area; kind: "device" | "model"; id: string }): JSX.Element {
  const [all, setAll] = useState(false);
  const path = `/${area}/audit${query({ object_kind: kind, object_id: id, per_page: all ? 200 : few })}`;
  const fetched = useFetch<Page<AuditRow>>(path, (p, signal) => getPage<AuditRow>(p, { signal }));
  useLive(kind === "device" ? ["event", "command", "config"] : [], kind === "device" ? id : undefined, fetched.reload, 1000);
  const rows = fetched.data?.rows ?? [];
  return (
    <Card title={t.activity.title}>
      {fetched.error && !fetched.data && <Failed text={errorText(fetched.error)} retry={fetched.reload} />}
      {!fetched.data && !fetched.error && <Skeleton lines={3} />}
      {fetched.data && rows.length === 0 && <p class="muted small">{t.activity.none}</p>}
      <ol class="activity">
        {rows.map((row) => (
          <li key={row.id}>
            <span><span class="strong">{row.actor ?? t.activity.actors[row.actor_kind] ?? row.actor_kind}</span> <span class="muted">{t.activity.actions[row.action] ?? row.action}</span></span>
            <span class="faint" title={row.address ?? undefined}><Time at={row.created_at} /></span>
          </li>
        ))}
      </ol>
      {!all && fetched.data?.hasNext && <Button size="s" kind="quiet" onClick={() => setAll(true)}>{t.activity.more}</Button>}
    </Card>
  );
}
