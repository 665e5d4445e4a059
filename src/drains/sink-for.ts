/** Makes the sink that a drain's destination needs. */
import type { Sink } from "../ports.ts";
import type { DrainRecord } from "../registry/records.ts";
import { anyAddress, type Resolve, type ResolveInTurn } from "./addresses.ts";
import type { SinkHooks } from "./connections/sink-slot.ts";
import { parseDestination } from "./destination.ts";
import type { OwnEndpoints } from "./own-endpoints.ts";
import type { BodyPlaces } from "./sinks/body-places.ts";
import type { Buffers } from "./sinks/buffers.ts";
import { httpsSink, type SinkLimits } from "./sinks/https.ts";
import { syslogSink } from "./sinks/syslog.ts";
import type { Trace } from "./trace.ts";

export type SinkOptions = Omit<SinkLimits, "resolve"> & {
  readonly resolve: ResolveInTurn;
  /** This server's own endpoints: no drain goes there, even if its URL was stored before they were known. */
  readonly own?: OwnEndpoints;
  readonly userAgent: string;
  /** Memory that all drains share to write into. */
  readonly buffers?: Buffers;
  /** Bounds the memory of the bodies of all https drains. */
  readonly places?: BodyPlaces;
  /** Looks up an app's name; without it, formats name the app by its id. */
  readonly appName?: (appId: DrainRecord["channel"]) => Promise<string | undefined>;
};

/**
 * Makes a sink for each record; with a `trace`, for one parcel, whose steps are recorded. Throws an AppError when the
 * record's URL cannot be used (any more).
 */
export function sinksFor({
  userAgent,
  appName,
  own,
  resolve,
  buffers,
  places,
  ...all
}: SinkOptions): (drain: DrainRecord, hooks?: SinkHooks & { readonly trace?: Trace }) => Sink {
  return (drain, { trace, onBreak = () => {} } = {}) => {
    const {
      url = "",
      format,
      compression,
      token,
      channel,
      ca,
      cert,
      key,
      headers,
      secret,
      previousSecret,
    } = drain;
    const inTurn: Resolve = (name, lookup, done) => resolve(name, lookup, done, channel);
    const policy = own?.isExcepted(url) ? anyAddress : all.policy;
    const limits = { ...all, policy, resolve: inTurn, ...(trace && { trace }) };
    const destination = parseDestination(url, { format, compression, allow: limits.policy, own });
    const tls = { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
    return destination.kind === "syslog"
      ? syslogSink({
          ...limits,
          ...tls,
          destination,
          drainToken: token,
          onBreak,
          ...(buffers && { buffers }),
        })
      : httpsSink({
          ...limits,
          ...tls,
          destination,
          drainToken: token,
          ...(buffers && { buffers }),
          ...(places && { places }),
          userAgent,
          appId: channel,
          ...(appName && { appName: () => appName(channel) }),
          ...(headers && { headers }),
          secrets: [secret, previousSecret].filter((one) => one !== undefined),
        });
  };
}
