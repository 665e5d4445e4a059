/** Heroku Platform API, "Add-on Service" and "Plan". */
import type { FastifyPluginAsync } from "fastify";
import type { Addons } from "../../addons/addons.ts";
import { arrayOf, failures } from "../schemas.ts";
import { defaultPlan, planOf, planReply, serviceOf, serviceReply, tags } from "./addon-reply.ts";

type ServiceRequest = { Params: { service: string } };

export const addonServicesApi: FastifyPluginAsync<{ readonly addons: Addons }> = async (
  server,
  { addons },
) => {
  server.get(
    "/addon-services",
    {
      schema: {
        tags,
        summary: "The services with a manifest here",
        response: { 200: arrayOf(serviceReply), ...failures },
      },
    },
    async () => [...addons.manifests.values()].map(serviceOf),
  );
  server.get<ServiceRequest>(
    "/addon-services/:service",
    { schema: { tags, summary: "A service", response: { 200: serviceReply, ...failures } } },
    async (request) => serviceOf(addons.manifest(request.params.service)),
  );
  server.get<ServiceRequest>(
    "/addon-services/:service/plans",
    {
      schema: {
        tags,
        summary: "Its plans: any name is one, the provider says which it has",
        response: { 200: arrayOf(planReply), ...failures },
      },
    },
    async (request) => [planOf(addons.manifest(request.params.service).id, defaultPlan)],
  );
};
