import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { ApiError, call, get, loadSession, session } from "../lib/api";
import type { Session } from "../lib/types";
import { useTitle } from "../lib/use";
import { t } from "../text";
import { Button, Notice } from "../ui/basic";
import { Field, TextInput } from "../ui/form";
import { useForm } from "../ui/form-state";
import { Mark } from "../ui/icons";

/** The address stays as it was, so that after signing in the wanted view opens. */
export function SignIn(): JSX.Element {
  useTitle(t.signIn.title);
  const form = useForm({ email: "", password: "", otp: "" });
  const [asksCode, setAsksCode] = useState(false);
  const [needed, setNeeded] = useState(false);
  useEffect(() => {
    get<{ needed: boolean }>("/setup").then((r) => setNeeded(r.needed === true), () => undefined);
  }, []);
  const submit = (): Promise<void> => form.submit(async (value) => {
    let reply: Session;
    try {
      reply = await call<Session>("POST", "/session", { email: value.email.trim(), password: value.password, ...(asksCode ? { otp: value.otp.trim() } : {}) });
    } catch (error) {
      if (asksCode || !(error instanceof ApiError) || error.message !== "One-time code required") throw error;
      setAsksCode(true);
      return;
    }
    if (reply.current) session.value = reply;
    else await loadSession();
  });
  return (
    <main class="gate">
      <div class="gate-box">
        <div class="gate-brand"><Mark size={36} /><span>Muster</span></div>
        <h1>{t.signIn.heading}</h1>
        {needed && <Notice>{t.signIn.setupNeeded}</Notice>}
        <form class="stack" noValidate onSubmit={(e) => { e.preventDefault(); void submit(); }}>
          {form.failure && <Notice tone="bad">{form.failure}</Notice>}
          {asksCode ? (
            <Field label={t.signIn.code} help={t.signIn.codeHelp} error={form.errors["otp"]}>
              {(p) => <TextInput {...p} name="otp" inputMode="numeric" autocomplete="one-time-code" autofocus value={form.value.otp} onText={(otp) => form.set({ otp })} />}
            </Field>
          ) : (
            <>
              <Field label={t.signIn.email} error={form.errors["email"]}>
                {(p) => <TextInput {...p} type="email" name="email" autocomplete="username" autofocus value={form.value.email} onText={(email) => form.set({ email })} />}
              </Field>
              <Field label={t.signIn.password} error={form.errors["password"]}>
                {(p) => <TextInput {...p} type="password" name="password" autocomplete="current-password" value={form.value.password} onText={(password) => form.set({ password })} />}
              </Field>
            </>
          )}
          <Button kind="primary" type="submit" class="btn-wide" busy={form.busy}>{t.signIn.action}</Button>
          {asksCode && <Button class="btn-wide" onClick={() => { setAsksCode(false); form.set({ password: "", otp: "" }); }}>{t.signIn.back}</Button>}
          {!asksCode && <p class="small faint">{t.signIn.lost}</p>}
        </form>
      </div>
    </main>
  );
}
