/** The API described by its own schemas. */
import swagger from "@fastify/swagger";
import type { FastifyInstance } from "fastify";

const tags = [
  { name: "Apps", description: "Every app has one ordered log." },
  { name: "Logs", description: "Sessions: short-lived addresses to read an app's log at." },
  { name: "Drains", description: "Copies of an app's log to a URL." },
  { name: "Account", description: "Who asks, and API keys." },
  { name: "Logplex", description: "The v3 management API of logplex." },
  { name: "Operations", description: "For whoever runs the server." },
];

/** Describes what is registered on `server` from here on: `server.swagger()` is the OpenAPI document. */
export async function describeApi(server: FastifyInstance, { version }: { version: string }): Promise<void> {
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
}
