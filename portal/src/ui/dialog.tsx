/* Modal dialogs on the platform's own <dialog>: focus is kept inside, Escape closes, the page behind is inert. */
import type { ComponentChildren, JSX } from "preact";
import { createPortal } from "preact/compat";
import { useEffect, useRef, useState } from "preact/hooks";
import { curlLine } from "../lib/curl";
import type { Method } from "../lib/api";
import { errorText, useId } from "../lib/use";
import { t } from "../text";
import { ApiCall, Button, Notice } from "./basic";
import { Field, TextInput } from "./form";

interface DialogProps {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
  footer?: ComponentChildren;
  width?: "s" | "m" | "l";
  side?: ComponentChildren;
  onSubmit?: () => void;
  intro?: ComponentChildren;
}

export function Dialog({ title, onClose, children, footer, width = "m", side, onSubmit, intro }: DialogProps): JSX.Element {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId("dialog");
  useEffect(() => {
    const dialog = ref.current!;
    const before = document.activeElement as HTMLElement | null;
    if (!dialog.open) dialog.showModal();
    const first = dialog.querySelector<HTMLElement>("[data-autofocus], .dialog-body input:not([type=radio]):not([type=checkbox]), .dialog-body textarea, .dialog-body select");
    first?.focus();
    return () => {
      dialog.close();
      before?.focus?.();
    };
  }, []);
  const submit = (event: Event): void => {
    event.preventDefault();
    onSubmit?.();
  };
  const body = (
    <>
      <header class="dialog-head">
        <h2 id={id} class="grow">{title}</h2>
        <Button kind="quiet" icon="close" label={t.close} onClick={onClose} />
      </header>
      <div class={side ? "dialog-cols" : "dialog-scroll"}>
        <div class="dialog-body stack">
          {intro && <p class="muted">{intro}</p>}
          {children}
        </div>
        {side && <aside class="dialog-side stack">{side}</aside>}
      </div>
      {footer && <footer class="dialog-foot">{footer}</footer>}
    </>
  );
  return createPortal(
    <dialog ref={ref} class={`dialog dialog-${width}`} aria-labelledby={id} onCancel={(e) => { e.preventDefault(); onClose(); }}>
      {onSubmit ? <form class="dialog-form" onSubmit={submit} noValidate>{body}</form> : <div class="dialog-form">{body}</div>}
    </dialog>,
    document.body,
  ) as unknown as JSX.Element;
}

interface ConfirmProps {
  title: string;
  children: ComponentChildren;
  /** What must be typed; without it a click is enough. */
  typed?: string;
  action: string;
  danger?: boolean;
  api?: [Method, string, unknown?];
  run: () => Promise<unknown>;
  onClose: () => void;
}

/** Asks before an act; destructive ones need the object's name typed. */
export function Confirm({ title, children, typed, action, danger = true, api, run, onClose }: ConfirmProps): JSX.Element {
  const [text, setText] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const ready = typed === undefined || text === typed;
  const submit = async (): Promise<void> => {
    if (!ready || busy) return;
    setBusy(true);
    setError(null);
    try {
      await run();
      onClose();
    } catch (e) {
      setError(errorText(e));
      setBusy(false);
    }
  };
  return (
    <Dialog title={title} onClose={onClose} width="s" onSubmit={submit} footer={
      <>
        <Button onClick={onClose}>{t.cancel}</Button>
        <Button kind={danger ? "danger" : "primary"} type="submit" busy={busy} disabled={!ready}>{action}</Button>
      </>
    }>
      {error && <Notice tone="bad">{error}</Notice>}
      <div class="stack stack-2 muted">{children}</div>
      {typed !== undefined && (
        <Field label={t.typeName(typed)}>
          {(p) => <TextInput {...p} value={text} onText={setText} autocomplete="off" spellcheck={false} />}
        </Field>
      )}
      {api && <ApiCall text={curlLine(location.origin, api[0], api[1], api[2])} />}
    </Dialog>
  );
}
