import { afterEach, beforeEach, expect, test } from "vitest";
import { cliEnvironment, runCli } from "../support/cli.ts";
import { FakeTailrace } from "../support/fake-tailrace.ts";

let server: FakeTailrace;
let asked: unknown;
beforeEach(async () => {
  server = await FakeTailrace.open();
  for (const call of ["POST /oauth/authorizations", "PATCH /oauth/authorizations/k1"]) {
    server.routes.set(call, (_request, response, body) => {
      asked = JSON.parse(body);
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(key));
    });
  }
});
afterEach(() => server.close());

const key = {
  id: "k1",
  description: "on call",
  created_at: "2026-01-02T03:04:05Z",
  apps: [{ name: "blog" }],
  read_only: true,
  access_token: { token: "s3cret", expires_in: 7_300 },
};
const tailrace = (args: string) => runCli(args.split(" "), cliEnvironment(server));

test("a key may be made for a time", async () => {
  expect((await tailrace("keys:create --expires 30d")).stdout).toBe("s3cret\n");
  expect(asked).toEqual({ read_only: false, expires_in: 2_592_000 });
});

test.each([
  [{ apps: undefined, read_only: false, access_token: { token: "s3cret" } }, "manage all apps, for ever"],
  [{ apps: null, access_token: { token: "s3cret", expires_in: null } }, "read all apps, for ever"],
  [{ access_token: { token: "s3cret", expires_in: null } }, "read blog, for ever"],
  [{}, "read blog"],
])("a new key of which the server says %j: what it may do is said", async (said, words) => {
  server.routes.set("POST /oauth/authorizations", (_request, response) => {
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ ...key, ...said }));
  });
  const { stderr } = await tailrace("keys:create");
  expect(stderr).toContain(`\nIt may ${words}; "tailrace keys:update k1" changes that.\n`);
});

test("the app is named as in other commands", async () => {
  await tailrace("keys:create -a blog");
  expect(asked).toEqual({ read_only: false, apps: ["blog"] });
});

test.each([
  ["--app blog --app shop --read-only", { apps: ["blog", "shop"], read_only: true }],
  ["--all-apps --manage", { apps: null, read_only: false }],
  ["--expires never --description ci", { expires_in: null, description: "ci" }],
])("keys:update k1 %s", async (options, body) => {
  const { status, stdout } = await tailrace(`keys:update k1 ${options}`);
  expect({ status, stdout }).toEqual({ status: 0, stdout: "Key k1: read, apps: blog, expires: 2h\n" });
  expect(asked).toEqual(body);
});

test.each([
  ["keys:update k1", "Nothing is to be changed."],
  ["keys:update k1 --app blog --all-apps", "--app and --all-apps say different things."],
  ["keys:update k1 --read-only --manage", "--read-only and --manage say different things."],
  ["keys:update k1 --expires soon", "Write a time as 30d"],
  ["keys:create --expires never", "Write a time as 30d"],
])("%s is wrong use", async (args, words) => {
  const { status, stderr } = await tailrace(args);
  expect({ status, stderr }).toEqual({ status: 2, stderr: expect.stringContaining(words) });
});

test("the list says when each expires", async () => {
  server.routes.set("GET /oauth/authorizations", (_request, response) => {
    const list = [key, { ...key, id: "k2", apps: null, access_token: { expires_in: null } }];
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(list));
  });
  const { stdout } = await tailrace("keys");
  expect(stdout).toMatch(/^k1 +read +blog +2026-01-02T03:04:05Z +2h +on call$/m);
  expect(stdout).toMatch(/^k2 +read +all +2026-01-02T03:04:05Z +never +on call$/m);
});
