/* The objects of the management API, as the portal reads them. */

export type Status = "online" | "offline" | "error" | null;
export type TenantKind = "partner" | "organization";
export type Area = "partner" | "organization";
export type Scalar = string | number | boolean | null;

export interface Tenant {
  kind: TenantKind;
  id: string;
  name: string;
}

export interface Session {
  user: { id: string; name: string; email: string; system_admin?: boolean; otp?: boolean };
  tenants: Tenant[];
  current: { partner: string | null; organization: string | null };
  csrf_token: string;
}

export interface Page<T> {
  rows: T[];
  total: number | null;
  hasNext: boolean;
}

export interface Model {
  id: string;
  name: string;
  icon_url: string | null;
  sku: string | null;
  authentication_method: "cloud_id" | "mac_sn";
  communication_protocol: "https" | "mqtt";
  device_type: "physical" | "digital" | "application";
  api_version: string;
  offline_threshold_minutes: number | null;
  enabled_tabs: string[];
  published: boolean;
  vendor: string;
  devices_count: number;
  created_at: string;
  updated_at: string;
}

export interface HardwareKey {
  id: string;
  name: string;
  key: string;
  expected_count: number | null;
  used_count: number;
  enforce_count: boolean;
  revoked_at: string | null;
  first_used_at: string | null;
  last_used_at: string | null;
}

export interface FieldOption {
  label: string;
  value: string;
  order?: number;
}

export type FieldType =
  | "string" | "text" | "password" | "date" | "datetime" | "number" | "integer"
  | "boolean" | "array" | "object" | "json" | "select" | "multiselect";

export interface CustomField {
  name: string;
  label: string;
  type: FieldType;
  typeName?: string | null;
  required: boolean;
  options?: Record<string, FieldOption | string> | FieldOption[] | null;
  path?: string | null;
  default?: unknown;
}

export interface CommandDef {
  id: string;
  name: string;
  friendly_name: string;
  description: string;
  active: boolean;
  with_file: boolean;
  file_type: string | null;
  timeout_seconds: number;
  custom_fields: CustomField[];
}

export interface Device {
  id: string;
  name: string;
  sn: string | null;
  mac: string | null;
  cloud_id: string | null;
  status: Status;
  effective_status?: string;
  merged_effective_status?: string;
  last_seen_at: string | null;
  details: Record<string, unknown>;
  state: Record<string, Scalar>;
  model: { id: string; name: string; sub_model: string | null };
  firmware: { version: string | null };
  connected?: boolean;
  connected_since?: string | null;
  created_at: string;
  claimed_at?: string | null;
  parent_id: string | null;
  // partner view
  organization?: { id: string; name: string } | null;
  hub_url?: string;
  mqtt_hub_url?: string;
  refused_registration_at?: string | null;
  key_issued_at?: string | null;
  key_last_used_at?: string | null;
  // organization view
  space?: { id: number; full_path: string } | null;
  space_id?: number | null;
  config_version?: number;
  applied_config_version?: number;
  custom_parameters?: Record<string, Scalar>;
  partner?: string;
}

export type CommandStatus = "scheduled" | "pending" | "in_progress" | "done" | "failed" | "aborted";

export interface Command {
  id: string;
  device_id: string;
  status: CommandStatus;
  name: string;
  friendly_name: string | null;
  parameters: Record<string, unknown> | null;
  message: string | null;
  created_by?: unknown;
  created_at: string;
  scheduled_at: string | null;
  delivered_at: string | null;
  finished_at: string | null;
}

export interface OrgModel {
  id: string;
  name: string;
  enabled_tabs?: string[];
  commands: CommandDef[];
}

export interface Space {
  id: number;
  name: string;
  parent_id: number | null;
  space_type: string | null;
  full_path: string;
  devices_count: number;
  created_at: string;
}

export interface Sample {
  created_at: string;
  device_timestamp?: string | null;
  telemetries: Record<string, Scalar>;
}

export interface Config {
  version: number;
  last_updated: string;
  config: Record<string, unknown>;
}

export interface ConfigVersion extends Config {
  author?: unknown;
  created_at?: string;
}

export interface Registration {
  id: string | number;
  created_at: string;
  address: string;
  model_id: string | null;
  hardware_key_id: string | null;
  sn: string | null;
  mac: string | null;
  cloud_id: string | null;
  result: "created" | "replaced" | "refused";
  error: string | null;
  device_id: string | null;
}

export interface Organization {
  id: string;
  name: string;
  lab: boolean;
  devices_count?: number;
  devices?: number;
  created_at: string;
}

export interface ApiKey {
  id: string;
  name: string;
  scope: "full" | "read";
  expires_at: string | null;
  last_used_at: string | null;
  created_at: string;
  revoked_at?: string | null;
  key?: string;
  api_key?: string;
}

export interface PartnerSettings {
  name: string;
  short_code: string;
  public_url: string;
  mqtt_url: string;
}

export interface Overview {
  devices: { online: number; offline: number; error: number; never_seen: number; total: number; unclaimed: number; connected: number };
  registrations_today: number;
  registrations_refused_today: number;
  messages_per_minute: number;
  models: number;
  organizations: number;
  firmware: { model: string; version: string | null; devices: number }[];
}

export interface StreamEvent {
  at?: string;
  type: string;
  /** which of the events of type "event" */
  event?: string;
  device_id?: string;
  model_id?: string;
  direction?: "up" | "down";
  transport?: string;
  topic?: string;
  method?: string;
  path?: string;
  qos?: number;
  size?: number;
  code?: number | string;
  count?: number;
  payload?: unknown;
}
