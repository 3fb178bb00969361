// Bundles test/*.test.ts with Vite's own esbuild and runs them with node:test; no other test tool is needed.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const out = mkdtempSync(join(tmpdir(), "portal-test-"));
const entries = readdirSync(here).filter((name) => name.endsWith(".test.ts"));
await build({ entryPoints: entries.map((name) => join(here, name)), outdir: out, bundle: true, platform: "node", format: "esm", outExtension: { ".js": ".mjs" }, logLevel: "error" });
const result = spawnSync(process.execPath, ["--test", ...entries.map((name) => join(out, name.replace(/\.ts$/, ".mjs")))], { stdio: "inherit" });
rmSync(out, { recursive: true });
process.exit(result.status ?? 1);
