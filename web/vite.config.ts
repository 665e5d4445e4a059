import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const here = fileURLToPath(new URL(".", import.meta.url));

/** web/ → dist/web. `scripts/lib/build.mjs` runs it; the server sends what comes out, and nothing else. */
const pageBuild = defineConfig({
  root: here,
  base: "./",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: "../dist/web",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0, // a data: URL is nothing that the page's policy lets in
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
});

export { pageBuild as default };
