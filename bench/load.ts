/** Senders: bodies of frames over kept connections, as fast as they are acknowledged. */
import { Agent, request } from "node:http";

const linesEach = 100;
const lineBytes = 200;
const connections = 8;

/** A URL to post to, and a token. */
export type Door = { readonly url: string; readonly token: string };

/** A body of lines of 200 bytes. */
function body(lines = linesEach): Buffer {
  const head = "<190>1 2026-01-02T03:04:05.000006+00:00 h app web.1 - - ";
  const payload = `${head + "x".repeat(lineBytes - head.length - 5)}\n`;
  return Buffer.from(`${payload.length} ${payload}`.repeat(lines));
}

/** Posts to the doors in turn for `seconds`. Returns the acknowledged lines per second. */
export async function postLines(
  doors: readonly Door[],
  seconds: number,
): Promise<{ lines: number; linesPerSecond: number }> {
  const startedMs = performance.now();
  const bodies = await post(doors, body(), () => performance.now() - startedMs < seconds * 1000);
  const elapsedSeconds = (performance.now() - startedMs) / 1000;
  const lines = bodies * linesEach;
  return { lines, linesPerSecond: lines / elapsedSeconds };
}

/** Posts one line to each door: an app's first line costs more than those that follow. */
export const postFirstLines = (doors: readonly Door[]): Promise<number> =>
  post(doors, body(1), (bodies) => bodies < doors.length);

/** Posts to the doors in turn while `goesOn` is true. Returns the number of bodies. */
async function post(
  doors: readonly Door[],
  bytes: Buffer,
  goesOn: (bodies: number) => boolean,
): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  let bodies = 0;
  const postOne = ({ url, token }: Door) =>
    new Promise<void>((resolve, reject) => {
      const headers = {
        authorization: `Basic ${Buffer.from(`token:${token}`).toString("base64")}`,
        "content-type": "application/logplex-1",
        "content-length": bytes.length,
      };
      const sent = request(`${url}/logs`, { method: "POST", agent, headers }, (response) => {
        if (response.statusCode !== 204) reject(new Error(`answer ${response.statusCode}`));
        response.resume().on("end", resolve);
      });
      sent.on("error", reject).end(bytes);
    });
  const sender = async () => {
    while (goesOn(bodies)) await postOne(doors[bodies++ % doors.length]!);
  };
  await Promise.all(Array.from({ length: connections }, sender));
  agent.destroy();
  return bodies;
}

/** The median; of an even number of values, the upper one of the middle two. */
export const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1]!;
