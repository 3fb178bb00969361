// A stand-in for the server while working on the portal: the REST routes and the live stream the portal uses, in memory, with a few
// devices that move. A development aid only; it checks little and keeps nothing.
//
//   node dev/mock-server.mjs [--port 8090] [--fresh]
//
// --fresh starts without any user: open /setup/mock-token. Otherwise sign in with ada@example.com / correct horse battery.
import { createReadStream, existsSync } from "node:fs";
import { createServer } from "node:http";
import { randomUUID } from "node:crypto";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const args = process.argv.slice(2);
const option = (name, fallback) => (args.includes(name) ? args[args.indexOf(name) + 1] : fallback);
const port = Number(option("--port", "8090"));
const fresh = args.includes("--fresh");
const dist = join(fileURLToPath(new URL("..", import.meta.url)), "dist");

const csp = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; font-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
const types = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".woff2": "font/woff2" };

const now = () => new Date().toISOString();
const ago = (ms) => new Date(Date.now() - ms).toISOString();

class Refusal extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}
const refuse = (status, message) => {
  throw new Refusal(status, message);
};

// ---- the world -------------------------------------------------------------------------------------------------------------------

const world = {
  user: null, password: "", sessions: new Map(), preferences: {},
  partner: { id: randomUUID(), name: "Northlight", short_code: "nl7Q" },
  organizations: [], spaces: [], models: [], keys: [], commandDefs: [], devices: [], commands: [], registrations: [], apiKeys: [], configs: new Map(), samples: new Map(),
};
const settings = () => ({ name: world.partner.name, short_code: world.partner.short_code, public_url: `http://127.0.0.1:${port}`, mqtt_url: "mqtt://127.0.0.1:1883" });

function makeOrganization(name, lab) {
  const o = { id: randomUUID(), name, lab, created_at: ago(86400e3 * 20) };
  world.organizations.push(o);
  makeSpace(o, name, null, "root");
  return o;
}
let nextSpace = 1;
function makeSpace(o, name, parent, type) {
  const s = { id: nextSpace++, organization: o.id, name, parent_id: parent?.id ?? null, space_type: type, full_path: parent ? `${parent.full_path}/${name}` : name, created_at: now() };
  world.spaces.push(s);
  return s;
}

const allTabs = ["overview", "telemetry", "commands", "configuration", "incidents", "files", "licenses", "history", "dumps", "events", "children", "details", "notes"];
const suggested = {
  reboot: { friendly_name: "Reboot device", description: "Restarts the device", with_file: false },
  dump: { friendly_name: "Create dump report", description: "Collects logs and uploads them", with_file: false },
  update_firmware: { friendly_name: "Update firmware", description: "Installs a firmware file", with_file: true, file_type: "firmware" },
};

function makeModel(body) {
  const m = {
    id: randomUUID(), name: body.name, icon_url: body.icon ?? null, sku: body.sku ?? null, authentication_method: body.authentication_method ?? "cloud_id",
    communication_protocol: body.communication_protocol, device_type: body.device_type ?? "physical", api_version: body.api_version ?? "1.0.7",
    offline_threshold_minutes: body.offline_threshold_minutes === undefined ? 5 : body.offline_threshold_minutes, enabled_tabs: body.enabled_tabs ?? allTabs,
    published: false, vendor: world.partner.name, created_at: now(), updated_at: now(),
  };
  world.models.push(m);
  if (m.device_type !== "digital") makeKey(m, { name: "Default" });
  for (const name of body.suggested_commands ?? ["reboot", "dump"]) makeCommandDef(m, { name, ...suggested[name], active: true, timeout_seconds: 60 });
  return m;
}
function makeKey(m, body) {
  const k = { id: randomUUID(), model: m.id, name: body.name, key: randomUUID(), expected_count: body.expected_count ?? null, used_count: 0, enforce_count: !!body.enforce_count, revoked_at: null, first_used_at: null, last_used_at: null };
  world.keys.push(k);
  return k;
}
function makeCommandDef(m, body) {
  const d = { id: randomUUID(), model: m.id, active: true, description: "", with_file: false, file_type: null, timeout_seconds: 0, custom_fields: [], ...body };
  world.commandDefs.push(d);
  return d;
}
function register(body, address) {
  const log = { id: randomUUID(), created_at: now(), address, model_id: null, hardware_key_id: null, sn: body.sn ?? null, mac: body.mac ?? null, cloud_id: body.cloud_id ?? null, result: "refused", error: null, device_id: null };
  const fail = (status, error) => {
    world.registrations.unshift({ ...log, error });
    emit({ type: "registration", payload: { result: "refused", error }, code: status, transport: "https", method: "POST", path: "/v1/devices", direction: "up" });
    refuse(status, error);
  };
  const key = world.keys.find((k) => k.key === body.hardware_key && !k.revoked_at);
  if (!key) fail(400, "Hardware key is invalid");
  const model = world.models.find((m) => m.id === key.model);
  Object.assign(log, { model_id: model.id, hardware_key_id: key.id });
  if (!body.firmware_version) fail(422, "Firmware version can't be blank");
  if (world.devices.some((d) => d.sn && d.sn === body.sn && d.model.id === model.id)) fail(422, "Sn has already been taken");
  const d = {
    id: randomUUID(), name: body.name ?? model.name, sn: body.sn ?? null, mac: body.mac ?? null, cloud_id: body.cloud_id ?? null, status: null, last_seen_at: null, details: body.details ?? {}, state: {},
    model: { id: model.id, name: model.name, sub_model: body.sub_model ?? null }, firmware: { version: body.firmware_version }, organization_id: null, space_id: null, parent_id: null, connected: false,
    created_at: now(), claimed_at: null, hub_url: settings().public_url, mqtt_hub_url: settings().mqtt_url, key: randomUUID().replaceAll("-", ""),
  };
  world.devices.push(d);
  Object.assign(key, { used_count: key.used_count + 1, first_used_at: key.first_used_at ?? now(), last_used_at: now() });
  world.registrations.unshift({ ...log, result: "created", device_id: d.id });
  emit({ type: "registration", device_id: d.id, payload: { result: "created", sn: d.sn, cloud_id: d.cloud_id }, code: 201, transport: "https", method: "POST", path: "/v1/devices", direction: "up" });
  return d;
}

