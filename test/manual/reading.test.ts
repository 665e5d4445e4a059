/** The commands of docs/reading.md, run. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { stepsOf } from "../support/manual-blocks.ts";
import { Reader } from "../support/reader.ts";
import { TestServer } from "../support/server.ts";

let server: TestServer;
let reader: Reader;
beforeAll(async () => {
  server = await TestServer.start();
  reader = new Reader(server.url);
});
afterAll(async () => {
  await reader.close();
  await server.destroy();
});

test("logs are read, chosen by process and level, searched with neighbours, and followed over several apps", async () => {
  const [newest, chosen, searched, followed] = stepsOf("docs/reading.md", "read", 4) as [
    string,
    string,
    string,
    string,
  ];
  const run = async (line: string) => {
    const { status, stdout } = await reader.run(line);
    expect(status, line).toBe(0);
    return stdout.split("\n").flatMap((shown) => /: (.*)$/.exec(shown)?.[1] ?? []);
  };
  await run("tailrace apps:create shop && tailrace apps:create shop-eu");
  await run("tailrace run -a shop --dyno web.1 -- printf '%s\\n' one two 'ERROR connection refused' three");
  await run("tailrace run -a shop --dyno worker.1 -- printf '%s\\n' 'ERROR elsewhere'");
  expect(await run(newest)).toEqual(expect.arrayContaining(["one", "ERROR elsewhere"]));
  expect(await run(chosen)).toEqual(["ERROR connection refused"]);
  expect(await run(searched)).toEqual(
    expect.arrayContaining(["one", "two", "ERROR connection refused", "three"]),
  );
  // A tail of no history shows only what comes once it is there.
  let isOver = false;
  const seen = reader.runUntil(followed, /^shop-eu .*: from afar$/m).finally(() => {
    isOver = true;
  });
  while (!isOver) await run("tailrace run -a shop-eu -- echo from afar");
  await seen;
});
