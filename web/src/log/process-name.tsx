/** The author of a line: the process in its hue, with a star before lines of the platform, which no app can forge. */
import { processText } from "../../../src/core/terminal/process-text.ts";
import type { Line } from "./line.ts";

/** A process always has the same one of six hues. */
function hueOf(dyno: string): number {
  const name = dyno.split(".")[0]!;
  let hash = 7;
  for (let n = 0; n < name.length; n++) hash = (hash * 31 + name.charCodeAt(n)) >>> 0;
  return (hash % 6) + 1;
}

export function Process({ line }: { line: Pick<Line, "source" | "dyno" | "isNotice"> }) {
  const { source, dyno, isNotice } = line;
  const isPlatform = source === "heroku";
  const said = isPlatform ? (isNotice ? "tailrace" : dyno) : processText(line);
  const isForeign = !isPlatform && said !== dyno;
  return (
    <span
      class={`process hue-${isNotice ? 4 : hueOf(dyno)}${isForeign ? " foreign" : ""}`}
      title={`${source}[${dyno}]`}
    >
      {isPlatform && (
        <span role="img" aria-label="the platform:" title="the platform says this, no app can">
          *
        </span>
      )}
      <span class="process-name">{said}</span>
    </span>
  );
}
