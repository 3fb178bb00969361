import assert from "node:assert/strict";
import { test } from "node:test";
import { buildParameters, dynamicOptions, optionsOf, previewMessage } from "../src/lib/commands";
import { curlLine, registrationPython } from "../src/lib/curl";
import { changes } from "../src/lib/diff";
import { fieldOfError } from "../src/lib/errors";
import { bytes, csv, exactTime, number, relativeTime, span } from "../src/lib/format";
import { matchPath, withQuery } from "../src/lib/match";
import { align, append, bands, gapThreshold, type Series } from "../src/lib/series";
import { sortTree, spacePath, withTotals } from "../src/lib/spaces";
import { valuesOf } from "../src/lib/telemetry";
import type { CustomField, Space } from "../src/lib/types";
import { unionQuery, wanted } from "../src/lib/wants";

test("paths are split before they are decoded", () => {
  assert.deepEqual(matchPath("/partners/models/:id", "/partners/models/a%2Fb"), { id: "a/b" });
  assert.equal(matchPath("/partners/models/:id", "/partners/models/a/b"), null);
  assert.deepEqual(matchPath("/partners", "/partners/"), {});
  assert.deepEqual(matchPath("/c/*", "/c/x/y"), {});
  assert.equal(matchPath("/c/:code", "/c/%zz"), null);
});

test("query members are set and removed, others stay", () => {
  assert.equal(withQuery("/a", "?x=1&y=2", { x: null, z: "a b" }), "/a?y=2&z=a+b");
  assert.equal(withQuery("/a", "?x=1", { x: "" }), "/a");
});

test("times", () => {
  const now = Date.parse("2026-03-01T10:15:00Z");
  assert.equal(relativeTime(now - 3000, now), "just now");
  assert.equal(relativeTime(now - 61_000, now), "1 min ago");
  assert.equal(relativeTime(now + 7_200_000, now), "in 2 h");
  assert.equal(span(90_061_000), "1 d");
  assert.equal(exactTime(now, "utc"), "2026-03-01 10:15:00");
  assert.equal(exactTime(NaN, "utc"), "");
});

test("numbers and sizes", () => {
  assert.equal(number(1234567), "1,234,567");
  assert.equal(number(21.480000001), "21.48");
  assert.equal(number(0.000123456), "0.00012");
  assert.equal(bytes(1536), "1.5 KiB");
});

test("CSV quotes what needs it and defuses formulas", () => {
  assert.equal(csv([["a,b", 'say "hi"', "=1+1", -5, null]]), '"a,b","say ""hi""",\'=1+1,-5,\r\n');
});

test("a server error finds its field", () => {
  const fields = ["name", "communication_protocol", "cloud_id", "sn"];
  assert.equal(fieldOfError("Parameter communication_protocol is required", fields), "communication_protocol");
  assert.equal(fieldOfError("Name has already been taken", fields), "name");
  assert.equal(fieldOfError("Cloud id can't be blank", fields), "cloud_id");
  assert.equal(fieldOfError("Communication protocol cannot be changed after the model is created", fields), "communication_protocol");
  assert.equal(fieldOfError("Device not found", fields), null);
});

test("live samples are appended in order, repeated times replace, old points leave", () => {
  let s: Series = { key: "temp", unit: null, points: [[1000, 1, 1, 1], [2000, 2, 2, 2]] };
  s = append(s, 3000, 3, 0);
  s = append(s, 1500, 1.5, 0);
  s = append(s, 3000, 4, 0);
  assert.deepEqual(s.points.map((p) => [p[0], p[1]]), [[1000, 1], [1500, 1.5], [2000, 2], [3000, 4]]);
  s = append(s, 4000, 5, 2500);
  assert.deepEqual(s.points.map((p) => p[0]), [2000, 3000, 4000]);
  assert.equal(append(s, 5000, undefined, 0), s);
  assert.equal(append(s, 5000, null, 0), s);
});

test("series are aligned; a gap is null, a missing sample of another key is not", () => {
  const every = (from: number, to: number): Series["points"] => {
    const out: Series["points"] = [];
    for (let at = from; at <= to; at += 5000) out.push([at, 1, 1, 1]);
    return out;
  };
  const a: Series = { key: "a", unit: null, points: [...every(0, 50_000), ...every(500_000, 550_000)] };
  const b: Series = { key: "b", unit: null, points: [[2500, 0, 5, 9]] };
  const merged = align([a, b]);
  assert.equal(merged.x.length, 22 + 1 + 1);
  assert.deepEqual([...merged.x].sort((p, q) => p - q), merged.x);
  assert.ok(merged.columns[0]!.avg.includes(null));
  assert.equal(merged.columns[0]!.avg[merged.x.indexOf(2.5)], undefined);
  assert.deepEqual([merged.columns[1]!.min, merged.columns[1]!.max].map((c) => c[merged.x.indexOf(2.5)]), [0, 9]);
  assert.deepEqual(merged.columns.map((c) => c.banded), [false, true]);
  assert.equal(gapThreshold([1, 2]), Infinity);
});