function report(d, telemetries, transport = "mqtt", at = Date.now()) {
  const before = d.status;
  d.state = { ...d.state, ...telemetries, status: "online" };
  d.status = "online";
  d.last_seen_at = new Date(at).toISOString();
  const list = world.samples.get(d.id) ?? [];
  list.push([at, { ...telemetries, status: "online" }]);
  if (list.length > 20000) list.shift();
  world.samples.set(d.id, list);
  emit({ type: "telemetry", device_id: d.id, direction: "up", transport, topic: transport === "mqtt" ? `v1/device/${d.id}/telemetry` : undefined, method: transport === "https" ? "POST" : undefined,
    path: transport === "https" ? `/v1/devices/${d.id}/telemetry` : undefined, qos: transport === "mqtt" ? 1 : undefined, code: transport === "mqtt" ? 0 : 201, size: JSON.stringify(telemetries).length, payload: { status: "online", telemetries } });
  if (before !== "online") emit({ type: "status", device_id: d.id, payload: { status: "online", connected: d.connected } });
}

// ---- the live stream -------------------------------------------------------------------------------------------------------------

const viewers = new Set();
let eventId = 1;
function emit(event) {
  const data = JSON.stringify({ at: now(), ...event });
  for (const v of viewers) {
    if (v.types.length && !v.types.includes(event.type)) continue;
    if (v.device && v.device !== event.device_id) continue;
    if (v.kind === "organization" && event.device_id && world.devices.find((d) => d.id === event.device_id)?.organization_id !== v.tenant) continue;
    v.reply.write(`id: ${eventId}\ndata: ${data}\n\n`);
  }
  eventId++;
}
function stream(kind, tenant, query, request, reply) {
  reply.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
  reply.write(": hello\n\n");
  const viewer = { kind, tenant, reply, types: (query.get("types") ?? "").split(",").filter(Boolean), device: query.get("device_id") };
  viewers.add(viewer);
  const beat = setInterval(() => reply.write(": beat\n\n"), 15000);
  request.on("close", () => {
    viewers.delete(viewer);
    clearInterval(beat);
  });
}

// ---- views of objects ------------------------------------------------------------------------------------------------------------

