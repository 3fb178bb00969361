/* Path patterns: pure, so that they can be tested without a browser. */

export type Params = Record<string, string>;

/** Matches "/partners/models/:id" against a path; a trailing "*" takes the rest. Segments are split before they are decoded. */
export function matchPath(pattern: string, path: string): Params | null {
  const want = pattern.split("/").filter(Boolean);
  const have = path.split("/").filter(Boolean);
  const params: Params = {};
  for (let i = 0; i < want.length; i++) {
    const w = want[i]!;
    if (w === "*") return params;
    const h = have[i];
    if (h === undefined) return null;
    if (w.startsWith(":")) {
      const value = decode(h);
      if (value === null) return null;
      params[w.slice(1)] = value;
    } else if (w !== h) return null;
  }
  return have.length === want.length ? params : null;
}

function decode(segment: string): string | null {
  try {
    return decodeURIComponent(segment);
  } catch {
    return null;
  }
}

/** Builds "/path?query" with the given changes; an empty or default value removes the member. */
export function withQuery(path: string, search: string, change: Record<string, string | null>): string {
  const query = new URLSearchParams(search);
  for (const [key, value] of Object.entries(change)) {
    if (value === null || value === "") query.delete(key);
    else query.set(key, value);
  }
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}
