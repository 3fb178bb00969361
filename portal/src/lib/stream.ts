/*
 * The live stream. A browser allows six connections to one server, so all tabs of a portal share one EventSource: the tab
 * that holds a Web Lock opens it and passes every event on over a BroadcastChannel. Each tab says what it wants; the holder
 * asks the server for the union. Without locks or channels (an old browser, an insecure origin) a tab opens its own.
 */
import { computed, effect, signal, untracked } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Area, StreamEvent } from "./types";
import { session } from "./api";
import { useThrottled } from "./use";
import { unionQuery, wanted, type Want } from "./wants";

export type StreamState = "idle" | "connecting" | "open" | "lost";

/** What the shell's banner shows. */
export const streamState = signal<StreamState>("idle");
/** Grows each time the stream opens: what happened between a view's first reading and now may have been missed, so views read again. */
export const resumed = signal(0);

type Listener = { want: Want; on: (event: StreamEvent) => void };
type Message =
  | { kind: "event"; event: StreamEvent }
  | { kind: "state"; state: StreamState }
  | { kind: "wants"; tab: string; wants: Want[] }
  | { kind: "hello" }
  | { kind: "bye"; tab: string };

const eventTypes = ["telemetry", "status", "command", "config", "license", "incident", "event", "registration", "dropped"];
const tabId = Math.random().toString(36).slice(2);
const wantsLifeMs = 150_000; // hidden tabs are throttled to one timer a minute
const lostAfterMs = 1500;

const listeners = new Set<Listener>();
let channel: BroadcastChannel | null = null;
let leading = false;
let stopLeading: (() => void) | null = null;
let source: EventSource | null = null;
let sourceUrl = "";
let area: Area | null = null;
let retryMs = 1000;
let retryTimer: ReturnType<typeof setTimeout> | undefined;
let lostTimer: ReturnType<typeof setTimeout> | undefined;
let planTimer: ReturnType<typeof setTimeout> | undefined;
const others = new Map<string, { wants: Want[]; at: number }>();

const myWants = (): Want[] => [...listeners].map((l) => l.want);

function deliver(event: StreamEvent): void {
  for (const listener of [...listeners]) if (wanted(listener.want, event)) listener.on(event);
}

function setState(state: StreamState): void {
  const before = streamState.value;
  if (before === state) return;
  streamState.value = state;
  if (state === "open") resumed.value++;
  if (leading) channel?.postMessage({ kind: "state", state } satisfies Message);
}

function onData(event: MessageEvent<string>): void {
  let parsed: StreamEvent;
  try {
    parsed = JSON.parse(event.data) as StreamEvent;
  } catch {
    return;
  }
  if (!parsed.type) parsed.type = event.type;
  deliver(parsed);
  if (leading) channel?.postMessage({ kind: "event", event: parsed } satisfies Message);
}

function closeSource(): void {
  source?.close();
  source = null;
  sourceUrl = "";
  clearTimeout(retryTimer);
  clearTimeout(lostTimer);
}

function openSource(url: string): void {
  closeSource();
  sourceUrl = url;
  if (streamState.value !== "lost") setState("connecting");
  const opened = new EventSource(url, { withCredentials: true });
  source = opened;
  opened.onopen = () => {
    retryMs = 1000;
    clearTimeout(lostTimer);
    lostTimer = undefined;
    setState("open");
  };
  opened.onmessage = onData;
  for (const type of eventTypes) opened.addEventListener(type, onData as (e: Event) => void);
  opened.onerror = () => {
    if (source !== opened) return;
    lostTimer ??= setTimeout(() => setState("lost"), lostAfterMs);
    if (opened.readyState !== EventSource.CLOSED) return; // it tries again by itself
    retryTimer = setTimeout(() => openSource(url), retryMs);
    retryMs = Math.min(retryMs * 2, 30_000);
  };
}

