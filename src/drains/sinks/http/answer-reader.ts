/**
 * Reads the answer to one request from the bytes of a connection. **The status line decides, whatever follows it**: an
 * answer whose head is malformed, cut or too long still counts. Only the connection is not used again.
 */
import { answerBytesMax, type RawAnswer } from "./answer.ts";
import {
  type AnswerHead,
  maybeStatusLine,
  readHead,
  readStatusLine,
  type StatusLine,
} from "./answer-head.ts";
import { Chunks } from "./chunks.ts";

/** Bytes of heads, including interim answers. What follows is ignored. */
export const headBytesMax = 65_536;
/** Answers of status 1xx before the one that counts. */
export const interimAnswersMax = 10;

/** Why these bytes contain no answer. */
export type Flaw = "no HTTP" | "interim answers alone";

export class AnswerReader {
  readonly #readsBodyOfSuccess: boolean;
  #phase: "status" | "head" | "body" | "done" = "status";
  #statusLine: StatusLine | undefined;
  #lines: string[] = [];
  #line = "";
  #headBytes = 0;
  #interimAnswers = 0;
  #head: AnswerHead | undefined;
  #chunks = new Chunks();
  #bytesLeft = 0;
  #raw: Buffer[] = [];
  #rawBytes = 0;
  #isWhole = false;
  #isSurplus = false;
  #flaw: Flaw | undefined;

  /**
   * `readsBodyOfSuccess`: whether it is worth waiting for the body of a 2xx that only the end of the connection
   * delimits.
   */
  constructor({ readsBodyOfSuccess = true } = {}) {
    this.#readsBodyOfSuccess = readsBodyOfSuccess;
  }

  /** True when there is nothing more to read: the answer is complete, or there will be none. */
  get isDone(): boolean {
    return this.#phase === "done";
  }

  /** The final answer's status, once its digits have arrived. */
  get status(): number | undefined {
    return this.#statusLine?.status;
  }

  /** Set when there will be no answer. */
  get flaw(): Flaw | undefined {
    return this.#flaw;
  }

  /** True once any byte has arrived. */
  get isBegun(): boolean {
    return this.#headBytes > 0;
  }

  /** True when the connection may be used for another request. */
  get isReusable(): boolean {
    return this.#isWhole && !this.#isSurplus && this.#head?.isKept === true;
  }

  /** How long the server keeps the connection while it is idle, if it says so. */
  get keptMs(): number | undefined {
    return this.#head?.keptMs;
  }

  /** True while a success lacks a body that its head announced, and that may tell how many lines were refused. */
  get owesBody(): boolean {
    const isAnnounced = this.#phase === "body" && this.#head?.framing.kind !== "close";
    return isAnnounced && this.#readsBodyOfSuccess && this.#isSuccess;
  }

  /** The answer as far as it has arrived, once the status is known. */
  get answer(): RawAnswer {
    return {
      status: this.#statusLine?.status ?? 0,
      headers: this.#head?.headers ?? this.#readHead().headers,
      raw: Buffer.concat(this.#raw).subarray(0, answerBytesMax),
      isCut: !this.#isWhole,
    };
  }

  push(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length && this.#phase !== "done") {
      at += this.#phase === "body" ? this.#takeBody(bytes.subarray(at)) : this.#takeHead(bytes, at);
    }
    if (at < bytes.length) this.#isSurplus = true;
  }

