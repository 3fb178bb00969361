/* The frame of both portals: top bar, left menu (icons when narrow, a drawer on a phone), the reconnecting banner. */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { session } from "../lib/api";
import { prefs, setPrefs, type Theme } from "../lib/prefs";
import { navigate, place } from "../lib/router";
import { streamState } from "../lib/stream";
import { currentTenant, enterTenant, homeOf, signOut } from "../lib/tenant";
import type { Area, Tenant } from "../lib/types";
import { t } from "../text";
import { Icon, Mark, type IconName } from "../ui/icons";
import { Menu, type MenuItem } from "../ui/menu";
import { toastError } from "../ui/toast";
import { Search } from "./search";

interface NavItem {
  href: string;
  label: string;
  icon: IconName;
  exact?: boolean;
}

const partnerNav: { heading?: string; items: NavItem[] }[] = [
  { items: [{ href: "/partners/", label: t.nav.overview, icon: "overview", exact: true }] },
  {
    heading: t.nav.product,
    items: [
      { href: "/partners/models", label: t.nav.models, icon: "model" },
      { href: "/partners/devices", label: t.nav.devices, icon: "device" },
      { href: "/partners/provisioning", label: t.nav.provisioning, icon: "provisioning" },
      { href: "/partners/live", label: t.nav.live, icon: "live" },
    ],
  },
  {
    items: [
      { href: "/partners/customers", label: t.nav.customers, icon: "customers" },
      { href: "/partners/settings", label: t.nav.settings, icon: "settings" },
    ],
  },
];

const organizationNav: typeof partnerNav = [
  {
    items: [
      { href: "/app/", label: t.nav.overview, icon: "tree", exact: true },
      { href: "/app/devices", label: t.nav.devices, icon: "device" },
      { href: "/app/settings", label: t.nav.settings, icon: "settings" },
    ],
  },
];

export function Shell({ area, children }: { area: Area; children: ComponentChildren }): JSX.Element {
  const [drawer, setDrawer] = useState(false);
  const { path } = place.value;
  const narrow = prefs.value.menu === "narrow";
  useEffect(() => setDrawer(false), [path]);
  useEffect(() => {
    if (!drawer) return;
    const esc = (e: KeyboardEvent): void => {
      if (e.key === "Escape") setDrawer(false);
    };
    document.addEventListener("keydown", esc);
    return () => document.removeEventListener("keydown", esc);
  }, [drawer]);
  return (
    <div class={`shell ${narrow ? "is-narrow" : ""}`}>
      <a class="skip" href="#main" onClick={(e) => { e.preventDefault(); document.getElementById("main")?.focus(); }}>{t.skip}</a>
      <TopBar area={area} onMenu={() => setDrawer(true)} drawer={drawer} />
      <div class={drawer ? "drawer-shade is-open" : "drawer-shade"} onClick={() => setDrawer(false)} />
      <SideNav area={area} path={path} narrow={narrow} open={drawer} onClose={() => setDrawer(false)} />
      <main id="main" class="main" tabIndex={-1}>
        <StreamBanner />
        {children}
      </main>
    </div>
  );
}

function TopBar({ area, onMenu, drawer }: { area: Area; onMenu: () => void; drawer: boolean }): JSX.Element {
  return (
    <header class="topbar">
      <button type="button" class="btn btn-quiet btn-icon only-phone" aria-label={t.openMenu} aria-expanded={drawer} onClick={onMenu}><Icon name="menu" /></button>
      <a class="brand" href={homeOf(area)} aria-label={t.home}><Mark size={26} /></a>
      <TenantSwitch area={area} />
      <Search area={area} />
      <ZoneSwitch />
      <AccountMenu />
    </header>
  );
}

