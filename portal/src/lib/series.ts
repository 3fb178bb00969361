/* Chart data: server series and live samples merged into the aligned columns uPlot draws. Pure. */
import type { Scalar } from "./types";

export type NumericPoint = [at: number, min: number, avg: number, max: number];
export type StatePoint = [at: number, value: string | boolean];

export interface Series {
  key: string;
  unit: string | null;
  points: (NumericPoint | StatePoint)[];
}

export const isNumeric = (s: Series): boolean => s.points.length === 0 || s.points.some((p) => typeof p[1] === "number");

/** Appends a live value. Late samples are put in their place, a repeated time replaces; points before `from` are dropped. */
export function append(series: Series, at: number, value: Scalar | undefined, from: number): Series {
  if (value === undefined || value === null) return series;
  const point: NumericPoint | StatePoint = typeof value === "number" ? [at, value, value, value] : [at, value];
  const points = series.points;
  let i = points.length;
  while (i > 0 && points[i - 1]![0] > at) i--;
  const repeated = i > 0 && points[i - 1]![0] === at;
  const merged = [...points.slice(0, repeated ? i - 1 : i), point, ...points.slice(i)];
  let cut = 0;
  // One point before the window stays, so that the line reaches its left edge.
  while (cut + 1 < merged.length && merged[cut + 1]![0] < from) cut++;
  return { ...series, points: cut ? merged.slice(cut) : merged };
}

/** The distance from which two neighbours are not joined: several times what is usual between them. */
export function gapThreshold(times: number[]): number {
  if (times.length < 4) return Infinity;
  const steps: number[] = [];
  for (let i = 1; i < times.length; i++) steps.push(times[i]! - times[i - 1]!);
  steps.sort((a, b) => a - b);
  const median = steps[Math.floor(steps.length / 2)]!;
  return Math.max(median * 5, 15_000);
}

export interface Aligned {
  /** seconds, ascending */
  x: number[];
  /** per series: min, avg, max; undefined = no sample at this time (line goes on), null = gap */
  columns: { min: (number | null | undefined)[]; avg: (number | null | undefined)[]; max: (number | null | undefined)[]; banded: boolean }[];
}

/** Aligns numeric series on one time axis, with gaps drawn as gaps. */
export function align(list: Series[]): Aligned {
  const prepared = list.map((s) => {
    const points = s.points.filter((p): p is NumericPoint => typeof p[1] === "number");
    const threshold = gapThreshold(points.map((p) => p[0]));
    const out: [number, NumericPoint | null][] = [];
    points.forEach((p, i) => {
      const before = points[i - 1];
      if (before && p[0] - before[0] > threshold) out.push([before[0] + 1, null]);
      out.push([p[0], p]);
    });
    return { out, banded: points.some((p) => p[1] !== p[3]) };
  });
  const times = [...new Set(prepared.flatMap((p) => p.out.map(([at]) => at)))].sort((a, b) => a - b);
  const index = new Map(times.map((at, i) => [at, i]));
  const columns = prepared.map(({ out, banded }) => {
    const empty = (): (number | null | undefined)[] => new Array(times.length).fill(undefined);
    const column = { min: empty(), avg: empty(), max: empty(), banded };
    for (const [at, p] of out) {
      const i = index.get(at)!;
      column.min[i] = p ? p[1] : null;
      column.avg[i] = p ? p[2] : null;
      column.max[i] = p ? p[3] : null;
    }
    return column;
  });
  return { x: times.map((t) => t / 1000), columns };
}

export interface Band {
  from: number;
  to: number;
  value: string;
}

/** Runs of equal values of a string or boolean key within a window, for the state bands. */
export function bands(series: Series, from: number, to: number): Band[] {
  const out: Band[] = [];
  const points = series.points as [number, unknown][];
  points.forEach(([at, value], i) => {
    const end = points[i + 1]?.[0] ?? to;
    if (end <= from || at >= to) return;
    const last = out[out.length - 1];
    const text = String(value);
    if (last && last.value === text) last.to = Math.min(end, to);
    else out.push({ from: Math.max(at, from), to: Math.min(end, to), value: text });
  });
  return out;
}
