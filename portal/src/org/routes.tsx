import type { Route } from "../app";
import { SettingsView } from "../shared/settings";
import { OrgDevicePage } from "./device";
import { OrgDevices } from "./devices";
import { OrgOverview } from "./overview";

export const organizationRoutes: Route[] = [
  { path: "/app", view: () => <OrgOverview spaceId={null} /> },
  { path: "/app/spaces/:id", view: (p) => <OrgOverview spaceId={Number(p["id"])} /> },
  { path: "/app/devices", view: () => <OrgDevices /> },
  { path: "/app/devices/:id", view: (p) => <OrgDevicePage id={p["id"]!} tab="overview" key={p["id"]} /> },
  { path: "/app/devices/:id/:tab", view: (p) => <OrgDevicePage id={p["id"]!} tab={p["tab"]!} key={p["id"]} /> },
  { path: "/app/settings", view: () => <SettingsView area="organization" tab="api-keys" /> },
  { path: "/app/settings/:tab", view: (p) => <SettingsView area="organization" tab={p["tab"]!} /> },
];
