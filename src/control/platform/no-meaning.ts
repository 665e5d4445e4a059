/**
 * Parts of Heroku's Platform API that mean nothing here. A client that uses them gets a proper answer in the expected
 * form; a plain 404 would look like a fault.
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

const all: readonly Methods[] = ["GET", "POST", "PUT", "PATCH", "DELETE"];
const changes: readonly Methods[] = ["POST", "PATCH", "DELETE"];
const proxy = "A proxy in front of `tailrace up` does that.";
const ownKeys = "API keys are `tailrace keys`, or `heroku authorizations`.";

/** A list and everything below it. */
const within = (...paths: readonly string[]): string[] => paths.flatMap((path) => [path, `${path}/*`]);

const attaching = {
  what: "Attaching an add-on to another app",
  instead: "Each app has add-ons of its own: `tailrace addons:create`, `tailrace addons:destroy`.",
};

const rows: readonly Row[] = [
  { methods: all, paths: within("/apps/:app/domains"), what: "A domain", instead: proxy },
  {
    methods: all,
    paths: within("/apps/:app/sni-endpoints", "/apps/:app/ssl-endpoints", "/apps/:app/acm"),
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
    methods: all,
    paths: within("/apps/:app/features", "/account/features"),
    what: "A feature flag, and the way into a dyno that one opens,",
    instead: "Dynos are processes of the machine that `tailrace up` runs on.",
  },
  {
    methods: ["POST"],
    paths: ["/apps/:app/builds", "/apps/:app/slugs"],
    what: "A build on the server",
    instead: "`tailrace up -a APP` builds in the app's folder.",
  },
  {
    methods: all,
    paths: within("/apps/:app/webhooks", "/apps/:app/webhook-deliveries", "/apps/:app/webhook-events"),
    what: "A webhook",
    instead: "A drain tells all that is in the app's log: `tailrace drains:add URL -a APP`.",
  },
  {
    methods: all,
    paths: [
      ...within("/pipelines", "/pipeline-couplings", "/test-runs", "/review-apps"),
      ...["/apps/:app/pipeline-couplings", "/apps/:app/review-app"],
    ],
    what: "A pipeline",
    instead: "Each app stands for itself here.",
  },
  {
    methods: all,
    paths: within("/teams", "/spaces", "/space-transfers"),
    what: "A team or a space",
    instead: "Keys say who may see which apps: `tailrace keys:create --app APP`.",
  },
  {
    methods: changes,
    paths: within("/apps/:app/collaborators"),
    what: "A collaborator",
    instead: "Keys say who may see which apps: `tailrace keys:create --app APP`.",
  },
  {
    methods: all,
    paths: within("/oauth/clients", "/oauth/sessions"),
    what: "An OAuth client",
    instead: ownKeys,
  },
  { methods: all, paths: within("/account/keys"), what: "An SSH key", instead: ownKeys },
  {
    methods: ["GET"],
    paths: ["/regions", "/stacks"],
    what: "A region or a stack",
    instead: "An app runs where `tailrace up` is started.",
  },
  { methods: ["POST"], paths: ["/addon-attachments"], ...attaching },
  { methods: all, paths: ["/addon-attachments/*", "/apps/:app/addon-attachments/*"], ...attaching },
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
          hide: url.endsWith("/*"),
        },
        handler: async () => {
          throw noMeaning(what, instead);
        },
      });
};
