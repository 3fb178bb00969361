import type { JSX } from "preact";
import { leave, pendingLeave, stay } from "../lib/router";
import { t } from "../text";
import { Button } from "../ui/basic";
import { Dialog } from "../ui/dialog";

/** Asks before unsaved changes are lost. */
export function LeaveGuard(): JSX.Element | null {
  if (!pendingLeave.value) return null;
  return (
    <Dialog title={t.unsaved.title} width="s" onClose={stay} footer={<><Button onClick={stay} data-autofocus>{t.unsaved.stay}</Button><Button kind="danger" onClick={leave}>{t.unsaved.leave}</Button></>}>
      <p class="muted">{t.unsaved.text}</p>
    </Dialog>
  );
}
