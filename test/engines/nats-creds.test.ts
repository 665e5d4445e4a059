/** A NATS server that lets nobody in without credentials, as nsc writes them. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nkeys } from "nats";
import { afterEach, beforeEach, expect, test } from "vitest";
import { realClock } from "../../src/clock.ts";
import { openNats } from "../../src/engines/nats/open.ts";
import { keepsAll } from "../contract/channel-log.ts";
import { batchOf, channelOf } from "../support/batches.ts";
import { type NatsCluster, startNats } from "../support/nats.ts";

type KeyPair = ReturnType<typeof nkeys.createUser>;

const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");

/** A JWT as NATS has them: `claims` about `subject`, signed by `issuer`. */
function jwt(issuer: KeyPair, subject: KeyPair, claims: object): string {
  const body = {
    jti: "test",
    iat: 1_700_000_000,
    iss: issuer.getPublicKey(),
    name: "test",
    sub: subject.getPublicKey(),
  };
  const text = `${part({ typ: "JWT", alg: "ed25519-nkey" })}.${part({ ...body, nats: { version: 2, ...claims } })}`;
  return `${text}.${Buffer.from(issuer.sign(Buffer.from(text))).toString("base64url")}`;
}

const unlimited = {
  subs: -1,
  data: -1,
  payload: -1,
  imports: -1,
  exports: -1,
  wildcards: true,
  conn: -1,
  leaf: -1,
};
const withStorage = { ...unlimited, mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 };

let nats: NatsCluster;
let folder: string;
let credsFile: string;

beforeEach(async () => {
  const [operator, system, account] = [nkeys.createOperator(), nkeys.createAccount(), nkeys.createAccount()];
  const user = nkeys.createUser();
  const systemKey = system.getPublicKey();
  const accounts = [
    `${systemKey}: "${jwt(operator, system, { type: "account", limits: unlimited })}"`,
    `${account.getPublicKey()}: "${jwt(operator, account, { type: "account", limits: withStorage })}"`,
  ];
  nats = await startNats(1, {
    config: [
      `operator: "${jwt(operator, operator, { type: "operator", system_account: systemKey })}"`,
      `system_account: "${systemKey}"`,
      "resolver: MEMORY",
      `resolver_preload { ${accounts.join("\n")} }`,
    ].join("\n"),
  });
  folder = await mkdtemp(join(tmpdir(), "tailrace-creds-"));
  credsFile = join(folder, "user.creds");
  const limits = { subs: -1, data: -1, payload: -1 };
  const userJwt = jwt(account, user, { type: "user", ...limits, pub: {}, sub: {} });
  await writeFile(
    credsFile,
    `-----BEGIN NATS USER JWT-----\n${userJwt}\n------END NATS USER JWT------\n\n` +
      `-----BEGIN USER NKEY SEED-----\n${Buffer.from(user.getSeed())}\n------END USER NKEY SEED------\n`,
  );
});
afterEach(async () => {
  await nats.close();
  await rm(folder, { recursive: true });
});

test("lets in whoever has them", async () => {
  const engine = await openNats({
    clock: realClock,
    urls: nats.urls,
    replicas: 1,
    retention: keepsAll,
    credsFile,
  });
  await engine.log.append(channelOf(1), batchOf(["let in"]));
  expect((await engine.log.recent(channelOf(1), 1)).end.line).toBe(1);
  await engine.close();
});

test("refuses whoever has none, at once and with the mend", async () => {
  const opening = openNats({ clock: realClock, urls: nats.urls, replicas: 1, retention: keepsAll });
  await expect(opening).rejects.toMatchObject({
    code: "NATS_REFUSED",
    mend: expect.stringContaining("creds"),
  });
});
