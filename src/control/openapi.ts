/** The OpenAPI document, made from the API's own schemas. */
import swagger from "@fastify/swagger";
import { type FastifyInstance, type FastifySchema, fastify, type HTTPMethods } from "fastify";

const tags = [
  { name: "Apps", description: "Every app has one ordered log." },
  { name: "Logs", description: "Sessions: short-lived addresses to read an app's log at." },
  { name: "Drains", description: "Copies of an app's log to a URL." },
  { name: "Account", description: "Who asks, and API keys." },
  { name: "Logplex", description: "The v3 management API of logplex." },
  { name: "Operations", description: "For whoever runs the server." },
];

type ApiRoute = {
  readonly method: string | readonly string[];
  readonly url: string;
  readonly schema: object;
};

/** Routes and their schemas, which is all that the document needs. It can be sent to a thread. */
export type ApiDescription = { readonly version: string; readonly routes: readonly ApiRoute[] };

/** Records everything that is registered on `server` from here on. */
export function describeApi(server: FastifyInstance, { version }: { version: string }): () => ApiDescription {
  const added: {
    readonly method: ApiRoute["method"];
    readonly url: string;
    readonly schema?: FastifySchema;
  }[] = [];
  server.addHook("onRoute", (route) => void added.push(route)); // others may still give it a schema
  return () => {
    const shown = added.filter(({ method, schema }) => schema?.hide !== true && String(method) !== "HEAD"); // comes with GET
    return { version, routes: shown.map(({ method, url, schema = {} }) => ({ method, url, schema })) };
  };
}

/** Makes the document, which takes some 50 ms. */
export async function openApiOf({ version, routes }: ApiDescription): Promise<object> {
  const server = fastify({ exposeHeadRoutes: false });
  const compiled = () => () => "";
  server.setValidatorCompiler(() => () => true).setSerializerCompiler(compiled);
  await server.register(swagger, {
    openapi: {
      openapi: "3.0.3",
      info: {
        title: "tailrace",
        version,
        description:
          "The log plane of a platform. Speaks the Heroku Platform API and the v3 API of logplex. " +
          "What a key may not see answers 404.",
      },
      tags,
      components: {
        securitySchemes: {
          bearer: { type: "http", scheme: "bearer", description: "An API key." },
          basic: { type: "http", scheme: "basic", description: "Any user name, an API key as the password." },
        },
      },
      security: [{ bearer: [] }, { basic: [] }],
    },
  });
  for (const { method, url, schema } of routes) {
    server.route({ method: method as HTTPMethods, url, schema, handler: () => {} });
  }
  await server.ready();
  return server.swagger();
}
