/* A menu button: arrow keys move, Escape closes, the panel is placed in the viewport so that tables do not clip it. */
import type { ComponentChildren, JSX } from "preact";
import { createPortal } from "preact/compat";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { Icon, type IconName } from "./icons";

export interface MenuItem {
  label: string;
  icon?: IconName;
  onSelect?: () => void;
  href?: string;
  danger?: boolean;
  disabled?: boolean;
  hint?: string;
  checked?: boolean;
}

type Entry = MenuItem | "line" | { heading: ComponentChildren };

interface MenuProps {
  label: string;
  items: Entry[];
  children: ComponentChildren;
  class?: string;
  align?: "start" | "end";
  keepOpen?: boolean;
}

export function Menu({ label, items, children, class: cls = "btn btn-plain", align = "end", keepOpen }: MenuProps): JSX.Element {
  const [open, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  return (
    <>
      <button ref={button} type="button" class={cls} aria-haspopup="menu" aria-expanded={open} aria-label={label} title={label}
        onClick={(e) => { e.preventDefault(); e.stopPropagation(); setOpen(!open); }}
        onKeyDown={(e) => { if (e.key === "ArrowDown" && !open) { e.preventDefault(); setOpen(true); } }}>
        {children}
      </button>
      {open && <Panel anchor={button.current!} label={label} items={items} align={align} keepOpen={keepOpen} onClose={(focus) => { setOpen(false); if (focus) button.current?.focus(); }} />}
    </>
  );
}

function Panel({ anchor, label, items, align, onClose, keepOpen }: { anchor: HTMLElement; label: string; items: Entry[]; align: "start" | "end"; keepOpen?: boolean; onClose: (focus: boolean) => void }): JSX.Element {
  const ref = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const panel = ref.current!;
    const r = anchor.getBoundingClientRect();
    const w = panel.offsetWidth;
    const h = panel.offsetHeight;
    const left = align === "end" ? r.right - w : r.left;
    const below = r.bottom + 6;
    panel.style.left = `${Math.max(8, Math.min(left, innerWidth - w - 8))}px`;
    panel.style.top = `${below + h > innerHeight - 8 && r.top > h + 8 ? r.top - h - 6 : below}px`;
    panel.querySelector<HTMLElement>("[role^=menuitem]:not([aria-disabled])")?.focus();
  }, []);
  useEffect(() => {
    const outside = (e: Event): void => {
      if (!ref.current?.contains(e.target as Node) && !anchor.contains(e.target as Node)) onClose(false);
    };
    const gone = (): void => onClose(false);
    document.addEventListener("pointerdown", outside, true);
    window.addEventListener("resize", gone);
    document.addEventListener("scroll", gone, true);
    return () => {
      document.removeEventListener("pointerdown", outside, true);
      window.removeEventListener("resize", gone);
      document.removeEventListener("scroll", gone, true);
    };
  }, []);
  const keys = (e: KeyboardEvent): void => {
    const all = [...ref.current!.querySelectorAll<HTMLElement>("[role^=menuitem]:not([aria-disabled])")];
    const at = all.indexOf(document.activeElement as HTMLElement);
    const go = (i: number): void => { e.preventDefault(); all[(i + all.length) % all.length]?.focus(); };
    if (e.key === "ArrowDown") go(at + 1);
    else if (e.key === "ArrowUp") go(at - 1);
    else if (e.key === "Home") go(0);
    else if (e.key === "End") go(all.length - 1);
    else if (e.key === "Escape" || e.key === "Tab") { if (e.key === "Escape") { e.preventDefault(); e.stopPropagation(); } onClose(true); }
  };
  const host = (anchor.closest("dialog") ?? document.body) as HTMLElement;
  return createPortal(
    <div ref={ref} class="menu" role="menu" aria-label={label} onKeyDown={keys} onClick={(e) => e.stopPropagation()}>
      {items.map((item, i) => {
        if (item === "line") return <hr key={i} class="menu-line" />;
        if ("heading" in item) return <div key={i} class="menu-heading">{item.heading}</div>;
        const inner = (
          <>
            {item.icon && <Icon name={item.icon} />}
            <span class="grow">{item.label}</span>
            {item.hint && <span class="faint tiny">{item.hint}</span>}
            {item.checked !== undefined && <Icon name="check" class={item.checked ? "" : "is-hidden"} />}
          </>
        );
        const cls = `menu-item ${item.danger ? "is-danger" : ""}`;
        const role = item.checked === undefined ? "menuitem" : "menuitemcheckbox";
        if (item.href) return <a key={i} role={role} tabIndex={-1} class={cls} href={item.href} onClick={() => onClose(false)}>{inner}</a>;
        return (
          <button key={i} type="button" role={role} aria-checked={item.checked} tabIndex={-1} class={cls} aria-disabled={item.disabled || undefined}
            onClick={() => { if (item.disabled) return; if (!keepOpen) onClose(true); item.onSelect?.(); }}>
            {inner}
          </button>
        );
      })}
    </div>,
    host,
  ) as unknown as JSX.Element;
}
