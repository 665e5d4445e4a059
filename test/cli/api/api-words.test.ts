/** The server's mends, as the command line says them. */
import { describe, expect, test } from "vitest";
import { inCommands } from "../../../cli/api/api-words.ts";
import { everyFailure } from "../../support/reference-pages.ts";

/** A call, a part of one, or a field of a body. */
const apiWords =
  /\b(?:GET|POST|PUT|PATCH|DELETE) \/|\/docs on|Retry-After|`Content-Type|\bfield\b|`[a-z_]+`|\bJSON object|\bnull\b/;
/** Those that no command is answered with: they are for senders, add-ons' providers, readers of a stream, and the page. */
const elsewhere = new Set([
  "UNAUTHORIZED", // said as keyRefused
  "POSITION_INVALID",
  "OAUTH_REFUSED",
  "MEDIA_TYPE_UNSUPPORTED",
]);

describe("a mend of the API", () => {
  const failures = everyFailure().filter(({ code, mend }) => apiWords.test(mend) && !elsewhere.has(code));

  test("is about calls and fields in some failures", () => {
    expect(failures.map(({ code }) => code)).toEqual(
      expect.arrayContaining(["DRAIN_REPEATED", "RELEASE_UNKNOWN", "DRAIN_UNVERIFIED", "CONFIG_INVALID"]),
    );
  });

  test.each(failures.map((failure) => [failure.code, failure]))(
    "%s names no call and no field",
    (_, { mend }) => {
      expect(inCommands(mend, "shop")).not.toMatch(apiWords);
    },
  );

  test("names options by their flags, and leaves other words alone", () => {
    expect(inCommands("The drain's `headers` cannot be used: more than `9`, of `shop`.", "shop")).toBe(
      "The drain's --header cannot be used: more than `9`, of `shop`.",
    );
  });
});
