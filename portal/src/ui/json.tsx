/* JSON as text, folded to one line in lists and open in details; always text, never markup. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";

export function JsonLine({ value }: { value: unknown }): JSX.Element {
  const [open, setOpen] = useState(false);
  if (value === undefined || value === null) return <span class="faint">–</span>;
  const text = typeof value === "string" ? value : JSON.stringify(value);
  if (text.length <= 64 && !open) return <code class="json-line">{text}</code>;
  return (
    <button type="button" class={open ? "json-fold is-open" : "json-fold"} aria-expanded={open} onClick={(e) => { e.stopPropagation(); setOpen(!open); }}>
      <code>{open ? pretty(value) : text}</code>
    </button>
  );
}

export function pretty(value: unknown): string {
  if (typeof value !== "string") return JSON.stringify(value, null, 2);
  try {
    return JSON.stringify(JSON.parse(value), null, 2);
  } catch {
    return value;
  }
}
