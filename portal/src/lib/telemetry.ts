/* The values carried by a telemetry event of the live stream, whichever way the device sent them. Pure. */
import type { Scalar, StreamEvent } from "./types";

const isObject = (v: unknown): v is Record<string, unknown> => typeof v === "object" && v !== null && !Array.isArray(v);

function take(into: Record<string, Scalar>, from: unknown): void {
  if (!isObject(from)) return;
  for (const [key, value] of Object.entries(from)) {
    if (value === null || typeof value === "string" || typeof value === "number" || typeof value === "boolean") into[key] = value;
  }
}

/** Reads `{"status","telemetries":{…}}`, the legacy `{"common","custom"}` and the flat state form. */
export function valuesOf(event: StreamEvent): Record<string, Scalar> {
  const out: Record<string, Scalar> = {};
  let payload = event.payload;
  if (typeof payload === "string") {
    try {
      payload = JSON.parse(payload);
    } catch {
      return out;
    }
  }
  if (!isObject(payload)) return out;
  if (isObject(payload["telemetries"])) {
    if (typeof payload["status"] === "string") out["status"] = payload["status"];
    take(out, payload["telemetries"]);
  } else if (isObject(payload["common"]) || isObject(payload["custom"])) {
    take(out, payload["common"]);
    take(out, payload["custom"]);
  } else take(out, payload);
  for (const control of ["timestamp", "override", "message", "access_token"]) {
    if (!isObject(payload["telemetries"])) delete out[control];
  }
  return out;
}

export function timeOf(event: StreamEvent): number {
  const at = event.at ? Date.parse(event.at) : NaN;
  return Number.isFinite(at) ? at : Date.now();
}
