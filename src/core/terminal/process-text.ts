/** Shows readers whose line it is, in the same way on a terminal and on the page. */

/**
 * The process of a line in a form that no app can forge: its own processes have their names, the platform's lines have
 * a star, and all others have their source.
 */
export function processText({ source, dyno }: { readonly source: string; readonly dyno: string }): string {
  if (source === "heroku") return `*${dyno}`;
  const isOwn = source === "app" && !/^\*|\//.test(dyno);
  return isOwn ? dyno : `${source}/${dyno}`;
}
