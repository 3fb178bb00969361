/* A component whose code is loaded when it is first shown. */
import type { ComponentType, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { t } from "../text";
import { Failed } from "./basic";

export function lazyView<P extends object>(load: () => Promise<ComponentType<P>>, waiting: JSX.Element): (props: P) => JSX.Element {
  let loaded: ComponentType<P> | null = null;
  return function Lazy(props: P): JSX.Element {
    const [View, setView] = useState<{ is: ComponentType<P> } | null>(loaded && { is: loaded });
    const [failed, setFailed] = useState(false);
    useEffect(() => {
      if (View || failed) return;
      load().then((view) => { loaded = view; setView({ is: view }); }, () => setFailed(true));
    }, [failed]);
    if (failed) return <Failed text={t.errors.network} retry={() => setFailed(false)} />;
    return View ? <View.is {...props} /> : waiting;
  };
}
