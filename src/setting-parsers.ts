/** Parsers of settings: from a flag's text to its value, or to an error that says what to write instead. */
import bytes from "bytes";
import { InvalidArgumentError } from "commander";
import ipaddr from "ipaddr.js";
import ms, { type StringValue } from "ms";
import { isTokenText, tokenOfSpelling } from "./core/secrets/token-mask.ts";
import { readWhole } from "./files/whole-file.ts";

/** An address to listen at. */
export type Address = { readonly host: string; readonly port: number };

export function address(value: string): Address {
  const match = /^(\[[0-9a-fA-F:.]+\]|[^:[\]\s]+):(\d{1,5})$/.exec(value);
  const port = Number(match?.[2]);
  if (match === null || port > 65_535) {
    throw new InvalidArgumentError(
      "Write HOST:PORT, as in 127.0.0.1:8601 or [::1]:8601; ports are 0 to 65535, 0 takes a free one.",
    );
  }
  return { host: match[1]!.replace(/^\[|\]$/g, ""), port };
}

export function ingestToken(value: string): string {
  if (!isTokenText(value))
    throw new InvalidArgumentError('Write an ingest token, as "tailrace tokens -a APP" lists them.');
  return tokenOfSpelling(value);
}

export const addressOrOff = (value: string): Address | "off" => (value === "off" ? "off" : address(value));

export function readableFile(value: string): string {
  try {
    readWhole(value);
  } catch (cause) {
    const { code = "", message } = cause as NodeJS.ErrnoException;
    throw new InvalidArgumentError(unreadable[code] ?? `The file cannot be read: ${message}.`);
  }
  return value;
}

const unreadable: Readonly<Record<string, string>> = {
  ENOENT: "There is no such file.",
  ENOTDIR: "There is no such file.",
  EACCES: "The user of this process may not read it.",
  EISDIR: "It is a folder. Give the file.",
  ENXIO: "It is no file, but a pipe or a device. Give a file.",
  EFBIG: "It is larger than such a file is. Is it the right one?",
};

export function natsUrls(value: string): readonly string[] {
  const urls = value.split(",").map((text) => text.trim());
  for (const text of urls) {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (url !== undefined && /^(nats|tls):$/.test(url.protocol) && url.hostname !== "") continue;
    throw new InvalidArgumentError(
      "Write nats:// or tls:// addresses with commas, as in nats://n1:4222,nats://n2:4222.",
    );
  }
  return urls;
}

export function replicas(value: string): number {
  if (!/^[135]$/.test(value)) throw new InvalidArgumentError("Write 1, 3 or 5.");
  return Number(value);
}

export function shardCount(value: string): number {
  if (!/^[1-9]\d{0,3}$/.test(value)) throw new InvalidArgumentError("Write a whole number from 1 to 9999.");
  return Number(value);
}

export function httpUrl(value: string): string {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.search || url.hash || url.username) {
    throw new InvalidArgumentError(
      "Write an http:// or https:// address without query, as in https://logs.example.com.",
    );
  }
  return value.replace(/\/+$/, "");
}

export function cidrs(value: string, before: readonly string[] = []): readonly string[] {
  const added = value.split(",").map((text) => text.trim());
  for (const text of added) {
    if (ipaddr.isValidCIDR(text)) continue;
    throw new InvalidArgumentError(
      `"${text}" is no range. Write CIDRs with commas, as in 10.0.0.0/8,fd00::/8, or 10.0.0.1/32 for one address.`,
    );
  }
  return [...before, ...added];
}

export function positiveCount(value: string): number {
  if (!/^[1-9]\d{0,6}$/.test(value))
    throw new InvalidArgumentError("Write a whole number from 1 to 9999999.");
  return Number(value);
}

export function duration(value: string): number {
  if (!/^[1-9]\d{0,8}(ms|s|m|h|d)$/.test(value)) {
    throw new InvalidArgumentError("Write a whole number and one of ms, s, m, h, d, as in 7d.");
  }
  return ms(value as StringValue);
}

export function size(value: string): number {
  if (!/^[1-9]\d{0,11}(B|KiB|MiB|GiB|TiB)$/.test(value)) {
    throw new InvalidArgumentError("Write a whole number and one of B, KiB, MiB, GiB, TiB, as in 64MiB.");
  }
  return bytes.parse(value.replace("i", ""))!;
}
