import { defineConfig } from "vite";

// The server program embeds dist/: index.html for every view, hashed files below /assets/ for ever.
// Nothing may be inlined as data: (fonts) or as a script, because the content security policy forbids it.
export default defineConfig({
  base: "/",
  publicDir: false,
  esbuild: { jsx: "automatic", jsxImportSource: "preact", legalComments: "none" },
  build: {
    target: "es2022",
    outDir: "dist",
    assetsDir: "assets",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
    sourcemap: false,
  },
  server: {
    port: 5173,
    proxy: { "/core": "http://127.0.0.1:8080", "/v1": "http://127.0.0.1:8080" },
  },
});
