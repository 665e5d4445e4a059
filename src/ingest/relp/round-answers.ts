/**
 * The answers of a round, in order. Nearly all are `200 OK` to a `syslog` command: of these only the number of the
 * transaction is kept, and no string is made before the round is stored.
 */
import { decimalDigits, writeDecimal } from "../../core/batch/decimal.ts";
import { relpFrame } from "../../core/wire/relp.ts";

/** The answer to a stored line, after its number. */
const stored = Buffer.from(relpFrame(0, "rsp", "200 OK").slice(1), "latin1");
/** All connections write theirs here, a part at a time. */
const memory = Buffer.allocUnsafeSlow(16 * 1024);

export class RoundAnswers {
  #text = "";
  /** Transactions that are answered after `#text`; those after `#count` are old. */
  readonly #transactions: number[] = [];
  #count = 0;
  #bytes = 0;

  /** Bytes of the answers so far. */
  get bytes(): number {
    return this.#bytes;
  }

  addStored(transaction: number): void {
    this.#transactions[this.#count++] = transaction;
    this.#bytes += decimalDigits(transaction) + stored.length;
  }

  add(transaction: number, data: string): void {
    this.#write();
    const answer = relpFrame(transaction, "rsp", data);
    this.#text += answer;
    this.#bytes += answer.length;
  }

  /** All answers as text; the next round begins. */
  take(): string {
    this.#write();
    const text = this.#text;
    this.clear();
    return text;
  }

  clear(): void {
    this.#text = "";
    this.#count = 0;
    this.#bytes = 0;
  }

  #write(): void {
    let at = 0;
    for (let next = 0; next < this.#count; next++) {
      const transaction = this.#transactions[next]!;
      const digits = decimalDigits(transaction);
      if (at + digits + stored.length > memory.length) {
        this.#text += memory.toString("latin1", 0, at);
        at = 0;
      }
      writeDecimal(memory, at, digits, transaction);
      memory.set(stored, at + digits);
      at += digits + stored.length;
    }
    this.#count = 0;
    if (at > 0) this.#text += memory.toString("latin1", 0, at);
  }
}
