import type { Route } from "../app";
import { ConnectDevice } from "./connect";
import { Customers } from "./customers";
import { DevicePage } from "./device";
import { Devices } from "./devices";
import { ModelPage } from "./model";
import { Models } from "./models";
import { PartnerOverview } from "./overview";
import { Provisioning } from "./provisioning";
import { LiveView } from "../shared/live";
import { SettingsView } from "../shared/settings";

export const partnerRoutes: Route[] = [
  { path: "/partners", view: () => <PartnerOverview /> },
  { path: "/partners/models", view: () => <Models /> },
  { path: "/partners/models/:id/connect", view: (p) => <ConnectDevice id={p["id"]!} key={p["id"]} /> },
  { path: "/partners/models/:id", view: (p) => <ModelPage id={p["id"]!} tab="info" key={p["id"]} /> },
  { path: "/partners/models/:id/:tab", view: (p) => <ModelPage id={p["id"]!} tab={p["tab"]!} key={p["id"]} /> },
  { path: "/partners/devices", view: () => <Devices /> },
  { path: "/partners/devices/:id", view: (p) => <DevicePage id={p["id"]!} tab="overview" key={p["id"]} /> },
  { path: "/partners/devices/:id/:tab", view: (p) => <DevicePage id={p["id"]!} tab={p["tab"]!} key={p["id"]} /> },
  { path: "/partners/provisioning", view: () => <Provisioning /> },
  { path: "/partners/live", view: () => <LiveView /> },
  { path: "/partners/customers", view: () => <Customers /> },
  { path: "/partners/settings", view: () => <SettingsView area="partner" tab="provision" /> },
  { path: "/partners/settings/:tab", view: (p) => <SettingsView area="partner" tab={p["tab"]!} /> },
];
