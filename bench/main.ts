/**
 * `npm run bench`: tailrace beside other routers, which takes a quarter of an hour, and then the first questions of each part.
 * `npm run bench -- --full` asks the questions of scale too (NATS with one server and three, 10,000 apps; some minutes
 * more). `npm run bench -- routers [WORD…]` prints the first table alone, `npm run bench -- parts [--full]` the second.
 */
import { deadDrains } from "./dead-drains.ts";
import { drainHttp } from "./drain-http.ts";
import { followLatency } from "./follow-latency.ts";
import { ingestHttp } from "./ingest-http.ts";
import { manyDrains } from "./many-drains.ts";
import { memory } from "./memory.ts";
import { routers } from "./routers/main.ts";
import { type ScaleRow, scale, setupsOf } from "./scale.ts";

type Row = readonly [question: string, figure: string, beside: string];

const isFull = process.argv.includes("--full");
const isRoutersOnly = process.argv[2] === "routers";
if (process.argv[2] !== "parts") await routers(isRoutersOnly ? process.argv.slice(3) : []);
if (isRoutersOnly) process.exit();
const rows: Row[] = [];
const thousands = (value: number) => `${Math.round(value / 1000)} k`;
const micros = (value: number) => `${value.toFixed(2)} µs`;
const ratio = (a: number, b: number) => `× ${(a / b).toFixed(2)}`;

async function ask(title: string, question: () => Promise<readonly Row[]>): Promise<void> {
  process.stderr.write(`${title} …\n`);
  rows.push(...(await question()));
}

await ask("POST /logs, 100-line bodies, beside a server that throws them away", async () => {
  const found = await ingestHttp({ seconds: 2, rounds: 3 });
  return [
    [
      "POST /logs until durable, lines/s",
      thousands(found.linesPerSecond),
      `${thousands(found.nullLinesPerSecond)} thrown away by fastify`,
    ],
    [
      "POST /logs until durable, CPU a line",
      micros(found.cpuMicrosPerLine),
      `${micros(found.nullCpuMicrosPerLine)} thrown away, ${ratio(found.cpuMicrosPerLine, found.nullCpuMicrosPerLine)}`,
    ],
  ];
});

await ask("ingest to an HTTP drain", async () => {
  const found = await drainHttp({ lines: 200_000 });
  return [
    [
      "ingest to HTTP drain, lines/s",
      thousands(found.liveLinesPerSecond),
      `${thousands(found.appendLinesPerSecond)} without a drain`,
    ],
    [
      "ingest to HTTP drain, CPU a line",
      micros(found.liveUsPerLine),
      `${micros(found.appendUsPerLine)} without a drain`,
    ],
    [
      "a drain that catches up, lines/s",
      thousands(found.catchUpLinesPerSecond),
      `${micros(found.catchUpUsPerLine)} CPU a line`,
    ],
  ];
});

await ask("a tail at 10,000 lines a second", async () => {
  const found = await followLatency({ seconds: 4 });
  const ms = (value: number) => `${value.toFixed(2)} ms`;
  return [
    [
      "from append to tail at 10,000 lines/s, p50",
      ms(found.p50Ms),
      `${ms(found.appendP50Ms)} of it until durable`,
    ],
    [
      "from append to tail at 10,000 lines/s, p99",
      ms(found.p99Ms),
      `${ms(found.appendP99Ms)} of it until durable`,
    ],
  ];
});

if (isFull) {
  await ask("a well drain beside 1,000 dead ones", async () => {
    const { alone, beside, heapBytesEach, residentBytesEach } = await deadDrains();
    const kB = (bytes: number) => `${(bytes / 1000).toFixed(1)} kB`;
    return [
      [
        "from durable to received beside 1,000 dead drains, p99",
        `${beside.p99Ms.toFixed(2)} ms`,
        `${alone.p99Ms.toFixed(2)} ms without them`,
      ],
      ["a dead drain, memory", kB(heapBytesEach), `${kB(residentBytesEach)} resident`],
    ];
  });
}

const stores = isFull ? ([0, 1, 3] as const) : ([0] as const);
for (const natsServers of stores) {
  const store = natsServers === 0 ? "embedded store" : `NATS R${natsServers}`;
  await ask(`among other apps, on ${store}`, async () => {
    const found = await scale(setupsOf(natsServers, isFull ? [1, 1_000, 10_000] : [1, 1_000]), 3);
    const alone = found[0]!;
    return found.map((row) => scaleRow(store, row, alone));
  });
}

for (const natsServers of isFull ? ([0, 1] as const) : []) {
  const store = natsServers === 0 ? "embedded store" : `NATS R${natsServers}`;
  await ask(`many drains, on ${store}`, async () => {
    const found = await manyDrains(natsServers, [100, 2_000]);
    const cpuOf = (row: (typeof found)[number]) => row.cpuMicrosPerLine + row.natsCpuMicrosPerLine;
    return found.map((row) => [
      `${store}, ${row.drains} apps with a drain, lines/s to the drain`,
      thousands(row.linesPerSecond),
      `${micros(cpuOf(row))} CPU a line, ${ratio(cpuOf(row), cpuOf(found[0]!))} of ${found[0]!.drains} drains`,
    ]);
  });
}

if (isFull) {
  await ask("memory of idle things", async () => {
    const found = await memory({ count: 2_000 });
    const kB = (bytes: number) => `${(bytes / 1000).toFixed(1)} kB`;
    return [
      ["an idle app", kB(found.bytesPerApp), `of ${found.count}; the server itself ${kB(found.startBytes)}`],
      ["an idle tail", kB(found.bytesPerTail), "its connection included"],
      ["an idle drain", kB(found.bytesPerDrain), ""],
    ];
  });
}

function scaleRow(store: string, row: ScaleRow, alone: ScaleRow): Row {
  const cpu = row.cpuMicrosPerLine + row.natsCpuMicrosPerLine;
  const processes = row.ingestProcesses === 1 ? "" : `, ${row.ingestProcesses} ingest processes`;
  return [
    `${store}, ${row.apps} apps${processes}, lines/s`,
    thousands(row.linesPerSecond),
    `${micros(cpu)} CPU a line${row.natsCpuMicrosPerLine > 0 ? ` (${micros(row.natsCpuMicrosPerLine)} of NATS)` : ""}, ` +
      `${ratio(cpu, alone.cpuMicrosPerLine + alone.natsCpuMicrosPerLine)} of 1 app`,
  ];
}

const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
for (const [question, figure, beside] of rows) {
  console.log(`${question.padEnd(widths[0]!)}  ${figure.padStart(widths[1]!)}  ${beside}`);
}
