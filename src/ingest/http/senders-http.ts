/**
 * `GET /senders`, for the operator: who sends, to which node, how, and what was wrong with it last. Contains no token
 * and no line. Nodes without ingest answer it too, from what the others report.
 */
import { hostname } from "node:os";
import type { FastifyPluginAsync } from "fastify";
import { unauthorized } from "../../errors/access.ts";
import { AppError } from "../../errors/app-error.ts";
import { sendersForOperator } from "../../errors/ingest.ts";
import type { OtherNodes } from "../../other-nodes.ts";
import { sendersShownMax } from "../limits.ts";
import type { TokenLookup } from "../routing/router.ts";
import { type KeyLookup, writerOf } from "../routing/writer.ts";
import type { ListedSender, Senders } from "../senders/senders.ts";

export type SendersHttpOptions = {
  readonly senders: Pick<Senders, "list">;
  readonly tokens: TokenLookup;
  readonly keys: KeyLookup;
  readonly others: OtherNodes;
};

const question = "senders";

export const sendersHttp: FastifyPluginAsync<SendersHttpOptions> = async (
  server,
  { senders, tokens, keys, others },
) => {
  const own = () => {
    const address = server.server.address();
    const node =
      address !== null && typeof address === "object" ? `${hostname()}:${address.port}` : hostname();
    return senders.list().map((sender) => ({ ...shown(sender), node }));
  };
  const silence = others.answer(question, own);
  server.addHook("onClose", async () => silence());

  const writer = async (authorization: string | undefined) => writerOf(authorization, tokens, keys);
  server.get("/senders", { schema: { hide: true } }, async (request) => {
    const isOperator = await writer(request.headers.authorization).then(
      ({ kind }) => kind === "any_channel",
      (error: unknown) => {
        if (error instanceof AppError && error.status === 401) throw unauthorized();
        if (error instanceof AppError && error.status < 500) return false;
        throw error;
      },
    );
    if (!isOperator) throw sendersForOperator();
    const all = [...own(), ...((await others.ask(question)).flat() as ReturnType<typeof own>)];
    return all.sort((a, b) => Date.parse(b.seen_at) - Date.parse(a.seen_at)).slice(0, sendersShownMax);
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
