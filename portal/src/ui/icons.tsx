/* One icon set, drawn for Muster on a 16-unit grid with 1.4 strokes and round ends. */
import type { JSX } from "preact";

const paths = {
  overview: "M2.5 2.5h4.6v5.2H2.5zM8.9 2.5h4.6v3H8.9zM8.9 7.3h4.6v6.2H8.9zM2.5 9.5h4.6v4H2.5z",
  model: "M8 1.9l5.4 3v6.2L8 14.1l-5.4-3V4.9zM2.8 5L8 7.9 13.2 5M8 7.9v6",
  device: "M4.2 4.2h7.6v7.6H4.2zM6.6 6.6h2.8v2.8H6.6zM6 1.9v2.3M10 1.9v2.3M6 11.8v2.3M10 11.8v2.3M1.9 6h2.3M1.9 10h2.3M11.8 6h2.3M11.8 10h2.3",
  provisioning: "M5.5 3.2h8M5.5 8h8M5.5 12.8h8M2.3 3.2l.5.5.9-1M2.3 8l.5.5.9-1M2.3 12.8l.5.5.9-1",
  live: "M1.8 8h2.6l1.9-4.6 3.2 9.2L11.3 8h2.9",
  customers: "M2.5 13.5v-9l5-2v11M7.5 6.2l6 1.6v5.7M1.5 13.5h13M4.6 6.3h.8M4.6 8.7h.8M4.6 11.1h.8M10 10.2h1M10 12h1",
  settings: "M2 4.5h6.2M11.8 4.5H14M2 11.5h2.2M7.8 11.5H14M10 2.7a1.8 1.8 0 1 1 0 3.6 1.8 1.8 0 0 1 0-3.6zM6 9.7a1.8 1.8 0 1 1 0 3.6 1.8 1.8 0 0 1 0-3.6z",
  search: "M7 2.6a4.4 4.4 0 1 1 0 8.8 4.4 4.4 0 0 1 0-8.8zM10.2 10.2l3.4 3.4",
  down: "M4 6.2l4 4 4-4",
  right: "M6.2 4l4 4-4 4",
  left: "M9.8 4l-4 4 4 4",
  plus: "M8 3v10M3 8h10",
  check: "M3 8.6l3.3 3.2L13 4.6",
  close: "M4 4l8 8M12 4l-8 8",
  copy: "M5.6 5.6h7.8v7.8H5.6zM10.4 5.6V2.6H2.6v7.8h3",
  eye: "M1.7 8s2.3-4.3 6.3-4.3S14.3 8 14.3 8 12 12.3 8 12.3 1.7 8 1.7 8zM8 6.2a1.8 1.8 0 1 1 0 3.6 1.8 1.8 0 0 1 0-3.6z",
  eyeOff: "M2.4 2.4l11.2 11.2M6.3 4a6.5 6.5 0 0 1 1.7-.3c4 0 6.3 4.3 6.3 4.3a11 11 0 0 1-1.9 2.4M9.9 12a6 6 0 0 1-1.9.3C4 12.3 1.7 8 1.7 8a11 11 0 0 1 2.3-2.8M6.8 6.7a1.8 1.8 0 0 0 2.5 2.5",
  lock: "M3.8 7.2h8.4v6.2H3.8zM5.6 7.2V5a2.4 2.4 0 0 1 4.8 0v2.2M8 9.6v1.5",
  more: "M3.4 8h.01M8 8h.01M12.6 8h.01",
  sun: "M8 5.2a2.8 2.8 0 1 1 0 5.6 2.8 2.8 0 0 1 0-5.6zM8 1.6v1.2M8 13.2v1.2M1.6 8h1.2M13.2 8h1.2M3.5 3.5l.8.8M11.7 11.7l.8.8M12.5 3.5l-.8.8M4.3 11.7l-.8.8",
  moon: "M13.4 9.7A5.8 5.8 0 0 1 6.3 2.6a5.8 5.8 0 1 0 7.1 7.1z",
  screen: "M2 3h12v7.8H2zM6 13.4h4M8 10.8v2.6",
  clock: "M8 2.2a5.8 5.8 0 1 1 0 11.6A5.8 5.8 0 0 1 8 2.2zM8 5v3.2l2.1 1.4",
  signOut: "M6.4 2.6H2.8v10.8h3.6M10.2 5l3 3-3 3M13 8H6.2",
  user: "M8 2.4a2.7 2.7 0 1 1 0 5.4 2.7 2.7 0 0 1 0-5.4zM2.8 13.6c.5-2.6 2.5-4 5.2-4s4.7 1.4 5.2 4",
  menu: "M2.5 4.5h11M2.5 8h11M2.5 11.5h11",
  narrow: "M2.4 2.8h11.2v10.4H2.4zM6.2 2.8v10.4M11 6.4L9.4 8l1.6 1.6",
  widen: "M2.4 2.8h11.2v10.4H2.4zM6.2 2.8v10.4M9.4 6.4L11 8 9.4 9.6",
  key: "M5.2 6.2a3 3 0 1 1 0 6 3 3 0 0 1 0-6zM7.4 7l5.8-4.6M11 4.2l1.6 2M9.2 5.6l1.1 1.4",
  refresh: "M13.2 8a5.2 5.2 0 1 1-1.6-3.8M11.8 1.9v2.5H9.3",
  trash: "M2.8 4.4h10.4M6.2 4.4V2.6h3.6v1.8M4 4.4l.7 9h6.6l.7-9M6.7 7v3.8M9.3 7v3.8",
  edit: "M10.6 2.9l2.5 2.5-7.5 7.5-3.2.7.7-3.2zM9.2 4.3l2.5 2.5",
  terminal: "M2 3h12v10H2zM4.4 6l2 2-2 2M8 10.2h3.2",
  send: "M13.8 2.2L2.2 6.6l4.6 2.6 2.6 4.6zM6.8 9.2l3-3",
  alert: "M8 2.4l6.2 11H1.8zM8 6.6v3M8 11.6h.01",
  info: "M8 2.2a5.8 5.8 0 1 1 0 11.6A5.8 5.8 0 0 1 8 2.2zM8 7.4v3.4M8 5.2h.01",
  space: "M8 14s4.6-3.8 4.6-7.4a4.6 4.6 0 1 0-9.2 0C3.4 10.2 8 14 8 14zM8 4.8a1.8 1.8 0 1 1 0 3.6 1.8 1.8 0 0 1 0-3.6z",
  tree: "M5.6 2.4h4.8v3H5.6zM1.8 10.6h4.8v3H1.8zM9.4 10.6h4.8v3H9.4zM8 5.4V8M4.2 10.6V8h7.6v2.6",
  pause: "M5.4 3.4v9.2M10.6 3.4v9.2",
  play: "M4.8 3.2l7.6 4.8-7.6 4.8z",
  up: "M8 13V3M4.2 6.6L8 2.8l3.8 3.8",
  downArrow: "M8 3v10M4.2 9.4L8 13.2l3.8-3.8",
  filter: "M2.2 3.4h11.6M4.4 8h7.2M6.6 12.6h2.8",
  chart: "M2.4 2.4v11.2h11.2M5 10.4l2.6-3 2 1.8 3.4-4.4",
  columns: "M2.4 3h11.2v10H2.4zM6.1 3v10M9.9 3v10",
  plug: "M5.6 1.9v3.3M10.4 1.9v3.3M3.8 5.2h8.4v2.4a4.2 4.2 0 0 1-8.4 0zM8 11.8v2.4",
  download: "M8 2.4v7.4M4.8 6.8L8 10l3.2-3.2M2.6 13.4h10.8",
  upload: "M8 10.2V2.8M4.8 6L8 2.8 11.2 6M2.6 13.4h10.8",
  publish: "M8 2.2a5.8 5.8 0 1 1 0 11.6A5.8 5.8 0 0 1 8 2.2zM2.4 8h11.2M8 2.2c2 1.8 2.6 3.8 2.6 5.8S10 12 8 13.8C6 12 5.4 10 5.4 8S6 4 8 2.2z",
  config: "M5.8 3.2C4 3.2 4.6 7 2.6 8c2 1 1.4 4.8 3.2 4.8M10.2 3.2c1.8 0 1.2 3.8 3.2 4.8-2 1-1.4 4.8-3.2 4.8M8 6.2h.01M8 9.8h.01",
  claim: "M2.6 6.4V2.6h3.8M9.6 2.6h3.8v3.8M13.4 9.6v3.8H9.6M6.4 13.4H2.6V9.6M5.4 8.2l1.8 1.8 3.4-3.6",
  grip: "M6 3.6h.01M10 3.6h.01M6 8h.01M10 8h.01M6 12.4h.01M10 12.4h.01",
  // device kinds, for the built-in model icons
  panel: "M2 3.2h12v8.4H2zM5.4 13.6h5.2",
  sensor: "M8 6.4a1.6 1.6 0 1 1 0 3.2 1.6 1.6 0 0 1 0-3.2zM4.9 11.1a4.4 4.4 0 0 1 0-6.2M11.1 4.9a4.4 4.4 0 0 1 0 6.2M2.9 13.1a7.2 7.2 0 0 1 0-10.2M13.1 2.9a7.2 7.2 0 0 1 0 10.2",
  gateway: "M2.2 8.8h11.6v4.4H2.2zM4.6 11h.01M7 11h.01M8 8.8V5.6M5.6 4.4a3.4 3.4 0 0 1 4.8 0M3.9 2.6a5.8 5.8 0 0 1 8.2 0",
  meter: "M2.4 11.8a5.9 5.9 0 1 1 11.2 0M8 9.8l2.6-3.4M5 13.4h6",
  camera: "M2 4.8h2.8l1.2-1.6h4l1.2 1.6H14v8H2zM8 6.4a2.2 2.2 0 1 1 0 4.4 2.2 2.2 0 0 1 0-4.4z",
  lamp: "M5.6 10.6C4 9.6 3.4 8.2 3.4 6.8a4.6 4.6 0 1 1 9.2 0c0 1.4-.6 2.8-2.2 3.8v1.2H5.6zM6.4 13.8h3.2",
  thermostat: "M6.2 8.6V3.8a1.8 1.8 0 0 1 3.6 0v4.8a3 3 0 1 1-3.6 0zM8 6v5.4",
  speaker: "M4 2h8v12H4zM8 7.6a2.1 2.1 0 1 1 0 4.2 2.1 2.1 0 0 1 0-4.2zM8 4.4h.01",
} as const;

export type IconName = keyof typeof paths;

const bold: ReadonlySet<IconName> = new Set(["more", "grip"] as IconName[]);

export function Icon({ name, size = 16, ...rest }: { name: IconName; size?: number } & Omit<JSX.SVGAttributes<SVGSVGElement>, "name" | "size">): JSX.Element {
  return (
    <svg width={size} height={size} viewBox="0 0 16 16" fill="none" stroke="currentColor" stroke-width={bold.has(name) ? 2 : 1.4}
      stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" {...rest}>
      <path d={paths[name]} />
    </svg>
  );
}

export const iconPath = (name: IconName): string => paths[name];

export function Mark({ size = 24 }: { size?: number }): JSX.Element {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="8" class="mark-tile" />
      <path d="M8 22.5V12.2a1.7 1.7 0 0 1 2.9-1.2L16 16.1l5.1-5.1a1.7 1.7 0 0 1 2.9 1.2v10.3" class="mark-line" />
      <circle cx="16" cy="23" r="2" class="mark-dot" />
    </svg>
  );
}
