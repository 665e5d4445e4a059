/** Draws a flame: callers above, what they called below them, as wide as the time it took. */
import type { Flame, Group } from "./profile.ts";

const width = 1_200;
const rowHeight = 18;
const headHeight = 50;
const shareMin = 0.003;
const depthMax = 26; // below are Node's own
const colours: Readonly<Record<Group, string>> = {
  "way in": "#7fb2e5",
  journal: "#8fcf9f",
  "way out": "#f0a36b",
  "other of ours": "#d9c46c",
  collector: "#d98080",
  Node: "#c9c9c9",
  libraries: "#b9a5d6",
};

/** An SVG that stands alone: no script, no font of its own. */
export function drawn(flame: Flame, title: string): string {
  const boxes: string[] = [];
  const scale = width / flame.micros;
  let depth = 0;
  const walk = (one: Flame, x: number, row: number) => {
    if (one.micros < flame.micros * shareMin || row > depthMax) return;
    depth = Math.max(depth, row);
    boxes.push(boxOf(one, x * scale, row, one.micros * scale, one.micros / flame.micros));
    let at = x;
    for (const child of one.children) {
      walk(child, at, row + 1);
      at += child.micros;
    }
  };
  walk(flame, 0, 0);
  const height = headHeight + (depth + 1) * rowHeight + 4;
  const legend = Object.entries(colours).map(
    ([group, colour], at) =>
      `<rect x="${at * 130}" y="28" width="12" height="12" fill="${colour}"/><text x="${at * 130 + 16}" y="38">${group}</text>`,
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="11" role="img" aria-label="${escaped(title)}">`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    `<text x="0" y="16" font-size="14">${escaped(title)}</text>`,
    ...legend,
    ...boxes,
    "</svg>",
  ].join("\n");
}

function boxOf({ name, group }: Flame, x: number, depth: number, wide: number, share: number): string {
  const y = headHeight + depth * rowHeight;
  const chars = Math.floor((wide - 6) / 6);
  const label = name.length <= chars ? name : chars > 3 ? `${name.slice(0, chars - 1)}…` : "";
  const text = label && `<text x="${(x + 3).toFixed(1)}" y="${y + 13}">${escaped(label)}</text>`;
  const title = `<title>${escaped(name)}, ${(share * 100).toFixed(1)} % (${group})</title>`;
  const size = `width="${Math.max(0.5, wide - 0.5).toFixed(1)}" height="${rowHeight - 1}"`;
  return `<g>${title}<rect x="${x.toFixed(1)}" y="${y}" ${size} fill="${colours[group]}"/>${text}</g>`;
}

const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
