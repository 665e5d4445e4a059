/** The manual that the server shows: every page, every link, and nothing else. */
import { beforeAll, describe, expect, test } from "vitest";
import { htmlOf, idOf } from "../../src/control/manual/html.ts";
import { type ManualPage, makeManual, manualPrefix } from "../../src/control/manual/pages.ts";

let pages: ReadonlyMap<string, ManualPage>;
beforeAll(async () => {
  pages = await makeManual();
});
const html = (path: string): string => pages.get(path)!.body.toString();
const isHtml = ([, { type }]: readonly [string, ManualPage]): boolean => type.startsWith("text/html");

test("README is the first page, and each page of docs has an address of its own", () => {
  expect(html(manualPrefix)).toContain('<h1 id="tailrace">tailrace');
  for (const name of ["operating", "drains", "spec/wire-in", "decisions/003-one-journal"])
    expect(html(`${manualPrefix}/docs/${name}`)).toContain("<h1");
  expect(pages.get(`${manualPrefix}/docs/prometheus/alerts.yml`)!.type).toBe("text/plain; charset=utf-8");
});

test("every link leads to a page and a section that are there", () => {
  const wrong: string[] = [];
  let links = 0;
  for (const [path, page] of [...pages].filter(isHtml)) {
    for (const [, href] of page.body.toString().matchAll(/ href="([^"]*)"/g)) {
      if (!href!.startsWith("#") && !href!.startsWith(manualPrefix)) continue;
      links++;
      const [to, section] = href!.split("#", 2) as [string, string?];
      const target = to === "" ? page : pages.get(to);
      const isThere =
        target !== undefined && (section === undefined || target.body.includes(` id="${section}"`));
      if (!isThere && section !== "text") wrong.push(`${path}: ${href}`);
    }
  }
  expect(wrong).toEqual([]);
  expect(links).toBeGreaterThan(300);
});

test("every page is in the list of pages, and says which of them it is", () => {
  const current = html(`${manualPrefix}/docs/operating`).match(/<a href="([^"]*)" aria-current="page">/);
  expect(current?.[1]).toBe(`${manualPrefix}/docs/operating`);
});

test("pictures are shown from the package, and a title is plain", () => {
  const [, src] = html(manualPrefix).match(/<img src="([^"]*)"/) ?? [];
  expect(pages.get(src!)).toMatchObject({ type: "image/png" });
  const drawing = html(`${manualPrefix}/docs/performance`).match(/<img src="([^"]*\.svg)"/)?.[1];
  expect(pages.get(drawing!)).toMatchObject({ type: "image/svg+xml" });
  for (const [, { body }] of [...pages].filter(isHtml))
    expect(/<nav .*<\/nav>/.exec(body.toString())![0]).not.toContain("`");
});

test("no page runs anything, or loads from elsewhere", () => {
  for (const [, { body }] of [...pages].filter(isHtml)) {
    const text = body.toString();
    expect(text).not.toMatch(/<(?:script|iframe|form|object)\b| on[a-z]+=| style=/);
    expect(text.match(/<link [^>]*>/g)).toEqual(['<link rel="stylesheet" href="/docs/manual/style.css">']);
  }
});

describe("Markdown", () => {
  const nowhere = () => undefined;
  test("HTML in it is left out, and a link without a target is text", () => {
    expect(htmlOf("a <script>alert(1)</script> <b>b</b>\n\n<div onclick=x>", nowhere)).not.toMatch(
      /<(?:script|b|div)/,
    );
    expect(htmlOf("[a](../src/x.ts)", nowhere)).toBe("<p>a</p>\n");
    expect(htmlOf('[a](x "y")', () => '"><script>')).toBe(
      '<p><a href="&#34;&#62;&#60;script&#62;">a</a></p>\n',
    );
  });

  test("sections are named as GitHub names them", () => {
    const taken = new Map<string, number>();
    expect(idOf("`syslog+tls`: what it's *for*?", taken)).toBe("syslogtls-what-its-for");
    expect([idOf("A b", taken), idOf("A b", taken)]).toEqual(["a-b", "a-b-1"]);
  });
});
