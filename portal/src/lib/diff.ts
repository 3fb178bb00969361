/* What changed between two flat documents, for version histories. Pure. */

export interface Change {
  field: string;
  before: unknown;
  after: unknown;
}

export function changes(before: Record<string, unknown> | undefined, after: Record<string, unknown>): Change[] {
  if (!before) return [];
  const fields = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return fields.filter((f) => JSON.stringify(before[f]) !== JSON.stringify(after[f])).map((field) => ({ field, before: before[field], after: after[field] }));
}
