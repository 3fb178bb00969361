/* First start: the one-time link's page. Four short steps, then one request that makes everything at once. */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { call, get, loadSession, session } from "../lib/api";
import { navigate } from "../lib/router";
import type { Session } from "../lib/types";
import { errorText, useFetch, useTitle } from "../lib/use";
import { fieldOfError } from "../lib/errors";
import { t } from "../text";
import { Button, Code, Empty, Facts, Failed, Notice, Skeleton } from "../ui/basic";
import { Field, TextInput } from "../ui/form";
import { useForm } from "../ui/form-state";
import { Icon, Mark } from "../ui/icons";

interface Offer {
  public_url: string;
  mqtt_url: string;
  mqtts_url: string | null;
  certificate_fingerprint: string | null;
  short_code: string;
}

interface Values {
  name: string;
  email: string;
  password: string;
  again: string;
  public_url: string;
  mqtt_url: string;
  partner_name: string;
  short_code: string;
}

const stepOf: Record<keyof Values, number> = { name: 0, email: 0, password: 0, again: 0, public_url: 1, mqtt_url: 1, partner_name: 2, short_code: 2 };

export function Setup({ token }: { token: string }): JSX.Element {
  useTitle(t.setup.title);
  return (
    <main class="gate gate-setup">
      <div class="gate-box gate-wide">
        <div class="gate-brand"><Mark size={36} /><span>Muster</span></div>
        {token ? <WithToken token={token} /> : <WithoutToken />}
      </div>
    </main>
  );
}

function WithoutToken(): JSX.Element {
  const [needed, setNeeded] = useState<boolean | null>(null);
  useEffect(() => {
    get<{ needed: boolean }>("/setup").then((r) => setNeeded(r.needed), () => setNeeded(true));
  }, []);
  if (needed === null) return <Skeleton />;
  if (!needed) return <Empty icon="check" title={t.setup.done.title} action={<Button kind="primary" href="/partners/">{t.signIn.action}</Button>}>{t.setup.done.text}</Empty>;
  return (
    <div class="stack">
      <h1>{t.setup.instructions.title}</h1>
      <p class="muted">{t.setup.instructions.text}</p>
      <Code text={t.setup.instructions.example} label={t.setup.instructions.title} />
      <p class="muted">{t.setup.instructions.lost}</p>
    </div>
  );
}

function WithToken({ token }: { token: string }): JSX.Element {
  const offer = useFetch<Offer>(`/setup/${encodeURIComponent(token)}`);
  if (offer.error) {
    if (offer.error.status !== 404) return <Failed text={errorText(offer.error)} retry={offer.reload} />;
    return <Empty icon="key" title={t.setup.dead.title} action={<Button href="/partners/">{t.signIn.action}</Button>}>{t.setup.dead.text}</Empty>;
  }
  if (!offer.data) return <Skeleton lines={6} height={20} />;
  return <Wizard token={token} offer={offer.data} />;
}

function Wizard({ token, offer }: { token: string; offer: Offer }): JSX.Element {
  const [step, setStep] = useState(0);
  const form = useForm<Values>({
    name: "", email: "", password: "", again: "",
    public_url: offer.public_url || location.origin, mqtt_url: offer.mqtt_url, partner_name: "", short_code: offer.short_code,
  });
  const v = form.value;

  const problems = (at: number): Record<string, string> => {
    const e: Record<string, string> = {};
    if (at === 0) {
      if (!v.name.trim()) e["name"] = t.form.required;
      if (!/^[^@\s]+@[^@\s]+$/.test(v.email.trim())) e["email"] = t.form.email;
      if (v.password.length < 12) e["password"] = t.setup.passwordShort(v.password.length);
      else if (v.password !== v.again) e["again"] = t.setup.passwordDiffers;
    } else if (at === 1) {
      if (!/^https?:\/\/[^/\s]+$/.test(v.public_url)) e["public_url"] = t.setup.urlBad("https://…");
      if (!/^mqtts?:\/\/[^/\s]+$/.test(v.mqtt_url)) e["mqtt_url"] = t.setup.urlBad("mqtt://… , mqtts://…");
    } else if (at === 2) {
      if (!v.partner_name.trim()) e["partner_name"] = t.form.required;
      if (!/^[A-Za-z0-9]{4}$/.test(v.short_code)) e["short_code"] = t.setup.shortCodeBad;
    }
    return e;
  };

  const next = (): void => {
    const e = problems(step);
    if (Object.keys(e).length) return form.setErrors(e);
    if (step < 3) return setStep(step + 1);
    void finish();
  };

  const finish = (): Promise<void> => form.submit(async (value) => {
    const { again: _again, ...rest } = value;
    const body = { ...rest, name: rest.name.trim(), email: rest.email.trim(), partner_name: rest.partner_name.trim() };
    try {
      const reply = await call<Session>("POST", `/setup/${encodeURIComponent(token)}`, body);
      if (reply.current) session.value = reply;
      else await loadSession();
      navigate("/partners/", { replace: true });
    } catch (error) {
      const named = fieldOfError(errorText(error), Object.keys(stepOf)) as keyof Values | null;
      if (named) setStep(stepOf[named]);
      throw error;
    }
  });

  return (
    <form class="setup" noValidate onSubmit={(e) => { e.preventDefault(); next(); }}>
      <ol class="steps" aria-label={t.setup.title}>
        {t.setup.steps.map((label, i) => (
          <li key={label} class={i === step ? "is-on" : i < step ? "is-done" : ""} aria-current={i === step ? "step" : undefined}>
            <span class="steps-dot">{i < step ? <Icon name="check" size={12} /> : i + 1}</span><span>{label}</span>
          </li>
        ))}
      </ol>
      <div class="stack" key={step}>
        <div class="stack stack-1"><h1>{t.setup.headings[step]}</h1><p class="muted">{t.setup.intros[step]}</p></div>
        {form.failure && <Notice tone="bad">{form.failure}</Notice>}
        {step === 0 && <Administrator form={form} />}
        {step === 1 && <Addresses form={form} offer={offer} />}
        {step === 2 && <Partner form={form} />}
        {step === 3 && <Facts rows={[
          [t.setup.summary.administrator, <>{v.name} <span class="faint">{v.email}</span></>],
          [t.setup.summary.partner, <>{v.partner_name} <code>{v.short_code}</code></>],
          [t.setup.publicUrl, <code class="break">{v.public_url}</code>],
          [t.setup.mqttUrl, <code class="break">{v.mqtt_url}</code>],
          [t.setup.summary.lab, t.setup.summary.labText],
        ]} />}
      </div>
      <footer class="row between setup-foot">
        {step > 0 ? <Button icon="left" onClick={() => setStep(step - 1)}>{t.back}</Button> : <span />}
        <Button kind="primary" type="submit" busy={form.busy}>{step === 3 ? t.setup.finish : t.next}</Button>
      </footer>
    </form>
  );
}

