/* Form controls: every one has a label, its help and its error tied to it. */
import type { ComponentChildren, JSX } from "preact";
import { useId } from "../lib/use";
import { t } from "../text";
import { Icon, type IconName } from "./icons";

export interface ControlProps {
  id: string;
  "aria-describedby"?: string;
  "aria-invalid"?: boolean;
  required?: boolean;
}

interface FieldProps {
  label: string;
  help?: ComponentChildren;
  error?: string | null;
  required?: boolean;
  optional?: boolean;
  children: (props: ControlProps) => ComponentChildren;
}

export function Field({ label, help, error, required, optional, children }: FieldProps): JSX.Element {
  const id = useId("f");
  const described = [error ? `${id}-e` : "", help ? `${id}-h` : ""].filter(Boolean).join(" ");
  return (
    <div class={error ? "field has-error" : "field"}>
      <label for={id}>{label}{required && <Required />}{optional && <span class="field-note"> {t.optional}</span>}</label>
      {children({ id, "aria-describedby": described || undefined, "aria-invalid": error ? true : undefined, required })}
      {error && <p class="field-error" id={`${id}-e`} role="alert">{error}</p>}
      {help && <p class="field-help" id={`${id}-h`}>{help}</p>}
    </div>
  );
}

const Required = (): JSX.Element => <span class="required" aria-hidden="true"> *</span>;

type InputProps = Omit<JSX.InputHTMLAttributes<HTMLInputElement>, "value"> & { value: string; onText: (text: string) => void; mono?: boolean };

export function TextInput({ value, onText, mono, class: extra, ...rest }: InputProps): JSX.Element {
  return <input type="text" {...rest} class={`input ${mono ? "mono" : ""} ${(extra as string | undefined) ?? ""}`} value={value} onInput={(e) => onText(e.currentTarget.value)} />;
}

type AreaProps = Omit<JSX.TextareaHTMLAttributes<HTMLTextAreaElement>, "value"> & { value: string; onText: (text: string) => void; mono?: boolean };

export function TextArea({ value, onText, mono, ...rest }: AreaProps): JSX.Element {
  return <textarea rows={3} {...rest} class={mono ? "input mono" : "input"} value={value} onInput={(e) => onText(e.currentTarget.value)} />;
}

type SelectProps = Omit<JSX.SelectHTMLAttributes<HTMLSelectElement>, "value"> & { value: string; onText: (text: string) => void; options: [string, string][] };

export function Select({ value, onText, options, class: extra, ...rest }: SelectProps): JSX.Element {
  return (
    <span class={`select ${(extra as string | undefined) ?? ""}`}>
      <select {...rest} value={value} onChange={(e) => onText(e.currentTarget.value)}>
        {options.map(([v, label]) => <option key={v} value={v} selected={v === value}>{label}</option>)}
      </select>
      <Icon name="down" />
    </span>
  );
}

export interface Choice {
  value: string;
  label: string;
  help?: string;
  note?: string;
  disabled?: boolean;
  icon?: IconName;
}

/** Radio buttons as cards; `value` empty means nothing is preselected. */
export function Radios({ legend, name, value, onText, choices, help, error, required, columns = 2 }: {
  legend: string; name: string; value: string; onText: (v: string) => void; choices: Choice[]; help?: ComponentChildren; error?: string | null; required?: boolean; columns?: 1 | 2 | 3 | 4;
}): JSX.Element {
  const id = useId("r");
  return (
    <fieldset class={error ? "field has-error" : "field"} aria-describedby={`${id}-h`}>
      <legend>{legend}{required && <Required />}</legend>
      <div class={`radios cols-${columns}`}>
        {choices.map((c) => (
          <label key={c.value} class={`radio ${c.value === value ? "is-on" : ""} ${c.disabled ? "is-off" : ""}`}>
            <input type="radio" name={name} value={c.value} checked={c.value === value} disabled={c.disabled} required={required} onChange={() => onText(c.value)} />
            <span class="radio-text">
              <span class="radio-label">{c.label}{c.note && <span class="chip">{c.note}</span>}</span>
              {c.help && <span class="radio-help">{c.help}</span>}
            </span>
          </label>
        ))}
      </div>
      {error && <p class="field-error" role="alert">{error}</p>}
      {help && <p class="field-help" id={`${id}-h`}>{help}</p>}
    </fieldset>
  );
}

export function Check({ checked, onChecked, children, help, ...rest }: { checked: boolean; onChecked: (on: boolean) => void; children: ComponentChildren; help?: string } & Omit<JSX.InputHTMLAttributes<HTMLInputElement>, "checked">): JSX.Element {
  return (
    <label class="check">
      <input type="checkbox" {...rest} checked={checked} onChange={(e) => onChecked(e.currentTarget.checked)} />
      <span><span class="check-label">{children}</span>{help && <span class="field-help">{help}</span>}</span>
    </label>
  );
}

export function Switch({ checked, onChecked, children, help }: { checked: boolean; onChecked: (on: boolean) => void; children: ComponentChildren; help?: string }): JSX.Element {
  return (
    <label class="switch">
      <input type="checkbox" role="switch" checked={checked} onChange={(e) => onChecked(e.currentTarget.checked)} />
      <span class="switch-track" aria-hidden="true"><i /></span>
      <span><span class="check-label">{children}</span>{help && <span class="field-help">{help}</span>}</span>
    </label>
  );
}

export function Locked({ label, value, note }: { label: string; value: string; note?: string }): JSX.Element {
  return (
    <div class="field">
      <span class="field-label">{label}</span>
      <p class="locked"><Icon name="lock" /><span>{value}</span></p>
      {note && <p class="field-help">{note}</p>}
    </div>
  );
}
