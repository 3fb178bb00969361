/* Live tail: what goes over the wire, newest first, with pause, filters and copy. */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { bytes, clockTime } from "../lib/format";
import { prefs } from "../lib/prefs";
import { place, queryParam, setQuery } from "../lib/router";
import { streamState, useStream } from "../lib/stream";
import { timeOf } from "../lib/telemetry";
import { isTraced, useTrace } from "../lib/trace";
import type { Area, StreamEvent } from "../lib/types";
import { useTitle } from "../lib/use";
import { t } from "../text";
import { Button, Copy, Empty, Pill } from "../ui/basic";
import { Check, Select, TextInput } from "../ui/form";
import { Icon } from "../ui/icons";
import { JsonLine, pretty } from "../ui/json";
import { PageHead } from "./page";

const tailTypes = ["telemetry", "status", "command", "config", "event", "registration"];
const rowsMax = 1000;
const drawnMax = 200;

interface Row {
  id: number;
  at: number;
  event: StreamEvent;
  text: string;
}

let nextRow = 1;

export function LiveView(): JSX.Element {
  useTitle(t.live.title);
  return (
    <>
      <PageHead title={t.live.title} sub={t.live.sub} />
      <LiveTail area="partner" />
    </>
  );
}

const isError = (e: StreamEvent): boolean => {
  const code = Number(e.code);
  return (code >= 0x80 && code < 0x100) || code >= 400;
};

