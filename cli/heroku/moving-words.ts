/** Describes an app that was moved, and lists, in order, the commands that its owner still has to run. */
import type { MovedApp } from "./moving.ts";

export function movedWords(moved: MovedApp): readonly string[] {
  const { app, outcome, generation } = moved;
  const fir = generation === "fir" ? ", of the generation fir" : "";
  return [
    `${app}${fir}: ${appWords[outcome]}`,
    ...moved.drains.map(({ url, outcome, reason }) =>
      row(`drain ${outcome}`, `${url}${reason === undefined ? "" : `: ${reason}`}`),
    ),
    ...moved.addons.map(({ name, plan, drains }) =>
      row("add-on", `${name} (${plan})${drains > 0 ? ", which has a drain of its own" : ""}`),
    ),
    ...(moved.config_names.length > 0
      ? [row("config vars", `${moved.config_names.join(", ")} (their names alone were kept)`)]
      : []),
    ...moved.unread.map(({ what, reason }) => row("not read", `${what}: ${reason}`)),
    ...stepsOf(moved).map((step, at) => row(at === 0 ? "then" : "", step)),
  ];
}

const appWords = {
  made: "made here",
  present: "is here already",
  "to make": "would be made here",
} as const;

const row = (head: string, text: string): string => `  ${head.padEnd(15)} ${text}`;

/** One command or sentence per step; those to run in the app's own folder come last. */
function stepsOf(moved: MovedApp): readonly string[] {
  const { app, drain_url: way, logs_url: own } = moved;
  const copied = moved.drains.filter(({ outcome }) => outcome === "added" || outcome === "present");
  return [
    ...(way === null ? [] : [herokuWay(moved, way)]),
    ...(moved.generation === "cedar"
      ? copied.map(
          ({ url }) => `heroku drains:remove ${quoted(url)} -a ${app}   # else it gets each line twice`,
        )
      : copied.map(
          ({ url }) => `heroku telemetry   # remove the one to ${url}, else it gets each line twice`,
        )),
    ...moved.addons
      .filter(({ drains }) => drains > 0)
      .map(({ plan }) => `tailrace addons:create ${plan} -a ${app}   # where the operator has its manifest`),
    ...(own === null ? [] : [`LOGS_URL=${quoted(own)}   # for tailrace run, tailrace ship and log-shuttle`]),
    ...(moved.config_missing.length > 0
      ? [`tailrace config:set ${moved.config_missing.map((name) => `${name}=…`).join(" ")} -a ${app}`]
      : []),
    `tailrace up -a ${app}   # in the app's folder`,
    ...moved.domains.map((domain) => `DNS: ${domain} to where this server's router is reached`),
  ];
}

/** Heroku sends the app's lines here for as long as it still runs there. */
function herokuWay({ app, generation }: MovedApp, way: string): string {
  if (generation === "cedar") return `heroku drains:add ${quoted(way)} -a ${app}`;
  const url = new URL(way);
  const headers = JSON.stringify({ Authorization: `Bearer ${url.password}` });
  return `heroku telemetry:add ${url.origin} -a ${app} --signals logs --transport http --headers ${quoted(headers)}`;
}

/** Quoted for a shell. */
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
