import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const here = fileURLToPath(new URL(".", import.meta.url));

/** Builds web/ into dist/web. `scripts/lib/build.mjs` runs it; the server sends only its output. */
const pageBuild = defineConfig({
  root: here,
  base: "./",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: "../dist/web",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0, // the page's policy does not allow data: URLs
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
});

export { pageBuild as default };
