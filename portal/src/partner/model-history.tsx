/* Version history of a model: who changed what and when, and going back. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { call, getPage } from "../lib/api";
import { changes } from "../lib/diff";
import { scalar } from "../lib/format";
import type { Model, Page } from "../lib/types";
import { errorText, useFetch } from "../lib/use";
import { t } from "../text";
import { Button, Failed, Notice, Skeleton, Time } from "../ui/basic";
import { Confirm, Dialog } from "../ui/dialog";
import { toast } from "../ui/toast";

interface Version {
  n: number;
  created_at: string;
  author: string | null;
  document: Record<string, unknown>;
}

const short = (value: unknown): string => {
  const text = Array.isArray(value) ? value.join(", ") || "–" : scalar(value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
};

export function ModelHistory({ model, onClose, onRestored }: { model: Model; onClose: () => void; onRestored: (m: Model) => void }): JSX.Element {
  const path = `/partner/models/${model.id}/versions`;
  const fetched = useFetch<Page<Version>>(path, (p, signal) => getPage<Version>(p, { signal }));
  const [restore, setRestore] = useState<Version | null>(null);
  const list = [...(fetched.data?.rows ?? [])].sort((a, b) => b.n - a.n);
  const newest = list[0];
  if (restore) {
    return (
      <Confirm title={t.history.restoreTitle(restore.n)} danger={false} action={t.history.restore} api={["POST", `${path}/${restore.n}/restore`]} onClose={() => setRestore(null)}
        run={async () => {
          onRestored(await call<Model>("POST", `${path}/${restore.n}/restore`));
          toast(t.history.restored(restore.n));
          fetched.reload();
        }}>
        <p>{t.history.restoreText}</p>
      </Confirm>
    );
  }
  return (
    <Dialog title={t.history.title} width="m" onClose={onClose} footer={<Button onClick={onClose}>{t.close}</Button>}>
      {fetched.error && <Failed text={errorText(fetched.error)} retry={fetched.reload} />}
      {!fetched.data && !fetched.error && <Skeleton lines={4} height={18} />}
      {list.length === 1 && <Notice>{t.history.onlyOne}</Notice>}
      <ol class="timeline">
        {list.map((v, i) => {
          const diff = changes(list[i + 1]?.document, v.document);
          return (
            <li key={v.n}>
              <div class="row wrap"><span class="chip num">{t.config.version(v.n)}</span><span class="small">{v.author ?? t.history.system}</span><span class="small faint"><Time at={v.created_at} /></span>
                {v !== newest && <Button class="end" size="s" onClick={() => setRestore(v)}>{t.history.restore}</Button>}</div>
              {i === list.length - 1 ? <p class="small muted">{t.history.created}</p> : diff.length === 0 ? <p class="small muted">{t.history.nothing}</p> : (
                <ul class="diff">{diff.map((c) => <li key={c.field}><span class="faint">{t.history.fields[c.field] ?? c.field}</span><del>{short(c.before)}</del><ins>{short(c.after)}</ins></li>)}</ul>
              )}
            </li>
          );
        })}
      </ol>
    </Dialog>
  );
}
