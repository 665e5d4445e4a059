/** A server's stand-in, which answers as a test says, and commands that ask it in this process. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Writable } from "node:stream";
import { Api } from "../../cli/api/api.ts";
import { registerCommands } from "../../cli/commands/all.ts";
import { explain, Output } from "../../cli/output.ts";
import { newProgram } from "../../cli/program.ts";

export type StandIn = {
  /** By these a command finds it. */
  readonly variables: Record<string, string>;
  /** Runs a command as `main.ts` does. `failure`: absent if it went well. */
  run(words: readonly string[]): Promise<{
    readonly printed: string;
    readonly failure?: { readonly text: string; readonly exitStatus: number };
  }>;
  close(): void;
};

/** Answers each request, of which `body` has come, by `respond`. */
export async function openStandIn(
  respond: (request: IncomingMessage, response: ServerResponse, body: string) => void,
): Promise<StandIn> {
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => (body += chunk));
    request.on("end", () => respond(request, response, body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const variables = { TAILRACE_URL: url, TAILRACE_API_KEY: "key" };
  const run: StandIn["run"] = async (words) => {
    let printed = "";
    const stream = () => new Writable({ write: (chunk, _, done) => done(void (printed += chunk)) }) as never;
    const output = new Output(stream(), stream(), {});
    const program = newProgram(output, false);
    const api = new Api(variables);
    await registerCommands(program, { api: () => api, output, variables }, words[0]);
    try {
      await program.parseAsync(words, { from: "user" });
      return { printed };
    } catch (error) {
      return { printed, failure: explain(error) };
    } finally {
      api.close();
    }
  };
  return { variables, run, close: () => void server.close() };
}
