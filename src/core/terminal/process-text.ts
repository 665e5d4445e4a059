/** How readers are told whose line it is, on a terminal and on the page alike. */

/**
 * The process of a line in words that no app can forge: its own processes go by their names, what the platform says has
 * a star, and everything else its source.
 */
export function processText({ source, dyno }: { readonly source: string; readonly dyno: string }): string {
  if (source === "heroku") return `*${dyno}`;
  const isOwn = source === "app" && !/^\*|\//.test(dyno);
  return isOwn ? dyno : `${source}/${dyno}`;
}