type Part = { form: ReturnType<typeof useForm<Values>> };

function Administrator({ form }: Part): JSX.Element {
  const v = form.value;
  return (
    <>
      <Field label={t.setup.name} error={form.errors["name"]}>{(p) => <TextInput {...p} name="name" autocomplete="name" autofocus value={v.name} onText={(name) => form.set({ name })} />}</Field>
      <Field label={t.signIn.email} error={form.errors["email"]}>{(p) => <TextInput {...p} type="email" name="email" autocomplete="username" value={v.email} onText={(email) => form.set({ email })} />}</Field>
      <Field label={t.signIn.password} help={t.setup.passwordHelp} error={form.errors["password"]}>{(p) => <TextInput {...p} type="password" name="password" autocomplete="new-password" value={v.password} onText={(password) => form.set({ password })} />}</Field>
      <Field label={t.setup.again} error={form.errors["again"]}>{(p) => <TextInput {...p} type="password" name="again" autocomplete="new-password" value={v.again} onText={(again) => form.set({ again })} />}</Field>
    </>
  );
}

function Addresses({ form, offer }: Part & { offer: Offer }): JSX.Element {
  const v = form.value;
  return (
    <>
      <Field label={t.setup.publicUrl} help={t.setup.publicUrlHelp} error={form.errors["public_url"]}>{(p) => <TextInput {...p} mono name="public_url" value={v.public_url} onText={(public_url) => form.set({ public_url })} />}</Field>
      <Field label={t.setup.mqttUrl} help={t.setup.mqttUrlHelp} error={form.errors["mqtt_url"]}>{(p) => <TextInput {...p} mono name="mqtt_url" value={v.mqtt_url} onText={(mqtt_url) => form.set({ mqtt_url })} />}</Field>
      {offer.mqtts_url && (
        <div class="row wrap">
          <span class="small muted">{t.setup.alternatives}</span>
          {[offer.mqtt_url, offer.mqtts_url].filter(Boolean).map((url) => (
            <button key={url} type="button" class={v.mqtt_url === url ? "chip is-button is-on" : "chip is-button"} onClick={() => form.set({ mqtt_url: url })}>{url}</button>
          ))}
        </div>
      )}
      {offer.certificate_fingerprint && (
        <div class="stack stack-2">
          <h3>{t.setup.certificate}</h3>
          <p class="small muted">{t.setup.certificateText}</p>
          <Code text={offer.certificate_fingerprint} label={t.setup.certificate} wrap />
        </div>
      )}
    </>
  );
}

function Partner({ form }: Part): JSX.Element {
  const v = form.value;
  return (
    <>
      <Field label={t.setup.partnerName} error={form.errors["partner_name"]}>{(p) => <TextInput {...p} name="partner_name" autocomplete="organization" autofocus value={v.partner_name} onText={(partner_name) => form.set({ partner_name })} />}</Field>
      <Field label={t.setup.shortCode} help={t.setup.shortCodeHelp} error={form.errors["short_code"]}>{(p) => <TextInput {...p} mono class="input-short" name="short_code" maxLength={4} spellcheck={false} value={v.short_code} onText={(short_code) => form.set({ short_code })} />}</Field>
    </>
  );
}
