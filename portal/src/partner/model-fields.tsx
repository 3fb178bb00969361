/* Labels and shared pieces of models. */
import type { JSX } from "preact";
import type { Model } from "../lib/types";
import { t } from "../text";
import { Pill } from "../ui/basic";

export const latestApi = "1.0.7";
export const allTabs = ["overview", "telemetry", "commands", "configuration", "incidents", "files", "licenses", "history", "dumps", "events", "children", "details", "notes"] as const;

export const protocolName = (p: Model["communication_protocol"]): string => (p === "mqtt" ? "MQTT" : "HTTPS");

export function ProtocolBadge({ protocol }: { protocol: Model["communication_protocol"] }): JSX.Element {
  return <span class={`badge badge-${protocol}`}>{protocolName(protocol)}</span>;
}

export function PublishedPill({ model }: { model: Model }): JSX.Element {
  return model.published ? <Pill tone="ok">{t.models.published}</Pill> : <Pill tone="idle">{t.models.unpublished}</Pill>;
}

/** The versions a person may choose: the latest and those in use; default latest for the first model, else the highest in use. */
export function apiChoices(models: Model[]): { versions: string[]; preset: string } {
  const used = [...new Set(models.map((m) => m.api_version))].sort();
  const versions = [...new Set([latestApi, ...used])].sort().reverse();
  return { versions, preset: used.length ? used[used.length - 1]! : latestApi };
}
