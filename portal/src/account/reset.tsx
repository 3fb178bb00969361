/* Lost access and invitations: the page behind a one-time link, where its reader chooses a password. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { ApiError, call, session } from "../lib/api";
import { useTitle } from "../lib/use";
import { t } from "../text";
import { Button, Empty, Notice } from "../ui/basic";
import { Field, TextInput } from "../ui/form";
import { useForm } from "../ui/form-state";
import { Mark } from "../ui/icons";

type Step = "form" | "done" | "dead";

export function Reset({ token }: { token: string }): JSX.Element {
  useTitle(t.reset.title);
  const [step, setStep] = useState<Step>(token ? "form" : "dead");
  return (
    <main class="gate">
      <div class="gate-box">
        <div class="gate-brand"><Mark size={36} /><span>Muster</span></div>
        {step === "form" ? <NewPassword token={token} onStep={setStep} />
          : <Empty icon={step === "done" ? "check" : "key"} title={t.reset[step].title} action={<Button kind={step === "done" ? "primary" : undefined} href="/partners/">{t.signIn.action}</Button>}>{t.reset[step].text}</Empty>}
      </div>
    </main>
  );
}

function NewPassword({ token, onStep }: { token: string; onStep: (step: Step) => void }): JSX.Element {
  const form = useForm({ password: "", again: "" });
  const v = form.value;
  const submit = (): void => {
    if (v.password.length < 12) return form.setErrors({ password: t.setup.passwordShort(v.password.length) });
    if (v.password !== v.again) return form.setErrors({ again: t.setup.passwordDiffers });
    void form.submit(async (value) => {
      try {
        await call("POST", "/session/reset", { token, password: value.password });
      } catch (error) {
        if (!(error instanceof ApiError) || error.status !== 404) throw error;
        onStep("dead");
        return;
      }
      session.value = undefined; // whoever was signed in here may not be any more
      onStep("done");
    });
  };
  return (
    <form class="stack" noValidate onSubmit={(e) => { e.preventDefault(); submit(); }}>
      <h1>{t.reset.heading}</h1>
      <p class="muted">{t.reset.text}</p>
      {form.failure && <Notice tone="bad">{form.failure}</Notice>}
      <Field label={t.reset.password} error={form.errors["password"]}>
        {(p) => <TextInput {...p} type="password" name="password" autocomplete="new-password" autofocus value={v.password} onText={(password) => form.set({ password })} />}
      </Field>
      <Field label={t.reset.again} error={form.errors["again"]}>
        {(p) => <TextInput {...p} type="password" name="again" autocomplete="new-password" value={v.again} onText={(again) => form.set({ again })} />}
      </Field>
      <Button kind="primary" type="submit" class="btn-wide" busy={form.busy}>{t.reset.action}</Button>
    </form>
  );
}
