/* Which view belongs to the address: set-up, claim links, the partner portal, the organization portal. */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { SignIn } from "./account/sign-in";
import { Reset } from "./account/reset";
import { Setup } from "./account/setup";
import { loadSession, session } from "./lib/api";
import { matchPath, type Params } from "./lib/match";
import { loadPrefs } from "./lib/prefs";
import { navigate, place } from "./lib/router";
import { streamArea } from "./lib/stream";
import { enterArea, portalHome } from "./lib/tenant";
import type { Area } from "./lib/types";
import { errorText, useTitle } from "./lib/use";
import { LeaveGuard } from "./shell/leave";
import { Shell } from "./shell/shell";
import { t } from "./text";
import { Button, Empty, Failed } from "./ui/basic";
import { Toasts } from "./ui/toast";

export interface Route {
  path: string;
  view: (params: Params) => JSX.Element;
}

export function App(): JSX.Element {
  return (
    <>
      <View />
      <LeaveGuard />
      <Toasts />
    </>
  );
}

function View(): JSX.Element {
  const { path } = place.value;
  const setup = matchPath("/setup/:token", path) ?? (matchPath("/setup", path) ? { token: "" } : null);
  if (setup) return <Setup token={setup["token"] ?? ""} />;
  const reset = matchPath("/reset/:token", path) ?? matchPath("/invitation/:token", path) ?? (matchPath("/reset", path) ? { token: "" } : null);
  if (reset) return <Reset token={reset["token"] ?? ""} />;
  return <SignedIn />;
}

function SignedIn(): JSX.Element {
  const [failure, setFailure] = useState<string | null>(null);
  const who = session.value;
  const load = (): void => {
    setFailure(null);
    loadSession().catch((e: unknown) => setFailure(errorText(e)));
  };
  useEffect(load, []);
  useEffect(() => {
    if (who?.user.id) void loadPrefs(who.user.id);
  }, [who?.user.id]);
  if (failure) return <div class="alone"><Failed text={failure} retry={load} /></div>;
  if (who === undefined) return <div class="boot" role="status" aria-label={t.loading} />;
  if (who === null) return <SignIn />;
  return <Inside />;
}

/** Each portal is its own piece of the program: a customer does not load the maker's screens. */
const loadRoutes = (area: Area): Promise<Route[]> => (area === "partner"
  ? import("./partner/routes").then((m) => m.partnerRoutes)
  : import("./org/routes").then((m) => m.organizationRoutes));

function Inside(): JSX.Element {
  const { path, search } = place.value;
  const who = session.value!;
  const claim = matchPath("/c/:code", path);
  const area: Area | null = path.startsWith("/partners") ? "partner" : path.startsWith("/app") ? "organization" : null;

  useEffect(() => {
    if (claim) navigate(`/app/devices?claim=${encodeURIComponent(claim["code"]!)}`, { replace: true });
    else if (!area) navigate(portalHome(who), { replace: true });
  }, [path]);
  useEffect(() => {
    streamArea.value = area;
  }, [area]);

  const [failure, setFailure] = useState<string | null>(null);
  const [loaded, setLoaded] = useState<{ area: Area; routes: Route[] } | null>(null);
  useEffect(() => {
    if (!area) return;
    let wanted = true;
    loadRoutes(area).then((list) => wanted && setLoaded({ area, routes: list }), () => wanted && setFailure(t.errors.network));
    return () => {
      wanted = false;
    };
  }, [area]);
  const routes = loaded?.area === area ? loaded.routes : null;

  const has = area ? who.tenants.some((x) => x.kind === area) : true;
  const entered = area ? who.current[area] !== null : true;
  useEffect(() => {
    if (area && has && !entered) enterArea(area).catch((e: unknown) => setFailure(errorText(e)));
  }, [area, has, entered]);

  if (!area) return <div class="boot" />;
  if (!has) return <NoAccess area={area} />;
  if (failure) return <div class="alone"><Failed text={failure} /></div>;
  if (!entered) return <div class="boot" role="status" aria-label={t.loading} />;

  if (!routes) return <Shell area={area}><div class="boot-view" /></Shell>;
  let view: JSX.Element | null = null;
  for (const route of routes) {
    const params = matchPath(route.path, path);
    if (params) {
      view = route.view(params);
      break;
    }
  }
  return <Shell area={area} key={`${area}:${who.current[area]}`}>{view ?? <NotFound search={search} area={area} />}</Shell>;
}

function NotFound({ area }: { search: string; area: Area }): JSX.Element {
  useTitle(t.notFound.title);
  return <Empty icon="search" title={t.notFound.title} action={<Button href={area === "partner" ? "/partners/" : "/app/"}>{t.notFound.back}</Button>}>{t.notFound.text}</Empty>;
}

function NoAccess({ area }: { area: Area }): JSX.Element {
  useTitle(t.noAccess.title);
  const other = portalHome(session.value!);
  return (
    <main class="alone">
      <Empty icon="lock" title={t.noAccess.title} action={<Button href={other}>{t.noAccess.back}</Button>}>{area === "partner" ? t.noAccess.partner : t.noAccess.organization}</Empty>
    </main>
  );
}