test("states become bands within the window", () => {
  const s: Series = { key: "input", unit: null, points: [[0, "HDMI 1"], [10, "HDMI 1"], [20, "HDMI 2"]] };
  assert.deepEqual(bands(s, 5, 30), [{ from: 5, to: 20, value: "HDMI 1" }, { from: 20, to: 30, value: "HDMI 2" }]);
});

test("telemetry events in each form give values", () => {
  assert.deepEqual(valuesOf({ type: "telemetry", payload: { status: "online", telemetries: { temp: 22, timestamp: 7 } } }), { status: "online", temp: 22, timestamp: 7 });
  assert.deepEqual(valuesOf({ type: "telemetry", payload: '{"common":{"status":"error"},"custom":{"fan":true,"deep":{}}}' }), { status: "error", fan: true });
  assert.deepEqual(valuesOf({ type: "telemetry", payload: { temp: 1, message: "x" } }), { temp: 1 });
  assert.deepEqual(valuesOf({ type: "telemetry", payload: "not json" }), {});
});

test("the tabs' wants become one query", () => {
  assert.equal(unionQuery([]), null);
  assert.equal(unionQuery([{ types: ["telemetry"], device: "d1" }, { types: ["status"], device: "d1" }]), "types=status,telemetry&device_id=d1");
  assert.equal(unionQuery([{ types: ["telemetry"], device: "d1" }, { types: ["status"] }]), "types=status,telemetry");
  assert.ok(wanted({ types: ["status"], device: "d1" }, { type: "status", device_id: "d1" }));
  assert.ok(!wanted({ types: ["status"], device: "d1" }, { type: "status", device_id: "d2" }));
  assert.ok(wanted({ types: [] }, { type: "dropped", count: 3 }));
});

const words = { required: "R", number: "N", integer: "I", json: "J" };
const field = (f: Partial<CustomField>): CustomField => ({ name: "x", label: "X", type: "string", required: false, ...f });

test("a filled command form becomes parameters or errors", () => {
  const fields = [field({ name: "a", type: "integer", required: true }), field({ name: "b", type: "boolean" }), field({ name: "c", type: "json" }), field({ name: "d" })];
  assert.deepEqual(buildParameters(fields, { a: "7", b: true, c: "[1]", d: "" }, words), { parameters: { a: 7, b: true, c: [1] }, errors: {} });
  assert.deepEqual(buildParameters(fields, { c: "{" }, words).errors, { a: "R", c: "J" });
  assert.deepEqual(buildParameters(fields, { a: "1.5" }, words).errors, { a: "I" });
});

test("choices in each form, in their order", () => {
  assert.deepEqual(optionsOf(field({ options: { b: { label: "B", value: "b", order: 2 }, a: { label: "A", value: "a", order: 1 } } })).map((o) => o.value), ["a", "b"]);
  assert.deepEqual(optionsOf(field({ options: { x: "Ex" } })).map((o) => [o.value, o.label]), [["x", "Ex"]]);
  assert.deepEqual(dynamicOptions("details.inputs", { details: { inputs: ["HDMI 1", { value: "2", label: "Two" }] } }), [{ value: "HDMI 1", label: "HDMI 1" }, { value: "2", label: "Two" }]);
  assert.deepEqual(dynamicOptions("details.none", {}), []);
});

test("the preview shows what the device gets", () => {
  assert.deepEqual(previewMessage({ name: "go", with_file: false, custom_fields: [field({ name: "a" })] }, {}), { id: "5a0e93b7-…", status: "pending", name: "go", parameters: { a: null } });
});

test("shown requests carry no secret and survive quotes", () => {
  const line = curlLine("https://h", "POST", "/partner/models", { name: "It's" });
  assert.ok(line.includes("YOUR_API_KEY"));
  assert.ok(line.includes(`It'\\''s`));
  assert.ok(registrationPython("https://h", { sn: 'a"b' }).includes('"a\\"b"'));
});

test("spaces are ordered as a tree and named below the organization", () => {
  const space = (id: number, name: string, parent_id: number | null): Space => ({ id, name, parent_id, space_type: null, full_path: name, devices_count: 0, created_at: "" });
  assert.deepEqual(sortTree([space(3, "B", 1), space(1, "Root", null), space(4, "A2", 2), space(2, "A", 1)]).map((s) => s.id), [1, 2, 4, 3]);
  assert.deepEqual(withTotals([{ ...space(1, "Root", null), devices_count: 1 }, { ...space(2, "A", 1), devices_count: 2 }, { ...space(4, "A2", 2), devices_count: 4 }]).map((s) => s.devices_count), [7, 6, 4]);
  assert.equal(spacePath({ full_path: "Org/North/Lobby" }), "North / Lobby");
  assert.equal(spacePath({ full_path: "Org" }), "Org");
});

test("changes between versions", () => {
  assert.deepEqual(changes({ a: 1, b: [1] }, { a: 2, b: [1] }), [{ field: "a", before: 1, after: 2 }]);
  assert.deepEqual(changes(undefined, { a: 1 }), []);
});