const modelView = (m) => ({ ...m, devices_count: world.devices.filter((d) => d.model.id === m.id).length });
const keyView = ({ model, ...k }) => k;
const defView = ({ model, ...d }) => d;
function partnerDevice(d) {
  const o = world.organizations.find((x) => x.id === d.organization_id);
  const { key, organization_id, space_id, claimed_at, ...rest } = d;
  return { ...rest, organization: o ? { id: o.id, name: o.name } : null };
}
function orgDevice(d) {
  const s = world.spaces.find((x) => x.id === d.space_id);
  const c = world.configs.get(d.id);
  const { key, organization_id, hub_url, mqtt_hub_url, ...rest } = d;
  return { ...rest, effective_status: d.status === "online" ? "ok" : "offline", space: s ? { id: s.id, full_path: s.full_path } : null, space_name: s?.name, space_tree_path_name: s?.full_path, partner: world.partner.name,
    custom_parameters: {}, config_version: c?.version ?? 0, applied_config_version: c?.applied ?? 0 };
}
const spaceView = ({ organization, ...s }) => ({ ...s, path: s.full_path, config: {}, devices_count: world.devices.filter((d) => d.space_id === s.id).length });
const below = (s) => world.spaces.filter((x) => x.full_path === s.full_path || x.full_path.startsWith(`${s.full_path}/`)).map((x) => x.id);
const sessionView = (s) => ({
  user: world.user, csrf_token: s.csrf, current: s.current,
  tenants: [{ kind: "partner", id: world.partner.id, name: world.partner.name }, ...world.organizations.filter((o) => o.lab || o.mine).map((o) => ({ kind: "organization", id: o.id, name: o.name }))],
});
const pageOf = (rows, q, kind) => {
  const per = Math.min(500, Number(q.get("per_page")) || 100);
  const page = Math.max(1, Number(q.get("page")) || 1);
  const data = rows.slice((page - 1) * per, page * per);
  const more = rows.length > page * per;
  return kind === "partner" ? { data, page_info: { has_next: more, total_count: rows.length } } : { items: data, next_page: more ? page + 1 : null, has_next_page: more };
};
function filterDevices(rows, q) {
  const search = (q.get("search") ?? "").toLowerCase();
  return rows.filter((d) => (!q.get("status") || d.status === q.get("status")) && (!q.get("model_id") || d.model.id === q.get("model_id")) && (q.get("unclaimed") !== "true" || !d.organization_id)
    && (!q.get("organization_id") || d.organization_id === q.get("organization_id")) && (!search || [d.name, d.sn, d.mac, d.cloud_id, d.id].some((x) => x?.toLowerCase().includes(search))));
}
function series(d, q) {
  const from = Number(q.get("from")) || Date.now() - 900e3;
  const to = Number(q.get("to")) || Date.now();
  const points = Math.min(2000, Number(q.get("points")) || 500);
  const list = (world.samples.get(d.id) ?? []).filter(([at]) => at >= from && at <= to);
  return { series: q.get("keys").split(",").map((key) => {
    const own = list.filter(([, v]) => v[key] !== undefined).map(([at, v]) => [at, v[key]]);
    if (own.some(([, v]) => typeof v !== "number")) return { key, unit: null, points: own.filter(([, v], i) => i === 0 || own[i - 1][1] !== v) };
    if (own.length <= points) return { key, unit: null, points: own.map(([at, v]) => [at, v, v, v]) };
    const width = (to - from) / points;
    const buckets = new Map();
    for (const [at, v] of own) {
      const b = Math.floor((at - from) / width);
      buckets.set(b, [...(buckets.get(b) ?? []), v]);
    }
    return { key, unit: null, points: [...buckets].map(([b, vs]) => [Math.round(from + (b + 0.5) * width), Math.min(...vs), vs.reduce((x, y) => x + y, 0) / vs.length, Math.max(...vs)]) };
  }) };
}

function commandChanged(c, change) {
  Object.assign(c, change);
  emit({ type: "command", device_id: c.device_id, direction: c.status === "pending" ? "down" : "up", transport: "mqtt", topic: `v1/device/${c.device_id}/command${c.status === "pending" ? "" : "/update"}`, qos: 1, code: 0, size: 120, payload: { id: c.id, status: c.status, name: c.name } });
}
function runCommand(c) {
  const d = world.devices.find((x) => x.id === c.device_id);
  if (!d?.connected) return;
  setTimeout(() => c.status === "pending" && commandChanged(c, { delivered_at: now() }), 300);
  setTimeout(() => c.status === "pending" && commandChanged(c, { status: "in_progress" }), 900);
  setTimeout(() => c.status === "in_progress" && commandChanged(c, { status: "done", finished_at: now(), message: "OK" }), 2600);
}

// ---- routes ----------------------------------------------------------------------------------------------------------------------

const routes = [];
const on = (method, path, handler) => routes.push({ method, parts: path.split("/").filter(Boolean), handler });
const find = (list, id, thing) => list.find((x) => String(x.id) === String(id)) ?? refuse(404, `${thing} not found`);

on("GET", "/core/v1/setup", () => ({ needed: !world.user }));
on("GET", "/core/v1/setup/:token", ({ p }) => (world.user || p.token !== "mock-token" ? refuse(404, "Setup link not found")
  : { public_url: `http://127.0.0.1:${port}`, mqtt_url: "mqtt://127.0.0.1:1883", mqtts_url: "mqtts://127.0.0.1:8883", certificate_fingerprint: "4F:1C:9A:77:0D:52:BE:61:A3:08:C9:F4:12:7B:66:D0:9E:35:41:8A:EF:5D:20:B7:93:6C:58:14:0A:E2:7F:CB", short_code: "nl7Q" }));
on("POST", "/core/v1/setup/:token", ({ body, reply }) => {
  if (world.user) refuse(404, "Setup link not found");
  world.user = { id: randomUUID(), name: body.name, email: body.email, system_admin: true };
  world.password = body.password;
  world.partner.name = body.partner_name;
  world.partner.short_code = body.short_code;
  makeOrganization(`${body.partner_name} Lab`, true);
  return startSession(reply);
});
function startSession(reply) {
  const id = randomUUID();
  const s = { csrf: randomUUID(), current: { partner: world.partner.id, organization: world.organizations[0]?.id ?? null } };
  world.sessions.set(id, s);
  reply.setHeader("Set-Cookie", `mock_session=${id}; Path=/; HttpOnly; SameSite=Lax`);
  return sessionView(s);
}
on("POST", "/core/v1/session", ({ body, reply }) => (world.user && body.email === world.user.email && body.password === world.password ? startSession(reply) : refuse(401, "Invalid email or password")));
on("GET", "/core/v1/session", ({ s }) => sessionView(s));
on("DELETE", "/core/v1/session", ({ sid }) => (world.sessions.delete(sid), { success: true }));
on("POST", "/core/v1/session/tenant", ({ s, body }) => ((s.current[body.kind] = body.id), sessionView(s)));
on("GET", "/core/v1/session/preferences", () => world.preferences);
on("PUT", "/core/v1/session/preferences", ({ body }) => (world.preferences = body));

