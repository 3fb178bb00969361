/* The REST of the management API, as this portal uses it: JSON, session cookie, CSRF header on writes, one key per intended write. */
import { signal } from "@preact/signals";
import type { Page, Session } from "./types";

export const session = signal<Session | null | undefined>(undefined);

export class ApiError extends Error {
  constructor(readonly status: number, message: string) {
    super(message);
  }
}

const root = "/core/v1";

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

export interface CallOptions {
  /** Repeats of one intended creation carry the same key. */
  idempotencyKey?: string;
  signal?: AbortSignal;
}

export async function call<T>(method: Method, path: string, body?: unknown, options: CallOptions = {}): Promise<T> {
  const headers: Record<string, string> = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (method !== "GET" && session.value) headers["X-CSRF-Token"] = session.value.csrf_token;
  if (options.idempotencyKey) headers["Idempotency-Key"] = options.idempotencyKey;
  let reply: Response;
  try {
    reply = await fetch(root + path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: "same-origin",
      signal: options.signal,
    });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new ApiError(0, "");
  }
  const text = await reply.text();
  let data: unknown = null;
  try {
    data = text ? JSON.parse(text) : null;
  } catch {
    data = null;
  }
  if (reply.ok) return data as T;
  if (reply.status === 401 && session.value && path !== "/session") session.value = null;
  const message = (data as { error?: unknown } | null)?.error;
  throw new ApiError(reply.status, typeof message === "string" ? message : "");
}

export const get = <T>(path: string, options?: CallOptions): Promise<T> => call<T>("GET", path, undefined, options);

/** A fresh key for one intended creation; kept by the form until it succeeds or its content changes. */
export function newIdempotencyKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
}

type PartnerEnvelope<T> = { data: T[]; page_info: { has_next: boolean; total_count: number } };
type OrganizationEnvelope<T> = { items: T[]; has_next_page: boolean };

/** Both envelopes and the bare array, as one shape. */
export function toPage<T>(reply: unknown): Page<T> {
  if (Array.isArray(reply)) return { rows: reply as T[], total: reply.length, hasNext: false };
  const partner = reply as PartnerEnvelope<T> | null;
  if (partner?.data) return { rows: partner.data, total: partner.page_info?.total_count ?? null, hasNext: !!partner.page_info?.has_next };
  const organization = reply as OrganizationEnvelope<T> | null;
  return { rows: organization?.items ?? [], total: null, hasNext: !!organization?.has_next_page };
}

export async function getPage<T>(path: string, options?: CallOptions): Promise<Page<T>> {
  return toPage<T>(await get<unknown>(path, options));
}

/** Builds "?a=b" from the members that have a value. */
export function query(members: Record<string, string | number | boolean | null | undefined>): string {
  const out = new URLSearchParams();
  for (const [key, value] of Object.entries(members)) {
    if (value !== null && value !== undefined && value !== "") out.set(key, String(value));
  }
  const text = out.toString();
  return text ? `?${text}` : "";
}

export async function loadSession(): Promise<void> {
  try {
    session.value = await get<Session>("/session");
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) session.value = null;
    else throw error;
  }
}
