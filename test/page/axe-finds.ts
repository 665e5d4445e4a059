/** What axe has to say of a page as it is now. */
import axe from "axe-core";
import type { Page } from "playwright-core";

export async function axeFinds(page: Page): Promise<string[]> {
  // Evaluated from outside of the page: its policy lets no script in.
  await page.evaluate(axe.source);
  const { violations } = (await page.evaluate(
    "axe.run(document, { resultTypes: ['violations'] })",
  )) as axe.AxeResults;
  return violations.map(
    ({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(" | ")}`,
  );
}