const P = "/core/v1/partner";
on("GET", `${P}/overview`, () => {
  const d = world.devices;
  const count = (s) => d.filter((x) => x.status === s).length;
  const spread = new Map();
  for (const x of d) spread.set(`${x.model.name}|${x.firmware.version}`, (spread.get(`${x.model.name}|${x.firmware.version}`) ?? 0) + 1);
  return {
    devices: { online: count("online"), offline: count("offline"), error: count("error"), never_seen: count(null), total: d.length, unclaimed: d.filter((x) => !x.organization_id).length, connected: d.filter((x) => x.connected).length },
    registrations_today: world.registrations.filter((r) => r.result !== "refused").length, registrations_refused_today: world.registrations.filter((r) => r.result === "refused").length, messages_per_minute: d.filter((x) => x.connected).length * 30,
    models: world.models.length, organizations: world.organizations.length, firmware: [...spread].map(([k, devices]) => ({ model: k.split("|")[0], version: k.split("|")[1], devices })),
  };
});
on("GET", `${P}/settings`, settings);
on("GET", `${P}/stream`, ({ q, request, reply }) => (stream("partner", world.partner.id, q, request, reply), undefined));
on("GET", `${P}/models`, ({ q }) => pageOf(world.models.map(modelView), q, "partner"));
on("POST", `${P}/models`, ({ body }) => {
  if (!body.communication_protocol) refuse(422, "Parameter communication_protocol is required");
  if (world.models.some((m) => m.name === body.name)) refuse(422, "Name has already been taken");
  return [201, modelView(makeModel(body))];
});
on("GET", `${P}/models/:id`, ({ p }) => modelView(find(world.models, p.id, "Model")));
on("PATCH", `${P}/models/:id`, ({ p, body }) => {
  const m = find(world.models, p.id, "Model");
  if (body.communication_protocol && body.communication_protocol !== m.communication_protocol) refuse(422, "Communication protocol cannot be changed after the model is created");
  if (body.name && world.models.some((x) => x.name === body.name && x.id !== m.id)) refuse(422, "Name has already been taken");
  const { icon, ...rest } = body;
  Object.assign(m, rest, icon === undefined ? {} : { icon_url: icon }, { updated_at: now() });
  return modelView(m);
});
on("DELETE", `${P}/models/:id`, ({ p }) => {
  const m = find(world.models, p.id, "Model");
  if (modelView(m).devices_count) refuse(422, "Model has registered devices");
  world.models.splice(world.models.indexOf(m), 1);
  return { success: true };
});
on("POST", `${P}/models/:id/publish`, ({ p }) => modelView(Object.assign(find(world.models, p.id, "Model"), { published: true })));
on("POST", `${P}/models/:id/unpublish`, ({ p }) => {
  const m = find(world.models, p.id, "Model");
  if (modelView(m).devices_count) refuse(422, "Model has registered devices");
  return modelView(Object.assign(m, { published: false }));
});
on("GET", `${P}/models/:id/versions`, ({ p, q }) => pageOf([{ n: 1, created_at: find(world.models, p.id, "Model").created_at, author: world.user.name, document: { name: find(world.models, p.id, "Model").name } }], q, "partner"));
on("POST", `${P}/models/:id/clone`, ({ p, body }) => [201, modelView(makeModel({ ...find(world.models, p.id, "Model"), ...body }))]);
on("GET", `${P}/models/:id/hardware_keys`, ({ p, q }) => pageOf(world.keys.filter((k) => k.model === p.id).map(keyView), q, "partner"));
on("POST", `${P}/models/:id/hardware_keys`, ({ p, body }) => [201, keyView(makeKey(find(world.models, p.id, "Model"), body))]);
on("PATCH", `${P}/models/:id/hardware_keys/:key`, ({ p, body }) => keyView(Object.assign(find(world.keys, p.key, "Hardware key"), body)));
on("POST", `${P}/models/:id/hardware_keys/:key/revoke`, ({ p }) => keyView(Object.assign(find(world.keys, p.key, "Hardware key"), { revoked_at: now() })));
on("GET", `${P}/models/:id/commands`, ({ p, q }) => pageOf(world.commandDefs.filter((d) => d.model === p.id).map(defView), q, "partner"));
on("POST", `${P}/models/:id/commands`, ({ p, body }) => {
  if (world.commandDefs.some((d) => d.model === p.id && d.name === body.name)) refuse(422, "Name has already been taken");
  return [201, defView(makeCommandDef(find(world.models, p.id, "Model"), body))];
});
on("PATCH", `${P}/models/:id/commands/:def`, ({ p, body }) => defView(Object.assign(find(world.commandDefs, p.def, "Command"), body)));
on("DELETE", `${P}/models/:id/commands/:def`, ({ p }) => (world.commandDefs.splice(world.commandDefs.indexOf(find(world.commandDefs, p.def, "Command")), 1), { success: true }));
on("GET", `${P}/registrations`, ({ q }) => pageOf(world.registrations.filter((r) => (!q.get("result") || r.result === q.get("result")) && (!q.get("model_id") || r.model_id === q.get("model_id")) && (!q.get("from") || r.created_at >= q.get("from"))), q, "partner"));
on("GET", `${P}/organizations`, ({ q }) => pageOf(world.organizations.map((o) => ({ ...o, devices_count: world.devices.filter((d) => d.organization_id === o.id).length })), q, "partner"));
on("POST", `${P}/organizations`, ({ body }) => [201, { ...makeOrganization(body.name, false), api_key: `mo_${randomUUID().replaceAll("-", "")}` }]);
on("GET", `${P}/devices`, ({ q }) => pageOf(filterDevices(world.devices, q).map(partnerDevice), q, "partner"));
on("POST", `${P}/devices/assign`, ({ body }) => {
  const o = find(world.organizations, body.organization_id, "Organization");
  for (const id of body.device_ids) claim(find(world.devices, id, "Device"), o, world.spaces.find((s) => s.organization === o.id && s.parent_id === null));
  return { success: true };
});
on("GET", `${P}/devices/:id`, ({ p }) => partnerDevice(find(world.devices, p.id, "Device")));
on("DELETE", `${P}/devices/:id`, ({ p }) => (world.devices.splice(world.devices.indexOf(find(world.devices, p.id, "Device")), 1), { success: true }));
on("POST", `${P}/devices/:id/unassign`, ({ p }) => partnerDevice(Object.assign(find(world.devices, p.id, "Device"), { organization_id: null, space_id: null })));
on("POST", `${P}/devices/:id/rotate_key`, ({ p }) => ({ access_key: (find(world.devices, p.id, "Device").key = randomUUID().replaceAll("-", "")) }));
on("POST", `${P}/devices/:id/disconnect`, ({ p }) => (emit({ type: "status", device_id: p.id, payload: { connected: false } }), { success: true }));
function claim(d, o, space) {
  Object.assign(d, { organization_id: o.id, space_id: space.id, claimed_at: now() });
  return d;
}

