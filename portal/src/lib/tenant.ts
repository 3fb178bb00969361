/* Which partner and organization this session acts for. */
import { call, loadSession, session } from "./api";
import { forgetFetched } from "./use";
import type { Area, Session, Tenant } from "./types";

export const homeOf = (area: Area): string => (area === "partner" ? "/partners/" : "/app/");

export function portalHome(who: Session): string {
  return who.tenants.some((x) => x.kind === "partner") ? "/partners/" : "/app/";
}

export function currentTenant(area: Area): Tenant | undefined {
  const who = session.value;
  return who?.tenants.find((x) => x.kind === area && x.id === who.current[area]);
}

// A session has one current tenant of each kind, whichever tab chose it: the others follow, so that none acts for a tenant it does not show.
const tabs = "BroadcastChannel" in window ? new BroadcastChannel("muster-session") : null;

function tellTabs(): void {
  tabs?.postMessage("changed");
}

export function followOtherTabs(): void {
  if (!tabs) return;
  tabs.onmessage = () => {
    forgetFetched();
    loadSession().catch(() => undefined);
  };
}

export async function enterTenant(tenant: Tenant): Promise<void> {
  session.value = await call<Session>("POST", "/session/tenant", { kind: tenant.kind, id: tenant.id });
  forgetFetched();
  tellTabs();
}

/** Enters the first tenant of a kind when none is current. */
export async function enterArea(area: Area): Promise<void> {
  const first = session.value?.tenants.find((x) => x.kind === area);
  if (first) await enterTenant(first);
}

export async function signOut(): Promise<void> {
  await call("DELETE", "/session");
  forgetFetched();
  session.value = null;
  tellTabs();
}
