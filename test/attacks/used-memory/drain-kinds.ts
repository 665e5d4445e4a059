/** The drains of the torture: where to, how their receivers behave, and what of their lines they send. */
import type { BodyForm, Mood } from "./receivers.ts";

type Way = "http" | "https" | "syslog" | "syslog+tls";
export type DrainKind = {
  readonly way: Way;
  readonly mood: Mood;
  readonly form?: BodyForm;
  readonly more?: Record<string, unknown>;
};

/** An app has six of them, the first app the first six, and so on. */
export const kinds: readonly DrainKind[] = [
  { way: "http", mood: "fine" },
  { way: "syslog", mood: "stalling" },
  { way: "http", mood: "early" },
  { way: "https", mood: "resetting" },
  { way: "syslog+tls", mood: "resetting" },
  { way: "http", mood: "late", more: { filter: { match: "acct-\\d*[05] " } } },
  { way: "https", mood: "early" },
  { way: "http", mood: "failing", form: "json" },
  { way: "http", mood: "stalling", form: "otlp" },
  { way: "syslog", mood: "fine", more: { redact: { patterns: ["acct-\\d+"] } } },
  { way: "syslog+tls", mood: "stalling", more: { redact: { detectors: ["email"] } } },
  { way: "syslog", mood: "resetting", more: { filter: { exclude: "(acct-\\d*7|user\\d*3) " } } },
  { way: "http", mood: "failing", form: "gzip" },
  { way: "https", mood: "stalling" },
  { way: "syslog", mood: "late" },
  { way: "https", mood: "late", form: "json", more: { redact: { patterns: ["user\\d+@"] } } },
  { way: "http", mood: "resetting", more: { filter: { match: "acct-.*[13579] of" } } },
  { way: "syslog+tls", mood: "fine" },
];
export const drainsOfApp = 6;
export const appsCount = kinds.length / drainsOfApp;
/** What these do not get is not missing: they answer before they have read, or reset what is not acknowledged. */
export const mayMiss = ({ way, mood, more }: DrainKind): boolean =>
  mood === "early" || (mood === "resetting" && way.startsWith("syslog")) || more?.filter !== undefined;
