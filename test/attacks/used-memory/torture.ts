/**
 * A real server whose memory of batches is overwritten when it goes home, with apps whose lines come through every door and
 * leave through drains and tails that behave badly, while drains are paused, replayed and removed, and apps destroyed. Every
 * line that anybody is sent is his app's, whole, and behind the one before.
 */
import { request as httpsRequest } from "node:https";
import { setTimeout as delay } from "node:timers/promises";
import { freePorts } from "../../support/nats.ts";
import { pemFile } from "../../support/sender-world.ts";
import { type StoreName, TestServer, testKey } from "../../support/server.ts";
import { ca } from "../../support/tls.ts";
import { appsCount, type DrainKind, drainsOfApp, kinds, mayMiss } from "./drain-kinds.ts";
import { httpReceiver, type Receiver, syslogReceiver, type Weather } from "./receivers.ts";
import { Witness } from "./sealed-lines.ts";
import { type App, type Doors, type Sent, senders } from "./senders.ts";
import { openTail, type Pace } from "./tails.ts";

type Drain = { readonly id: string; readonly app: App; readonly kind: DrainKind; readonly witness: Witness };
/** Nothing new arrives for that long, though all are well: what is missing then does not come any more. */
const settledMs = 30_000;

export class Torture {
  readonly #server: TestServer;
  readonly #doors: Doors;
  readonly #receivers: Receiver[] = [];
  readonly #weathers: Weather[] = [];
  readonly #drains: Drain[] = [];
  readonly #witnesses: Witness[] = [];
  readonly #tails: (() => void)[] = [];
  readonly #apps: App[] = [];
  #doomed = 0;

  private constructor(server: TestServer, doors: Doors) {
    this.#server = server;
    this.#doors = doors;
  }

  static async open(store: StoreName): Promise<Torture> {
    const [syslogTls = 0, relp = 0] = await freePorts(2);
    const tls = ["--tls-cert", pemFile("server"), "--tls-key", pemFile("server-key")];
    const at = (port: number) => `127.0.0.1:${port}`;
    const args = [...tls, "--syslog-tls", at(syslogTls), "--relp", at(relp)];
    const server = await TestServer.startOn(store, args);
    const torture = new Torture(server, { url: server.url, syslog: server.syslogPort, syslogTls, relp });
    for (let n = 0; n < appsCount; n++) {
      const app = await torture.#app(`app${n}`);
      torture.#apps.push(app);
      for (const kind of kinds.slice(n * drainsOfApp, (n + 1) * drainsOfApp))
        torture.#drains.push(await torture.#drain(app, kind));
    }
    return torture;
  }

  /** Lines that were received, by all together. */
  get lines(): number {
    return this.#witnesses.reduce((sum, { lines }) => sum + lines, 0);
  }

  /** What is wrong with what anybody was sent so far. */
  get flaws(): readonly string[] {
    return this.#witnesses.flatMap(({ flaw }) => flaw ?? []);
  }

