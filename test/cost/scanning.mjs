/**
 * `scanning.mjs IN OUT`: makes a batch of a body of a hundred usual lines IN times, and the frames of a syslog drain of a batch OUT
 * times. valgrind counts the instructions (`scanning.test.ts`).
 */
import { canoniseBody } from "../../dist/src/core/batch/canonise-body.js";
import { strictFrames } from "../../dist/src/drains/sinks/formats/rfc5424.js";

const [, , inRounds, outRounds] = process.argv;
const token = "t.12345678-1234-4123-8123-123456789abc";
const text = `at=info method=GET path="/lists/17" fwd="10.1.2.3" status=200 bytes=1234 request took 17 ms`;
const line = `<190>1 2026-01-02T03:04:05.000006+00:00 host ${token} web.1 - - ${text}`;
const body = Buffer.from(`${line.length} ${line}`.repeat(100));
const options = { frameBytesMax: 65_536, nowMs: 0, token };
const drain = { hostname: Buffer.from("app-00001"), endsLines: true };

// In the memory of the body, which a batch keeps.
function batch() {
  const steps = canoniseBody(Buffer.from(body), "app", options);
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value.parts[0];
  }
}

const made = batch();
let bytes = 0;
for (let round = 0; round < Number(inRounds); round++) bytes += batch().bytes.length;
for (let round = 0; round < Number(outRounds); round++) bytes += strictFrames([made], drain).length;
console.log(bytes);
