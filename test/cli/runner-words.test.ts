/** Changes of what an app's dynos should be, with nothing there that runs them. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { cliEnvironment, runCli } from "../support/cli.ts";
import { FakeTailrace, json } from "../support/fake-tailrace.ts";

let server: FakeTailrace;
beforeEach(async () => {
  server = await FakeTailrace.open(["shop"]);
  server.routes.set(
    "PATCH /apps/shop/formation",
    json(200, [{ type: "web", quantity: 2, size: "Standard-1X" }]),
  );
  server.routes.set(
    "GET /apps/shop/formation",
    json(200, [{ type: "web", quantity: 2, size: "Standard-1X" }]),
  );
  server.routes.set("GET /apps/shop/config-vars", json(200, { GREETING: "hello" }));
  server.routes.set("PATCH /apps/shop/config-vars", json(200, {}));
  server.routes.set("GET /apps/shop/releases", json(200, [{ version: 4 }]));
});
afterEach(() => server.close());
const tailrace = (line: string) => runCli(`${line} -a shop`.split(" "), cliEnvironment(server));
const nothingRuns = 'Nothing runs shop now: the next "tailrace up -a shop" begins with this.\n';

const changes = [
  ["scale web=2", "web=2:Standard-1X\n"],
  ["config:set GREETING=hush", "Set GREETING of shop (v4)\n"],
  ["config:unset GREETING", "Removed GREETING of shop (v4)\n"],
] as const;

test.each(changes)("%s says that it applies at the next up", async (line, stdout) => {
  server.routes.set("GET /apps/shop/runner", json(200, []));
  expect(await tailrace(line)).toEqual({ status: 0, stdout, stderr: nothingRuns });
});

test.each(changes)(
  "%s says nothing of it when an up runs the app, or nobody can tell",
  async (line, stdout) => {
    server.routes.set("GET /apps/shop/runner", json(200, [{ id: "1", host: "box", pid: 1 }]));
    expect(await tailrace(line)).toEqual({ status: 0, stdout, stderr: "" });
    server.routes.set("GET /apps/shop/runner", json(503, { message: "Not now." }));
    expect(await tailrace(line)).toEqual({ status: 0, stdout, stderr: "" });
  },
);

test("what is only shown has no such word", async () => {
  expect(await tailrace("scale")).toEqual({ status: 0, stdout: "web=2:Standard-1X\n", stderr: "" });
  expect(server.calls).not.toContain("GET /apps/shop/runner");
});

test("a config var that is not there is not said to be removed, and none is removed beside it", async () => {
  expect(await tailrace("config:unset GREETING GREETNG")).toEqual({
    status: 1,
    stdout: "",
    stderr: 'tailrace: shop has no config var "GREETNG".\n"tailrace config -a shop" lists them.\n',
  });
  expect(server.calls).not.toContain("PATCH /apps/shop/config-vars");
});
