/* The space tree: reading all pages, order, choosing. */
import type { JSX } from "preact";
import { call, getPage } from "../lib/api";
import { curlLine } from "../lib/curl";
import { sortTree, withTotals } from "../lib/spaces";
import type { Space } from "../lib/types";
import { useFetch, type Fetched } from "../lib/use";
import { t } from "../text";
import { ApiCall, Button, Notice } from "../ui/basic";
import { Dialog } from "../ui/dialog";
import { Field, Select, TextInput, type ControlProps } from "../ui/form";
import { useForm } from "../ui/form-state";
import { Icon } from "../ui/icons";
import { toast } from "../ui/toast";

export function useSpaces(): Fetched<Space[]> {
  return useFetch<Space[]>("/organization/spaces", async (path, signal) => {
    const all: Space[] = [];
    for (let page = 1; ; page++) {
      const reply = await getPage<Space>(`${path}?per_page=500&page=${page}`, { signal });
      all.push(...reply.rows);
      if (!reply.hasNext) return withTotals(sortTree(all));
    }
  });
}

const depthOf = (s: Space): number => s.full_path.split("/").length - 1;

export function SpaceTree({ spaces, current }: { spaces: Space[]; current: number | null }): JSX.Element {
  return (
    <ul class="tree">
      {spaces.map((s) => (
        <li key={s.id}>
          <a href={s.parent_id === null ? "/app/" : `/app/spaces/${s.id}`} class="tree-link" aria-current={s.id === current ? "page" : undefined} style={{ paddingLeft: `${10 + depthOf(s) * 16}px` }}>
            <Icon name={s.parent_id === null ? "customers" : "space"} size={14} /><span class="grow trunc">{s.name}</span><span class="faint num tiny">{s.devices_count || ""}</span>
          </a>
        </li>
      ))}
    </ul>
  );
}

export function SpaceSelect({ spaces, value, onText, ...rest }: { spaces: Space[]; value: string; onText: (v: string) => void } & ControlProps): JSX.Element {
  return <Select {...rest} value={value} onText={onText} options={spaces.map((s): [string, string] => [String(s.id), "\u2003".repeat(depthOf(s)) + s.name])} />;
}

const suggested = ["site", "building", "floor", "room", "space"];

export function CreateSpace({ spaces, parent, onClose, onDone }: { spaces: Space[]; parent: Space; onClose: () => void; onDone: (s: Space) => void }): JSX.Element {
  const form = useForm({ name: "", parent_id: String(parent.id), space_type: "room" });
  const v = form.value;
  const body = { name: v.name.trim(), parent_id: Number(v.parent_id), space_type: v.space_type };
  const create = (): Promise<void> => form.submit(async (_v, key) => {
    const made = await call<Space>("POST", "/organization/spaces", body, { idempotencyKey: key });
    toast(t.spaces.created(made.name));
    onDone(made);
    onClose();
  });
  return (
    <Dialog title={t.spaces.create} width="s" onClose={onClose} onSubmit={() => void create()} footer={
      <><Button onClick={onClose}>{t.cancel}</Button><Button kind="primary" type="submit" busy={form.busy} disabled={!body.name}>{t.spaces.create}</Button></>
    }>
      {form.failure && <Notice tone="bad">{form.failure}</Notice>}
      <Field label={t.spaces.name} required error={form.errors["name"]}>{(p) => <TextInput {...p} autocomplete="off" value={v.name} onText={(name) => form.set({ name })} />}</Field>
      <Field label={t.spaces.parent} error={form.errors["parent_id"]}>{(p) => <SpaceSelect {...p} spaces={spaces} value={v.parent_id} onText={(parent_id) => form.set({ parent_id })} />}</Field>
      <Field label={t.spaces.type} error={form.errors["space_type"]}>{(p) => <Select {...p} value={v.space_type} onText={(space_type) => form.set({ space_type })} options={suggested.map((x) => [x, t.spaces.types[x] ?? x])} />}</Field>
      <ApiCall text={curlLine(location.origin, "POST", "/organization/spaces", body)} />
    </Dialog>
  );
}
