/* Order of the space tree: parents before their children, siblings by name. Pure. */
import type { Space } from "./types";

/** Device counts with all spaces below, since the API counts each space's own. The list is in tree order. */
export function withTotals(tree: Space[]): Space[] {
  const totals = new Map(tree.map((s) => [s.id, s.devices_count]));
  for (const s of [...tree].reverse()) {
    if (s.parent_id !== null && totals.has(s.parent_id)) totals.set(s.parent_id, totals.get(s.parent_id)! + totals.get(s.id)!);
  }
  return tree.map((s) => ({ ...s, devices_count: totals.get(s.id)! }));
}

/** The path below the organization, for people who know which organization they are in. */
export function spacePath(space: { full_path: string } | null | undefined): string {
  if (!space) return "–";
  const parts = space.full_path.split("/");
  return parts.length > 1 ? parts.slice(1).join(" / ") : parts[0]!;
}

export function sortTree(spaces: Space[]): Space[] {
  const children = new Map<number | null, Space[]>();
  const known = new Set(spaces.map((s) => s.id));
  for (const s of spaces) {
    const parent = s.parent_id !== null && known.has(s.parent_id) ? s.parent_id : null;
    children.set(parent, [...(children.get(parent) ?? []), s]);
  }
  const out: Space[] = [];
  const visit = (parent: number | null): void => {
    for (const s of (children.get(parent) ?? []).sort((a, b) => a.name.localeCompare(b.name))) {
      out.push(s);
      visit(s.id);
    }
  };
  visit(null);
  return out;
}
