/** The frame around each page of the manual: the list of pages, and the style. */
import { escaped } from "../html-text.ts";

type Framed = {
  readonly title: string;
  readonly html: string;
  readonly place: string;
  readonly titles: ReadonlyMap<string, string>;
  readonly pathOf: (place: string) => string;
};

/** The pages by task; any others are reached by links. */
const groups: readonly (readonly [name: string, places: readonly string[]])[] = [
  ["Start", ["README.md", "CHANGELOG.md"]],
  [
    "Use",
    [
      "docs/up.md",
      "docs/addons.md",
      "docs/heroku-cli.md",
      "docs/moving.md",
      "docs/sending.md",
      "docs/reading.md",
      "docs/drains.md",
      "docs/destinations.md",
    ],
  ],
  [
    "Operate",
    [
      "docs/service.md",
      "docs/backup.md",
      "docs/operating.md",
      "docs/settings.md",
      "docs/alerts.md",
      "docs/capacity.md",
    ],
  ],
  [
    "Look up",
    ["docs/errors.md", "docs/metrics.md", "docs/security.md", "docs/spec/README.md", "docs/glossary.md"],
  ],
  ["Inside", ["ARCHITECTURE.md", "docs/performance.md", "docs/attacks.md", "CONTRIBUTING.md"]],
];

/** A complete page. */
export function frameOf({ title, html, place, titles, pathOf }: Framed): string {
  const lists = groups.map(([name, places]) => {
    const known = places.filter((one) => titles.has(one));
    const items = known.map((one) => {
      const current = one === place ? ' aria-current="page"' : "";
      return `<li><a href="${pathOf(one)}"${current}>${escaped(titles.get(one)!)}</a></li>`;
    });
    return known.length === 0 ? "" : `<h2>${name}</h2><ul>${items.join("")}</ul>`;
  });
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escaped(title)} · tailrace</title>
<link rel="stylesheet" href="/docs/manual/style.css">
</head>
<body>
<a class="skip" href="#text">Skip to the text</a>
<nav aria-label="Pages">${lists.join("")}<h2>The API</h2><ul><li><a href="/docs">Try it</a></li></ul></nav>
<main id="text">${html}</main>
</body>
</html>
`;
}

export const stylesheet = `:root{color-scheme:light dark;--text:#1d2430;--faint:#5b6575;--line:#dfe3ea;--back:#fff;--side:#f6f7f9;--link:#0b5cad;--code:#f2f4f7}
@media(prefers-color-scheme:dark){:root{--text:#dfe4ec;--faint:#9aa5b5;--line:#2c3440;--back:#12161c;--side:#171c24;--link:#7db7f5;--code:#1d232c}}
*{box-sizing:border-box}
body{margin:0;display:grid;grid-template-columns:15rem minmax(0,1fr);min-height:100vh;font:16px/1.6 system-ui,sans-serif;color:var(--text);background:var(--back)}
nav{padding:1.5rem 1rem;background:var(--side);border-right:1px solid var(--line)}
nav h2{margin:1.25rem 0 .25rem;font-size:.75rem;letter-spacing:.06em;text-transform:uppercase;color:var(--faint)}
nav h2:first-child{margin-top:0}
nav ul{list-style:none;margin:0;padding:0}
nav a{display:block;padding:.2rem .5rem;border-radius:4px;color:var(--text);text-decoration:none;font-size:.9rem}
nav a:hover{background:var(--code)}
nav a[aria-current]{background:var(--code);font-weight:600}
main{padding:2rem 2.5rem 4rem;max-width:58rem}
h1{font-size:1.9rem;line-height:1.2;margin:0 0 1rem}
h2{font-size:1.35rem;margin:2.5rem 0 .75rem}
main h2{padding-top:.5rem;border-top:1px solid var(--line)}
h3{font-size:1.1rem;margin:2rem 0 .5rem}
a{color:var(--link)}
.anchor{color:var(--faint);text-decoration:none;opacity:0}
:is(h1,h2,h3,h4):hover .anchor,.anchor:focus{opacity:1}
code,pre{font:.86em/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
code{background:var(--code);padding:.1em .3em;border-radius:3px;overflow-wrap:break-word}
pre{background:var(--code);padding:.9rem 1rem;border-radius:6px;overflow-x:auto}
pre code{padding:0;background:none}
.table{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.92rem}
th,td{text-align:left;vertical-align:top;padding:.45rem .75rem .45rem 0;border-bottom:1px solid var(--line)}
thead th:empty{padding:0;border:0}
.skip{position:absolute;left:-99rem}
.skip:focus{left:1rem;top:1rem;background:var(--back);padding:.5rem 1rem}
img{max-width:100%;height:auto;border:1px solid var(--line);border-radius:6px}
@media(max-width:48rem){body{display:flex;flex-direction:column}nav{order:2;border-right:0;border-top:1px solid var(--line)}nav ul{columns:2}nav li{break-inside:avoid}main{padding:1.25rem 1rem 3rem}}
@media print{nav,.anchor{display:none}body{display:block}}
`;
