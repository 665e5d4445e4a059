/** Runs before each test file: memory of batches that went home is overwritten, so that a reader who comes too late reads rubbish. */
import { returnedMemory } from "../../src/core/batch-memory.ts";

returnedMemory.isWiped = true;
