/* Filters a person wants again: a name for the present query of a list, kept with the preferences. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { prefs, setPrefs } from "../lib/prefs";
import { navigate, place } from "../lib/router";
import { t } from "../text";
import { Button } from "./basic";
import { Dialog } from "./dialog";
import { Field, TextInput } from "./form";
import { Icon } from "./icons";
import { Menu, type MenuItem } from "./menu";

export function SavedFilters({ id, base, names }: { id: string; base: string; names: string[] }): JSX.Element | null {
  const [naming, setNaming] = useState(false);
  const [name, setName] = useState("");
  const saved = prefs.value.filters[id] ?? [];
  const here = new URLSearchParams(place.value.search);
  const wanted = new URLSearchParams();
  for (const n of names) if (here.get(n)) wanted.set(n, here.get(n)!);
  const current = wanted.toString();
  if (!current && saved.length === 0) return null;
  const keep = (list: typeof saved): void => setPrefs({ filters: { ...prefs.value.filters, [id]: list } });
  const known = saved.find((s) => s.query === current);
  const items: (MenuItem | "line" | { heading: string })[] = [
    ...(saved.length ? [{ heading: t.filters.saved }] : []),
    ...saved.map((s): MenuItem => ({ label: s.name, checked: s.query === current, onSelect: () => navigate(`${base}?${s.query}`) })),
    ...(saved.length && current ? ["line" as const] : []),
    ...(current && !known ? [{ label: t.filters.save, icon: "plus" as const, onSelect: () => { setName(""); setNaming(true); } }] : []),
    ...(known ? [{ label: t.filters.remove(known.name), icon: "trash" as const, onSelect: () => keep(saved.filter((s) => s !== known)) }] : []),
  ];
  const save = (): void => {
    if (!name.trim()) return;
    keep([...saved.filter((s) => s.name !== name.trim()), { name: name.trim(), query: current }]);
    setNaming(false);
  };
  return (
    <>
      <Menu label={t.filters.saved} class="btn btn-plain" align="start" items={items}><Icon name="filter" /><span class="btn-text">{known?.name ?? t.filters.saved}</span><Icon name="down" /></Menu>
      {naming && (
        <Dialog title={t.filters.save} width="s" onClose={() => setNaming(false)} onSubmit={save} footer={<><Button onClick={() => setNaming(false)}>{t.cancel}</Button><Button kind="primary" type="submit" disabled={!name.trim()}>{t.save}</Button></>}>
          <Field label={t.filters.name}>{(p) => <TextInput {...p} maxLength={60} autocomplete="off" value={name} onText={setName} />}</Field>
        </Dialog>
      )}
    </>
  );
}
