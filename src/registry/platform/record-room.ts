/** Keeps the record of an app's dynos within what a Store takes, whatever is written into it. Pure. */
import { platformTooLarge } from "../../errors/platform.ts";
import type { PlatformRecord } from "./platform-records.ts";

/** The record, without the oldest orders and then the oldest releases that it has no room for. Throws if that is too little. */
export function fitted(record: PlatformRecord, bytesMax: number): PlatformRecord {
  const over = bytesOf(record) - bytesMax;
  if (over <= 0) return record;
  const orders = withoutOldest(record.orders, over);
  const releases = withoutOldest(record.releases, over - orders.bytes);
  const rest = { ...record, orders: orders.kept, releases: releases.kept };
  if (bytesOf(rest) > bytesMax) throw platformTooLarge(bytesMax);
  return rest;
}

/** Takes at least so many bytes away, but not the newest one. */
function withoutOldest<One>(list: readonly One[], bytesMin: number): { kept: readonly One[]; bytes: number } {
  let at = 0;
  let bytes = 0;
  while (bytes < bytesMin && at < list.length - 1) bytes += bytesOf(list[at++]) + 1;
  return { kept: list.slice(at), bytes };
}

const bytesOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));
