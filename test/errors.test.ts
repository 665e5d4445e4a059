/** What the failures say: what happened by its name, and a mend that fits this very case. */
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { explain } from "../cli/output.ts";
import { addressPolicy } from "../src/drains/addresses.ts";
import { parseDestination } from "../src/drains/destination.ts";
import { drainTestRefused, drainUnverified } from "../src/errors/api.ts";
import { AppError } from "../src/errors/app-error.ts";
import { storeInUse } from "../src/errors/engines.ts";
import { dataUnusable } from "../src/errors/start.ts";
import { overloaded, storeFull } from "../src/errors/store.ts";
import { ControlServer } from "./support/control-server.ts";

let server: ControlServer;
beforeAll(async () => {
  server = await ControlServer.open();
});
afterEach(() => {
  vi.restoreAllMocks();
  return server.reset();
});
afterAll(() => server.close());

const messageOf = async (...call: Parameters<ControlServer["call"]>): Promise<string> =>
  (await server.call(...call)).json.message;

const keyOf = async (wanted: object): Promise<string> =>
  (await server.call("POST", "/oauth/authorizations", wanted)).json.access_token.token;

describe("what is not there", () => {
  test("an app is named as it was asked for, and no address is doubted", async () => {
    expect(await messageOf("GET", "/apps/nope")).toBe(
      'There is no app "nope" here, or this key may not see it. Check the name and the key.',
    );
    expect(await messageOf("GET", `/apps/${"n".repeat(200)}`)).toContain(`"${"n".repeat(70)}" here`);
  });

  test("a token, which is a secret, is not repeated", async () => {
    await server.call("POST", "/apps", { name: "todo" });
    const message = await messageOf("DELETE", "/v3/channels/todo/tokens/t.secret");
    expect(message).toBe(
      "There is no such token here, or this key may not see it. Check the name and the key.",
    );
  });

  test("a path that nothing is at leads to the list of paths", async () => {
    expect(await messageOf("GET", "/nowhere")).toBe(
      "There is nothing at this path. /docs on this server lists the paths.",
    );
  });

  test.each([
    ["GET", "/oauth/authorizations"],
    ["POST", "/apps"],
  ])("%s %s with a key of some apps says what kind of key it takes", async (method, url) => {
    await server.call("POST", "/apps", { name: "todo" });
    const key = await keyOf({ apps: ["todo"] });
    const { status, json } = await server.call(method, url, method === "POST" ? {} : undefined, { key });
    expect(status).toBe(404);
    expect(json.message).toBe(
      "This key is limited to its own apps: it cannot create apps or see keys. Use a key that was created without --app.",
    );
  });
});

test("a key that reads is told why it may not see tokens, and of a change that it is one", async () => {
  await server.call("POST", "/apps", { name: "todo" });
  const key = await keyOf({ read_only: true });
  for (const url of ["/v3/channels/todo/tokens", "/v3/channels/todo"]) {
    expect(await messageOf("GET", url, undefined, { key })).toContain("a token gives the right to write");
  }
  const change = await messageOf("DELETE", "/apps/todo", undefined, { key });
  expect(change).toBe("This key may only read. Use a key that was created without --read-only.");
});

test("a key that reads is told why it may not see config vars", async () => {
  await server.call("POST", "/apps", { name: "todo" });
  const key = await keyOf({ read_only: true });
  expect(await messageOf("GET", "/apps/todo/config-vars", undefined, { key })).toContain(
    "config vars may be secrets",
  );
});

test("a drain of syslog is shown to a key that reads as it was written, where it hides nothing", async () => {
  await server.call("POST", "/apps", { name: "todo" });
  const url = "syslog://logs.example.com:6514";
  await server.call("POST", "/apps/todo/log-drains", { url });
  const key = await keyOf({ read_only: true });
  expect((await server.call("GET", "/apps/todo/log-drains", undefined, { key })).json).toMatchObject([
    { url },
  ]);
});

test("names that may be those of config vars are told as they are taken", async () => {
  await server.call("POST", "/apps", { name: "todo" });
  const set = (name: string) => server.call("PATCH", "/apps/todo/config-vars", { [name]: "x" });
  for (const name of ["_a.b-C9", "x".repeat(128)]) expect((await set(name)).status).toBe(200);
  for (const name of [".a", "-a", "9a", "ä", "x".repeat(129)])
    expect((await set(name)).json.message).toContain(
      "A name has at most 128 letters, digits, _, . and -, and starts with a letter or _;",
    );
});

test("a drain's URL that the app has already is that of a drain with an id", async () => {
  await server.call("POST", "/apps", { name: "todo" });
  const drain = { url: "https://logs.example.com/" };
  const { id } = (await server.call("POST", "/apps/todo/log-drains", drain)).json;
  expect(await messageOf("POST", "/apps/todo/log-drains", drain)).toContain(
    `already: ${id}. Change its options by PATCH`,
  );
});

