/** How a server answers who asks for single messages, or for many at once. */
import { type MsgHdrs, headers as newHeaders } from "nats";
import type { ModelStream, Stored } from "./stream.ts";

export type BatchRequest = {
  readonly seq?: number;
  readonly start_time?: string;
  readonly next_by_subj: string;
  readonly batch: number;
  readonly max_bytes: number;
};

type Answer = { readonly payload: Uint8Array; readonly headers: MsgHdrs };

const nothing = (code: number, description: string): Answer => ({
  payload: new Uint8Array(),
  headers: newHeaders(code, description),
});

/** The answer to a question for one message. */
export function directAnswer(message: Stored | undefined): Answer {
  if (message === undefined) return nothing(404, "Message Not Found");
  const headers = newHeaders();
  for (const [name, values] of message.headers) headers.set(name, values[0]!);
  headers.set("Nats-Subject", message.subject);
  headers.set("Nats-Sequence", String(message.sequence));
  return { payload: message.payload, headers };
}

/** The answers to a question for many; the last one says that it is the last. `found` is the next one from a place on. */
export function batchAnswers(
  stream: ModelStream,
  { seq = 1, start_time, next_by_subj, batch, max_bytes }: BatchRequest,
  found: (seq: number) => Stored | undefined,
): Answer[] {
  const answers: Answer[] = [];
  let at = start_time === undefined ? seq : stream.since(Date.parse(start_time));
  let last = 0;
  for (let bytes = 0; answers.length < batch && bytes <= max_bytes; ) {
    const message = found(at);
    if (message === undefined) break;
    const answer = directAnswer(message);
    answer.headers.set("Nats-Num-Pending", String(stream.pending(message.sequence + 1, next_by_subj)));
    answer.headers.set("Nats-Last-Sequence", String(last));
    answers.push(answer);
    bytes += message.payload.length;
    last = message.sequence;
    at = last + 1;
  }
  return answers.length === 0 ? [nothing(404, "Message Not Found")] : [...answers, nothing(204, "EOB")];
}

/** A message in the answer of a stream's leader. */
export function asJson({ subject, sequence, payload, headers }: Stored): object {
  const lines = [...headers].map(([name, values]) => `${name}: ${values[0]}\r\n`).join("");
  const hdrs = Buffer.from(`NATS/1.0\r\n${lines}\r\n`).toString("base64");
  return { subject, seq: sequence, data: Buffer.from(payload).toString("base64"), hdrs };
}
