/** tailrace itself, on either engine. Every line is on disk before its drain gets it. */
import { BenchNats, BenchServer } from "../../server.ts";
import { type Job, namesOf, type Start } from "../job.ts";

export const startTailrace: Start = (job, port, prefix) => start(job, port, prefix);

/** NATS has one server, which is not pinned: it shares the load's processor, and takes of tailrace's what that leaves. */
export const startTailraceOnNats: Start = async (job, port, prefix) => {
  if (!process.env.NATS_SERVER) return undefined;
  const nats = await BenchNats.start(1);
  const running = await start(job, port, prefix, ["--nats", nats.urls]);
  return {
    ...running,
    besideSeconds: () => nats.cpuSeconds(),
    stop: async () => {
      await running.stop();
      await nats.stop();
    },
  };
};

async function start(job: Job, port: number, prefix: readonly string[], args: readonly string[] = []) {
  const server = await BenchServer.start(["--drain-allow", "127.0.0.0/8", ...args], prefix);
  const names = namesOf(job.apps);
  const tokens = await server.tokens(names);
  const url = job.out === "tcp" ? `syslog://127.0.0.1:${port}` : `http://127.0.0.1:${port}/`;
  for (const name of names) await server.call("POST", `/apps/${name}/log-drains`, { url });
  const basic = (token: string) => `Basic ${Buffer.from(`token:${token}`).toString("base64")}`;
  return {
    port: job.in === "tcp" ? server.syslogPort : Number(new URL(server.url).port),
    senders: job.in === "tcp" ? tokens : tokens.map(basic),
    cpuSeconds: () => server.cpuSeconds(),
    threadSeconds: () => server.threadSeconds(),
    peakBytes: () => server.peakBytes(),
    stop: () => server.stop(),
  };
}
