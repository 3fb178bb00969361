/* The head of every view: where one is, what it is called, what can be done. */
import type { ComponentChildren, JSX } from "preact";
import { Icon } from "../ui/icons";

export function PageHead({ trail, title, badge, sub, actions, icon }: {
  trail?: { href: string; label: string }; title: ComponentChildren; badge?: ComponentChildren; sub?: ComponentChildren; actions?: ComponentChildren; icon?: ComponentChildren;
}): JSX.Element {
  return (
    <header class="page-head">
      {trail && <a class="trail" href={trail.href}><Icon name="left" size={14} />{trail.label}</a>}
      <div class="page-row">
        {icon}
        <div class="page-title">
          <div class="row wrap"><h1 class="break">{title}</h1>{badge}</div>
          {sub && <div class="page-sub">{sub}</div>}
        </div>
        {actions && <div class="page-actions">{actions}</div>}
      </div>
    </header>
  );
}
