/** The example receiver prints what it is sent, whatever a drain sends. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parcelBounds } from "../../../src/drains/destination.ts";
import { kept } from "../../support/kept.ts";
import { until } from "../../support/until.ts";
import { never, parcelOf, sinkOf } from "./parts.ts";

const example = fileURLToPath(new URL("../../../examples/receiver.mjs", import.meta.url));
let receiver: ReturnType<typeof spawn>;
let printed = "";
let port = 0;

beforeAll(async () => {
  receiver = spawn(process.execPath, [example, "0"], { stdio: ["ignore", "pipe", "pipe"] });
  for (const out of [receiver.stdout!, receiver.stderr!]) out.on("data", (chunk) => (printed += chunk));
  await until(() => /syslog:.*\n/.test(printed));
  port = Number(/^receives on http:\/\/127\.0\.0\.1:(\d+)$/m.exec(printed)![1]);
});
afterAll(async () => {
  receiver.kill();
  await once(receiver, "exit");
});

const httpFormats = Object.keys(parcelBounds).flatMap((format) => [
  [`http, ${format}`, { format }],
  [`http, ${format}, compressed`, { format, compression: "gzip" }],
]) as [string, object][];

test.each([...httpFormats, ["syslog", {}]] as [string, object][])("%s", async (name, rest) => {
  const scheme = name.startsWith("http") ? "http" : "syslog";
  const sink = kept(sinkOf(`${scheme}://127.0.0.1:${port}/`, rest));
  const texts = ["one", "two", "drei: é ☃"].map((text) => `${name} ${text}`);
  expect(await sink.deliver(parcelOf(...texts), never)).toEqual({ kind: "delivered" });
  await until(() => printed.includes(texts[2]!));
  const lines = printed.split("\n");
  for (const text of texts) expect(lines.filter((line) => line.includes(text))).toHaveLength(1);
});

test("a body that it cannot read is refused, and it goes on", async () => {
  const post = (type: string, body: string) =>
    fetch(`http://127.0.0.1:${port}/`, { method: "POST", headers: { "content-type": type }, body });
  expect((await post("application/json", "{")).status).toBe(400);
  expect((await post("application/x-ndjson", '{"message":"well again"}\n')).status).toBe(204);
  await until(() => printed.includes("well again"));
});

test("a port that is taken is told in a sentence", async () => {
  const second = spawn(process.execPath, [example, String(port)], { stdio: ["ignore", "ignore", "pipe"] });
  let stderr = "";
  second.stderr.on("data", (chunk) => (stderr += chunk));
  const [status] = await once(second, "close");
  expect({ status, stderr }).toEqual({
    status: 1,
    stderr: `cannot listen on 127.0.0.1:${port} (EADDRINUSE): give another port, as in "node examples/receiver.mjs 8710"\n`,
  });
});