for (const [kind, base] of [["partner", P], ["organization", "/core/v1/organization"]]) {
  on("GET", `${base}/devices/:id/series`, ({ p, q }) => series(find(world.devices, p.id, "Device"), q));
  on("GET", `${base}/devices/:id/telemetries`, ({ p, q }) => {
    const rows = [...(world.samples.get(p.id) ?? [])].reverse().slice(0, Number(q.get("limit")) || 100).map(([at, telemetries]) => ({ created_at: new Date(at).toISOString(), device_timestamp: null, telemetries }));
    return kind === "partner" ? rows : { items: rows, next_page: null, has_next_page: false };
  });
  on("GET", `${base}/devices/:id/commands`, ({ p, q }) => pageOf(world.commands.filter((c) => c.device_id === p.id && (!q.get("status") || c.status === q.get("status"))), q, kind));
  on("GET", `${base}/api_keys`, ({ q }) => pageOf(world.apiKeys.filter((k) => k.kind === kind).map(({ kind: _k, ...k }) => k), q, kind));
  on("POST", `${base}/api_keys`, ({ body }) => {
    const k = { id: randomUUID(), kind, name: body.name, scope: body.scope ?? "full", expires_at: body.expires_at ?? null, last_used_at: null, created_at: now() };
    world.apiKeys.push(k);
    return [201, { ...k, key: `m${kind[0]}_${randomUUID().replaceAll("-", "")}${randomUUID().slice(0, 11).replaceAll("-", "")}` }];
  });
  on("GET", `${base}/audit`, ({ q }) => pageOf([["model.update", 3600e3], ["model.create", 7200e3]].map(([action, age], id) => ({ id, created_at: ago(age), actor_kind: "user", actor: world.user.name, address: "127.0.0.1", action })), q, kind));
  on("DELETE", `${base}/api_keys/:id`, ({ p }) => (world.apiKeys.splice(world.apiKeys.indexOf(find(world.apiKeys, p.id, "API key")), 1), { success: true }));
}

