/* One device, kept current by the live stream. */
import { useLive, useStream } from "../lib/stream";
import { timeOf, valuesOf } from "../lib/telemetry";
import type { Area, Device, Scalar, StreamEvent } from "../lib/types";
import { useFetch, type Fetched } from "../lib/use";

/** Applies one telemetry event to the last state, as the server merges it. */
export function applyTelemetry(device: Device, event: StreamEvent): Device {
  const values = valuesOf(event);
  if (!Object.keys(values).length) return device;
  const state: Record<string, Scalar> = { ...device.state };
  for (const [key, value] of Object.entries(values)) {
    if (value === null) delete state[key];
    else state[key] = value;
  }
  const status = values["status"];
  const known = status === "online" || status === "offline" || status === "error" ? status : "online";
  return { ...device, state, status: known, last_seen_at: new Date(timeOf(event)).toISOString() };
}

export function useDevice(area: Area, id: string): Fetched<Device> {
  const fetched = useFetch<Device>(`/${area}/devices/${encodeURIComponent(id)}`);
  useLive(["status", "config", "registration", "event"], id, fetched.reload, 400);
  useStream(["telemetry"], id, (event) => fetched.set((d) => applyTelemetry(d, event)));
  return fetched;
}
