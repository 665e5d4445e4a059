/**
 * The manual as the server shows it: the Markdown files of the package, rendered once. Addresses follow the files'
 * paths in the package, so that links between them work; linked files that are not Markdown are shown as plain text.
 */
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { htmlOf } from "./html.ts";
import { frameOf, stylesheet } from "./layout.ts";

/** One answer. */
export type ManualPage = { readonly type: string; readonly body: Buffer };

export const manualPrefix = "/docs/manual";

/** Single files and folders of the package; README is the first page. */
const files = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"];
const folders = ["docs", "examples"];
/** Kinds of files that are served although they are not pages. */
const imageTypes: Readonly<Record<string, string>> = { ".png": "image/png", ".svg": "image/svg+xml" };
const asText = /\.(?:yml|json|conf|mjs|js|ts|service|toml|env|txt|md)$|(?:^|\/)(?:Procfile|Dockerfile)$/;

/** The folder of package.json: two levels above this folder in the sources, three in the build. */
function packageFolder(): string {
  for (const above of ["../../../", "../../../../"]) {
    const folder = fileURLToPath(new URL(above, import.meta.url));
    if (existsSync(join(folder, "package.json"))) return folder;
  }
  throw new Error("the package's own folder was not found");
}

/** Every page by path. */
export async function makeManual(): Promise<ReadonlyMap<string, ManualPage>> {
  const sources = await readSources(packageFolder());
  const pages = new Map<string, ManualPage>([
    [`${manualPrefix}/style.css`, { type: "text/css; charset=utf-8", body: Buffer.from(stylesheet) }],
  ]);
  const places = new Set(sources.keys());
  const titles = new Map([...sources].map(([place, bytes]) => [place, titleOf(place, bytes)]));
  for (const [place, bytes] of sources) {
    const page = pageOf(place, bytes, places, titles);
    for (const path of pathsOf(place)) pages.set(path, page);
  }
  return pages;
}

/** The first heading of a page, without its code marks. */
const titleOf = (place: string, bytes: Buffer): string =>
  place.endsWith(".md") ? (/^# (.+)$/m.exec(bytes.toString())?.[1]?.replaceAll("`", "") ?? place) : place;

function pageOf(
  place: string,
  bytes: Buffer,
  places: ReadonlySet<string>,
  titles: ReadonlyMap<string, string>,
): ManualPage {
  const imageType = imageTypes[posix.extname(place)];
  if (imageType !== undefined) return { type: imageType, body: bytes };
  return place.endsWith(".md")
    ? { type: "text/html; charset=utf-8", body: framed(place, bytes.toString(), places, titles) }
    : { type: "text/plain; charset=utf-8", body: bytes };
}

function framed(
  place: string,
  text: string,
  places: ReadonlySet<string>,
  titles: ReadonlyMap<string, string>,
): Buffer {
  const html = htmlOf(text, (target) => linkFrom(place, target, places));
  return Buffer.from(frameOf({ title: titles.get(place)!, html, place, titles, pathOf }));
}

/** The address of a link in `place`; undefined if it leads out of the package or to something that is not served. */
function linkFrom(place: string, target: string, places: ReadonlySet<string>): string | undefined {
  if (/^(?:https?|mailto):/.test(target) || target.startsWith("#")) return target;
  const [path = "", fragment] = target.split("#", 2);
  const wanted = posix.join(posix.dirname(place), path);
  const found = [wanted, posix.join(wanted, "README.md")].find((one) => places.has(one));
  if (found === undefined) return undefined;
  return fragment === undefined ? pathOf(found) : `${pathOf(found)}#${fragment}`;
}

const pathOf = (place: string): string =>
  place === "README.md" ? manualPrefix : `${manualPrefix}/${place.replace(/\.md$/, "")}`;

/** A page answers at its own address, and also with `.md` for those who follow a file name. */
const pathsOf = (place: string): readonly string[] =>
  place === "README.md"
    ? [manualPrefix, `${manualPrefix}/`, `${manualPrefix}/README.md`]
    : [...new Set([pathOf(place), `${manualPrefix}/${place}`])];

async function readSources(folder: string): Promise<ReadonlyMap<string, Buffer>> {
  const sources = new Map<string, Buffer>();
  const take = async (place: string) => sources.set(place, await readFile(join(folder, place)));
  for (const file of files) if (existsSync(join(folder, file))) await take(file);
  for (const top of folders.filter((one) => existsSync(join(folder, one))))
    for (const entry of await readdir(join(folder, top), { recursive: true, withFileTypes: true })) {
      const place = posix.join(
        top,
        entry.parentPath.slice(join(folder, top).length).split("\\").join("/"),
        entry.name,
      );
      if (entry.isFile() && (asText.test(place) || posix.extname(place) in imageTypes)) await take(place);
    }
  return new Map([...sources].sort(([a], [b]) => (a < b ? -1 : 1)));
}
