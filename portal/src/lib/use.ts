/* Hooks that tie a component to the server and the page. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { ApiError, get } from "./api";
import { t } from "../text";

/** The sentence shown for a failed call. */
export function errorText(error: unknown): string {
  if (error instanceof ApiError) {
    if (error.message) return error.message;
    return error.status === 0 ? t.errors.network : t.errors.status(error.status);
  }
  return t.errors.unexpected;
}

export interface Fetched<T> {
  data: T | undefined;
  error: ApiError | null;
  loading: boolean;
  reload: () => void;
  set: (change: (old: T) => T) => void;
}

// The last reply of each path, so that going back shows the view at once and refreshes behind it.
const seen = new Map<string, unknown>();
const seenMax = 60;

export function forgetFetched(): void {
  seen.clear();
}

/** Loads a path and again whenever it changes; null loads nothing. Old data stays while a reload is under way. */
export function useFetch<T>(path: string | null, load: (path: string, signal: AbortSignal) => Promise<T> = (p, signal) => get<T>(p, { signal })): Fetched<T> {
  const [state, setState] = useState<{ path: string | null; data: T | undefined; error: ApiError | null; loading: boolean }>({
    path,
    data: path ? (seen.get(path) as T | undefined) : undefined,
    error: null,
    loading: path !== null,
  });
  const [round, setRound] = useState(0);
  const loader = useRef(load);
  loader.current = load;

  useEffect(() => {
    if (path === null) {
      setState({ path, data: undefined, error: null, loading: false });
      return;
    }
    const abort = new AbortController();
    setState((old) => ({ path, data: old.path === path ? old.data : (seen.get(path) as T | undefined), error: null, loading: true }));
    loader.current(path, abort.signal).then(
      (data) => {
        if (abort.signal.aborted) return;
        seen.delete(path);
        seen.set(path, data);
        if (seen.size > seenMax) seen.delete(seen.keys().next().value as string);
        setState({ path, data, error: null, loading: false });
      },
      (error: unknown) => {
        if (abort.signal.aborted) return;
        const shown = error instanceof ApiError ? error : new ApiError(-1, String(error));
        setState((old) => ({ ...old, error: shown, loading: false }));
      },
    );
    return () => abort.abort();
  }, [path, round]);

  const reload = useCallback(() => setRound((n) => n + 1), []);
  const set = useCallback((change: (old: T) => T) => {
    setState((old) => (old.data === undefined ? old : { ...old, data: change(old.data) }));
  }, []);
  const stale = state.path !== path;
  return {
    data: stale ? (path ? (seen.get(path) as T | undefined) : undefined) : state.data,
    error: stale ? null : state.error,
    loading: stale ? path !== null : state.loading,
    reload,
    set,
  };
}

/** A function that runs at most once per interval, the last call always included. */
export function useThrottled(fn: () => void, ms: number): () => void {
  const latest = useRef(fn);
  latest.current = fn;
  const timer = useRef<ReturnType<typeof setTimeout> | null>(null);
  useEffect(() => () => {
    if (timer.current) clearTimeout(timer.current);
  }, []);
  return useCallback(() => {
    if (timer.current) return;
    timer.current = setTimeout(() => {
      timer.current = null;
      latest.current();
    }, ms);
  }, [ms]);
}

export function useDebounced<T>(value: T, ms: number): T {
  const [shown, setShown] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setShown(value), ms);
    return () => clearTimeout(timer);
  }, [value, ms]);
  return shown;
}

export function useTitle(title: string | undefined): void {
  useEffect(() => {
    document.title = title ? `${title} · Muster` : "Muster";
  }, [title]);
}

let nextId = 0;
export function useId(prefix: string): string {
  const ref = useRef("");
  if (!ref.current) ref.current = `${prefix}-${++nextId}`;
  return ref.current;
}
