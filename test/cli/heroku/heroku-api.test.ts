/** The reader of Heroku's API: pages, waits, and the bounds of both. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { HerokuApi } from "../../../cli/heroku/heroku-api.ts";
import { passwordIn } from "../../../cli/heroku/heroku-key.ts";
import { answerBytesMax, pagesMax, waitMsDefault, waitMsMax, waitsMax } from "../../../cli/heroku/limits.ts";
import { herokuKeyOfTests, RecordedHeroku } from "../../support/recorded-heroku.ts";

let heroku: RecordedHeroku;
let api: HerokuApi;
let waited: number[];
beforeEach(async () => {
  heroku = await RecordedHeroku.open();
  waited = [];
  api = new HerokuApi({
    url: new URL(heroku.url),
    key: { key: herokuKeyOfTests, origin: "of the test" },
    onWait: (ms) => waited.push(ms),
    sleepMs: async () => {},
  });
});
afterEach(() => {
  api.close();
  heroku.close();
});

const answer = (status: number, headers: Record<string, string> = {}, body: unknown = []) => ({
  path: "/apps",
  status,
  headers,
  body,
});
const limited = (retryAfter?: string) =>
  answer(429, retryAfter === undefined ? {} : { "retry-after": retryAfter }, {
    id: "rate_limit",
    message: "Your account reached the API rate limit. Please wait a few minutes before making new requests",
  });

describe("a list", () => {
  test("is read over all pages, each asked for by the Next-Range of the one before", async () => {
    const read = await api.list<{ name: string }>("/apps");
    expect(read).toMatchObject({
      kind: "read",
      value: [{ name: "blog" }, { name: "shop" }, { name: "firs" }],
    });
    expect(heroku.asked.map(({ headers }) => headers.range)).toEqual([
      undefined,
      "]0a0a0a0a-0000-4000-8000-000000000002..; max=1",
      "]0a0a0a0a-0000-4000-8000-000000000001..; max=1",
    ]);
    expect(heroku.asked[0]!.headers.accept).toBe("application/vnd.heroku+json; version=3");
  });

  test("that does not end fails at the bound of its pages", async () => {
    for (let page = 0; page < pagesMax; page++)
      heroku.once.push(answer(206, { "next-range": "]x..; max=1" }));
    await expect(api.list("/apps")).rejects.toThrow(`more than ${pagesMax} pages`);
    expect(heroku.asked).toHaveLength(pagesMax);
  });

  test.each([
    ["no JSON", answer(200, {}, "<html>"), "it is no JSON"],
    ["no list", answer(200, {}, {}), "it is no list"],
    ["a redirect", answer(302, { location: "http://127.0.0.1:1/" }, {}), "it answered 302"],
    ["a failure", answer(500, {}, { id: "internal", message: "Oh." }), "Oh."],
  ])("that is %s cannot be used", async (_, odd, why) => {
    heroku.once.push(odd);
    await expect(api.list("/apps")).rejects.toThrow(why);
    expect(heroku.asked).toHaveLength(1);
  });

  test("that is larger than its bound is not read to its end", async () => {
    heroku.once.push(answer(200, {}, `["${"x".repeat(answerBytesMax)}"]`));
    await expect(api.list("/apps")).rejects.toThrow("more than 16 MiB");
  });
});

describe("429", () => {
  test.each([
    ["7", 7_000],
    ["0", 0],
    [undefined, waitMsDefault],
    ["soon", waitMsDefault],
  ])("with Retry-After %s is waited out", async (retryAfter, ms) => {
    heroku.once.push(limited(retryAfter), limited(retryAfter));
    expect(await api.list("/apps")).toMatchObject({ kind: "read" });
    expect(waited).toEqual([ms, ms]);
  });

  test("is not waited out for ever, nor for long", async () => {
    for (let n = 0; n <= waitsMax; n++) heroku.once.push(limited("1"));
    await expect(api.list("/apps")).rejects.toMatchObject({ passing: true });
    expect(waited).toHaveLength(waitsMax);
    heroku.once.push(limited(String(waitMsMax / 1000 + 1)));
    await expect(api.list("/apps")).rejects.toThrow("no more calls for now");
  });
});

test("401 says where the key is from; 403 and 404 are for the caller to judge", async () => {
  heroku.once.push(answer(401, {}, { message: "Invalid credentials provided." }));
  await expect(api.one("/apps")).rejects.toThrow("does not accept this key (of the test)");
  heroku.once.push(answer(403, {}, { message: "No." }));
  expect(await api.one("/apps")).toEqual({ kind: "forbidden", message: "No." });
  expect(await api.one("/nowhere")).toMatchObject({ kind: "absent" });
});

test.each([
  ["machine api.heroku.com\n  login a\n  password p\nmachine git.heroku.com password q", "p"],
  ["machine git.heroku.com login a password q machine api.heroku.com login a password p", "p"],
  ['# machine api.heroku.com password old\nmachine api.heroku.com password "p q"', "p q"],
  ["machine api.heroku.com login password password p", "p"],
  ["default login a password p", "p"],
  ["machine git.heroku.com password q", undefined],
  ["", undefined],
])("netrc %j", (text, password) => {
  expect(passwordIn(text, "api.heroku.com")).toBe(password);
});
