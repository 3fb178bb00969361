/* The form a command's custom fields make, for sending and for the preview beside a definition. */
import type { JSX } from "preact";
import { dynamicOptions, optionsOf, type FormValues } from "../lib/commands";
import type { CustomField } from "../lib/types";
import { t } from "../text";
import { Check, Field, Select, TextArea, TextInput } from "../ui/form";

export function CommandFields({ fields, values, onChange, errors, data }: {
  fields: CustomField[]; values: FormValues; onChange: (name: string, value: string | boolean | string[]) => void; errors: Record<string, string>; data: Record<string, unknown>;
}): JSX.Element {
  return <>{fields.map((f, i) => <OneField key={`${i}:${f.name}`} field={f} value={values[f.name]} onChange={(v) => onChange(f.name, v)} error={errors[f.name]} data={data} />)}</>;
}

const inputType: Partial<Record<CustomField["type"], string>> = { password: "password", date: "date", datetime: "datetime-local" };

function OneField({ field, value, onChange, error, data }: { field: CustomField; value: FormValues[string]; onChange: (v: string | boolean | string[]) => void; error?: string; data: Record<string, unknown> }): JSX.Element {
  const label = field.label || field.name;
  const text = typeof value === "string" ? value : "";
  if (field.type === "boolean") return <Check checked={value === true} onChecked={onChange}>{label}</Check>;
  if (field.type === "select" || field.type === "multiselect") {
    const options = field.path ? dynamicOptions(field.path, data) : optionsOf(field);
    if (field.type === "multiselect") {
      const chosen = Array.isArray(value) ? value : [];
      return (
        <fieldset class={error ? "field has-error" : "field"}>
          <legend>{label}{field.required && <span class="required" aria-hidden="true"> *</span>}</legend>
          <div class="checks">{options.map((o) => <Check key={o.value} checked={chosen.includes(o.value)} onChecked={(on) => onChange(on ? [...chosen, o.value] : chosen.filter((x) => x !== o.value))}>{o.label}</Check>)}</div>
          {options.length === 0 && <p class="field-help">{t.send.noChoices(field.path ?? "")}</p>}
          {error && <p class="field-error" role="alert">{error}</p>}
        </fieldset>
      );
    }
    return (
      <Field label={label} required={field.required} error={error} help={options.length === 0 && field.path ? t.send.noChoices(field.path) : undefined}>
        {(p) => <Select {...p} value={text} onText={onChange} options={[["", t.send.choose], ...options.map((o): [string, string] => [o.value, o.label])]} />}
      </Field>
    );
  }
  if (field.type === "text" || field.type === "json" || field.type === "object" || field.type === "array") {
    return <Field label={label} required={field.required} error={error}>{(p) => <TextArea {...p} mono={field.type !== "text"} value={text} onText={onChange} />}</Field>;
  }
  const numeric = field.type === "number" || field.type === "integer";
  return (
    <Field label={label} required={field.required} error={error}>
      {(p) => <TextInput {...p} type={inputType[field.type] ?? "text"} inputMode={numeric ? "decimal" : undefined} autocomplete="off" value={text} onText={onChange} />}
    </Field>
  );
}
