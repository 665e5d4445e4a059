/** Memory that batches lie in is used again (`src/core/batch/batch-memory.ts`): nobody is sent what another wrote there since. */
import { expect, test } from "vitest";
import { kept } from "../../support/kept.ts";
import { stores } from "../../support/server.ts";
import { Torture } from "./torture.ts";

test.each(stores)(
  "on %s: whatever receivers and owners do, each line that anybody is sent is his app's, whole, and in order",
  async (store) => {
    const torture = kept(await Torture.open(store));
    expect(await torture.run(() => torture.lines >= 100_000)).toEqual([]);
  },
  300_000,
);
