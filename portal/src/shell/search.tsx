/* The search of the top bar: "/" focuses it; devices, models and spaces by what people know of them. */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { getPage, query } from "../lib/api";
import { navigate } from "../lib/router";
import type { Area, Device, Model, Space } from "../lib/types";
import { useDebounced, useId } from "../lib/use";
import { t } from "../text";
import { Icon, type IconName } from "../ui/icons";

interface Hit {
  href: string;
  icon: IconName;
  title: string;
  detail: string;
}

async function find(area: Area, text: string, signal: AbortSignal): Promise<Hit[]> {
  const options = { signal };
  const base = area === "partner" ? "/partners" : "/app";
  const devices = getPage<Device>(`/${area}/devices${query({ search: text, per_page: 6 })}`, options);
  const lower = text.toLowerCase();
  const others: Promise<Hit[]> = area === "partner"
    ? getPage<Model>(`/partner/models${query({ per_page: 500 })}`, options).then((p) => p.rows
        .filter((m) => m.name.toLowerCase().includes(lower) || (m.sku ?? "").toLowerCase().includes(lower) || m.id.startsWith(lower))
        .slice(0, 5).map((m): Hit => ({ href: `/partners/models/${m.id}`, icon: "model", title: m.name, detail: t.search.model })))
    : getPage<Space>(`/organization/spaces${query({ name: text, per_page: 5 })}`, options).then((p) => p.rows
        .map((s): Hit => ({ href: `/app/spaces/${s.id}`, icon: "space", title: s.name, detail: s.full_path })));
  const [found, more] = await Promise.all([devices, others]);
  return [
    ...more,
    ...found.rows.map((d): Hit => ({ href: `${base}/devices/${d.id}`, icon: "device", title: d.name, detail: [d.sn, d.mac, d.cloud_id].filter(Boolean).join(" · ") || d.id })),
  ];
}

export function Search({ area }: { area: Area }): JSX.Element {
  const [text, setText] = useState("");
  const [hits, setHits] = useState<Hit[] | null>(null);
  const [at, setAt] = useState(0);
  const [focused, setFocused] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const list = useId("search");
  const wanted = useDebounced(text.trim(), 180);

  useEffect(() => {
    const slash = (e: KeyboardEvent): void => {
      if (e.key !== "/" || e.metaKey || e.ctrlKey || e.altKey) return;
      const target = e.target as HTMLElement;
      if (/^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) || target.isContentEditable || document.querySelector("dialog[open]")) return;
      e.preventDefault();
      input.current?.focus();
    };
    document.addEventListener("keydown", slash);
    return () => document.removeEventListener("keydown", slash);
  }, []);

  useEffect(() => {
    if (!wanted) {
      setHits(null);
      return;
    }
    const abort = new AbortController();
    find(area, wanted, abort.signal).then((found) => { setHits(found); setAt(0); }, () => undefined);
    return () => abort.abort();
  }, [wanted, area]);

  const go = (hit: Hit | undefined): void => {
    if (!hit) return;
    setText("");
    setHits(null);
    input.current?.blur();
    navigate(hit.href);
  };
  const keys = (e: KeyboardEvent): void => {
    const n = hits?.length ?? 0;
    if (e.key === "Escape") { setText(""); input.current?.blur(); }
    else if (e.key === "ArrowDown" && n) { e.preventDefault(); setAt((at + 1) % n); }
    else if (e.key === "ArrowUp" && n) { e.preventDefault(); setAt((at + n - 1) % n); }
    else if (e.key === "Enter") { e.preventDefault(); go(hits?.[at]); }
  };
  const open = focused && wanted !== "" && hits !== null;
  return (
    <div class="search" role="search">
      <Icon name="search" />
      <input ref={input} type="search" value={text} placeholder={t.search.placeholder[area]} aria-label={t.search.label} autocomplete="off" spellcheck={false}
        role="combobox" aria-expanded={open} aria-controls={list} aria-activedescendant={open && hits.length ? `${list}-${at}` : undefined}
        onInput={(e) => setText(e.currentTarget.value)} onFocus={() => setFocused(true)} onBlur={() => setFocused(false)} onKeyDown={keys} />
      <kbd aria-hidden="true">/</kbd>
      {open && (
        <ul id={list} class="search-hits" role="listbox" aria-label={t.search.label}>
          {hits.length === 0 && <li class="search-none">{t.search.none(wanted)}</li>}
          {hits.map((hit, i) => (
            <li key={hit.href} id={`${list}-${i}`} role="option" aria-selected={i === at} class={i === at ? "search-hit is-on" : "search-hit"}
              onPointerDown={(e) => { e.preventDefault(); go(hit); }} onPointerMove={() => setAt(i)}>
              <Icon name={hit.icon} /><span class="trunc strong">{hit.title}</span><span class="trunc faint small">{hit.detail}</span>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