  /** Sends and disturbs until `isEnough`, or something is wrong; then waits for what is on its way. What is wrong. */
  async run(isEnough: () => boolean): Promise<readonly string[]> {
    const stop = new AbortController();
    for (const app of this.#apps) await this.#openTails(app);
    const sending = senders.map(({ send }) => send(this.#doors, this.#apps, stop.signal));
    while (!isEnough() && this.flaws.length === 0) await this.#disturb();
    stop.abort();
    const sent = await Promise.all(sending);
    for (const weather of this.#weathers) weather.mood = "fine";
    if (this.flaws.length > 0) return this.flaws;
    await this.#settle(sent);
    return [...this.flaws, ...(await this.#missingAndWhy(sent))];
  }

  async close(): Promise<void> {
    for (const close of this.#tails) close();
    for (const receiver of this.#receivers) receiver.close();
    await this.#server.destroy();
  }

  /** Waits for what is on its way, as long as anything comes. */
  async #settle(sent: readonly Sent[]): Promise<void> {
    let { lines } = this;
    let endMs = performance.now() + settledMs;
    while (this.#missing(sent).length > 0 && performance.now() < endMs && this.flaws.length === 0) {
      await delay(200);
      if (this.lines === lines) continue;
      lines = this.lines;
      endMs = performance.now() + settledMs;
    }
  }

  #missing(
    sent: readonly Sent[],
  ): { readonly drain: Drain; readonly lines: number; readonly stream: string }[] {
    return this.#drains
      .filter(({ kind }) => !mayMiss(kind))
      .flatMap((drain) =>
        senders.map(({ stream }, n) => ({
          drain,
          stream,
          lines: drain.witness.missing(stream, sent[n]!.get(drain.app.name)!),
        })),
      )
      .filter(({ lines }) => lines !== 0);
  }

  /** With what the server says of each drain. */
  #missingAndWhy(sent: readonly Sent[]): Promise<string[]> {
    return Promise.all(
      this.#missing(sent).map(async ({ drain: { id, app, witness }, lines, stream }) => {
        const said = await this.#call("GET", `/apps/${app.name}/log-drains/${id}`);
        return `${witness.name}: ${lines} lines of ${stream} are missing; ${JSON.stringify(said)}`;
      }),
    );
  }

  async #app(name: string): Promise<App> {
    const { id } = await this.#call<{ id: string }>("POST", "/apps", { name });
    const { tokens } = await this.#call<{ tokens: { app: string } }>("GET", `/v3/channels/${id}`);
    return { name, token: tokens.app };
  }

  async #drain(app: App, kind: DrainKind): Promise<Drain> {
    const { way, mood, form = "logplex", more = {} } = kind;
    const witness = new Witness(app.name, `${app.name} ${way} ${mood} ${form} ${JSON.stringify(more)}`);
    this.#witnesses.push(witness);
    const weather = { mood };
    this.#weathers.push(weather);
    const isSecure = way === "https" || way === "syslog+tls";
    const receiver = way.startsWith("http")
      ? await httpReceiver(witness, form, weather, isSecure)
      : await syslogReceiver(witness, weather, isSecure);
    this.#receivers.push(receiver);
    const body = {
      url: `${way}://127.0.0.1:${receiver.port}${way.startsWith("http") ? "/in" : ""}`,
      ...(isSecure && { ca }),
      ...(form === "json" && { format: "ndjson" }),
      ...(form === "otlp" && { format: "otlp" }),
      ...(form === "gzip" && { compression: "gzip" }),
      ...more,
    };
    const { id } = await this.#call<{ id: string }>("POST", `/apps/${app.name}/log-drains`, body);
    return { id, app, kind, witness };
  }

  async #openTails(app: App): Promise<void> {
    for (const [kind, pace] of [
      ["events", "quick"],
      ["text", "slow"],
      ["events", "stopped"],
    ] as const)
      await this.#openTail(app, kind, pace);
  }

  async #openTail(app: App, kind: "events" | "text", pace: Pace): Promise<void> {
    const asked = { tail: true, lines: 10 };
    const { logplex_url: url } = await this.#call<{ logplex_url: string }>(
      "POST",
      `/apps/${app.name}/log-sessions`,
      asked,
    );
    const witness = new Witness(app.name, `${app.name} tail ${kind} ${pace}`);
    this.#witnesses.push(witness);
    this.#tails.push(await openTail(url, kind, pace, witness));
  }

  /** Something that owners do, to one of the apps. */
  async #disturb(): Promise<void> {
    const drain = this.#drains[Math.floor(Math.random() * this.#drains.length)]!;
    const path = `/apps/${drain.app.name}/log-drains/${drain.id}/actions`;
    const what = Math.random();
    if (what < 0.4) {
      await this.#call("POST", `${path}/pause`);
      await delay(100 * Math.random());
      await this.#call("POST", `${path}/resume`);
    } else if (what < 0.5) await this.#call("POST", `${path}/replay`, { since: "2s" });
    else if (what < 0.7) await this.#doom();
    else if (what < 0.9) this.#tails.shift()?.();
    if (what >= 0.7 && what < 0.9) await this.#openTail(drain.app, what < 0.8 ? "events" : "text", "slow");
    await delay(100 * Math.random());
  }

  /** An app that is destroyed while it sends, its drains with it. */
  async #doom(): Promise<void> {
    const app = await this.#app(`doomed${this.#doomed++}`);
    for (const kind of [kinds[1]!, kinds[2]!, kinds[5]!]) await this.#drain(app, kind);
    const stop = new AbortController();
    const sending = senders
      .filter(({ stream }) => stream === "tcp" || stream === "tls")
      .map(({ send }) => send(this.#doors, [app], stop.signal));
    await delay(300 * Math.random());
    await this.#call("DELETE", `/apps/${app.name}`);
    stop.abort();
    await Promise.all(sending);
  }

  #call<Answer>(method: string, path: string, body?: unknown): Promise<Answer> {
    const headers = {
      authorization: `Bearer ${testKey}`,
      accept: "application/vnd.heroku+json; version=3",
      ...(body !== undefined && { "content-type": "application/json" }),
    };
    return new Promise((resolve, reject) => {
      const request = httpsRequest(this.#server.url + path, { method, headers, ca }, async (answer) => {
        let text = "";
        for await (const chunk of answer) text += chunk;
        if (answer.statusCode! < 300) resolve((text === "" ? undefined : JSON.parse(text)) as Answer);
        else reject(new Error(`${method} ${path}: ${answer.statusCode} ${text}`));
      });
      request.once("error", reject);
      request.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }
}
