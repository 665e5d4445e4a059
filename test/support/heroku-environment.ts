/** The variables that point Heroku's tools at a server of the tests, and nothing of the tester's own but PATH. */
import { fileURLToPath } from "node:url";
import { testKey } from "./server.ts";

/** Heroku's own command line, as it is published. */
export const herokuProgram = fileURLToPath(
  new URL("../heroku/node_modules/heroku/bin/run.js", import.meta.url),
);

export const herokuEnvironment = (url: string, home: string) => ({
  PATH: process.env.PATH,
  HOME: home,
  HEROKU_HOST: url,
  HEROKU_PARTICLEBOARD_URL: url,
  HEROKU_API_KEY: testKey,
  DISABLE_TELEMETRY: "true",
  HEROKU_SKIP_NEW_VERSION_CHECK: "true",
  HEROKU_DISABLE_AUTOUPDATE: "1", // else each new home starts a program that asks for updates, and stays
  NO_COLOR: "1",
});