  /** The peer will send nothing more. */
  end(): void {
    if (this.#phase === "status") this.#statusLine = finalOf(readStatusLine(this.#line));
    if (this.#phase === "body" && this.#head?.framing.kind === "close") this.#isWhole = true;
    this.#phase = "done";
  }

  get #isSuccess(): boolean {
    const { status = 0 } = this.#statusLine ?? {};
    return status >= 200 && status < 300;
  }

  // Takes a line, or as much of it as there is.
  #takeHead(bytes: Buffer, at: number): number {
    const newline = bytes.indexOf(0x0a, at);
    const room = headBytesMax - this.#headBytes;
    const end = Math.min(newline === -1 ? bytes.length : newline + 1, at + room);
    this.#line += bytes.toString("latin1", at, end);
    this.#headBytes += end - at;
    const isLine = newline !== -1 && end === newline + 1;
    if (this.#phase === "status") this.#takeStatus(isLine);
    else if (isLine) this.#takeField();
    if (this.#headBytes >= headBytesMax && this.#phase !== "body") this.#giveUp();
    return end - at;
  }

  #takeStatus(isLine: boolean): void {
    if (/^\r?\n?$/.test(this.#line)) {
      if (isLine) this.#line = ""; // some servers send a blank line after each body
      return;
    }
    const found = readStatusLine(this.#line);
    const isDecided = found !== undefined && (isLine || decidedForm.test(this.#line));
    if (isDecided) this.#statusLine = finalOf(found);
    else if (isLine || !maybeStatusLine(this.#line)) this.#fail("no HTTP");
    if (!isLine || this.#phase === "done") return;
    this.#statusLine = finalOf(found);
    this.#lines = [this.#line];
    this.#line = "";
    this.#phase = "head";
    if (this.#statusLine === undefined && ++this.#interimAnswers > interimAnswersMax)
      this.#fail("interim answers alone");
  }

  #takeField(): void {
    const line = this.#line;
    this.#line = "";
    if (line !== "\r\n" && line !== "\n") {
      this.#lines.push(line);
    } else if (this.#statusLine === undefined) {
      this.#phase = "status";
    } else this.#begin(this.#readHead(line === "\r\n"));
  }

  #readHead(isEndClean = false): AnswerHead {
    const { status = 0, isClean = false, isOld = false } = readStatusLine(this.#lines[0] ?? this.#line) ?? {};
    return readHead(this.#lines.slice(1), { status, isClean: isClean && isEndClean, isOld });
  }

  #begin(head: AnswerHead): void {
    this.#head = head;
    this.#phase = "body";
    const { framing } = head;
    if (framing.kind === "length") this.#bytesLeft = framing.bytes;
    const isWorthless = this.#isSuccess && !this.#readsBodyOfSuccess && framing.kind === "close";
    if (framing.kind === "none" || (framing.kind === "length" && framing.bytes === 0)) this.#finish();
    else if (isWorthless) this.#phase = "done";
  }

  #takeBody(bytes: Buffer): number {
    const kind = this.#head!.framing.kind;
    let taken = bytes.length;
    if (kind === "chunked") {
      taken = this.#chunks.push(bytes, (data) => this.#keep(data));
      if (this.#chunks.isDone) this.#finish();
      else if (this.#chunks.isBroken) this.#phase = "done";
    } else if (kind === "length") {
      taken = Math.min(taken, this.#bytesLeft);
      this.#bytesLeft -= taken;
      this.#keep(bytes.subarray(0, taken));
      if (this.#bytesLeft === 0) this.#finish();
    } else this.#keep(bytes);
    return taken;
  }

  // Keeps the beginning of a long body; keeping its connection is not worth reading the rest.
  #keep(data: Buffer): void {
    if (this.#rawBytes < answerBytesMax) this.#raw.push(data.subarray(0, answerBytesMax - this.#rawBytes));
    this.#rawBytes += data.length;
    if (this.#rawBytes > answerBytesMax) this.#phase = "done";
  }

  #finish(): void {
    if (this.#rawBytes <= answerBytesMax) this.#isWhole = true;
    this.#phase = "done";
  }

  #giveUp(): void {
    this.#phase = "done";
    if (this.#statusLine === undefined)
      this.#flaw = this.#interimAnswers > 0 ? "interim answers alone" : "no HTTP";
  }

  #fail(flaw: Flaw): void {
    this.#flaw = flaw;
    this.#phase = "done";
  }
}

/** Matches when no further digit can follow. */
const decidedForm = /^\S+[ \t]+\d{3}\D/;

// 101 is final: another protocol follows.
const finalOf = (line: StatusLine | undefined): StatusLine | undefined =>
  line !== undefined && (line.status >= 200 || line.status === 101) ? line : undefined;
