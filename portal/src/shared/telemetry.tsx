/* Telemetry of a device: latest values with their age, one live chart of chosen keys, the raw messages. */
import type { JSX } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { get, getPage, query } from "../lib/api";
import { now } from "../lib/clock";
import { exactTime, scalar } from "../lib/format";
import { prefs } from "../lib/prefs";
import { queryParam, setQuery } from "../lib/router";
import { append, isNumeric, type Series } from "../lib/series";
import { resumed, useStream } from "../lib/stream";
import { timeOf, valuesOf } from "../lib/telemetry";
import type { Area, Device, Page, Sample, Scalar } from "../lib/types";
import { errorText, useFetch } from "../lib/use";
import { t } from "../text";
import { Button, Card, Empty, ExactTime, Failed, Skeleton, Time } from "../ui/basic";
import { lazyView } from "../ui/lazy";
import { seriesColour, StateBand } from "../ui/stateband";
import { JsonLine } from "../ui/json";
import { Segments } from "../ui/tabs";

const Chart = lazyView(() => import("../ui/chart").then((m) => m.Chart), <div class="chart-wait"><Skeleton lines={1} height={250} /></div>);

const presets: Record<string, number> = { "15m": 15 * 60_000, "1h": 3_600_000, "24h": 86_400_000 };
const keysMax = 6;

interface Latest {
  value: Scalar;
  at: number | null;
}

/** The newest value of each key with its time, from the state and the raw messages. */
function latestValues(device: Device, samples: Sample[]): Record<string, Latest> {
  const out: Record<string, Latest> = {};
  for (const [key, value] of Object.entries(device.state ?? {})) out[key] = { value, at: null };
  for (const sample of [...samples].reverse()) {
    const at = Date.parse(sample.created_at);
    for (const [key, value] of Object.entries(sample.telemetries ?? {})) {
      const old = out[key];
      if (value === null || !old) continue;
      if (old.at === null || at >= old.at) out[key] = { value: old.value, at };
    }
  }
  return out;
}

/** Charted until the person chooses: up to two numeric keys that move and are of a like size, so that both lines tell something. */
function firstKeys(keys: string[], samples: Sample[]): string[] {
  const ranges = keys.flatMap((key) => {
    const values = samples.map((s) => s.telemetries[key]).filter((v): v is number => typeof v === "number");
    return values.length ? [{ key, size: Math.max(...values.map(Math.abs)), moves: Math.max(...values) > Math.min(...values) }] : [];
  });
  const moving = ranges.filter((r) => r.moves);
  const first = (moving.length ? moving : ranges).find((r) => /^temp/.test(r.key)) ?? moving[0] ?? ranges[0];
  if (!first) return [];
  const second = moving.find((r) => r !== first && r.size <= first.size * 4 && r.size * 4 >= first.size);
  return [first.key, ...(second ? [second.key] : [])];
}

