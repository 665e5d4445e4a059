/**
 * One JSON object per line, copied from the places in the line index. Vector and Fluent Bit look for `timestamp` and
 * `message`; Better Stack looks for `dt`.
 */

import type { LineCursor } from "../../../core/batch/line-cursor.ts";
import { cursorOver } from "../../../core/batch/line-index.ts";
import { putJsonText } from "../../../core/format/json-text.ts";
import { OutBuffer } from "../../../core/format/out-buffer.ts";
import { textEnd } from "../../../core/format/text-end.ts";
import { type BodyFormat, serviceOf } from "./body-format.ts";
import { severityWords } from "./text-line.ts";

const sourceKey = Buffer.from(',"source":');
const dynoKey = Buffer.from(',"dyno":');
const severityKeys = severityWords.map((word) => Buffer.from(`,"severity":"${word}","facility":`));
const messageKey = Buffer.from(',"message":');
const msgidKey = Buffer.from(',"msgid":');
const dataKey = Buffer.from(',"structured_data":');
const lineEnd = Buffer.from("}\n");
const dash = 0x2d;
/** More than the digits of a facility. */
const decimalBytesMax = 20;

const ndjson = (timeName: string): BodyFormat => ({
  contentType: "application/x-ndjson",
  *write(slices, context) {
    const out = new OutBuffer();
    const timeKey = Buffer.from(`{"${timeName}":`);
    const appAndSourceKey = Buffer.from(`,"app":${JSON.stringify(serviceOf(context))}${sourceKey}`);
    for (const slice of slices) {
      const line = cursorOver(slice);
      while (line.next()) {
        putLine(out, line, timeKey, appAndSourceKey);
        yield;
      }
    }
    return out.take();
  },
});

export const ndjsonFormat = ndjson("timestamp");
export const betterStackFormat = ndjson("dt");

function putLine(out: OutBuffer, line: LineCursor, timeKey: Uint8Array, appAndSourceKey: Uint8Array): void {
  const { bytes, msgidStart, msgidEnd, sdStart, sdEnd } = line;
  putKey(out, timeKey);
  putJsonText(out, bytes, line.timeStart, line.timeEnd);
  putKey(out, appAndSourceKey);
  putJsonText(out, bytes, line.sourceStart, line.sourceEnd);
  putKey(out, dynoKey);
  putJsonText(out, bytes, line.processStart, line.processEnd);
  putKey(out, severityKeys[line.pri & 7]!);
  out.reserve(decimalBytesMax);
  out.putDecimal(line.pri >> 3);
  putKey(out, messageKey);
  putJsonText(out, bytes, line.messageStart, textEnd(bytes, line));
  if (!isNil(bytes, msgidStart, msgidEnd)) {
    putKey(out, msgidKey);
    putJsonText(out, bytes, msgidStart, msgidEnd);
  }
  if (!isNil(bytes, sdStart, sdEnd)) {
    putKey(out, dataKey);
    putJsonText(out, bytes, sdStart, sdEnd);
  }
  putKey(out, lineEnd);
}

function putKey(out: OutBuffer, key: Uint8Array): void {
  out.reserve(key.length);
  out.put(key, 0, key.length);
}

const isNil = (bytes: Uint8Array, start: number, end: number): boolean =>
  end === start || (end === start + 1 && bytes[start] === dash);
