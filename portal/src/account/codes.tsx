/* The account's one-time codes: turned on with a first code, off with the password. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { call, loadSession, session } from "../lib/api";
import { t } from "../text";
import { Button, Card, Facts, Ident, Notice } from "../ui/basic";
import { Field, TextInput } from "../ui/form";
import { useForm } from "../ui/form-state";
import { toast } from "../ui/toast";

interface Offer {
  secret: string;
  url: string;
}

export function OneTimeCodes(): JSX.Element {
  const [offer, setOffer] = useState<Offer | null>(null);
  const start = useForm({});
  const on = session.value?.user.otp === true;
  const begin = (): Promise<void> => start.submit(async () => setOffer(await call<Offer>("POST", "/session/otp", { action: "start" })));
  return (
    <Card title={t.codes.title}>
      <div class="stack">
        {start.failure && <Notice tone="bad">{start.failure}</Notice>}
        {!offer && <p class="muted">{on ? t.codes.on : t.codes.off}</p>}
        {on ? <TurnOff /> : offer ? <TurnOn offer={offer} onDone={() => setOffer(null)} />
          : <div><Button kind="primary" busy={start.busy} onClick={() => void begin()}>{t.codes.turnOn}</Button></div>}
      </div>
    </Card>
  );
}

function TurnOn({ offer, onDone }: { offer: Offer; onDone: () => void }): JSX.Element {
  const form = useForm({ code: "" });
  const confirm = (): Promise<void> => form.submit(async (value) => {
    await call("POST", "/session/otp", { action: "confirm", code: value.code.trim() });
    await loadSession();
    onDone();
    toast(t.codes.turnedOn);
  });
  return (
    <form class="stack" noValidate onSubmit={(e) => { e.preventDefault(); void confirm(); }}>
      <p class="muted">{t.codes.secretText}</p>
      <Facts rows={[[t.codes.secret, <Ident value={offer.secret} />]]} />
      <p><a href={offer.url}>{t.codes.link}</a></p>
      {form.failure && <Notice tone="bad">{form.failure}</Notice>}
      <Field label={t.codes.code} error={form.errors["code"]}>
        {(p) => <TextInput {...p} name="code" inputMode="numeric" autocomplete="one-time-code" value={form.value.code} onText={(code) => form.set({ code })} />}
      </Field>
      <div><Button kind="primary" type="submit" busy={form.busy} disabled={!form.value.code.trim()}>{t.codes.confirm}</Button></div>
    </form>
  );
}

function TurnOff(): JSX.Element {
  const form = useForm({ password: "" });
  const off = (): Promise<void> => form.submit(async (value) => {
    await call("POST", "/session/otp", { action: "off", password: value.password });
    await loadSession();
    toast(t.codes.turnedOff);
  });
  return (
    <form class="stack" noValidate onSubmit={(e) => { e.preventDefault(); void off(); }}>
      {form.failure && <Notice tone="bad">{form.failure}</Notice>}
      <Field label={t.codes.password} error={form.errors["password"]}>
        {(p) => <TextInput {...p} type="password" name="password" autocomplete="current-password" value={form.value.password} onText={(password) => form.set({ password })} />}
      </Field>
      <div><Button type="submit" busy={form.busy} disabled={!form.value.password}>{t.codes.turnOff}</Button></div>
    </form>
  );
}