function target(e: StreamEvent): string {
  if (e.topic) return e.topic.replace(/^v1\/device\/[0-9a-f-]{36}\//, "…/");
  return [e.method, e.path?.replace(/[0-9a-f]{8}-[0-9a-f-]{27}/, "…")].filter(Boolean).join(" ");
}

/** HTTP status as it is; MQTT reason codes in hex with their name. */
function codeText(e: StreamEvent): string {
  if (e.code === undefined || e.code === null) return "";
  const n = Number(e.code);
  if (!Number.isFinite(n)) return String(e.code);
  if (e.transport === "mqtt" || n < 100) return `0x${n.toString(16).toUpperCase().padStart(2, "0")}${t.reason[n] ? ` ${t.reason[n]}` : ""}`;
  return String(n);
}

/** A packet of a trace goes by its name. */
function whatOf(e: StreamEvent): string {
  const packet = e.type === "wire" ? (e.payload as { packet?: string } | undefined)?.packet : undefined;
  return packet ?? (e.event ? t.live.events[e.event] ?? e.event : t.live.types[e.type] ?? e.type);
}

export function LiveTail({ area, device }: { area: Area; device?: string }): JSX.Element {
  const [rows, setRows] = useState<Row[]>([]);
  const [paused, setPaused] = useState(false);
  const [held, setHeld] = useState(0);
  const [dropped, setDropped] = useState(0);
  const waiting = useRef<Row[]>([]);
  const type = queryParam("type");
  const direction = queryParam("direction");
  const errors = queryParam("errors") === "1";
  const text = queryParam("text");

  const take = (event: StreamEvent): void => {
    if (event.type === "dropped") {
      setDropped((n) => n + (event.count ?? 1));
      return;
    }
    waiting.current.push({ id: nextRow++, at: timeOf(event), event, text: JSON.stringify(event).toLowerCase() });
    if (waiting.current.length > rowsMax) waiting.current.shift();
  };
  useStream(tailTypes, device, take);
  useTrace(area, device, take);
  const types = device && (isTraced(device) || rows.some((r) => r.event.type === "wire")) ? [...tailTypes, "wire"] : tailTypes;

  // Rows are drawn four times a second, however many arrive.
  useEffect(() => {
    const timer = setInterval(() => {
      if (!waiting.current.length) return;
      if (paused) {
        setHeld(waiting.current.length);
        return;
      }
      const fresh = waiting.current.splice(0).reverse();
      setRows((old) => [...fresh, ...old].slice(0, rowsMax));
    }, 250);
    return () => clearInterval(timer);
  }, [paused]);

  const resume = (): void => { setPaused(!paused); setHeld(0); };
  const lower = text.trim().toLowerCase();
  const shown = rows.filter((r) => (!type || r.event.type === type) && (!direction || r.event.direction === direction) && (!errors || isError(r.event)) && (!lower || r.text.includes(lower)));
  const filtering = !!(type || direction || errors || lower);
  return (
    <>
      <div class="filters">
        <span class="filter-search"><Icon name="search" /><TextInput type="search" aria-label={t.filter} placeholder={t.live.filter} value={text} onText={(v) => setQuery({ text: v })} /></span>
        <Select aria-label={t.live.type} value={type} onText={(v) => setQuery({ type: v })} options={[["", t.live.anyType], ...types.map((x): [string, string] => [x, x === "wire" ? t.live.wire : t.live.types[x] ?? x])]} />
        <Select aria-label={t.live.direction} value={direction} onText={(v) => setQuery({ direction: v })} options={[["", t.live.anyDirection], ["up", t.live.up], ["down", t.live.down]]} />
        <Check checked={errors} onChecked={(on) => setQuery({ errors: on ? "1" : null })}>{t.live.errorsOnly}</Check>
        <span class="row end">
          <Button icon={paused ? "play" : "pause"} onClick={resume}>{paused ? t.live.resume(held) : t.live.pause}</Button>
          <Button icon="trash" label={t.live.clear} onClick={() => { setRows([]); setDropped(0); }} />
        </span>
      </div>
      {dropped > 0 && <p class="small faint hint">{t.live.dropped(dropped)}</p>}
      {rows.length === 0 || shown.length === 0
        ? <Empty icon="live" title={rows.length ? t.noMatch.title : t.live.emptyTitle}>{rows.length && filtering ? t.noMatch.text : streamState.value === "open" ? t.live.emptyText : t.live.connecting}</Empty>
        : (
          <div class="tail" role="log" aria-label={t.live.title} aria-live="off">
            <div class="tail-head" aria-hidden="true"><span>{t.live.time}</span><span>{t.live.what}</span><span>{t.live.target}</span><span>{t.live.code}</span><span class="right">{t.live.size}</span><span>{t.live.payload}</span></div>
            {shown.slice(0, drawnMax).map((r) => <TailRow key={r.id} row={r} area={area} device={device} />)}
          </div>
        )}
      {shown.length > drawnMax && <p class="small faint hint">{t.live.more(shown.length - drawnMax)}</p>}
    </>
  );
}

function TailRow({ row, area, device }: { row: Row; area: Area; device?: string }): JSX.Element {
  const e = row.event;
  const bad = isError(e);
  const base = area === "partner" ? "/partners" : "/app";
  const live = `${base}/devices/${e.device_id}/live`;
  return (
    <div class={`tail-row ${bad ? "is-bad" : ""}`}>
      <span class="num faint nowrap">{clockTime(row.at, prefs.value.zone)}</span>
      <span class="row nowrap">
        {e.direction ? <Icon name={e.direction === "up" ? "up" : "downArrow"} size={13} class={`dir-${e.direction}`} /> : <span class="dir-none" />}
        <span>{whatOf(e)}</span>
        {e.transport && <span class="tiny faint upper">{e.transport}</span>}
      </span>
      <span class="tail-target">
        {!device && e.device_id && place.value.path !== live && <a href={live} class="mono small nowrap" title={e.device_id}>{e.device_id.slice(0, 8)}</a>}
        <code class="break faint">{target(e)}</code>
        {e.qos !== undefined && <span class="tiny faint nowrap">QoS {e.qos}</span>}
      </span>
      <span class="nowrap">{bad ? <Pill tone="bad" dot={false}>{codeText(e)}</Pill> : <span class="small faint num">{codeText(e)}</span>}</span>
      <span class="right num small faint nowrap">{e.size !== undefined ? bytes(e.size) : ""}</span>
      <span class="tail-payload"><JsonLine value={e.payload} /><span class="tail-copy"><Copy text={pretty(e)} label={t.live.copyJson} /></span></span>
    </div>
  );
}
