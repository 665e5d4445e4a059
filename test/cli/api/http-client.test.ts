import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { HttpClient } from "../../../cli/api/http-client.ts";
import { until } from "../../support/until.ts";

test("an answer without an end is given up at the bound, and its connection with it", async () => {
  let isClosed = false;
  const server = createServer((_, response) => {
    const go = () => {
      while (!response.destroyed && response.write("x".repeat(10_000)));
    };
    response.on("drain", go).on("close", () => (isClosed = true));
    go();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = new HttpClient({ connectMsMax: 1_000, textBytesMax: 2 ** 20 });
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const answer = await client.request(url, { headers: {} });
  await expect(answer.text()).rejects.toThrow("its answer has more than 1 MiB");
  await until(() => isClosed);
  server.close();
  client.close();
});
