/* Short confirmations at the lower edge; an act that can be taken back offers Undo here. */
import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { errorText } from "../lib/use";
import { t } from "../text";
import { Button } from "./basic";
import { Icon } from "./icons";

interface Toast {
  id: number;
  text: string;
  bad: boolean;
  undo?: () => void;
}

const toasts = signal<Toast[]>([]);
let next = 1;

const drop = (id: number): void => {
  toasts.value = toasts.value.filter((x) => x.id !== id);
};

export function toast(text: string, options: { bad?: boolean; undo?: () => void } = {}): void {
  const id = next++;
  toasts.value = [...toasts.value.slice(-2), { id, text, bad: !!options.bad, undo: options.undo }];
  setTimeout(() => drop(id), options.undo || options.bad ? 9000 : 4500);
}

export const toastError = (error: unknown): void => toast(errorText(error), { bad: true });

export function Toasts(): JSX.Element {
  return (
    <div class="toasts" aria-live="polite">
      {toasts.value.map((x) => (
        <div key={x.id} class={x.bad ? "toast is-bad" : "toast"}>
          <Icon name={x.bad ? "alert" : "check"} />
          <span class="grow">{x.text}</span>
          {x.undo && <Button size="s" kind="quiet" onClick={() => { drop(x.id); x.undo?.(); }}>{t.undo}</Button>}
          <Button size="s" kind="quiet" icon="close" label={t.close} onClick={() => drop(x.id)} />
        </div>
      ))}
    </div>
  );
}
