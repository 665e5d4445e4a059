/** Lines over time on both stores, through a restart of the server. */
import { afterEach, expect, test } from "vitest";
import { stores, TestServer } from "../support/server.ts";

let server: TestServer;
afterEach(() => server.destroy());

type Sums = {
  readonly complete: boolean;
  readonly end_line: number;
  readonly bins: { error: number; info: number }[];
};

test.each(stores)(
  "on %s all lines that are kept are counted, also after a restart",
  async (store) => {
    server = await TestServer.startOn(store);
    const { tokens } = await server.createApp("todo");
    const send = async (texts: readonly string[]) => {
      const response = await fetch(`${server.url}/logs?process=web.1`, {
        method: "POST",
        headers: {
          authorization: `Basic ${Buffer.from(`token:${tokens.app}`).toString("base64")}`,
          "content-type": "text/plain",
        },
        body: texts.map((text) => `${text}\n`).join(""),
      });
      expect(response.status).toBe(204);
    };
    const sums = async () => {
      for (;;) {
        const answer = await server.api<Sums>("GET", "/apps/todo/log-histogram");
        if (!answer.complete) continue;
        const sum = (grade: "error" | "info") => answer.bins.reduce((all, bin) => all + bin[grade], 0);
        return { lines: answer.end_line, error: sum("error"), info: sum("info") };
      }
    };
    for (let n = 0; n < 5; n++) await send([...Array(900).fill("fine"), ...Array(100).fill("ERROR no")]);
    expect(await sums()).toEqual({ lines: 5_000, error: 500, info: 4_500 });
    await send(["ERROR late"]);
    expect(await sums()).toEqual({ lines: 5_001, error: 501, info: 4_500 });
    await server.kill("SIGKILL");
    await server.start();
    expect(await sums()).toEqual({ lines: 5_001, error: 501, info: 4_500 });
  },
  60_000,
);
