/*
 * Armed traces (management-api.md 9), as far as this tab armed them. Their events come only to a stream of that one
 * device, so the shared stream cannot carry them: while a trace is armed, its page has a second one.
 */
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { call } from "./api";
import type { Area, StreamEvent } from "./types";

const storeKey = "muster.traces";

function stored(): Record<string, number> {
  try {
    return JSON.parse(sessionStorage.getItem(storeKey) ?? "{}") as Record<string, number>;
  } catch {
    return {};
  }
}

/** Device id -> until when, unix ms. */
const armed = signal<Record<string, number>>(stored());

function note(device: string, until: number | null): void {
  const next = { ...armed.value };
  if (until === null) delete next[device];
  else next[device] = until;
  armed.value = next;
  try {
    sessionStorage.setItem(storeKey, JSON.stringify(next));
  } catch {
    // a full or forbidden store: the trace is known until the page is left
  }
}

export const isTraced = (device: string): boolean => (armed.value[device] ?? 0) > Date.now();

/** Arms for the server's default time; returns its minutes. */
export async function armTrace(area: Area, device: string): Promise<number> {
  const reply = await call<{ minutes: number }>("POST", `/${area}/devices/${device}/trace`, {});
  note(device, Date.now() + reply.minutes * 60_000);
  return reply.minutes;
}

export async function endTrace(area: Area, device: string): Promise<void> {
  await call("DELETE", `/${area}/devices/${device}/trace`);
  note(device, null);
}

/** Packets and calls of the device while its trace is armed. */
export function useTrace(area: Area, device: string | undefined, on: (event: StreamEvent) => void): void {
  const latest = useRef(on);
  latest.current = on;
  const until = device ? armed.value[device] ?? 0 : 0;
  useEffect(() => {
    const left = until - Date.now();
    if (!device || left <= 0) return;
    const source = new EventSource(`/core/v1/${area}/stream?types=wire&device_id=${encodeURIComponent(device)}`, { withCredentials: true });
    source.onmessage = (e: MessageEvent<string>) => latest.current(JSON.parse(e.data) as StreamEvent);
    const timer = setTimeout(() => note(device, null), left);
    return () => {
      clearTimeout(timer);
      source.close();
    };
  }, [area, device, until]);
}
