/** `GET /senders`, for the operator: who sends to this node, how, and what was wrong with it last. No token, no line. */
import type { FastifyPluginAsync } from "fastify";
import { AppError } from "../errors/app-error.ts";
import { sendersForOperator } from "../errors/ingest.ts";
import type { TokenLookup } from "./router.ts";
import type { ListedSender, Senders } from "./senders.ts";
import { type KeyLookup, writerOf } from "./writer.ts";

export type SendersHttpOptions = {
  readonly senders: Pick<Senders, "list">;
  readonly tokens: TokenLookup;
  readonly keys: KeyLookup;
};

export const sendersHttp: FastifyPluginAsync<SendersHttpOptions> = async (
  server,
  { senders, tokens, keys },
) => {
  server.get("/senders", { schema: { hide: true } }, async (request) => {
    const isOperator = await writerOf(request.headers.authorization, tokens, keys).then(
      ({ kind }) => kind === "any_channel",
      (error: unknown) => {
        if (error instanceof AppError && error.status < 500) return false;
        throw error;
      },
    );
    if (!isOperator) throw sendersForOperator();
    return senders.list().map(shown);
  });
};

const shown = ({ peer, door, framing, frames, seenAtMs, fault }: ListedSender) => ({
  peer,
  door: door ?? null,
  framing: framing ?? null,
  frames: frames ?? 0,
  seen_at: new Date(seenAtMs).toISOString(),
  last_error:
    fault === undefined
      ? null
      : {
          cause: fault.cause,
          message: fault.what,
          mend: fault.mend,
          first_bytes: fault.firstBytes ?? null,
          at: new Date(fault.atMs).toISOString(),
        },
});
