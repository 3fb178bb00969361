/* What the tabs of a browser want of the one live stream they share. Pure. */
import type { StreamEvent } from "./types";

export interface Want {
  types: string[];
  device?: string;
}

/** The query that covers every want: all types, and a device only if every want names that one device. */
export function unionQuery(wants: Want[]): string | null {
  const types = [...new Set(wants.flatMap((w) => w.types))].sort();
  if (!types.length) return null;
  const devices = new Set(wants.map((w) => w.device ?? ""));
  const only = devices.size === 1 ? [...devices][0] : "";
  return `types=${types.join(",")}${only ? `&device_id=${encodeURIComponent(only)}` : ""}`;
}

export function wanted(want: Want, event: StreamEvent): boolean {
  if (event.type === "dropped") return true;
  return want.types.includes(event.type) && (!want.device || want.device === event.device_id);
}
