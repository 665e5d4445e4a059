/** Closes in reverse what was opened in order, and reports every failure on the way. */
type Part = { readonly name: string; close(): Promise<unknown> | unknown };

/** Owns the parts of a running server. */
export class Scope {
  readonly #parts: Part[] = [];
  #closing: Promise<void> | undefined;

  /** Returns `value`, and closes it, as `name`, when the scope closes. */
  own<Value extends { close(): Promise<unknown> | unknown }>(name: string, value: Value): Value {
    this.#parts.push({ name, close: () => value.close() });
    return value;
  }

  /** Closes every part in reverse order. Idempotent. Rejects with all failures at the end, having tried every part. */
  close(): Promise<void> {
    this.#closing ??= this.#closeParts();
    return this.#closing;
  }

  async #closeParts(): Promise<void> {
    const failures: Error[] = [];
    for (const part of this.#parts.reverse()) {
      try {
        await part.close();
      } catch (cause) {
        failures.push(new Error(`closing ${part.name} failed`, { cause }));
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, "not everything closed cleanly");
  }
}
