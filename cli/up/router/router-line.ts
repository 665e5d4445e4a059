/**
 * Router lines in Heroku's form. Each value from a client becomes one word: without spaces, quotes or control
 * characters.
 */
import { routerLimits } from "../limits.ts";

/** Errors that the router reports, in Heroku's words. */
export const routerErrors = {
  H10: { desc: "App crashed", status: 503 },
  H11: { desc: "Backlog too deep", status: 503 },
  H12: { desc: "Request timeout", status: 503 },
  H13: { desc: "Connection closed without response", status: 503 },
  H14: { desc: "No web processes running", status: 503 },
  H15: { desc: "Idle connection", status: 503 },
  H17: { desc: "Poorly formatted HTTP response", status: 503 },
  H18: { desc: "Server Request Interrupted", status: 503 },
  H19: { desc: "Backend connection timeout", status: 503 },
  H20: { desc: "App boot timeout", status: 503 },
  H21: { desc: "Backend connection refused", status: 503 },
  H27: { desc: "Client Request Interrupted", status: 499 },
  H28: { desc: "Client Connection Idle", status: 499 },
} as const;

export type RouterCode = keyof typeof routerErrors;

/** A request that is over, and its outcome. */
export type RouterEvent = {
  readonly method: string;
  readonly path: string;
  readonly host: string;
  readonly requestId: string;
  readonly forwarded: string;
  readonly dyno: string | undefined;
  /** Undefined if there was no connection, or no answer. */
  readonly connectMs: number | undefined;
  readonly serviceMs: number | undefined;
  /** The status that was sent to the client, or would have been. */
  readonly status: number;
  /** The length of the answer's body. */
  readonly bytes: number;
  readonly error?: { readonly code: RouterCode; readonly sock?: "client" | "backend" };
};

export function routerLine(event: RouterEvent): string {
  const { error } = event;
  const ms = (value: number | undefined) => (value === undefined ? "" : `${Math.round(value)}ms`);
  const words = [
    error === undefined || error.code === "H27" ? "at=info" : "at=error",
    ...(error === undefined ? [] : [`code=${error.code} desc="${routerErrors[error.code].desc}"`]),
    `method=${word(event.method)}`,
    `path="${quoted(event.path, routerLimits.pathCharsMax)}"`,
    `host=${word(event.host)}`,
    `request_id=${word(event.requestId)}`,
    `fwd="${quoted(event.forwarded, routerLimits.wordCharsMax)}"`,
    `dyno=${word(event.dyno ?? "")}`,
    `connect=${ms(event.connectMs)}`,
    `service=${ms(event.serviceMs)}`,
    `status=${event.status}`,
    `bytes=${event.bytes}`,
    ...(error?.sock === undefined ? [] : [`sock=${error.sock}`]),
    "protocol=http",
  ];
  return words.join(" ");
}

/** Without spaces and quotes; what is not printable ASCII is encoded as in URLs. */
const word = (text: string): string => quoted(text, routerLimits.wordCharsMax).replaceAll(" ", "%20");

/** The same with spaces, for use between quotes. */
function quoted(text: string, charsMax: number): string {
  const encoded = text
    .slice(0, charsMax)
    .replace(/[^\x20-\x7e]|["\\]/g, (char) =>
      [...Buffer.from(char, char.charCodeAt(0) < 0x100 ? "latin1" : "utf8")]
        .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`)
        .join(""),
    );
  return encoded.slice(0, charsMax);
}
