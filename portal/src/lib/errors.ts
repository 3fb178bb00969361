/* Which field a server error names. The API answers one sentence; its first words are the field. Pure. */

const humanise = (name: string): string => {
  const text = name.replaceAll("_", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
};

/** Returns the name of the field that the message is about, or null. `Parameter x …`, `Name has …`, `x is invalid`, `Unknown parameter x`. */
export function fieldOfError(message: string, fields: readonly string[]): string | null {
  const named = /^(?:Parameter|Unknown parameter) (\S+)/.exec(message)?.[1];
  if (named && fields.includes(named)) return named;
  const byLength = [...fields].sort((a, b) => b.length - a.length);
  for (const field of byLength) {
    if (message === field || message.startsWith(`${field} `) || message.startsWith(`${humanise(field)} `)) return field;
  }
  return null;
}