function TenantSwitch({ area }: { area: Area }): JSX.Element {
  const who = session.value!;
  const current = currentTenant(area);
  const face = (
    <>
      <span class="tenant-text">
        <span class="trunc strong">{current?.name}</span>
        <span class="tiny faint">{area === "partner" ? t.tenant.partner : t.tenant.organization}</span>
      </span>
    </>
  );
  if (who.tenants.length < 2) return <div class="tenant">{face}</div>;
  const go = async (tenant: Tenant): Promise<void> => {
    try {
      if (who.current[tenant.kind] !== tenant.id) await enterTenant(tenant);
      navigate(homeOf(tenant.kind));
    } catch (e) {
      toastError(e);
    }
  };
  const entries = (kind: Area): MenuItem[] => who.tenants.filter((x) => x.kind === kind).map((x) => ({
    label: x.name,
    icon: kind === "partner" ? "model" : "customers",
    checked: kind === area && x.id === current?.id,
    onSelect: () => void go(x),
  }));
  const partners = entries("partner");
  const organizations = entries("organization");
  return (
    <Menu label={t.tenant.switch} class="tenant is-button" align="start" items={[
      ...(partners.length ? [{ heading: t.tenant.partners }, ...partners] : []),
      ...(organizations.length ? [{ heading: t.tenant.organizations }, ...organizations] : []),
    ]}>
      {face}
      <Icon name="down" class="faint" />
    </Menu>
  );
}

function ZoneSwitch(): JSX.Element {
  const { zone } = prefs.value;
  const other = zone === "utc" ? "local" : "utc";
  return (
    <button type="button" class="btn btn-quiet zone" title={t.zone.switchTo(t.zone[other])} aria-label={t.zone.switchTo(t.zone[other])} onClick={() => setPrefs({ zone: other })}>
      <Icon name="clock" /><span>{t.zone[zone]}</span>
    </button>
  );
}

const themes: [Theme, IconName][] = [["system", "screen"], ["light", "sun"], ["dark", "moon"]];

function AccountMenu(): JSX.Element {
  const who = session.value!;
  const initials = who.user.name.split(/\s+/).map((w) => w[0] ?? "").slice(0, 2).join("").toUpperCase();
  return (
    <Menu label={t.account.menu} class="avatar" items={[
      { heading: <><span class="strong account-name">{who.user.name}</span><span class="account-mail trunc">{who.user.email}</span></> },
      "line",
      ...themes.map(([theme, icon]): MenuItem => ({ label: t.theme[theme], icon, checked: prefs.value.theme === theme, onSelect: () => setPrefs({ theme }) })),
      "line",
      { label: t.account.signOut, icon: "signOut", onSelect: () => void signOut().catch(toastError) },
    ]}>
      {initials || <Icon name="user" />}
    </Menu>
  );
}

function SideNav({ area, path, narrow, open, onClose }: { area: Area; path: string; narrow: boolean; open: boolean; onClose: () => void }): JSX.Element {
  const groups = area === "partner" ? partnerNav : organizationNav;
  const isOn = (item: NavItem): boolean => (item.exact ? path === item.href || path === item.href.slice(0, -1) || path.startsWith("/app/spaces") && item.href === "/app/" : path === item.href || path.startsWith(`${item.href}/`));
  const ref = useRef<HTMLElement>(null);
  useEffect(() => {
    if (open) ref.current?.querySelector<HTMLElement>("a")?.focus();
  }, [open]);
  return (
    <nav ref={ref} class={open ? "side is-open" : "side"} aria-label={t.nav.label}>
      <div class="side-top only-phone">
        <Mark size={24} />
        <button type="button" class="btn btn-quiet btn-icon end" aria-label={t.close} onClick={onClose}><Icon name="close" /></button>
      </div>
      {groups.map((group, i) => (
        <div key={i} class="side-group">
          {group.heading && <p class="side-heading">{group.heading}</p>}
          {group.items.map((item) => (
            <a key={item.href} href={item.href} class="side-link" aria-current={isOn(item) ? "page" : undefined} title={narrow ? item.label : undefined} onClick={onClose}>
              <Icon name={item.icon} /><span>{item.label}</span>
            </a>
          ))}
        </div>
      ))}
      <button type="button" class="side-link side-fold not-phone" onClick={() => setPrefs({ menu: narrow ? "open" : "narrow" })} title={narrow ? t.nav.widen : t.nav.narrow}>
        <Icon name={narrow ? "widen" : "narrow"} /><span>{narrow ? t.nav.widen : t.nav.narrow}</span>
      </button>
    </nav>
  );
}

function StreamBanner(): JSX.Element | null {
  if (streamState.value !== "lost") return null;
  return <div class="banner" role="status"><span class="banner-dot" aria-hidden="true" />{t.reconnecting}</div>;
}
