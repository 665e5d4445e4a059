/** Each field of the table of drains' fields, as its owner gives it, changes what the drain's destination gets. */
import { once } from "node:events";
import type { IncomingHttpHeaders } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";
import { gunzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import { fieldsIn } from "../../src/control/platform/drain-fields.ts";
import { allDrainFields, type DrainFieldsBody } from "../../src/core/records/drain-fields.ts";
import { sinksFor } from "../../src/drains/sink-for.ts";
import type { DrainRecord } from "../../src/registry/records.ts";
import { ca, clientTls, serverTls } from "../support/tls.ts";
import { Rig } from "./rig.ts";
import { sinkOptions } from "./sinks/parts.ts";

type Came = {
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** The name in the certificate that the client showed. */
  readonly client: string | undefined;
};

let server: Server;
let rig: Rig;
let came: (request: Came) => void;
beforeEach(async () => {
  server = createServer(
    { ...serverTls, ca, requestCert: true, rejectUnauthorized: false },
    async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      const { subject } = (request.socket as TLSSocket).getPeerCertificate();
      came({ headers: request.headers, body: Buffer.concat(chunks), client: subject?.CN as string });
      response.end();
    },
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  rig = await Rig.open();
});
afterEach(async () => {
  await rig.close();
  server.closeAllConnections();
  server.close();
});

/** What the destination gets of two lines from a drain with these fields. */
async function requestOf(fields: DrainFieldsBody): Promise<Came> {
  const request = new Promise<Came>((resolve) => (came = resolve));
  const url = `https://localhost:${(server.address() as AddressInfo).port}/`;
  const record = { url, ...fieldsIn(fields) } as Partial<DrainRecord>;
  await rig.append(["line of ann@example.com", "noise"]);
  await rig.work(record, { sinkFor: sinksFor(sinkOptions) });
  return request;
}

const signatures = ({ headers }: Came) => String(headers["tailrace-signature"]).match(/v1=/g)?.length;

/** Of each field: a value, and whether a request shows it. Every drain here has `ca`: without it none would come. */
const fields: Readonly<Record<string, readonly [DrainFieldsBody, (request: Came) => unknown, unknown]>> = {
  format: [{ format: "ndjson" }, ({ headers }) => headers["content-type"], "application/x-ndjson"],
  compression: [
    { compression: "gzip" },
    ({ headers, body }) => [headers["content-encoding"], gunzipSync(body).includes("noise")],
    ["gzip", true],
  ],
  headers: [{ headers: { "X-Key": "word" } }, ({ headers }) => headers["x-key"], "word"],
  filter: [{ filter: { exclude: "^noise" } }, ({ body }) => body.includes("noise"), false],
  redact: [{ redact: { detectors: ["email"] } }, ({ body }) => body.includes("ann@example.com"), false],
  secret: [{ secret: "a".repeat(32) }, signatures, 1],
  previous_secret: [{ secret: "a".repeat(32), previous_secret: "b".repeat(32) }, signatures, 2],
  ca: [{ ca }, ({ body }) => body.includes("noise"), true],
  cert: [clientTls, ({ client }) => client, "drain client"],
  key: [clientTls, ({ client }) => client, "drain client"],
};

test("every field is here", () => {
  expect(Object.keys(fields)).toEqual(allDrainFields.map(({ name }) => name));
});

test.each(Object.entries(fields))("%s reaches the destination", async (_, [given, shownBy, shown]) => {
  expect(shownBy(await requestOf({ ca, ...given }))).toEqual(shown);
});

test("a drain with none of them shows none", async () => {
  const plain = await requestOf({ ca });
  for (const [name, [, shownBy, shown]] of Object.entries(fields))
    if (name !== "ca" && name !== "compression") expect(shownBy(plain), name).not.toEqual(shown);
  expect(plain.headers["content-encoding"]).toBeUndefined();
});
