/**
 * Parts of Heroku's Platform API that have no meaning here: a client that asks for them is told so in its own form,
 * where "there is nothing at this path" would look like a fault.
 */
import type { FastifyPluginAsync } from "fastify";
import { noMeaning } from "../../errors/platform.ts";
import { appPath, failures } from "../schemas.ts";

type Methods = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
type Row = {
  readonly methods: readonly Methods[];
  readonly paths: readonly string[];
  readonly what: string;
  readonly instead: string;
};

const changes: readonly Methods[] = ["POST", "PATCH", "DELETE"];
const proxy = "A proxy in front of `tailrace up` does that.";

const rows: readonly Row[] = [
  { methods: ["GET", ...changes], paths: ["/apps/:app/domains"], what: "A domain", instead: proxy },
  {
    methods: ["GET", ...changes],
    paths: ["/apps/:app/sni-endpoints", "/apps/:app/ssl-endpoints"],
    what: "A certificate of an app",
    instead: proxy,
  },
  {
    methods: ["PUT"],
    paths: ["/apps/:app/buildpack-installations"],
    what: "A buildpack",
    instead: "`tailrace up` builds what the folder asks for, or runs --build COMMAND.",
  },
  {
    methods: ["GET"],
    paths: ["/apps/:app/features", "/account/features"],
    what: "A feature flag",
    instead: "There are none here.",
  },
  {
    methods: ["POST"],
    paths: ["/apps/:app/builds", "/apps/:app/slugs"],
    what: "A build on the server",
    instead: "`tailrace up -a APP` builds in the app's folder.",
  },
  {
    methods: ["GET", "POST"],
    paths: ["/apps/:app/webhooks"],
    what: "A webhook",
    instead: "A drain tells all that is in the app's log: `tailrace drains:add URL -a APP`.",
  },
  {
    methods: ["GET", "POST"],
    paths: ["/pipelines", "/apps/:app/pipeline-couplings"],
    what: "A pipeline",
    instead: "Each app stands for itself here.",
  },
  {
    methods: ["GET", "POST"],
    paths: ["/teams", "/spaces"],
    what: "A team or a space",
    instead: "Keys say who may see which apps: `tailrace keys:create --app APP`.",
  },
  {
    methods: ["GET", "PUT"],
    paths: ["/spaces/:space/log-drain"],
    what: "A drain of a space",
    instead: "Add one to each app: `tailrace drains:add URL -a APP`.",
  },
];

export const noMeaningApi: FastifyPluginAsync = async (server) => {
  for (const { methods, paths, what, instead } of rows)
    for (const url of paths)
      server.route({
        method: [...methods],
        url,
        schema: {
          tags: ["Apps"],
          summary: `${what}: has no meaning here`,
          ...(url.includes(":app") && { params: appPath }),
          response: failures,
        },
        handler: async () => {
          throw noMeaning(what, instead);
        },
      });
};
