/* Tabs are links: each has its own URL. */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";

export interface TabLink {
  href: string;
  label: string;
  on: boolean;
  count?: number | null;
}

export function Tabs({ label, tabs }: { label: string; tabs: TabLink[] }): JSX.Element {
  const ref = useRef<HTMLElement>(null);
  const current = tabs.find((tab) => tab.on)?.href;
  useEffect(() => {
    const nav = ref.current;
    const on = nav?.querySelector<HTMLElement>("[aria-current]");
    if (nav && on && nav.scrollWidth > nav.clientWidth) nav.scrollLeft = on.offsetLeft - 24;
  }, [current]);
  return (
    <nav ref={ref} class="tabs" aria-label={label}>
      {tabs.map((tab) => (
        <a key={tab.href} href={tab.href} class="tab" aria-current={tab.on ? "page" : undefined}>
          {tab.label}{tab.count !== undefined && tab.count !== null && <span class="tab-count num">{tab.count.toLocaleString("en-US")}</span>}
        </a>
      ))}
    </nav>
  );
}

export function Segments({ label, value, options, onChange }: { label: string; value: string; options: [string, ComponentChildren][]; onChange: (v: string) => void }): JSX.Element {
  return (
    <div class="segments" role="radiogroup" aria-label={label}>
      {options.map(([v, text]) => (
        <button key={v} type="button" role="radio" aria-checked={v === value} class={v === value ? "segment is-on" : "segment"} onClick={() => onChange(v)}>{text}</button>
      ))}
    </div>
  );
}
