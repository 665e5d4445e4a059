/** Large answers of the API, to a client with a key that does not read them. */
import { expect, test } from "vitest";
import { metricsRegistry } from "../../src/metrics.ts";
import { ControlServer, operatorSecret } from "../support/control-server.ts";
import { kept } from "../support/kept.ts";
import { RawClient } from "../support/raw-client.ts";

const ask = `GET /apps HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${operatorSecret}\r\n\r\n`;

test("hold so many bytes together at most: the one that waits longest is cut off, one that reads is not", async () => {
  const server = kept(await ControlServer.open({ answersBytesMax: 200_000 }));
  for (let n = 0; n < 100; n++) await server.call("POST", "/apps", { name: `app-${n}-${"x".repeat(40)}` });
  const answerBytes = (await server.call("GET", "/apps")).text.length;
  expect(answerBytes).toBeGreaterThan(50_000);
  const port = Number(new URL(server.url).port);
  const stalled: RawClient[] = [];
  // What the kernel takes for a client that does not read is read, as far as we know.
  for (let n = 0; n < 6; n++) {
    const client = await RawClient.open(port, { reads: false });
    stalled.push(client.send(ask.repeat(200)));
  }
  const isCut = async () =>
    /dropped_connections_total\{reason="unread"\} [1-9]/.test(await metricsRegistry.metrics());
  while (!(await isCut())) expect((await server.call("GET", "/apps")).status).toBe(200);
  expect((await server.call("GET", "/apps")).text).toHaveLength(answerBytes);
  for (const client of stalled) client.leave();
});
