// Loaded into a server before all else (`node --import`): memory that went home is overwritten there too, as in tests that run
// the sources (`wipe-memory.ts`), so that somebody who reads it still hands on rubbish.
import { returnedMemory } from "../../dist/src/core/batch/batch-memory.js";

returnedMemory.isWiped = true;
