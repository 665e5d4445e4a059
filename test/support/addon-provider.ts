/** A provider of add-ons that the test plays: the partner API v3, with scripted answers. */
import { once } from "node:events";
import { mkdtempSync, writeFileSync } from "node:fs";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

type ProviderCall = {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of every kind
  readonly body: any;
};
/**
 * A status with its JSON, or with a body that is cut or none; `interim`: 1xx before it; or the bytes of `wire`, `reset`,
 * `hang`.
 */
type ProviderAnswer =
  | { readonly status: number; readonly body?: unknown; readonly interim: number }
  | { readonly wire: string }
  | { readonly status: number; readonly body?: unknown }
  | { readonly status: number; readonly raw: string; readonly isCut?: true }
  | "reset"
  | "hang";

export class AddonProvider {
  readonly calls: ProviderCall[] = [];
  /** Used up from the front; then `usual`. */
  answers: ProviderAnswer[] = [];
  usual: (call: ProviderCall) => ProviderAnswer = ({ method }) =>
    method === "DELETE" ? { status: 204 } : { status: 200, body: { id: "usual" } };
  readonly #server = createServer(async (request, response) => {
    let text = "";
    for await (const chunk of request.setEncoding("utf8")) text += chunk;
    const isForm = request.headers["content-type"] === "application/x-www-form-urlencoded";
    const parsed = () => (isForm ? Object.fromEntries(new URLSearchParams(text)) : JSON.parse(text));
    const body = text === "" ? undefined : parsed();
    const call = { method: request.method!, path: request.url!, headers: request.headers, body };
    this.calls.push(call);
    const answer = this.answers.shift() ?? this.usual(call);
    if (answer === "reset") request.socket.destroy();
    else if (answer === "hang") return;
    else if ("wire" in answer) request.socket.end(answer.wire);
    else if ("raw" in answer) {
      response.writeHead(answer.status, { "content-length": answer.raw.length + (answer.isCut ? 1 : 0) });
      response.write(answer.raw, () => answer.isCut && request.socket.destroy());
      if (!answer.isCut) response.end();
    } else {
      for (let n = 0; "interim" in answer && n < answer.interim; n++) response.writeProcessing();
      response
        .writeHead(answer.status, { "content-type": "application/json" })
        .end(answer.body === undefined ? undefined : JSON.stringify(answer.body));
    }
  });

  static async open(): Promise<AddonProvider> {
    const provider = new AddonProvider();
    provider.#server.listen(0, "127.0.0.1");
    await once(provider.#server, "listening");
    return provider;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/heroku/resources`;
  }

  /** `addon-manifest.json`, as a partner writes it. */
  manifest(id: string, requires: readonly string[], vars: readonly string[]): object {
    const production = { base_url: this.url, sso_url: `${this.url}/sso` };
    const api = {
      config_vars: vars,
      password: "pass-word",
      sso_salt: "salt",
      regions: ["*"],
      requires,
      production,
    };
    return { id, name: id.toUpperCase(), api };
  }

  /** A folder for `--addons` with a manifest of each service: what it requires, and its config vars. */
  manifests(services: Readonly<Record<string, readonly [requires: string, variable: string]>>): string {
    const folder = mkdtempSync(join(tmpdir(), "tailrace-addons-"));
    for (const [id, [requires, variable]] of Object.entries(services))
      writeFileSync(join(folder, `${id}.json`), JSON.stringify(this.manifest(id, [requires], [variable])));
    return folder;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}
