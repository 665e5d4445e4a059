/** What docs/drains.md says of requests, run. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { signatureOf } from "../../../src/drains/sinks/signature.ts";
import { blockOf } from "../../support/manual-blocks.ts";
import { openPeer } from "../../support/peer.ts";
import { readText } from "../../support/sources.ts";
import { never, parcelOf, sinkOf } from "./parts.ts";

const page = readText("docs/drains.md");

type IsSigned = (header: string, body: Uint8Array | string, secret: string, nowMs?: number) => boolean;

async function verifier(): Promise<IsSigned> {
  const folder = await mkdtemp(join(tmpdir(), "tailrace-page-"));
  try {
    const path = join(folder, "verify.mjs");
    await writeFile(path, blockOf("docs/drains.md", "verify").body);
    return ((await import(/* @vite-ignore */ path)) as { isSigned: IsSigned }).isSigned;
  } finally {
    await rm(folder, { recursive: true });
  }
}

test("the verifying example accepts what drains send, and nothing else", async () => {
  const isSigned = await verifier();
  const peer = await openPeer();
  const sink = sinkOf(peer.url, { secret: "new", previousSecret: "old", compression: "gzip" });
  await sink.deliver(parcelOf("one", "two"), never);
  await sink.close();
  await peer.close();
  const { body, headers } = peer.received[0]!;
  const header = String(headers["tailrace-signature"]);
  expect([isSigned(header, body, "new"), isSigned(header, body, "old")]).toEqual([true, true]);
  expect(isSigned(header, body, "other")).toBe(false);
  expect(isSigned(header, Buffer.concat([body, Buffer.from("x")]), "new")).toBe(false);
  expect(isSigned(header.replace(/t=\d+/, "t=1700000000"), body, "new", 1_700_000_000_000)).toBe(false);
  expect(isSigned(header, body, "new", Date.now() + 301_000)).toBe(false);
  for (const nonsense of ["", "t=,v1=", "v1=zz,t=x", "=", `t=${Date.now() / 1000},v1=00`]) {
    expect(isSigned(nonsense, body, "new")).toBe(false);
  }
});

test("the test vectors are what drains compute, and what the example accepts", async () => {
  const isSigned = await verifier();
  const vectors = [...page.matchAll(/^\| `(\w+)` \| (\d+) \| `(\w+)` \| `([0-9a-f]{64})` \|$/gm)];
  expect(vectors).toHaveLength(2);
  for (const [, secret, seconds, body, hex] of vectors) {
    const header = signatureOf(Buffer.from(body!), [secret!], Number(seconds) * 1000);
    expect(header).toBe(`t=${seconds},v1=${hex}`);
    expect(isSigned(header, body!, secret!, Number(seconds) * 1000)).toBe(true);
  }
});

test("the request on the page has the headers of a request, in their order", async () => {
  const peer = await openPeer();
  const sink = sinkOf(peer.url.replace("//", "//user:word@"));
  await sink.deliver(parcelOf("one"), never);
  await sink.close();
  await peer.close();
  const shown = blockOf("docs/drains.md", "request").body.match(/^[\w-]+(?=:)/gm);
  expect(peer.received[0]!.rawHeaders.filter((_, index) => index % 2 === 0)).toEqual(shown);
});

test("the signature on the page is that of its first test vector", () => {
  const { body } = blockOf("docs/drains.md", "signature");
  const header = signatureOf(Buffer.from("hello"), ["first"], 1_700_000_000_000);
  expect(body).toBe(`Tailrace-Signature: ${header}\n`);
  expect(page).toContain(`| \`first\` | 1700000000 | \`hello\` | \`${header.split("v1=")[1]}\` |`);
});
