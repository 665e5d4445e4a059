/** Lists of add-ons and of their attachments: for one app, and for all apps that a key may see. */
import type { FastifyInstance } from "fastify";
import type { AddonRecord } from "../../registry/platform/addon-records.ts";
import { maySee } from "../../registry/principal.ts";
import type { AppRecord } from "../../registry/records.ts";
import { appOf, principalOf } from "../auth.ts";
import { publicUrlOf } from "../public-url.ts";
import { appPath, arrayOf, failures } from "../schemas.ts";
import { sendShared } from "../shared-json.ts";
import type { AddonLookup } from "./addon-lookup.ts";
import { tags } from "./addon-reply.ts";
import { allAddons, itemsOf } from "./all-addons.ts";

type Listed = {
  /** The last part of both paths. */
  readonly path: string;
  /** The name for them in the documentation. */
  readonly name: string;
  readonly reply: object;
  readonly itemOf: (base: string, app: AppRecord, addon: AddonRecord) => unknown;
};

/** `GET /apps/{app}/PATH` and `GET /PATH`. */
export function serveAddonLists(
  server: FastifyInstance,
  deps: AddonLookup,
  { path, name, reply, itemOf }: Listed,
): void {
  const response = { 200: arrayOf(reply), ...failures };
  server.get(
    `/apps/:app/${path}`,
    { schema: { tags, summary: `The ${name} of an app`, params: appPath, response } },
    async (request) => {
      const app = appOf(request);
      const base = publicUrlOf(request, deps.publicUrl);
      return (await deps.addons.stored.list(app.id)).map((addon) => itemOf(base, app, addon));
    },
  );
  const all = allAddons(deps.addons.stored, deps.apps);
  server.get(
    `/${path}`,
    { schema: { tags, summary: `All ${name} that this key may see`, response } },
    async (request, reply) => {
      const base = publicUrlOf(request, deps.publicUrl);
      const principal = principalOf(request);
      const read = await all();
      const seen = principal.apps === "all" ? read : read.filter(({ app }) => maySee(principal, app.id));
      const items = await itemsOf(seen, base, (app, addon) => itemOf(base, app, addon));
      return sendShared(reply, items, () => items);
    },
  );
}