const O = "/core/v1/organization";
const mine = (s) => world.devices.filter((d) => d.organization_id === s.current.organization);
on("GET", `${O}/stream`, ({ q, s, request, reply }) => (stream("organization", s.current.organization, q, request, reply), undefined));
on("GET", `${O}/devices`, ({ q, s }) => {
  const space = q.get("space_id") ? find(world.spaces, q.get("space_id"), "Space") : null;
  return pageOf(filterDevices(mine(s), q).filter((d) => !space || below(space).includes(d.space_id)).map(orgDevice), q, "organization");
});
function lookup(body, s) {
  const d = world.devices.find((x) => (body.cloud_id ? x.cloud_id === body.cloud_id : x.mac === body.mac && x.sn === body.sn));
  if (!d) return { result: "not_registered" };
  if (d.organization_id === s.current.organization) return { result: "claimed_here", device_id: d.id };
  if (d.organization_id) return { result: "claimed_elsewhere" };
  return { result: "claimable", device_id: d.id, model: d.model.name, sn: d.sn, children: 0 };
}
on("POST", `${O}/devices/claim/lookup`, ({ body, s }) => lookup(body, s));
on("POST", `${O}/devices/claim`, ({ body, s }) => {
  const found = lookup(body, s);
  if (found.result !== "claimable") refuse(found.result === "not_registered" ? 404 : 422, found.result === "not_registered" ? "Device not found" : "Device is already claimed");
  const d = claim(find(world.devices, found.device_id, "Device"), find(world.organizations, s.current.organization, "Organization"), find(world.spaces, body.space_id, "Space"));
  if (body.name) d.name = body.name;
  return orgDevice(d);
});
on("GET", `${O}/devices/:id`, ({ p, s }) => orgDevice(find(mine(s), p.id, "Device")));
on("PATCH", `${O}/devices/:id`, ({ p, s, body }) => orgDevice(Object.assign(find(mine(s), p.id, "Device"), body)));
on("POST", `${O}/devices/:id/move`, ({ p, s, body }) => orgDevice(Object.assign(find(mine(s), p.id, "Device"), { space_id: body.space_id })));
on("POST", `${O}/devices/:id/unclaim`, ({ p, s }) => (Object.assign(find(mine(s), p.id, "Device"), { organization_id: null, space_id: null }), { success: true }));
on("POST", `${O}/devices/:id/commands`, ({ p, s, body }) => {
  const d = find(mine(s), p.id, "Device");
  const def = world.commandDefs.find((x) => x.model === d.model.id && (x.name === body.name || x.friendly_name === body.name)) ?? refuse(422, "Invalid command");
  for (const f of def.custom_fields) if (f.required && body.extra_params?.[f.name] === undefined) refuse(422, `Parameter ${f.name} is required`);
  const c = { id: randomUUID(), device_id: d.id, status: body.scheduled_at ? "scheduled" : "pending", name: def.name, friendly_name: def.friendly_name, parameters: Object.keys(body.extra_params ?? {}).length ? body.extra_params : null, message: null, file_id: null,
    created_by: { name: world.user.name }, created_at: now(), scheduled_at: body.scheduled_at ?? null, delivered_at: null, finished_at: null };
  world.commands.unshift(c);
  commandChanged(c, {});
  if (c.status === "pending") runCommand(c);
  return c;
});
on("DELETE", `${O}/devices/:id/commands/:command`, ({ p }) => {
  const c = find(world.commands, p.command, "Command");
  if (!["scheduled", "pending", "in_progress"].includes(c.status)) refuse(422, "Command cannot be cancelled");
  commandChanged(c, { status: "aborted", finished_at: now() });
  return c;
});
const configOf = (id) => world.configs.get(id) ?? { version: 0, applied: 0, last_updated: now(), config: {}, versions: [] };
on("GET", `${O}/devices/:id/config`, ({ p }) => (({ version, last_updated, config }) => ({ version, last_updated, config }))(configOf(p.id)));
on("GET", `${O}/devices/:id/config/versions`, ({ p, q }) => pageOf(configOf(p.id).versions, q, "organization"));
on("PUT", `${O}/devices/:id/config`, ({ p, body }) => {
  const c = configOf(p.id);
  if (body.base_version !== c.version) refuse(422, `Error setting config with old version, latest is ${c.version}`);
  const next = { ...c, version: c.version + 1, config: body.config, last_updated: now() };
  next.versions = [{ version: next.version, config: body.config, created_at: now(), author: { name: world.user.name } }, ...c.versions];
  world.configs.set(p.id, next);
  emit({ type: "config", device_id: p.id, direction: "down", transport: "mqtt", topic: `v1/device/${p.id}/config`, qos: 1, code: 0, size: 80, payload: { version: next.version } });
  setTimeout(() => { next.applied = next.version; emit({ type: "config", device_id: p.id, direction: "up", transport: "mqtt", topic: `v1/device/${p.id}/config/update`, qos: 1, code: 0, payload: { version: next.version } }); }, 2500);
  return { version: next.version, last_updated: next.last_updated, config: next.config };
});
on("GET", `${O}/models`, ({ q }) => pageOf(world.models.map(orgModel), q, "organization"));
on("GET", `${O}/models/:id`, ({ p }) => orgModel(find(world.models, p.id, "Model")));
const orgModel = (m) => ({ id: m.id, name: m.name, vendor: m.vendor, model: m.name, device_type: m.device_type, published: m.published, enabled_tabs: m.enabled_tabs, parameters: [], commands: world.commandDefs.filter((d) => d.model === m.id).map(defView) });
on("GET", `${O}/spaces`, ({ q, s }) => pageOf(world.spaces.filter((x) => x.organization === s.current.organization && (!q.get("name") || x.name.toLowerCase().includes(q.get("name").toLowerCase()))).map(spaceView), q, "organization"));
on("POST", `${O}/spaces`, ({ body, s }) => {
  const parent = find(world.spaces, body.parent_id, "Space");
  if (world.spaces.some((x) => x.parent_id === parent.id && x.name === body.name)) refuse(422, "Name has already been taken");
  return spaceView(makeSpace({ id: s.current.organization }, body.name, parent, body.space_type));
});

