/* Order of the space tree: parents before their children, siblings by name. Pure. */
import type { Space } from "./types";

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
