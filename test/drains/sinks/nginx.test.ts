/** HTTPS drains through nginx, since most receivers are behind one. */
import { afterEach, expect, test } from "vitest";
import { type Nginx, openNginx } from "../../support/nginx.ts";
import { type Answer, openPeer, type Peer } from "../../support/peer.ts";
import { closedPort } from "../../support/raw-peer.ts";
import { never, parcelOf, sinkOf } from "./parts.ts";

const opened: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

async function throughNginx(
  config: (peer: Peer) => string,
  answer: Answer = 204,
): Promise<{ peer: Peer; nginx: Nginx }> {
  const peer = await openPeer(() => answer);
  opened.push(peer);
  const nginx = await openNginx(config(peer));
  opened.push(nginx);
  return { peer, nginx };
}

function sinkTo(nginx: Nginx, rest = {}) {
  const sink = sinkOf(nginx.url, rest);
  opened.push(sink);
  return sink;
}

const pass = ({ url }: Peer, more = ""): string => `location / { proxy_pass ${url}; ${more} }`;
const delivered = { kind: "delivered" };

test("a body over its limit is a split, and the next one goes through", async () => {
  const { peer, nginx } = await throughNginx((to) => `client_max_body_size 1m; ${pass(to)}`);
  const sink = sinkTo(nginx);
  for (const bytes of [1 << 21, 1 << 24]) {
    expect(await sink.deliver(parcelOf("x".repeat(bytes)), never)).toMatchObject({
      kind: "split",
      reason: expect.stringMatching(/answered 413 \(".*"\): the lines are too large for it/),
    });
    expect(await sink.deliver(parcelOf("fits"), never)).toEqual(delivered);
  }
  expect(peer.delivered()).toEqual(["fits", "fits"]);
});

test("compressed, what was too large may fit", async () => {
  const { nginx } = await throughNginx((to) => `client_max_body_size 1m; ${pass(to)}`);
  const sink = sinkTo(nginx, { compression: "gzip" });
  expect(await sink.deliver(parcelOf("x".repeat(1 << 21)), never)).toEqual(delivered);
});

test("a receiver that is down or slow behind it is told from nginx itself", async () => {
  const down = await closedPort();
  const { nginx } = await throughNginx(() => `location / { proxy_pass http://127.0.0.1:${down}; }`);
  expect(await sinkTo(nginx).deliver(parcelOf("x"), never)).toMatchObject({
    kind: "retry",
    reason: expect.stringMatching(/answered 502 \(".*"\): the receiver, or a proxy before it, is in trouble/),
  });
  const slow = await throughNginx((to) => pass(to, "proxy_read_timeout 200ms;"), "hang");
  expect(await sinkTo(slow.nginx).deliver(parcelOf("x"), never)).toMatchObject({
    kind: "retry",
    reason: expect.stringContaining("answered 504"),
  });
});

test("its limits on kept connections cost no attempt", async () => {
  const { peer, nginx } = await throughNginx((to) => `keepalive_requests 3; ${pass(to)}`);
  const sink = sinkTo(nginx);
  const texts = Array.from({ length: 20 }, (_, n) => `n=${n}`);
  for (const text of texts) expect(await sink.deliver(parcelOf(text), never)).toEqual(delivered);
  expect(peer.delivered()).toEqual(texts);
});

test("a connection that it closes while idle costs no attempt, at whatever moment", async () => {
  const { peer, nginx } = await throughNginx((to) => `keepalive_timeout 50ms; ${pass(to)}`);
  const sink = sinkTo(nginx);
  const texts = Array.from({ length: 12 }, (_, n) => `n=${n}`);
  for (const [n, text] of texts.entries()) {
    expect(await sink.deliver(parcelOf(text), never)).toEqual(delivered);
    await new Promise((resolve) => setTimeout(resolve, 44 + n)); // around the time of its closing
  }
  expect([...new Set(peer.delivered())]).toEqual(texts);
});

test("a redirect to https is not followed, and its mend is said", async () => {
  const { peer, nginx } = await throughNginx(() => "return 301 https://logs.example.com$request_uri;");
  expect(await sinkTo(nginx).deliver(parcelOf("x"), never)).toMatchObject({
    kind: "retry",
    reason: expect.stringContaining("redirects are not followed, give the final URL"),
  });
  expect(peer.received).toEqual([]);
});

test("its rate limit is waited for", async () => {
  const { nginx } = await throughNginx(
    () =>
      "error_page 429 = @slow; location / { return 429; } location @slow { add_header Retry-After 7 always; return 429; }",
  );
  expect(await sinkTo(nginx).deliver(parcelOf("x"), never)).toMatchObject({ kind: "retry", afterMs: 7_000 });
});