on("POST", "/v1/devices", ({ body, request }) => {
  const d = register(body, request.socket.remoteAddress);
  return [201, { id: d.id, access_key: d.key, hub_url: d.hub_url, hub_url_static_cert: d.hub_url, mqtt_hub_url: d.mqtt_hub_url }];
});
on("POST", "/v1/devices/:id/telemetry", ({ p, body, request }) => {
  const d = find(world.devices, p.id, "Device");
  if (request.headers.authorization !== d.key) refuse(401, "Not authorized");
  d.connected = true; // the stand-in has no MQTT: a report counts as the connection too
  report(d, body.telemetries ?? {}, "https");
  return [201, { success: true }];
});

function match(method, path) {
  const parts = path.split("/").filter(Boolean);
  let best = null;
  for (const r of routes) {
    if (r.method !== method || r.parts.length !== parts.length) continue;
    const p = {};
    const score = r.parts.map((w, i) => (w.startsWith(":") ? ((p[w.slice(1)] = decodeURIComponent(parts[i])), "0") : w === parts[i] ? "1" : "x")).join("");
    if (!score.includes("x") && (!best || score > best.score)) best = { handler: r.handler, p, score };
  }
  return best;
}

async function api(request, reply, url) {
  const chunks = [];
  for await (const c of request) chunks.push(c);
  const text = Buffer.concat(chunks).toString();
  const found = match(request.method, url.pathname) ?? refuse(404, "Unknown endpoint");
  const sid = /mock_session=([^;]+)/.exec(request.headers.cookie ?? "")?.[1];
  const s = world.sessions.get(sid);
  const open = /^\/(v1\/|core\/v1\/setup)/.test(url.pathname) || (url.pathname === "/core/v1/session" && request.method === "POST");
  if (!open && !s) refuse(401, "Not authorized");
  if (!open && request.method !== "GET" && request.headers["x-csrf-token"] !== s.csrf) refuse(403, "Forbidden");
  const result = found.handler({ p: found.p, q: url.searchParams, body: text ? JSON.parse(text) : {}, s, sid, request, reply });
  if (result === undefined) return;
  const [status, value] = Array.isArray(result) && typeof result[0] === "number" && result.length === 2 ? result : [200, result];
  send(reply, status, value);
}
function send(reply, status, value) {
  reply.writeHead(status, { "Content-Type": "application/json; charset=utf-8", "Cache-Control": "no-store" });
  reply.end(JSON.stringify(value));
}
function file(reply, path) {
  const safe = normalize(path).replace(/^(\.\.[/\\])+/, "");
  const full = join(dist, safe.startsWith("/assets/") ? safe : "index.html");
  if (!existsSync(full)) return send(reply, 404, { error: "Build the portal first: npx vite build" });
  reply.writeHead(200, { "Content-Type": types[extname(full)] ?? "application/octet-stream", "Content-Security-Policy": csp, "X-Content-Type-Options": "nosniff" });
  createReadStream(full).pipe(reply);
}

