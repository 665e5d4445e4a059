/** Tells which drain an app already has for a URL, by the token that all commands show. */
import type { Api } from "../api/api.ts";
import { CliError } from "../errors.ts";

/** Throws the failure of `drains:add`, explained. */
export async function addingFailed(api: Api, app: string, error: unknown): Promise<never> {
  const id = error instanceof CliError && error.code === "DRAIN_REPEATED" && idForm.exec(error.message)?.[0];
  if (!id) throw error;
  const drain = await api.drain(app, id).catch(() => undefined);
  if (drain === undefined) throw error;
  const { message, mend, exitStatus, code } = error;
  throw new CliError(message.replaceAll(id, drain.token), mend, { exitStatus, code });
}

const idForm = /\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/;
