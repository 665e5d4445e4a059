/**
 * `nats stream backup STREAM DIR`, `nats stream restore DIR` and `nats stream rm STREAM -f`: the requests that NATS' own command
 * line makes for them, for machines that have none (no distribution packages it). At `NATS_URL`.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { connect, createInbox, type Msg, type NatsConnection } from "nats";

const requestMsMax = 10_000;
const chunkBytes = 64 * 1024;

const [noun, verb, name = "", folder = name] = process.argv.slice(2);
const nats = await connect({ servers: process.env.NATS_URL! });
try {
  if (noun !== "stream") throw new Error(`"${noun}" is not known here`);
  else if (verb === "backup") await backup(name, folder);
  else if (verb === "restore") await restore(folder);
  else if (verb === "rm") await ask(nats, `$JS.API.STREAM.DELETE.${name}`);
  else throw new Error(`"stream ${verb}" is not known here`);
} finally {
  await nats.close();
}

type Answer = Readonly<Record<string, unknown>>;

async function ask(nats: NatsConnection, subject: string, body?: object): Promise<Answer> {
  const payload = body === undefined ? "" : JSON.stringify(body);
  const answer = (await nats.request(subject, payload, { timeout: requestMsMax })).json<Answer>();
  if (answer.error !== undefined) throw new Error(`${subject}: ${JSON.stringify(answer.error)}`);
  return answer;
}

/** The server sends chunks, each of which is answered; one without bytes is the end. */
async function backup(stream: string, folder: string): Promise<void> {
  const inbox = createInbox();
  const chunks: Uint8Array[] = [];
  const subscription = nats.subscribe(inbox);
  const wanted = { deliver_subject: inbox, chunk_size: chunkBytes };
  const { config, state } = await ask(nats, `$JS.API.STREAM.SNAPSHOT.${stream}`, wanted);
  for await (const chunk of subscription as AsyncIterable<Msg>) {
    if (chunk.data.length === 0) break;
    chunks.push(chunk.data);
    chunk.respond();
  }
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "backup.json"), JSON.stringify({ config, state }));
  await writeFile(join(folder, "stream.tar.s2"), Buffer.concat(chunks));
}

async function restore(folder: string): Promise<void> {
  const kept = JSON.parse(await readFile(join(folder, "backup.json"), "utf8")) as {
    readonly config: { readonly name: string };
  };
  const bytes = await readFile(join(folder, "stream.tar.s2"));
  const { deliver_subject: to } = await ask(nats, `$JS.API.STREAM.RESTORE.${kept.config.name}`, kept);
  for (let at = 0; at < bytes.length; at += chunkBytes)
    await nats.request(String(to), bytes.subarray(at, at + chunkBytes), { timeout: requestMsMax });
  const end = (await nats.request(String(to), "", { timeout: requestMsMax })).json<Answer>();
  if (end.error !== undefined) throw new Error(JSON.stringify(end.error));
}
