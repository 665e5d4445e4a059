/** Keeps what a runner reports within what the server takes, however many dynos run and however long their commands are. */
import { reportLimits } from "../../src/core/records/runner-report.ts";
import type { DynoReport } from "./wanted.ts";

/** A dyno's JSON without its command has fewer bytes. */
const restBytesMax = 320;

/** The dynos without the newest one-off ones that are too many, with shorter commands if all are too long. */
export function fittedReport(dynos: readonly DynoReport[]): readonly DynoReport[] {
  const { dynosMax, dynosBytesMax } = reportLimits;
  const isOneOff = ({ type }: DynoReport) => type === "run";
  const told = [...dynos.filter((dyno) => !isOneOff(dyno)), ...dynos.filter(isOneOff)].slice(0, dynosMax);
  if (bytesOf(told) <= dynosBytesMax) return told;
  const bytesMax = Math.floor(dynosBytesMax / told.length) - restBytesMax;
  const cut = new Map<string, string>(); // many dynos have the same one
  return told.map((dyno) => {
    const command = cut.get(dyno.command) ?? shortened(dyno.command, bytesMax);
    cut.set(dyno.command, command);
    return { ...dyno, command };
  });
}

/** The beginning of a text whose JSON has more bytes, and a mark that it was cut. */
function shortened(text: string, bytesMax: number): string {
  let part = text;
  for (let bytes = bytesOf(part); bytes > bytesMax; bytes = bytesOf(part))
    part = `${part.slice(0, Math.floor((part.length * bytesMax) / bytes) - 1)}…`;
  return part;
}

const bytesOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));
