/* One chart: uPlot on the page's own colours, one axis per unit, bands where the server averaged, gaps as gaps, live append by new props. */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { clockTime, exactTime, number } from "../lib/format";
import { prefs } from "../lib/prefs";
import { align, type Series } from "../lib/series";
import { colours, seriesColour } from "./stateband";

/** The computed colour of a token, since a canvas knows no custom properties. */
function resolve(token: string): string {
  const probe = document.createElement("i");
  probe.style.color = `var(${token})`;
  document.body.append(probe);
  const colour = getComputedStyle(probe).color;
  probe.remove();
  return colour;
}

const soft = (rgb: string, alpha: number): string => {
  const m = rgb.match(/[\d.]+/g);
  return m ? `rgb(${m[0]} ${m[1]} ${m[2]} / ${alpha})` : rgb;
};

interface Shape {
  keys: string[];
  units: (string | null)[];
  banded: boolean[];
}

interface ChartProps {
  series: Series[];
  /** window in epoch milliseconds */
  from: number;
  to: number;
  height?: number;
  onZoom?: (from: number, to: number) => void;
  onReset?: () => void;
  label: string;
}

export function Chart({ series, from, to, height = 280, onZoom, onReset, label }: ChartProps): JSX.Element {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const [hover, setHover] = useState<number | null>(null);
  const aligned = align(series);
  const latest = useRef({ onZoom, onReset });
  latest.current = { onZoom, onReset };
  const range = useRef({ from, to });
  range.current = { from, to };
  const { zone, theme } = prefs.value;

  const shape: Shape = { keys: series.map((s) => s.key), units: series.map((s) => s.unit), banded: aligned.columns.map((c) => c.banded) };
  const data = toData(aligned, shape);
  const shapeKey = JSON.stringify([shape, zone, theme, height, useDark()]);

  useEffect(() => {
    const element = host.current!;
    const made = new uPlot(options(shape, element.clientWidth, height, zone, range, latest, setHover), data, element);
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [shapeKey]);

  useEffect(() => {
    const p = plot.current;
    if (!p) return;
    p.batch(() => {
      p.setData(data, false);
      p.setScale("x", { min: from / 1000, max: to / 1000 });
    });
  }, [series, from, to]);

  return (
    <figure class="chart" aria-label={label}>
      <div ref={host} class="chart-host" style={{ height: `${height}px` }} onDblClick={() => latest.current.onReset?.()} />
      <figcaption class="legend">
        {series.map((s, i) => {
          const column = aligned.columns[i]!;
          const value = hover !== null ? nearest(aligned.x, column.avg, hover) : last(column.avg);
          return (
            <span key={s.key} class="legend-item">
              <i style={{ background: seriesColour(i) }} />
              <span>{s.key}</span>
              <b class="num">{value === null ? "–" : number(value)}{s.unit && value !== null ? ` ${s.unit}` : ""}</b>
            </span>
          );
        })}
        {hover !== null && aligned.x[hover] !== undefined && <span class="legend-time num">{exactTime(aligned.x[hover]! * 1000, zone)}</span>}
      </figcaption>
    </figure>
  );
}

function useDark(): boolean {
  const [dark, setDark] = useState(() => matchMedia("(prefers-color-scheme: dark)").matches);
  useEffect(() => {
    const media = matchMedia("(prefers-color-scheme: dark)");
    const on = (): void => setDark(media.matches);
    media.addEventListener("change", on);
    return () => media.removeEventListener("change", on);
  }, []);
  return dark;
}

type Column = (number | null | undefined)[];

function last(column: Column): number | null {
  for (let i = column.length - 1; i >= 0; i--) if (typeof column[i] === "number") return column[i] as number;
  return null;
}

function nearest(x: number[], column: Column, at: number): number | null {
  for (let d = 0; d < x.length; d++) {
    const before = column[at - d];
    if (typeof before === "number") return before;
    const after = column[at + d];
    if (typeof after === "number") return after;
  }
  return null;
}

function toData(aligned: ReturnType<typeof align>, shape: Shape): uPlot.AlignedData {
  const columns: Column[] = [];
  aligned.columns.forEach((c, i) => {
    columns.push(c.avg);
    if (shape.banded[i]) columns.push(c.max, c.min);
  });
  return [aligned.x, ...columns] as uPlot.AlignedData;
}

function options(shape: Shape, width: number, height: number, zone: "local" | "utc", range: { current: { from: number; to: number } },
  latest: { current: { onZoom?: (from: number, to: number) => void; onReset?: () => void } }, setHover: (i: number | null) => void): uPlot.Options {
  const ink = resolve("--ink-3");
  const line = resolve("--line");
  const font = `11px ${getComputedStyle(document.body).fontFamily}`;
  const scaleOf = (unit: string | null): string => `y:${unit ?? ""}`;
  const units = [...new Set(shape.units)];
  const series: uPlot.Series[] = [{}];
  const plotBands: uPlot.Band[] = [];
  shape.keys.forEach((key, i) => {
    const colour = resolve(colours[i % colours.length]!);
    const scale = scaleOf(shape.units[i] ?? null);
    series.push({ label: key, scale, stroke: colour, width: 1.75, spanGaps: false, points: { size: 5, fill: colour, show: (u, _s, i0, i1) => i1 - i0 < 40 && u.data[0].length < 200 } });
    if (shape.banded[i]) {
      const at = series.length;
      series.push({ scale, stroke: "transparent", width: 0, points: { show: false } }, { scale, stroke: "transparent", width: 0, points: { show: false } });
      plotBands.push({ series: [at, at + 1], fill: soft(colour, 0.16) });
    }
  });
  return {
    width,
    height,
    padding: [10, 8, 0, 0],
    series,
    bands: plotBands,
    legend: { show: false },
    tzDate: zone === "utc" ? (ts) => uPlot.tzDate(new Date(ts * 1000), "Etc/UTC") : undefined,
    cursor: { y: false, drag: { x: true, y: false, setScale: false }, points: { size: 7 } },
    scales: {
      x: { time: true, range: () => [range.current.from / 1000, range.current.to / 1000] },
      ...Object.fromEntries(units.map((u) => [scaleOf(u), { auto: true, range: padded }])),
    },
    axes: [
      {
        stroke: ink, font, ticks: { show: false }, grid: { show: false }, gap: 8, size: 32,
        values: (_u, splits) => splits.map((s) => axisTime(s * 1000, range.current.to - range.current.from, zone)),
        space: 72,
      },
      ...units.map((u, i): uPlot.Axis => ({
        scale: scaleOf(u), side: i === 0 ? 3 : 1, stroke: ink, font, gap: 6, size: 52,
        ticks: { show: false }, grid: { show: i === 0, stroke: line, width: 1 },
        values: (_p, splits) => splits.map((v) => (v === null ? "" : number(v)) + (u && v !== null ? ` ${u}` : "")),
        space: 40,
      })),
    ],
    hooks: {
      setCursor: [(u) => setHover(u.cursor.idx ?? null)],
      setSelect: [(u) => {
        if (u.select.width < 8) return;
        const a = u.posToVal(u.select.left, "x") * 1000;
        const b = u.posToVal(u.select.left + u.select.width, "x") * 1000;
        u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        latest.current.onZoom?.(Math.round(a), Math.round(b));
      }],
    },
  };
}

/** Seconds only in windows short enough to need them. */
function axisTime(at: number, width: number, zone: "local" | "utc"): string {
  const text = clockTime(at, zone);
  return width >= 10 * 60_000 ? text.slice(0, 5) : text;
}

/** A little air above and below; a flat line sits in the middle. */
function padded(_u: uPlot, min: number | null, max: number | null): [number, number] {
  if (min === null || max === null) return [0, 1];
  if (min === max) return min === 0 ? [-1, 1] : [min - Math.abs(min) * 0.1, max + Math.abs(max) * 0.1];
  const pad = (max - min) * 0.12;
  return [min >= 0 && min - pad < 0 ? 0 : min - pad, max + pad];
}
