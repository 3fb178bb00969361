/* "Claim device": look the device up by what is printed on it, choose its place, claim. */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { ApiError, call } from "../lib/api";
import { curlLine } from "../lib/curl";
import { prefs, setPrefs } from "../lib/prefs";
import { spacePath } from "../lib/spaces";
import type { Device, Space } from "../lib/types";
import { errorText } from "../lib/use";
import { t } from "../text";
import { ApiCall, Button, Facts, Notice } from "../ui/basic";
import { Dialog } from "../ui/dialog";
import { Field, TextInput } from "../ui/form";
import { useForm } from "../ui/form-state";
import { Icon } from "../ui/icons";
import { Segments } from "../ui/tabs";
import { SpaceSelect, useSpaces } from "./spaces";

interface Lookup {
  result: "claimable" | "not_registered" | "claimed_here" | "claimed_elsewhere" | "unpublished" | "child";
  device_id?: string;
  model?: string | { id?: string; name: string };
  sn?: string | null;
  children?: number;
}

const modelName = (l: Lookup): string => (typeof l.model === "string" ? l.model : l.model?.name ?? "");

export function ClaimDevice({ code, space, onClose, onClaimed }: { code: string; space: Space; onClose: () => void; onClaimed: () => void }): JSX.Element {
  const spaces = useSpaces();
  const start = { method: "cloud_id", cloud_id: code, mac: "", sn: "", space_id: "", name: "" };
  const form = useForm(start);
  const [found, setFound] = useState<Lookup | null>(null);
  const [done, setDone] = useState<Device | null>(null);
  const v = form.value;
  const ids = v.method === "cloud_id" ? { cloud_id: v.cloud_id.trim() } : { mac: v.mac.trim(), sn: v.sn.trim() };
  const ready = Object.values(ids).every(Boolean);
  const remembered = spaces.data?.some((s) => s.id === prefs.value.lastSpace) ? String(prefs.value.lastSpace) : "";
  const spaceId = v.space_id || (space.parent_id === null ? remembered || String(space.id) : String(space.id));
  const body = { ...ids, space_id: Number(spaceId), ...(v.name.trim() ? { name: v.name.trim() } : {}) };

  const lookup = (): Promise<void> => form.submit(async () => {
    setFound(await call<Lookup>("POST", "/organization/devices/claim/lookup", ids));
  });
  const claim = (): Promise<void> => form.submit(async (_v, key) => {
    try {
      const device = await call<Device>("POST", "/organization/devices/claim", body, { idempotencyKey: key });
      setPrefs({ lastSpace: Number(spaceId) });
      setDone(device);
      onClaimed();
    } catch (e) {
      if (e instanceof ApiError && e.status === 404) setFound(null);
      throw e;
    }
  });

  useEffect(() => {
    if (code) void lookup();
  }, []);
  // A device that has not called yet may do so any moment: look again every five seconds.
  useEffect(() => {
    if (found?.result !== "not_registered") return;
    const timer = setInterval(() => {
      call<Lookup>("POST", "/organization/devices/claim/lookup", ids).then(setFound, (e: unknown) => { if (e instanceof ApiError && e.status === 429) clearInterval(timer); });
    }, 5000);
    return () => clearInterval(timer);
  }, [found?.result, JSON.stringify(ids)]);

  const change = (part: Partial<typeof start>): void => { setFound(null); form.set(part); };
  const another = (): void => { setDone(null); setFound(null); form.set({ cloud_id: "", mac: "", sn: "", name: "" }); };

  if (done) {
    return (
      <Dialog title={t.claim.open} width="s" onClose={onClose} footer={<><Button onClick={another}>{t.claim.another}</Button><Button kind="primary" href={`/app/devices/${done.id}`} data-autofocus>{t.claim.openDevice}</Button></>}>
        <div class="success"><span class="success-mark"><Icon name="check" size={24} /></span><h2>{t.claim.success(done.name)}</h2><p class="muted">{spacePath(done.space)}</p></div>
      </Dialog>
    );
  }
  const claimable = found?.result === "claimable";
  return (
    <Dialog title={t.claim.open} width="s" onClose={onClose} onSubmit={() => void (claimable ? claim() : ready && lookup())} footer={
      <><Button onClick={onClose}>{t.cancel}</Button><Button kind="primary" type="submit" busy={form.busy} disabled={!ready}>{claimable ? t.claim.action : t.claim.lookup}</Button></>
    }>
      <Segments label={t.claim.method} value={v.method} onChange={(method) => change({ method })} options={[["cloud_id", t.authentication.cloud_id], ["mac_sn", t.authentication.mac_sn]]} />
      {form.failure && <Notice tone="bad">{form.failure}</Notice>}
      {v.method === "cloud_id"
        ? <Field label={t.devices.cloudId} help={t.claim.cloudIdHelp} error={form.errors["cloud_id"]}>{(p) => <TextInput {...p} mono autocomplete="off" spellcheck={false} value={v.cloud_id} onText={(cloud_id) => change({ cloud_id })} />}</Field>
        : (
          <>
            <Field label={t.claim.mac} error={form.errors["mac"]}>{(p) => <TextInput {...p} mono autocomplete="off" spellcheck={false} placeholder="aa:bb:cc:dd:ee:ff" value={v.mac} onText={(mac) => change({ mac })} />}</Field>
            <Field label={t.claim.sn} error={form.errors["sn"]}>{(p) => <TextInput {...p} mono autocomplete="off" spellcheck={false} value={v.sn} onText={(sn) => change({ sn })} />}</Field>
          </>
        )}
      {found && !claimable && <Outcome found={found} />}
      {claimable && (
        <>
          <div class="found">
            <span class="found-mark"><Icon name="check" /></span>
            <Facts rows={[[t.devices.model, modelName(found)], [t.devices.sn, found.sn ?? "–"], ...(found.children ? [[t.claim.children, t.claim.childrenText(found.children)] as [string, string]] : [])]} />
          </div>
          <Field label={t.device.space} error={form.errors["space_id"]}>{(p) => <SpaceSelect {...p} spaces={spaces.data ?? []} value={spaceId} onText={(space_id) => form.set({ space_id })} />}</Field>
          <Field label={t.devices.name} optional help={t.claim.nameHelp} error={form.errors["name"]}>{(p) => <TextInput {...p} autocomplete="off" value={v.name} onText={(name) => form.set({ name })} />}</Field>
          <ApiCall text={curlLine(location.origin, "POST", "/organization/devices/claim", body)} />
        </>
      )}
    </Dialog>
  );
}

function Outcome({ found }: { found: Lookup }): JSX.Element {
  const text = t.claim.results[found.result] ?? errorText(null);
  if (found.result === "claimed_here") return <Notice action={<Button size="s" href={`/app/devices/${found.device_id}`}>{t.claim.openDevice}</Button>}>{text}</Notice>;
  if (found.result === "not_registered") return <Notice tone="idle" icon="clock">{text} <span class="waiting small"><i aria-hidden="true" />{t.claim.checking}</span></Notice>;
  return <Notice tone="warn">{text}</Notice>;
}
