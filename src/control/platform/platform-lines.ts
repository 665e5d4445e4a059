/** Tells an app, in its own log, what somebody did to it through the API. */
import type { FastifyRequest } from "fastify";
import type { ChannelId } from "../../core/ids.ts";
import type { User } from "../../registry/platform/platforms.ts";
import { principalOf } from "../auth.ts";
import { userOf } from "./account.ts";

/** Puts a line `app[api]: TEXT` into the app's log; never rejects, because the action it reports is done. */
export type TellApp = (channel: ChannelId, text: string) => Promise<void>;

/** The user that a request's key stands for. */
export const requester = (request: FastifyRequest): User => userOf(principalOf(request));