function plan(): void {
  clearTimeout(planTimer);
  planTimer = setTimeout(() => {
    if (!area || (channel && !leading)) return;
    const cutoff = Date.now() - wantsLifeMs;
    for (const [tab, entry] of others) if (entry.at < cutoff) others.delete(tab);
    const query = unionQuery([...myWants(), ...[...others.values()].flatMap((o) => o.wants)]);
    if (query === null) {
      closeSource();
      setState("idle");
      return;
    }
    const url = `/core/v1/${area}/stream?${query}`;
    if (url !== sourceUrl) openSource(url);
  }, 60);
}

function announce(): void {
  if (channel && !leading) channel.postMessage({ kind: "wants", tab: tabId, wants: myWants() } satisfies Message);
  plan();
}

function onMessage(message: Message): void {
  switch (message.kind) {
    case "event":
      deliver(message.event);
      break;
    case "state":
      if (!leading) setState(message.state);
      break;
    case "wants":
      others.set(message.tab, { wants: message.wants, at: Date.now() });
      if (leading) {
        channel?.postMessage({ kind: "state", state: streamState.value } satisfies Message);
        plan();
      }
      break;
    case "hello":
      announce();
      break;
    case "bye":
      others.delete(message.tab);
      plan();
      break;
  }
}

function join(name: string): void {
  if (!("BroadcastChannel" in window) || !navigator.locks) {
    plan();
    return;
  }
  const opened = new BroadcastChannel(name);
  channel = opened;
  opened.onmessage = (e: MessageEvent<Message>) => onMessage(e.data);
  const abort = new AbortController();
  let release: () => void = () => undefined;
  stopLeading = () => {
    abort.abort();
    release();
  };
  navigator.locks
    .request(name, { signal: abort.signal }, () => {
      if (channel !== opened) return undefined;
      leading = true;
      opened.postMessage({ kind: "hello" } satisfies Message);
      plan();
      return new Promise<void>((resolve) => {
        release = resolve;
      });
    })
    .catch(() => undefined);
  announce();
}

function part(): void {
  channel?.postMessage({ kind: "bye", tab: tabId } satisfies Message);
  closeSource();
  stopLeading?.();
  stopLeading = null;
  leading = false;
  channel?.close();
  channel = null;
  others.clear();
  streamState.value = "idle";
}

/** The area whose stream this tab follows; changes with the portal and with the tenant. */
export const streamArea = signal<Area | null>(null);

const followed = computed(() => {
  const wantedArea = streamArea.value;
  const tenant = wantedArea && session.value ? session.value.current[wantedArea] : null;
  return tenant ? `${wantedArea} ${tenant}` : "";
});

export function startStream(): void {
  effect(() => {
    const key = followed.value;
    untracked(() => {
      part();
      const [wantedArea, tenant] = key.split(" ");
      area = tenant ? (wantedArea as Area) : null;
      if (tenant) join(`muster-stream-${wantedArea}-${tenant}`);
    });
  });
  setInterval(announce, 20_000);
  window.addEventListener("pagehide", () => channel?.postMessage({ kind: "bye", tab: tabId } satisfies Message));
  window.addEventListener("pageshow", announce);
}

/** Follows events while the component lives. `types` and `device` may change; the handler is always the latest. */
export function useStream(types: string[], device: string | undefined, on: (event: StreamEvent) => void): void {
  const latest = useRef(on);
  latest.current = on;
  const key = `${types.join(",")}|${device ?? ""}`;
  useEffect(() => {
    if (!types.length) return;
    const listener: Listener = { want: device ? { types, device } : { types }, on: (event) => latest.current(event) };
    listeners.add(listener);
    announce();
    return () => {
      listeners.delete(listener);
      announce();
    };
  }, [key]);
}

/** Runs `read` again when one of these events happens, at most once per `ms`, and when the stream opens. */
export function useLive(types: string[], device: string | undefined, read: () => void, ms: number): void {
  const soon = useThrottled(read, ms);
  useStream(types, device, soon);
  const before = useRef(resumed.peek());
  useEffect(() => {
    if (resumed.value !== before.current) soon();
    before.current = resumed.value;
  }, [resumed.value]);
}
