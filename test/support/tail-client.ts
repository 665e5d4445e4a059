/** A client of a tail's event stream that resumes by `Last-Event-ID`, as a browser's EventSource would. */
import { setTimeout as delay } from "node:timers/promises";

type TailClient = {
  /** Id of the last event. */
  readonly lastEventId: () => string;
  /** Times that it had to connect. */
  readonly connects: () => number;
  close(): Promise<void>;
};

/**
 * Hands every line to `onLine` until closed; connects again whatever happens, but for a 404. Resolves when the stream has
 * begun: a tail without history begins at the log's end when it is opened, not when its session is made.
 */
export async function followTail(url: string, onLine: (line: string) => void): Promise<TailClient> {
  const stop = new AbortController();
  let lastEventId = "";
  let connects = 0;
  let begun: () => void = () => {};
  const beginning = new Promise<void>((resolve) => {
    begun = resolve;
  });

  const readOnce = async () => {
    connects++;
    const response = await fetch(url, {
      headers: { accept: "text/event-stream", ...(lastEventId !== "" && { "last-event-id": lastEventId }) },
      signal: stop.signal,
    });
    if (response.status === 404) throw new TypeError("the session is gone");
    if (response.status !== 200) return;
    let rest = "";
    for await (const text of response.body!.pipeThrough(new TextDecoderStream())) {
      const blocks = (rest + text).split("\n\n");
      rest = blocks.pop()!;
      for (const block of blocks) {
        const data: string[] = [];
        for (const field of block.split("\n")) {
          if (field.startsWith("id: ")) lastEventId = field.slice(4);
          if (field.startsWith("data: ")) data.push(field.slice(6));
        }
        if (data.length > 0) onLine(data.join("\n"));
        if (lastEventId !== "") begun();
      }
    }
  };

  const running = (async () => {
    while (!stop.signal.aborted) {
      try {
        await readOnce();
      } catch (error) {
        if (error instanceof TypeError && error.message === "the session is gone") throw error;
      }
      await delay(50);
    }
  })();
  running.catch(() => {}); // `close` reports it
  await Promise.race([beginning, running]);
  return {
    lastEventId: () => lastEventId,
    connects: () => connects,
    async close() {
      stop.abort();
      await running;
    },
  };
}