describe("a test line that was not delivered", () => {
  const verify = async () => {
    await server.call("POST", "/apps", { name: "todo" });
    return messageOf("POST", "/apps/todo/log-drains", { url: "https://logs.example.com/", verify: true });
  };

  test.each(["refused", "split"] as const)(
    "and would not be sent again (%s) promises no waiting",
    async (kind) => {
      server.verdict = { kind, reason: "it answered 400" };
      const message = await verify();
      expect(message).toContain("refused the test line: it answered 400. Fix");
      expect(message).toContain("not sent again");
      expect(message).not.toContain("wait");
    },
  );

  test("and would be tried again says that lines wait", async () => {
    server.verdict = { kind: "retry", reason: "it answered 503" };
    expect(await verify()).toContain("its lines wait until the destination takes them");
  });

  test.each([
    ["is it running?", "is it running?"],
    ["it answered 400", "it answered 400."],
  ])("%j ends in one mark", (reason, end) => {
    expect(drainUnverified(reason).message).toMatch(new RegExp(`: ${end.replace(/[?.]/g, "\\$&")}$`));
    expect(drainTestRefused(reason).message.endsWith(`: ${end}`)).toBe(true);
  });
});

describe("a failure that nobody expected", () => {
  test.each([undefined, "01234567-89ab-4cde-8f01-23456789abcd"])(
    "is told under the Request-Id of the answer and of the server's log (sent: %s)",
    async (sent) => {
      const log = vi.spyOn(server.server.log, "error");
      vi.spyOn(server.registry.apps, "list").mockRejectedValueOnce(new Error("secret detail"));
      const { status, headers, json } = await server.call("GET", "/apps", undefined, {
        headers: sent === undefined ? {} : { "request-id": sent },
      });
      expect(status).toBe(500);
      expect(json.message).toContain(`(Request-Id ${headers["request-id"]}). Tell its operator`);
      expect(json.message).not.toContain("secret detail");
      expect(log.mock.calls).toMatchObject([[{ requestId: headers["request-id"] }, "a request failed"]]);
    },
  );
});

describe("a drain's URL", () => {
  const refusal = (url: string, format?: string): string => {
    try {
      parseDestination(url, { ...(format && { format }), allow: addressPolicy([]) });
    } catch (error) {
      if (error instanceof AppError) return `${error.message} ${error.mend}`;
    }
    throw new Error("it was taken");
  };

  test.each<[string, string | undefined, string]>([
    ["todo.example.com", undefined, "it is no URL: it has to start with https://, http://, syslog://"],
    ["https://h.example:99999/", undefined, "its host or port cannot be read."],
    ["syslog://user:word@h.example", undefined, "Give a URL such as https://user:word@logs.example.com/path"],
    [
      "https://h.example/",
      "json",
      'There is no drain format "json". Leave the format out, or use one of: logplex,',
    ],
    ["syslog://h.example", "ndjson", 'A syslog drain is always rfc5424, not "ndjson".'],
    ["https://10.0.0.1/", undefined, "leads to 10.0.0.1 (private), where drains may not be sent."],
    ["https://10.0.0.1/", undefined, "--drain-allow 10.0.0.1/32."],
    ["https://[fd00::1]/", undefined, "--drain-allow fd00::1/128."],
    ["https://localhost/", undefined, "--drain-allow 127.0.0.1/32 or --dev."],
  ])("%s %s: %s", (url, format, words) => expect(refusal(url, format)).toContain(words));
});

describe("the command's own words", () => {
  test("for a failure of which nobody thought promise no address that is not there", () => {
    const { text, exitStatus } = explain(new TypeError("x is undefined"));
    expect(text).toMatch(
      /^tailrace: a bug of tailrace\. Please tell its makers, with what you ran:\nTypeError: x/,
    );
    expect(exitStatus).toBe(1);
  });

  test("for a failure of a setting end with status 2, for others with 1", () => {
    expect(explain(dataUnusable("/srv/x", "it is full"))).toEqual({
      text: expect.stringMatching(
        /^tailrace: The folder of --data, \/srv\/x, cannot be used: it is full\.\nFix/,
      ),
      exitStatus: 2,
    });
    expect(explain(storeInUse(7, "/srv/x")).exitStatus).toBe(1);
  });
});

test("a refusal is made without a stack, which is most of what it would cost; a failure with a cause has one", () => {
  expect(overloaded().stack).not.toContain("    at ");
  expect(storeFull(new Error("no room")).stack).toContain("errors.test.ts");
  expect(new Error("any other").stack).toContain("errors.test.ts");
});