export function Telemetry({ device, area }: { device: Device; area: Area }): JSX.Element {
  const base = `/${area}/devices/${device.id}`;
  const raw = useFetch<Page<Sample>>(`${base}/telemetries?limit=50`, (p, signal) => getPage<Sample>(p, { signal }));
  const [live, setLive] = useState<Sample[]>([]);
  const [fresh, setFresh] = useState<Record<string, number>>({});
  const shown = useRef<Record<string, Scalar>>(device.state);
  useEffect(() => setLive([]), [device.id]);
  useEffect(() => {
    if (resumed.value) raw.reload();
  }, [resumed.value]);

  useStream(["telemetry"], device.id, (event) => {
    const values = valuesOf(event);
    if (!Object.keys(values).length) return;
    const at = timeOf(event);
    setLive((old) => [{ created_at: new Date(at).toISOString(), telemetries: values }, ...old].slice(0, 50));
    const changed = Object.keys(values).filter((k) => values[k] !== shown.current[k]);
    shown.current = { ...shown.current, ...values };
    setFresh((old) => ({ ...old, ...Object.fromEntries(changed.map((k) => [k, at])) }));
  });

  const samples = useMemo(() => merge(live, raw.data?.rows ?? []), [live, raw.data]);
  const latest = latestValues(device, samples);
  for (const sample of [...live].reverse()) {
    for (const [key, value] of Object.entries(sample.telemetries)) {
      if (value === null) delete latest[key];
      else latest[key] = { value, at: Date.parse(sample.created_at) };
    }
  }
  const keys = Object.keys(latest).sort();
  const chosen = queryParam("keys").split(",").filter(Boolean);
  const preselected = firstKeys(keys, samples);
  const charted = (chosen.length ? chosen : preselected).slice(0, keysMax);
  const toggle = (key: string): void => {
    const next = charted.includes(key) ? charted.filter((k) => k !== key) : [...charted, key].slice(-keysMax);
    setQuery({ keys: next.join(",") || null });
  };

  if (raw.error && !raw.data) return <Failed text={errorText(raw.error)} retry={raw.reload} />;
  if (!raw.data) return <Skeleton lines={8} height={20} />;
  if (!keys.length) return <Empty icon="chart" title={t.device.noState}>{t.device.noStateText}</Empty>;
  return (
    <div class="stack stack-6">
      <ChartCard base={base} keys={charted} deviceId={device.id} />
      <div class="columns columns-uneven">
        <Card title={t.telemetry.latest} flush>
          <table class="table is-tight" aria-label={t.telemetry.latest}>
            <thead><tr><th class="col-check"><span class="sr">{t.telemetry.chart}</span></th><th>{t.telemetry.key}</th><th class="right">{t.telemetry.value}</th><th>{t.telemetry.age}</th></tr></thead>
            <tbody>
              {keys.map((key) => {
                const i = charted.indexOf(key);
                const entry = latest[key]!;
                const numeric = charted.filter((k) => typeof latest[k]?.value === "number");
                return (
                  <tr key={`${key}:${fresh[key] ?? 0}`} class={fresh[key] && now.peek() - fresh[key]! < 1500 ? "is-fresh" : ""}>
                    <td class="col-check"><input type="checkbox" checked={i >= 0} aria-label={t.telemetry.chartKey(key)} onChange={() => toggle(key)} /></td>
                    <td class="col-main"><span class="row">{numeric.includes(key) && <i class="swatch" style={{ background: seriesColour(numeric.indexOf(key)) }} />}<code class="break">{key}</code></span></td>
                    <td class="right num break value" data-label={t.telemetry.value}>{scalar(entry.value)}</td>
                    <td class="muted" data-label={t.telemetry.age}>{entry.at === null ? <span class="faint">–</span> : <Time at={entry.at} />}</td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </Card>
        <Card title={t.telemetry.raw} action={<Button size="s" kind="quiet" icon="refresh" label={t.refresh} onClick={() => { setLive([]); raw.reload(); }} />} flush>
          <ul class="rawlist">
            {samples.slice(0, 50).map((s) => <li key={`${s.created_at}${JSON.stringify(s.telemetries)}`}><span class="faint small"><ExactTime at={s.created_at} /></span><JsonLine value={s.telemetries} /></li>)}
          </ul>
        </Card>
      </div>
    </div>
  );
}

/** Live messages before stored ones, without those that the reload already brought. */
function merge(live: Sample[], stored: Sample[]): Sample[] {
  const seen = new Set(stored.map((s) => JSON.stringify(s.telemetries) + Math.round(Date.parse(s.created_at) / 1000)));
  return [...live.filter((s) => !seen.has(JSON.stringify(s.telemetries) + Math.round(Date.parse(s.created_at) / 1000))), ...stored];
}

function ChartCard({ base, keys, deviceId }: { base: string; keys: string[]; deviceId: string }): JSX.Element {
  const range = presets[queryParam("range")] ? queryParam("range") : queryParam("from") ? "" : "15m";
  const custom = !range && Number(queryParam("from")) && Number(queryParam("to")) ? { from: Number(queryParam("from")), to: Number(queryParam("to")) } : null;
  const width = presets[range] ?? presets["15m"]!;
  const isLive = !custom;
  const [series, setSeries] = useState<Series[] | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  const [round, setRound] = useState(0);
  // The newest sample may be younger than the last tick of the clock; it is shown at once.
  const newest = Math.max(0, ...(series ?? []).map((s) => s.points[s.points.length - 1]?.[0] ?? 0));
  const to = custom?.to ?? Math.max(now.value, Math.min(newest, now.value + 60_000));
  const from = custom?.from ?? to - width;
  const keyList = keys.join(",");
  const pending = useRef<[number, Record<string, Scalar>][]>([]);

  useEffect(() => {
    if (!keyList) {
      setSeries([]);
      return;
    }
    const abort = new AbortController();
    const end = custom?.to ?? Date.now();
    const start = custom?.from ?? end - width;
    pending.current = [];
    get<{ series: Series[] }>(`${base}/series${query({ keys: keyList, from: start, to: isLive ? end + 60_000 : end, points: 800 })}`, { signal: abort.signal }).then(
      (reply) => {
        const byKey = new Map(reply.series.map((s) => [s.key, s]));
        let list = keyList.split(",").map((key): Series => byKey.get(key) ?? { key, unit: null, points: [] });
        for (const [at, values] of pending.current) list = list.map((s) => append(s, at, values[s.key], start));
        setSeries(list);
        setFailure(null);
      },
      (e: unknown) => {
        if (!abort.signal.aborted) setFailure(errorText(e));
      },
    );
    return () => abort.abort();
  }, [base, keyList, range, custom?.from, custom?.to, round, resumed.value]);

  useStream(isLive ? ["telemetry"] : [], deviceId, (event) => {
    const at = timeOf(event);
    const values = valuesOf(event);
    pending.current.push([at, values]);
    if (pending.current.length > 500) pending.current.shift();
    setSeries((old) => old && old.map((s) => append(s, at, values[s.key], Date.now() - width)));
  });

  const numeric = (series ?? []).filter(isNumeric);
  const states = (series ?? []).filter((s) => !isNumeric(s));
  const { zone } = prefs.value;
  return (
    <Card title={<span class="row">{t.telemetry.chart}{isLive && <span class="live-dot" title={t.telemetry.live}><i />{t.telemetry.live}</span>}</span>}
      action={
        <span class="row wrap">
          {custom && <Button size="s" kind="quiet" icon="close" onClick={() => setQuery({ from: null, to: null })}>{exactTime(custom.from, zone).slice(5, 16)} – {exactTime(custom.to, zone).slice(11, 16)}</Button>}
          <Segments label={t.telemetry.window} value={range} options={Object.keys(presets).map((p) => [p, t.telemetry.presets[p] ?? p])} onChange={(p) => setQuery({ range: p === "15m" ? null : p, from: null, to: null })} />
        </span>
      }>
      {failure && <Failed text={failure} retry={() => setRound(round + 1)} />}
      {!keys.length && <p class="chart-none muted">{t.telemetry.choose}</p>}
      {series === null && !failure && keys.length > 0 && <div class="chart-wait"><Skeleton lines={1} height={250} /></div>}
      {numeric.length > 0 && (
        <Chart series={numeric} from={from} to={to} label={t.telemetry.chartOf(numeric.map((s) => s.key).join(", "))}
          onZoom={(a, b) => setQuery({ from: String(a), to: String(b), range: null }, { push: true })} onReset={() => setQuery({ from: null, to: null })} />
      )}
      {states.map((s) => <StateBand key={s.key} series={s} from={from} to={to} />)}
      {series !== null && keys.length > 0 && series.every((s) => s.points.length === 0) && <p class="chart-none muted">{t.telemetry.noneInWindow}</p>}
    </Card>
  );
}
