/* Preferences of the person: kept by the server, mirrored in this browser so that the first paint is right. */
import { effect, signal } from "@preact/signals";
import { call, session } from "./api";
import type { Zone } from "./format";

export type Theme = "system" | "light" | "dark";

export interface Prefs {
  theme: Theme;
  zone: Zone;
  menu: "open" | "narrow";
  lastSpace: number | null;
  /** hidden columns by table */
  columns: Record<string, string[]>;
  /** saved filters by list */
  filters: Record<string, { name: string; query: string }[]>;
  checklistDone: boolean;
}

const defaults: Prefs = { theme: "system", zone: "local", menu: "open", lastSpace: null, columns: {}, filters: {}, checklistDone: false };
const storeKey = "muster.preferences";

function readLocal(): Prefs {
  try {
    return { ...defaults, ...(JSON.parse(localStorage.getItem(storeKey) ?? "{}") as Partial<Prefs>) };
  } catch {
    return defaults;
  }
}

export const prefs = signal<Prefs>(readLocal());

// Set while the server does not have the newest copy; survives a reload that comes before the saving.
const unsavedKey = "muster.preferences.unsaved";

function mark(unsaved: boolean): void {
  try {
    if (unsaved) localStorage.setItem(unsavedKey, "1");
    else localStorage.removeItem(unsavedKey);
  } catch {
    // Storage may be forbidden; the server's copy then wins.
  }
}

const isUnsaved = (): boolean => {
  try {
    return localStorage.getItem(unsavedKey) !== null;
  } catch {
    return false;
  }
};

let saveTimer: ReturnType<typeof setTimeout> | undefined;

function save(): void {
  if (!session.value) return;
  const sent = prefs.value;
  // A preference that could not be saved is still right in this browser.
  call("PUT", "/session/preferences", sent).then(() => mark(prefs.value !== sent), () => undefined);
}

export function setPrefs(change: Partial<Prefs>): void {
  prefs.value = { ...prefs.value, ...change };
  mark(true);
  clearTimeout(saveTimer);
  saveTimer = setTimeout(save, 300);
}

const ownerKey = "muster.preferences.owner";

/** Whether this browser's copy belongs to someone else; it does not from now on. */
function changedHands(user: string): boolean {
  try {
    const before = localStorage.getItem(ownerKey);
    localStorage.setItem(ownerKey, user);
    return before !== null && before !== user;
  } catch {
    return false;
  }
}

/** Takes the server's copy after sign-in; of another person's copy in this browser only the looks are kept. */
export async function loadPrefs(user: string): Promise<void> {
  if (changedHands(user)) {
    prefs.value = { ...defaults, theme: prefs.value.theme, zone: prefs.value.zone };
    mark(false);
  }
  if (isUnsaved()) return save();
  try {
    const saved = await call<Partial<Prefs> | null>("GET", "/session/preferences");
    prefs.value = { ...defaults, ...prefs.value, ...(saved ?? {}) };
  } catch {
    // The local copy stands.
  }
}

export function startPrefs(): void {
  effect(() => {
    const { theme } = prefs.value;
    if (theme === "system") document.documentElement.removeAttribute("data-theme");
    else document.documentElement.dataset["theme"] = theme;
    try {
      localStorage.setItem(storeKey, JSON.stringify(prefs.value));
    } catch {
      // Storage may be forbidden; nothing depends on it.
    }
  });
}
