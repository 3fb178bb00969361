/* Command definitions as forms: which control a field gets, and the parameters a filled form makes. Pure. */
import type { CommandDef, CustomField, FieldOption } from "./types";

/** The choices of a static list in their order, from any of the three input forms. */
export function optionsOf(field: CustomField): FieldOption[] {
  const raw = field.options;
  if (!raw) return [];
  const list: FieldOption[] = Array.isArray(raw)
    ? raw.map((o, i) => ({ order: i, ...o }))
    : Object.entries(raw).map(([value, o], i) => (typeof o === "string" ? { value, label: o, order: i } : { order: i, ...o, value: o.value ?? value }));
  return list.sort((a, b) => (a.order ?? 0) - (b.order ?? 0));
}

/** Choices of a dynamic list from the device's own data, such as details.available_inputs. */
export function dynamicOptions(path: string, data: Record<string, unknown>): FieldOption[] {
  let value: unknown = data;
  for (const part of path.split(".")) {
    if (typeof value !== "object" || value === null) return [];
    value = (value as Record<string, unknown>)[part];
  }
  if (Array.isArray(value)) {
    return value.map((v) => (typeof v === "object" && v !== null
      ? { value: String((v as FieldOption).value ?? ""), label: String((v as FieldOption).label ?? (v as FieldOption).value ?? "") }
      : { value: String(v), label: String(v) }));
  }
  if (typeof value === "object" && value !== null) {
    return Object.entries(value).map(([key, v]) => ({ value: key, label: typeof v === "string" ? v : String((v as FieldOption | null)?.label ?? key) }));
  }
  return [];
}

export type FormValues = Record<string, string | boolean | string[] | undefined>;

export interface BuiltParameters {
  parameters: Record<string, unknown>;
  errors: Record<string, string>;
}

/** Turns what was typed into extra_params; empty optional fields are left out, the server sends them as null. */
export function buildParameters(fields: CustomField[], values: FormValues, words: { required: string; number: string; integer: string; json: string }): BuiltParameters {
  const parameters: Record<string, unknown> = {};
  const errors: Record<string, string> = {};
  for (const field of fields) {
    const value = values[field.name];
    if (field.type === "boolean") {
      parameters[field.name] = value === true;
      continue;
    }
    const empty = value === undefined || value === "" || (Array.isArray(value) && value.length === 0);
    if (empty) {
      if (field.required) errors[field.name] = words.required;
      continue;
    }
    if (field.type === "number" || field.type === "integer") {
      const n = Number(value);
      if (!Number.isFinite(n)) errors[field.name] = words.number;
      else if (field.type === "integer" && !Number.isInteger(n)) errors[field.name] = words.integer;
      else parameters[field.name] = n;
    } else if (field.type === "json" || field.type === "object" || field.type === "array") {
      try {
        const parsed: unknown = JSON.parse(String(value));
        const fits = field.type === "json" || (field.type === "array" ? Array.isArray(parsed) : typeof parsed === "object" && parsed !== null && !Array.isArray(parsed));
        if (fits) parameters[field.name] = parsed;
        else errors[field.name] = words.json;
      } catch {
        errors[field.name] = words.json;
      }
    } else parameters[field.name] = value;
  }
  return { parameters, errors };
}

/** What the device will receive, for the preview beside a definition. */
export function previewMessage(def: Pick<CommandDef, "name" | "with_file" | "custom_fields">, parameters: Record<string, unknown>): Record<string, unknown> {
  const full: Record<string, unknown> = {};
  for (const f of def.custom_fields) full[f.name] = parameters[f.name] ?? null;
  if (def.with_file) Object.assign(full, { url: "https://…", version: "1.3.4", checksum: null, signature: null });
  return { id: "5a0e93b7-…", status: "pending", name: def.name || "…", parameters: full };
}
