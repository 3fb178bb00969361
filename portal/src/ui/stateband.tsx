/* The colours of series, and the bands that show strings and booleans over time. */
import type { JSX } from "preact";
import { clockTime, exactTime } from "../lib/format";
import { prefs } from "../lib/prefs";
import { bands, type Series } from "../lib/series";
import { t } from "../text";

export const colours = ["--c1", "--c2", "--c3", "--c4", "--c5", "--c6"];

export const seriesColour = (i: number): string => `var(${colours[i % colours.length]})`;

/** A string or boolean key over time: one band of named stretches. */
export function StateBand({ series, from, to }: { series: Series; from: number; to: number }): JSX.Element {
  const runs = bands(series, from, to);
  // In order of the name, so that a value keeps its colour while the window moves on.
  const names = [...new Set(series.points.map((p) => String(p[1])))].sort();
  const { zone } = prefs.value;
  return (
    <div class="stateband" role="img" aria-label={`${series.key}: ${runs.map((r) => r.value).join(", ") || t.chart.noData}`}>
      <span class="stateband-key">{series.key}</span>
      <div class="stateband-track">
        {runs.map((r) => (
          <span key={r.from} class="stateband-run" title={`${r.value} · ${exactTime(r.from, zone)} – ${clockTime(r.to, zone)}`}
            style={{ left: `${((r.from - from) / (to - from)) * 100}%`, width: `${((r.to - r.from) / (to - from)) * 100}%`, "--run": seriesColour(names.indexOf(r.value)) }}>
            {r.value}
          </span>
        ))}
      </div>
    </div>
  );
}
