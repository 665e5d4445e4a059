/** Names of apps. A name is never a UUID: names and ids stand for each other in every path. */
import { randomInt } from "node:crypto";
import { isUuid } from "../core/ids.ts";

const nameForm = /^[a-z][a-z0-9-]{0,62}$/;

export const isAppName = (text: string): boolean => nameForm.test(text) && !isUuid(text);

const qualities =
  "amber ancient autumn blooming calm clear cold cool crimson deep dry early evening falling fast fresh gentle golden green hidden icy late lively long lucky mellow misty morning noble old pale patient plain polished proud quiet rapid restless rough running silent silver small smooth snowy soft sparkling spring still summer sunny swift tidy warm wandering weathered white wide wild winter young".split(
    " ",
  );
const things =
  "bay beck bend brook burn canal cascade channel cove creek current dam delta eddy estuary falls ferry fjord flow ford fountain gorge harbor inlet island lagoon lake leat lock marsh meadow mere mill mist moss oasis pebble pond pool rain rapids reef ripple river rivulet shore sluice snow source spring stream surf tarn tide valley wake wave weir well wharf willow".split(
    " ",
  );

/** `quiet-river-12345`. */
export const randomAppName = (): string =>
  `${qualities[randomInt(qualities.length)]}-${things[randomInt(things.length)]}-${randomInt(10_000, 100_000)}`;
