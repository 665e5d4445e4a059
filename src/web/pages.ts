/**
 * The built page at `/`: a fixed set of files, read once and sent from memory. Paths are keys of a map, so none leads
 * out of it. Headers restrict what the browser may do: load nothing from elsewhere, run no script or style that is not
 * one of our files, and make no HTML from text in scripts.
 */
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { extname, join, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import { pathNotFound } from "../errors/access.ts";

type Page = {
  readonly headers: Readonly<Record<string, string>>;
  readonly plain: Buffer;
  readonly gzipped: Buffer;
};

type WebPagesOptions = {
  /** Throws for a request under a name that is not this server's. */
  readonly refuseForeignHost: (request: FastifyRequest) => void;
  /** The folder of the built page. */
  readonly folder?: string;
};

const csp = [
  "default-src 'none'",
  ...["script-src", "style-src", "img-src", "connect-src", "font-src", "manifest-src"].map(
    (of) => `${of} 'self'`,
  ),
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join("; ");

const headers = {
  "content-security-policy": csp,
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
} as const;

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".webmanifest": "application/manifest+json",
};

/** The names of files in `assets/` change with their contents. */
const forEver = "public, max-age=31536000, immutable";
const askAgain = "no-cache";

// Next to the program in a build, in dist/ when it runs from source.
const isBuilt = import.meta.url.endsWith(".js");
const builtFolder = fileURLToPath(new URL(isBuilt ? "../../web/" : "../../dist/web/", import.meta.url));

/** One route per file; none if the page is not built. */
export const webPages: FastifyPluginAsync<WebPagesOptions> = async (server, options) => {
  const { refuseForeignHost, folder = builtFolder } = options;
  const pages = await readPages(folder);
  const send = async (request: FastifyRequest, reply: FastifyReply) => {
    refuseForeignHost(request);
    const page = pages.get(request.url.split("?", 1)[0]!);
    if (page === undefined) throw pathNotFound();
    reply.headers(page.headers);
    if (request.headers["if-none-match"] === page.headers.etag) return reply.code(304).send();
    if (!/\bgzip\b/.test(String(request.headers["accept-encoding"]))) return reply.send(page.plain);
    return reply.header("content-encoding", "gzip").send(page.gzipped);
  };
  for (const path of pages.keys()) server.get(path, { schema: { hide: true } }, send);
};

/** Every file by path; `index.html` is `/`. */
async function readPages(folder: string): Promise<ReadonlyMap<string, Page>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = entries.filter((entry) => entry.isFile() && extname(entry.name) in types);
  const pages = await Promise.all(
    files.map(async ({ parentPath, name }): Promise<[string, Page]> => {
      const path = `/${join(parentPath, name).slice(folder.length).split(sep).join("/")}`.replace("//", "/");
      const plain = await readFile(join(parentPath, name));
      return [path === "/index.html" ? "/" : path, pageOf(path, plain)];
    }),
  );
  return new Map(pages);
}

const pageOf = (path: string, plain: Buffer): Page => ({
  plain,
  gzipped: gzipSync(plain, { level: 9 }),
  headers: {
    ...headers,
    "content-type": types[extname(path)]!,
    "cache-control": path.startsWith("/assets/") ? forEver : askAgain,
    etag: `"${createHash("sha256").update(plain).digest("base64url").slice(0, 22)}"`,
    vary: "accept-encoding",
  },
});
