import { type Origin, originOf } from "../../core/batch/canonical.ts";
import type { TokenRecord } from "../../registry/records.ts";

type Named = { readonly record: TokenRecord; readonly source: string; readonly origin: Origin };

/** Remembers the two newest origins of a channel's lines: those of an app and of its router usually alternate. */
export class Origins {
  #newest: Named | undefined;
  #other: Named | undefined;

  /** The parts that all lines with this token and this name share. */
  of(record: TokenRecord, source: string): Origin {
    const newest = this.#newest;
    const isNewest = newest?.record === record && newest.source === source;
    return isNewest ? newest.origin : this.#next(record, source);
  }

  #next(record: TokenRecord, source: string): Origin {
    const other = this.#other;
    const isOther = other?.record === record && other.source === source;
    const named = isOther ? other : { record, source, origin: originOf(source, record.token) };
    this.#other = this.#newest;
    this.#newest = named;
    return named.origin;
  }
}
