/** The time of a line in the user's chosen style. */
import { InvalidArgumentError } from "commander";

export const timeStyles = ["local", "utc", "relative", "none"] as const;
export type TimeStyle = (typeof timeStyles)[number];

/** For the option `--time`. */
export function timeStyle(text: string): TimeStyle {
  const found = timeStyles.find((style) => style === text);
  if (found === undefined) throw new InvalidArgumentError(`Write one of ${timeStyles.join(", ")}.`);
  return found;
}

const two = (part: number): string => String(part).padStart(2, "0");

/** `14:03:22`, with `milliseconds` `14:03:22.114`; `7s` ago; "" for none. A text that is not a time is unchanged. */
export function timeText(time: string, style: TimeStyle, milliseconds: boolean, nowMs: number): string {
  if (style === "none") return "";
  const timeMs = Date.parse(time);
  if (Number.isNaN(timeMs)) return time;
  if (style === "relative") return agoText(nowMs - timeMs).padStart(relativeWidth);
  const at = new Date(timeMs);
  const parts =
    style === "utc"
      ? [at.getUTCHours(), at.getUTCMinutes(), at.getUTCSeconds()]
      : [at.getHours(), at.getMinutes(), at.getSeconds()];
  const fraction = milliseconds ? `.${String(at.getUTCMilliseconds()).padStart(3, "0")}` : "";
  return `${parts.map(two).join(":")}${fraction}${style === "utc" ? "Z" : ""}`;
}

const relativeWidth = 3;
const steps = [
  ["s", 1_000],
  ["m", 60_000],
  ["h", 3_600_000],
  ["d", 86_400_000],
] as const;

/** `7s`, `59m`, `23h`, `8d`: the largest unit that fits. A future time is `0s`. */
function agoText(agoMs: number): string {
  const [unit, unitMs] = steps.findLast(([, ms]) => agoMs >= ms) ?? steps[0];
  return `${Math.max(0, Math.floor(agoMs / unitMs))}${unit}`;
}

/** Names the day of a time in the zone of a style; undefined if its times do not need one. */
export function dayText(time: string, style: TimeStyle): string | undefined {
  const timeMs = Date.parse(time);
  if (Number.isNaN(timeMs) || style === "none" || style === "relative") return undefined;
  return new Date(timeMs).toLocaleDateString("en-GB", {
    weekday: "short",
    day: "numeric",
    month: "short",
    year: "numeric",
    ...(style === "utc" && { timeZone: "UTC" }),
  });
}
