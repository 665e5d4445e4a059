import { describe, expect, test } from "vitest";
import { platformCode, readRouterLine } from "../../../src/core/message/router-line.ts";

const common = 'host=h.example request_id=6903a168 fwd="203.0.113.7" dyno=web.1 connect=1ms';

describe("a line of the router", () => {
  test("tells the request", () => {
    const text = `at=info method=GET path="/items?q=1" ${common} service=18ms status=200 bytes=1324 protocol=https`;
    expect(readRouterLine(text)).toEqual({
      method: "GET",
      path: "/items?q=1",
      status: 200,
      connectMs: 1,
      serviceMs: 18,
      bytes: 1324,
      dyno: "web.1",
    });
  });

  test("tells what went wrong", () => {
    const text = `sock=client at=warning code=H27 desc="Client Request Interrupted" method=POST path="/up" ${common} service=0ms status=499 bytes=0`;
    expect(readRouterLine(text)).toMatchObject({
      code: "H27",
      desc: "Client Request Interrupted",
      status: 499,
    });
    const bare = `at=error code=H10 desc="App crashed" method=GET path="/" host=h dyno= connect= service= status=503 bytes=`;
    expect(readRouterLine(bare)).toEqual({
      method: "GET",
      path: "/",
      status: 503,
      code: "H10",
      desc: "App crashed",
    });
  });

  test.each(["GET / 200", 'method=GET path="/" status=200', "at=info nothing=else x=y", ""])(
    "%s is none",
    (text) => {
      expect(readRouterLine(text)).toBeUndefined();
    },
  );
});

test.each<[text: string, code: string | undefined]>([
  ["Error R14 (Memory quota exceeded)", "R14"],
  ["Error L10 (output buffer overflow): drain 'd.1' dropped 3 messages", "L10"],
  ['at=error code=H12 desc="Request timeout" method=GET', "H12"],
  ["it said Error R14", undefined],
  ["Error R2D2", undefined],
])("the code of %s", (text, code) => {
  const found = platformCode(text);
  expect(found?.code).toBe(code);
  if (found !== undefined) expect(text.slice(found.at)).toMatch(new RegExp(`^${found.code}\\b`));
});
