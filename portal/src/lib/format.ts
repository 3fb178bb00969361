/* Numbers, sizes and times as text. Pure. */

export type Zone = "local" | "utc";

const pad = (n: number, width = 2): string => String(n).padStart(width, "0");

/** "2026-03-01 10:15:00" in the chosen zone. */
export function exactTime(ms: number, zone: Zone): string {
  if (!Number.isFinite(ms)) return "";
  const d = new Date(ms);
  const utc = zone === "utc";
  const date = utc
    ? `${d.getUTCFullYear()}-${pad(d.getUTCMonth() + 1)}-${pad(d.getUTCDate())}`
    : `${d.getFullYear()}-${pad(d.getMonth() + 1)}-${pad(d.getDate())}`;
  return `${date} ${clockTime(ms, zone)}`;
}

/** "10:15:00" in the chosen zone. */
export function clockTime(ms: number, zone: Zone): string {
  const d = new Date(ms);
  return zone === "utc"
    ? `${pad(d.getUTCHours())}:${pad(d.getUTCMinutes())}:${pad(d.getUTCSeconds())}`
    : `${pad(d.getHours())}:${pad(d.getMinutes())}:${pad(d.getSeconds())}`;
}

const units: [number, string][] = [
  [86400, "d"],
  [3600, "h"],
  [60, "min"],
];

/** "12 s", "4 min", "3 h", "9 d": how long something is or was. */
export function span(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  for (const [size, unit] of units) {
    if (seconds >= size) return `${Math.floor(seconds / size)} ${unit}`;
  }
  return `${seconds} s`;
}

/** "just now", "4 min ago", "in 2 h". */
export function relativeTime(ms: number, now: number): string {
  const age = now - ms;
  if (Math.abs(age) < 5000) return "just now";
  return age > 0 ? `${span(age)} ago` : `in ${span(-age)}`;
}

/** Up to four significant digits behind the point that matter, thousands separated. */
export function number(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (Number.isInteger(value)) return value.toLocaleString("en-US");
  const abs = Math.abs(value);
  const digits = abs >= 1000 ? 1 : abs >= 1 ? 3 : 5;
  return value.toLocaleString("en-US", { maximumFractionDigits: digits });
}

export function scalar(value: unknown): string {
  if (value === null || value === undefined) return "–";
  if (typeof value === "number") return number(value);
  if (typeof value === "string" || typeof value === "boolean") return String(value);
  return JSON.stringify(value);
}

export function bytes(size: number): string {
  if (size < 1024) return `${size} B`;
  if (size < 1024 * 1024) return `${(size / 1024).toFixed(1)} KiB`;
  return `${(size / 1024 / 1024).toFixed(1)} MiB`;
}

export function plural(n: number, one: string, many: string): string {
  return `${n.toLocaleString("en-US")} ${n === 1 ? one : many}`;
}

/** The first characters of a UUID, enough to tell two apart on one screen. */
export const shortId = (id: string): string => id.slice(0, 8);

/** One CSV field; a leading = + - @ is defused, since spreadsheets would run it. */
export function csvField(value: unknown): string {
  let text = value === null || value === undefined ? "" : String(value);
  if (/^[=+\-@\t\r]/.test(text) && !/^-?\d/.test(text)) text = `'${text}`;
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export const csv = (rows: unknown[][]): string => rows.map((r) => r.map(csvField).join(",")).join("\r\n") + "\r\n";
