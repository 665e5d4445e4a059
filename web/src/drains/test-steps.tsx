/** The result of a test line, step by step. */
import type { DrainTest } from "../api-types.ts";

const words: Readonly<Record<string, string>> = {
  resolve: "look the name up",
  connect: "connect",
  tls: "agree on TLS",
  send: "send a line",
  answer: "read the answer",
};

export function TestSteps({ test, onClose }: { test: DrainTest; onClose: () => void }) {
  const isTaken = test.kind === "delivered";
  return (
    <section class={`test ${isTaken ? "good" : "bad"}`} role="status">
      <header>
        <b>{isTaken ? "It took a test line." : "It did not take a test line."}</b>
        <button type="button" class="plain end" onClick={onClose}>
          Close
        </button>
      </header>
      <ol>
        {test.steps.map(({ name, ms, detail, failed }) => (
          <li key={name} class={failed ? "bad" : ""}>
            <span class="step">{words[name] ?? name}</span>
            <span class="mute">{ms} ms</span>
            <span>{failed ? (test.reason ?? "failed") : detail}</span>
          </li>
        ))}
      </ol>
      {!isTaken && !test.steps.some(({ failed }) => failed) && <p>{test.reason}</p>}
      {test.expiring && <p class="slow">But {test.expiring}.</p>}
    </section>
  );
}
