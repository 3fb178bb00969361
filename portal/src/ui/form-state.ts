/* The state of one form: values, server errors at their fields, progress, one idempotency key per intended write. */
import { useRef, useState } from "preact/hooks";
import { ApiError, newIdempotencyKey } from "../lib/api";
import { fieldOfError } from "../lib/errors";
import { errorText } from "../lib/use";

export interface FormState<T> {
  value: T;
  set: (change: Partial<T>) => void;
  errors: Record<string, string>;
  setErrors: (errors: Record<string, string>) => void;
  /** An error that names no field. */
  failure: string | null;
  busy: boolean;
  dirty: boolean;
  /** Runs the write; a second submission while one is under way does nothing. */
  submit: (run: (value: T, idempotencyKey: string) => Promise<void>) => Promise<void>;
}

export function useForm<T extends object>(initial: T, aliases: Record<string, string> = {}): FormState<T> {
  const [value, setValue] = useState(initial);
  const [errors, setErrors] = useState<Record<string, string>>({});
  const [failure, setFailure] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const [dirty, setDirty] = useState(false);
  const running = useRef(false);
  const key = useRef(newIdempotencyKey());

  const set = (change: Partial<T>): void => {
    setValue((old) => ({ ...old, ...change }));
    setDirty(true);
    setErrors((old) => Object.fromEntries(Object.entries(old).filter(([name]) => !(name in change))));
    key.current = newIdempotencyKey();
  };

  const submit = async (run: (value: T, idempotencyKey: string) => Promise<void>): Promise<void> => {
    if (running.current) return;
    running.current = true;
    setBusy(true);
    setFailure(null);
    setErrors({});
    try {
      await run(value, key.current);
    } catch (error) {
      const text = errorText(error);
      const names = [...Object.keys(value), ...Object.keys(aliases)];
      const named = error instanceof ApiError && error.status >= 400 && error.status < 500 ? fieldOfError(text, names) : null;
      if (named) setErrors({ [aliases[named] ?? named]: text });
      else setFailure(text);
      key.current = error instanceof ApiError && error.status === 0 ? key.current : newIdempotencyKey();
    } finally {
      running.current = false;
      setBusy(false);
    }
  };

  return { value, set, errors, setErrors, failure, busy, dirty, submit };
}
