/** A certificate that ends soon: said with every delivery over it, and of no other. */
import { afterEach, expect, test } from "vitest";
import { certificateOf, describeCertificate, expiring } from "../../../src/drains/sinks/certificate.ts";
import type { Verdict } from "../../../src/ports.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { openPeer } from "../../support/peer.ts";
import { openRawPeer } from "../../support/raw-peer.ts";
import { ca, serverTls } from "../../support/tls.ts";
import { never, parcelOf, sinkOf } from "./parts.ts";

const opened: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

const endsAtMs = Date.parse("2126-01-01T00:00:00Z");
const dayMs = 86_400_000;

async function deliveredOver(url: string, daysBefore: number): Promise<Verdict[]> {
  const clock = new FakeClock({ startMs: endsAtMs - daysBefore * dayMs });
  const sink = sinkOf(url, { ca }, { clock });
  opened.push(sink);
  return [await sink.deliver(parcelOf("one"), never), await sink.deliver(parcelOf("two"), never)];
}

test("https: with 14 days left, over a kept connection too; with 15 nothing is said", async () => {
  const peer = await openPeer(() => 200, serverTls);
  opened.push(peer);
  const url = `https://localhost:${peer.port}/secret-path`;
  const words = `the certificate of localhost:${peer.port} (subject localhost, issuer tailrace test authority) ends in 14 days, at 2126-01-01T00:00:00Z: renew it at the receiver`;
  expect(await deliveredOver(url, 14)).toEqual(Array(2).fill({ kind: "delivered", expiring: words }));
  expect(peer.connections()).toBe(1);
  expect(await deliveredOver(url, 15)).toEqual(Array(2).fill({ kind: "delivered" }));
});

test("syslog+tls: as over https, but not where any certificate will do", async () => {
  const peer = await openRawPeer((socket) => socket.resume(), { tls: serverTls });
  opened.push(peer);
  const url = `syslog+tls://localhost:${peer.port}`;
  for (const verdict of await deliveredOver(url, 3.5))
    expect(verdict).toEqual({ kind: "delivered", expiring: expect.stringContaining("ends in 3 days") });
  expect(await deliveredOver(`${url}#insecure`, 3)).toEqual(Array(2).fill({ kind: "delivered" }));
});

test("names that are missing or many, and a date that is none", () => {
  const shown = { subject: { CN: ["a", "b"] }, issuer: {}, valid_to: "whenever" } as never;
  const certificate = certificateOf(shown)!;
  expect(certificate).toMatchObject({ subject: "a, b", issuer: "unknown" });
  expect(expiring(certificate, { host: "h", port: 1 }, 0)).toBeUndefined();
  const ending = { ...certificate, endsAtMs: 3 * dayMs };
  expect(describeCertificate(ending, dayMs)).toContain("2 days left");
  expect(describeCertificate(ending, 2 * dayMs)).toContain("1 day left");
  const place = { host: "::1", port: 1 };
  expect(expiring(ending, place, 2 * dayMs)).toContain("ends in 1 day, at 1970-01-04T00:00:00Z");
  expect(expiring(ending, place, 2 * dayMs + 1)).toMatch(/^the certificate of \[::1\]:1 .* ends today, at /);
  expect(certificateOf({} as never)).toBeUndefined();
});
