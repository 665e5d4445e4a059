/** Runs before each test file: memory of batches that was taken back is overwritten, so that a late reader reads rubbish. */
import { returnedMemory } from "../../src/core/batch/batch-memory.ts";

returnedMemory.isWiped = true;
