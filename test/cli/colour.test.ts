import { describe, expect, test } from "vitest";
import { colourLine } from "../../cli/colour.ts";

const esc = "\u001b";

describe("the colour of a line's head", () => {
  const time = "2026-01-01T00:00:00.000000+00:00";

  test("goes to the colon behind the process", () => {
    expect(colourLine(`${time} app[web.1]: x`)).toBe(`${esc}[36m${time} app[web.1]:${esc}[39m x`);
    expect(colourLine(`${time} heroku[router]: at=info`)).toMatch(
      /^.\[35m.*heroku\[router\]:.\[39m at=info$/,
    );
  });

  test("never goes on to what looks like a head in the text", () => {
    for (const line of [`no head heroku[router]: x`, `${time} app${esc}[31m[web.1]: heroku[router]: x`])
      expect(colourLine(line)).toBe(line);
    expect(colourLine(`${time} app[web/1]: heroku[router]: x`)).toContain(
      `app[web/1]:${esc}[39m heroku[router]: x`,
    );
  });
});
