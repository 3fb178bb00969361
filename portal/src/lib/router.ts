/* The address bar as a signal; every view, tab, filter and page is a URL. */
import { signal } from "@preact/signals";
import { withQuery } from "./match";

export interface Place {
  path: string;
  search: string;
}

const read = (): Place => ({ path: window.location.pathname, search: window.location.search });

export const place = signal<Place>(read());

/** Where the person wanted to go while a form held unsaved changes; the shell asks and then calls leave() or stay(). */
export const pendingLeave = signal<string | null>(null);

const dirty = new Set<object>();

/** Marks the owner's form as holding unsaved changes, or not. */
export function setDirty(owner: object, on: boolean): void {
  if (on) dirty.add(owner);
  else dirty.delete(owner);
}

export function leave(): void {
  const href = pendingLeave.value;
  pendingLeave.value = null;
  dirty.clear();
  if (href) navigate(href);
}

export function stay(): void {
  pendingLeave.value = null;
}

export function navigate(href: string, options: { replace?: boolean; keepScroll?: boolean } = {}): void {
  const url = new URL(href, window.location.href);
  const samePath = url.pathname === place.value.path;
  if (!samePath && dirty.size > 0) {
    pendingLeave.value = url.pathname + url.search;
    return;
  }
  if (options.replace) history.replaceState(null, "", url);
  else if (url.href !== window.location.href) history.pushState(null, "", url);
  place.value = read();
  if (!samePath && !options.keepScroll) window.scrollTo(0, 0);
}

export function queryParam(name: string): string {
  return new URLSearchParams(place.value.search).get(name) ?? "";
}

/** Changes query members. Filters replace the history entry, so that Back leaves the view instead of undoing letters. */
export function setQuery(change: Record<string, string | null>, options: { push?: boolean } = {}): void {
  navigate(withQuery(place.value.path, place.value.search, change), { replace: !options.push, keepScroll: true });
}

const ours = (path: string): boolean => /^\/(partners|app|setup|reset|invitation|c)(\/|$)/.test(path) || path === "/";

export function startRouter(): void {
  window.addEventListener("popstate", () => {
    const wanted = read();
    if (wanted.path !== place.value.path && dirty.size > 0) {
      history.pushState(null, "", place.value.path + place.value.search);
      pendingLeave.value = wanted.path + wanted.search;
      return;
    }
    place.value = wanted;
  });
  window.addEventListener("beforeunload", (event) => {
    if (dirty.size > 0) event.preventDefault();
  });
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const anchor = (event.target as Element).closest("a");
    if (!anchor || anchor.target || anchor.hasAttribute("download") || anchor.origin !== window.location.origin) return;
    if (!ours(anchor.pathname)) return;
    event.preventDefault();
    navigate(anchor.href);
  });
}