createServer((request, reply) => {
  const url = new URL(request.url, `http://${request.headers.host}`);
  if (!/^\/(core|v1)\//.test(url.pathname)) return file(reply, url.pathname);
  api(request, reply, url).catch((e) => send(reply, e.status ?? 500, { error: e instanceof Refusal ? e.message : String(e) }));
}).listen(port, "127.0.0.1", () => console.log(`http://127.0.0.1:${port}${fresh ? "/setup/mock-token" : "/partners/"}`));

// ---- something to look at --------------------------------------------------------------------------------------------------------

if (!fresh) {
  world.user = { id: randomUUID(), name: "Ada Lovelace", email: "ada@example.com", system_admin: true };
  world.password = "correct horse battery";
  const lab = makeOrganization("Northlight Lab", true);
  const college = Object.assign(makeOrganization("Harbour College", false), { mine: true });
  const root = world.spaces.find((s) => s.organization === college.id);
  const north = makeSpace(college, "North Campus", root, "site");
  const lobby = makeSpace(college, "Lobby", north, "room");
  makeSpace(college, "Library", north, "building");
  makeSpace(college, "South Campus", root, "site");
  const panel = makeModel({ name: "Panel 55", sku: "NL-P55", communication_protocol: "mqtt" });
  const meter = makeModel({ name: "Energy Meter", sku: "NL-EM3", communication_protocol: "mqtt", authentication_method: "mac_sn" });
  const kiosk = makeModel({ name: "Kiosk Controller", communication_protocol: "https" });
  panel.published = meter.published = true;
  makeKey(panel, { name: "Batch 2026-02", expected_count: 200 });
  const over = makeKey(panel, { name: "Pilot run", expected_count: 10 });
  over.used_count = 14;
  over.first_used_at = ago(86400e3 * 30);
  over.last_used_at = ago(3600e3 * 5);
  makeCommandDef(panel, { name: "set_input", friendly_name: "Set input", description: "Switches the video input", timeout_seconds: 60, custom_fields: [
    { name: "input", label: "Input", type: "select", typeName: "staticListSingle", required: true, options: { 33: { label: "HDMI 1", order: 1, value: "33" }, 34: { label: "HDMI 2", order: 2, value: "34" } } },
    { name: "volume", label: "Volume", type: "integer", required: false }, { name: "mute", label: "Mute the sound", type: "boolean", required: false }] });
  const names = ["Lobby panel", "Library entrance", "Auditorium left", "Auditorium right", "Canteen", "Main meter", "Workshop meter", "Gate kiosk"];
  names.forEach((name, i) => {
    const model = i < 5 ? panel : i < 7 ? meter : kiosk;
    const key = world.keys.find((k) => k.model === model.id);
    const d = register({ hardware_key: key.key, firmware_version: ["1.3.3", "1.3.4", "1.3.4"][i % 3], sn: `A-${17 + i}`, mac: `02:1a:7d:00:4c:${(16 + i).toString(16)}`, cloud_id: `nl7Qh3R8xV2kLm9Tz0W${i}`, name, details: i === 0 ? { available_inputs: ["HDMI 1", "HDMI 2"], panel: { size: 55, hours: 1204 } } : {} }, `10.4.0.${20 + i}`);
    if (i !== 4 && i !== 7) claim(d, i === 3 ? lab : college, i === 3 ? world.spaces.find((s) => s.organization === lab.id) : i === 0 ? lobby : north);
    d.connected = i < 4 || i === 5;
    if (i === 7) return;
    let t = 21 + i;
    const end = i === 4 || i === 6 ? Date.now() - 5 * 3600e3 : Date.now();
    for (let at = end - 26 * 3600e3; at < end; at += at < end - 3600e3 ? 60e3 : 5e3) {
      if (i === 0 && at > end - 28 * 60e3 && at < end - 24 * 60e3) continue;
      t += (Math.random() - 0.5) * 0.4 + (21 + i - t) * 0.02;
      const list = world.samples.get(d.id) ?? [];
      list.push([at, values(i, t, at)]);
      world.samples.set(d.id, list);
    }
    const [at, last] = world.samples.get(d.id).at(-1);
    Object.assign(d, { state: { ...last, status: i === 2 ? "error" : "online" }, status: i === 4 || i === 6 ? "offline" : i === 2 ? "error" : "online", last_seen_at: new Date(at).toISOString() });
  });
  for (const r of world.registrations) r.created_at = ago(Math.random() * 3600e3 * 3);
  world.registrations.sort((a, b) => b.created_at.localeCompare(a.created_at));
  try { register({ hardware_key: "wrong", sn: "A-99" }, "198.51.100.7"); } catch { /* it is meant to be refused */ }
  const lobbyPanel = world.devices[0];
  world.configs.set(lobbyPanel.id, { version: 2, applied: 2, last_updated: ago(86400e3), config: { volume: 40, display: { brightness: 80, sleep_after: "22:00" } }, versions: [
    { version: 2, config: { volume: 40, display: { brightness: 80, sleep_after: "22:00" } }, created_at: ago(86400e3), author: { name: "Ada Lovelace" } },
    { version: 1, config: { volume: 20 }, created_at: ago(86400e3 * 4), author: { name: "Ada Lovelace" } }] });
  for (const [i, [name, status, message]] of [["reboot", "done", "Rebooted in 14 s"], ["set_input", "failed", "Input not connected"], ["dump", "done", null]].entries()) {
    const def = world.commandDefs.find((d) => d.model === panel.id && d.name === name);
    world.commands.push({ id: randomUUID(), device_id: lobbyPanel.id, status, name, friendly_name: def.friendly_name, parameters: name === "set_input" ? { input: "33", volume: 20, mute: false } : null, message, file_id: null, created_by: { name: "Ada Lovelace" },
      created_at: ago((i + 1) * 3600e3 * 7), scheduled_at: null, delivered_at: ago((i + 1) * 3600e3 * 7 - 400), finished_at: ago((i + 1) * 3600e3 * 7 - 9000) });
  }
  setInterval(() => {
    world.devices.forEach((d, i) => {
      if (!d.connected || Math.random() < 0.1) return;
      const last = world.samples.get(d.id)?.at(-1)?.[1];
      report(d, values(i, (last?.temp ?? 21) + (Math.random() - 0.5) * 0.4, Date.now()));
    });
  }, 1500);
}

function values(i, t, at) {
  const wave = Math.sin(at / 240e3 + i);
  const base = { temp: Math.round(t * 100) / 100, cpu: Math.round(24 + 14 * wave + Math.random() * 6), uptime: Math.floor((at % 864e5) / 1000) };
  if (i >= 5) return { power: Math.round(1400 + 500 * wave + Math.random() * 80), voltage: Math.round((230 + wave * 2 + Math.random()) * 10) / 10, energy: Math.floor(at / 3600e3) % 90000 };
  return { ...base, input: Math.floor(at / 400e3) % 3 ? "HDMI 1" : "HDMI 2", screen_on: Math.floor(at / 700e3) % 4 !== 0 };
}
