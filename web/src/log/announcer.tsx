/** For screen readers: now and then the newest line, and how many came with it. The list itself is silent. */
import { useEffect, useState } from "preact/hooks";
import { processText } from "../../../src/core/terminal/process-text.ts";
import { linesOf } from "../parts/words.ts";
import type { LogStore } from "./log-store.ts";
import { withoutColours } from "./sgr.ts";

const everyMs = 5_000;
const charsMax = 200;
const historyMs = 1_500;

export function Announcer({ store }: { store: LogStore }) {
  const [said, setSaid] = useState<readonly string[]>([]);
  useEffect(() => {
    let announced = store.state.received;
    const opened = setTimeout(() => {
      announced = store.state.received; // lines that were already there are not news
    }, historyMs);
    const timer = setInterval(() => {
      const { received, isFollowing } = store.state;
      const more = received - announced;
      announced = received;
      const line = store.ring.last();
      if (!isFollowing || more === 0 || line === undefined) return;
      const others = more > 1 ? `${linesOf(more - 1)} more, then ` : "";
      const text = `${others}${processText(line)}: ${withoutColours(line.message).slice(0, charsMax)}`;
      setSaid((before) => [...before.slice(-2), text]);
    }, everyMs);
    return () => {
      clearTimeout(opened);
      clearInterval(timer);
    };
  }, [store]);
  return (
    <div class="for-ears" role="log" aria-label="newest lines" aria-live="polite" tabIndex={0}>
      {said.map((text, n) => (
        <p key={`${n}${text}`}>{text}</p>
      ))}
    </div>
  );
}
