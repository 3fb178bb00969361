/* Icons of models: a built-in set, sent as a small PNG drawn here, or an uploaded picture. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { t } from "../text";
import { Button } from "../ui/basic";
import { Icon, iconPath, type IconName } from "../ui/icons";

const builtIn: IconName[] = ["panel", "sensor", "gateway", "meter", "thermostat", "camera", "lamp", "speaker"];
const sizeMax = 256 * 1024;
const kinds = ["image/png", "image/jpeg", "image/webp"];

export function ModelIcon({ url, size = 32 }: { url: string | null | undefined; size?: number }): JSX.Element {
  const style = { width: `${size}px`, height: `${size}px` };
  if (url) return <img class="model-icon" src={url} alt="" style={style} />;
  return <span class="model-icon is-plain" style={style}><Icon name="model" size={Math.round(size * 0.56)} /></span>;
}

function draw(name: IconName): string {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 96;
  const c = canvas.getContext("2d")!;
  c.fillStyle = "#0b5a73";
  c.beginPath();
  c.roundRect(0, 0, 96, 96, 20);
  c.fill();
  c.translate(20, 20);
  c.scale(3.5, 3.5);
  c.strokeStyle = "#ffffff";
  c.lineWidth = 1.3;
  c.lineCap = c.lineJoin = "round";
  c.stroke(new Path2D(iconPath(name)));
  return canvas.toDataURL("image/png");
}

/** `value`: undefined = unchanged, null = none, else a data URL. */
export function IconPicker({ value, current, onPick, error }: { value: string | null | undefined; current?: string | null; onPick: (value: string | null) => void; error?: string }): JSX.Element {
  const [picked, setPicked] = useState<IconName | "upload" | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const shown = value === undefined ? current ?? null : value;
  const upload = (file: File | undefined): void => {
    if (!file) return;
    if (!kinds.includes(file.type)) return setProblem(t.icon.kind);
    if (file.size > sizeMax) return setProblem(t.icon.size);
    setProblem(null);
    const reader = new FileReader();
    reader.onload = () => { setPicked("upload"); onPick(reader.result as string); };
    reader.readAsDataURL(file);
  };
  return (
    <fieldset class="field">
      <legend>{t.addModel.icon} <span class="field-note">{t.optional}</span></legend>
      <div class="row wrap">
        <ModelIcon url={shown} size={40} />
        <div class="icon-grid">
          {builtIn.map((name) => (
            <button key={name} type="button" class={picked === name ? "icon-choice is-on" : "icon-choice"} aria-pressed={picked === name} aria-label={t.icon.names[name] ?? name} title={t.icon.names[name]}
              onClick={() => { setPicked(name); setProblem(null); onPick(draw(name)); }}>
              <Icon name={name} size={18} />
            </button>
          ))}
          <label class="icon-choice" title={t.icon.upload}>
            <Icon name="upload" size={18} /><span class="sr">{t.icon.upload}</span>
            <input class="sr" type="file" accept={kinds.join(",")} onChange={(e) => upload(e.currentTarget.files?.[0])} />
          </label>
        </div>
        {shown && <Button size="s" kind="quiet" onClick={() => { setPicked(null); onPick(null); }}>{t.icon.none}</Button>}
      </div>
      {(problem ?? error) && <p class="field-error" role="alert">{problem ?? error}</p>}
    </fieldset>
  );
}
