/** Shown if the filter names processes that wrote no line: lists those that did. */
import { byName, missingIn } from "./process-names.ts";
import { useProcesses } from "./use-processes.ts";

/** The most names to list. */
const namesMax = 12;

type Props = { readonly app: string; readonly dynos: readonly string[] };

export function NoProcess({ app, dynos }: Props) {
  const { names, isAll } = useProcesses(app, true);
  const missing = isAll && names.length > 0 ? missingIn(names, dynos) : [];
  if (missing.length === 0) return null;
  const listed = [...names].sort(byName.compare).slice(0, namesMax).join(", ");
  const more = names.length > namesMax ? ` and ${names.length - namesMax} more` : "";
  return (
    <>
      No line is of a process {missing.join(" or ")}; there are {listed}
      {more}.{" "}
    </>
  );
}
