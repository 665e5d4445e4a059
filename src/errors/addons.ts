/** Failures of add-ons, and of the providers behind them. */
import { AppError } from "./app-error.ts";

export const addonServiceUnknown = (service: string) =>
  new AppError({
    code: "ADDON_SERVICE_UNKNOWN",
    status: 404,
    message: `Couldn't find either the add-on service or the add-on plan of "${service.slice(0, 60)}".`,
    mend: "The operator puts the manifests of add-ons into the folder of --addons; `tailrace addons:services` lists them.",
    resource: "addon_service",
  });

/** Heroku's words: its clients show them as they are. */
export const addonAmbiguous = (names: readonly string[]) =>
  new AppError({
    code: "ADDON_AMBIGUOUS",
    status: 422,
    id: "multiple_matches",
    message: `Ambiguous identifier; multiple matching add-ons found: ${names.join(", ")}.`,
    mend: "Give the name of one of them.",
  });

export const addonLimit = (max: number) =>
  new AppError({
    code: "ADDON_LIMIT",
    status: 422,
    message: `The app has ${max} add-ons, which is the limit.`,
    mend: "Destroy one that nothing uses any more.",
  });

export const addonNameTaken = (name: string) =>
  new AppError({
    code: "ADDON_NAME_TAKEN",
    status: 422,
    message: `There is an add-on ${name.slice(0, 61)} already.`,
    mend: "Give another name, or leave it out to get a generated one.",
  });

export const addonNameInvalid = (name: string) =>
  new AppError({
    code: "ADDON_NAME_INVALID",
    status: 422,
    message: `"${name.slice(0, 60)}" is no name of an add-on.`,
    mend: "Use 1 to 61 of a-z, 0-9 and -, not - first, or leave the name out to get a generated one.",
  });

export const addonRefused = (service: string, said: string) =>
  new AppError({
    code: "ADDON_REFUSED",
    status: 422,
    message: `The provider of ${service} refuses: ${said}.`,
    mend: "Nothing was changed here. Its own documentation says more.",
  });

/** Another try makes no sense before the manifest or the provider is corrected. */
export const addonAnswerUnusable = (service: string, reason: string) =>
  new AppError({
    code: "ADDON_ANSWER_UNUSABLE",
    status: 503,
    message: `The provider of ${service} answers what cannot be used: ${reason}.`,
    mend: "Nothing was changed here. Tell the operator: the manifest in --addons, or the provider, has to be corrected.",
  });

export const addonConfigTaken = (name: string) =>
  new AppError({
    code: "ADDON_CONFIG_TAKEN",
    status: 422,
    message: `The app has the config var ${name.slice(0, 101)} already, which the add-on would set.`,
    mend: "Remove it first: `tailrace config:unset`, or `tailrace addons:destroy` where another add-on has set it.",
  });

/** Its provider refuses or does not answer. */
export const addonNotDestroyed = (addon: string, { message, status }: AppError) =>
  new AppError({
    code: "ADDON_NOT_DESTROYED",
    status,
    message: `${addon} was not destroyed. ${message}`,
    mend: "Try again later, or add --force: then it is removed here, and its provider may go on with it and charge for it.",
  });

export const addonProviderFails = (service: string, reason: string, cause?: unknown) =>
  new AppError({
    code: "ADDON_PROVIDER_FAILS",
    status: 503,
    message: `The provider of ${service} cannot be used: ${reason}.`,
    mend: "Nothing was changed here. Try again later, or tell the operator: the manifest in --addons says where it is.",
    retryAfterS: 30,
    cause,
  });

/** In Heroku's words. `isRemoval`: the variables were to be removed. */
export const addonOwnsConfig = (names: readonly string[], isRemoval: boolean) =>
  new AppError({
    code: "ADDON_OWNS_CONFIG",
    status: 422,
    message: `Cannot ${isRemoval ? "destroy" : "overwrite"} attachment values ${names.join(", ")}.`,
    mend: "The provider of the add-on sets them, and they are removed with it: `tailrace addons:destroy`.",
  });

export const addonOwnsDrain = (addon: string) =>
  new AppError({
    code: "ADDON_OWNS_DRAIN",
    status: 422,
    message: `The drain is the add-on ${addon}'s.`,
    mend: "Its provider alone sets its URL, and it is removed with the add-on: `tailrace addons:destroy`.",
  });

export const addonOwnsToken = (addon: string) =>
  new AppError({
    code: "ADDON_OWNS_TOKEN",
    status: 422,
    message: `The add-on ${addon} writes with this token.`,
    mend: "It is revoked with the add-on: `tailrace addons:destroy`.",
  });

export const addonHasNoDashboard = (service: string) =>
  new AppError({
    code: "ADDON_HAS_NO_DASHBOARD",
    status: 422,
    message: `${service} has no dashboard to sign on at.`,
    mend: "Its manifest names none: `api.sso_salt` and `api.production.sso_url`.",
  });

export const oauthRefused = () =>
  new AppError({
    code: "OAUTH_REFUSED",
    status: 401,
    message: "There is no such grant, or it was used or has ended, or the client secret is wrong.",
    mend: "A code is good for five minutes, and once; the client secret is the manifest's `api.client_secret`, else its password.",
  });

export const addonsUnusable = (file: string, reason: string) =>
  new AppError({
    code: "ADDONS_UNUSABLE",
    status: 503,
    message: `The manifests of --addons cannot be used: ${file}: ${reason}.`,
    mend: "Write it as Heroku's addon-manifest.json: docs/addons.md has an example.",
    exitStatus: 2,
  });

export const addonsUnreadable = (path: string, code: string) =>
  new AppError({
    code: "ADDONS_UNREADABLE",
    status: 503,
    message: `--addons cannot be read: ${path}: ${code}.`,
    mend: "Name a folder that exists, and let the server's user read it and the manifests in it.",
    exitStatus: 2,
  });
