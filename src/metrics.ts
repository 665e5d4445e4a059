/** Every metric: unit in the name, labels from closed sets only, never an app, a token or a URL. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { QuickHistogram } from "./metrics/quick-histogram.ts";

/** The metrics that `/metrics` prints. */
export const metricsRegistry = new Registry();

const buildInfo = new Gauge({
  name: "tailrace_build_info",
  help: "1, and what runs here in the labels.",
  labelNames: ["version", "node"] as const,
  registers: [metricsRegistry],
});

export const tellBuild = (version: string): void =>
  buildInfo.set({ version, node: process.versions.node }, 1);

/** Adds the process's own metrics (CPU, memory, event loop). Call it once per process. */
export const collectProcessMetrics = (): void => collectDefaultMetrics({ register: metricsRegistry });

const registers = [metricsRegistry];

export const acceptedLines = new Counter({
  name: "tailrace_accepted_lines_total",
  help: "Lines that were taken in and handed to the log.",
  labelNames: ["via"] as const, // http, syslog, notice
  registers,
});

export const storedLines = new Counter({
  name: "tailrace_stored_lines_total",
  help: "Lines that were durable when their sender was told so.",
  labelNames: ["via"] as const, // http, syslog, notice
  registers,
});

export const appendSeconds = new Histogram({
  name: "tailrace_append_duration_seconds",
  help: "From the hand-over of a batch to the log until it is durable.",
  buckets: [0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 15],
  registers,
});

export const backgroundFailures = new Counter({
  name: "tailrace_background_failures_total",
  help: "Work that nobody waits for and that failed, and with `--nats` lines that a stream did not take (`append`); it is tried again by itself. The log has one in a minute of each kind.",
  labelNames: ["work"] as const, // append, retention, head, live, history, lease, open_files, census, addons
  registers,
});

// The HTTP door

export const httpConnections = new Gauge({
  name: "tailrace_http_connections",
  help: "Open HTTP connections, without those that carry a log stream.",
  registers,
});

export const httpDroppedConnections = new Counter({
  name: "tailrace_http_dropped_connections_total",
  help: "HTTP connections that were refused, or closed by this side before their client was done.",
  labelNames: ["reason"] as const, // too_many, too_many_of_address, made_room, pipelined, unread
  registers,
});

export const appsCounted = new Gauge({
  name: "tailrace_apps",
  help: "Apps that there are, counted once a minute by nodes of the role control, each of which counts all.",
  registers,
});

// The folder of --data

export const diskFree = new Gauge({
  name: "tailrace_disk_free_bytes",
  help: "Bytes that the disk of --data, or the process's limit of a file, leaves free; 0 with --nats.",
  registers,
});

export const journalBytes = new Gauge({
  name: "tailrace_journal_bytes",
  help: "Bytes of the embedded log's segments; 0 with --nats.",
  registers,
});

export const journalLiveBytes = new Gauge({
  name: "tailrace_journal_live_bytes",
  help: "Bytes of the embedded log's segments that hold lines which retention keeps, about; the others are given back.",
  registers,
});

export const trimmedLines = new Counter({
  name: "tailrace_trimmed_lines_total",
  help: "Lines that retention took off the embedded log, read or not; 0 with --nats, where the servers do it.",
  registers,
});

export const damagedLines = new Counter({
  name: "tailrace_damaged_lines_total",
  help: "Stored lines that could not be read, as often as somebody asked for them; their drains count them as lost.",
  registers,
});

export const damagedBytes = new Counter({
  name: "tailrace_damaged_bytes_total",
  help: "Bytes of the embedded log that a start found damaged and passed over.",
  registers,
});

export const diskRefusing = new Gauge({
  name: "tailrace_disk_refusing_lines",
  help: "1 while lines are refused because what the disk has left is kept in reserve.",
  registers,
});

export const dataInPlace = new Gauge({
  name: "tailrace_data_in_place",
  help: "1 while the data are in their place, 0 when the data file was removed, replaced or cut under the server, or a stream of the log or the records deleted from NATS, or the records emptied.",
  registers,
});

export const ready = new Gauge({
  name: "tailrace_ready",
  help: "1 while the node can store, as /readyz says, looked at when metrics are asked for; 0 if it cannot, or cannot say in time.",
  registers,
});

// Ingest

export const repeatedLines = new Counter({
  name: "tailrace_repeated_lines_total",
  help: "Lines sent again under the id of a request that is stored: acknowledged again, stored once.",
  labelNames: ["via"] as const, // http, syslog, notice
  registers,
});

export const malformedFrames = new Counter({
  name: "tailrace_malformed_frames_total",
  help: "Frames that could not be taken: a body that is not frames, or one of syslog that names no token.",
  labelNames: ["via"] as const, // http, syslog, relp, udp
  registers,
});

export const unknownTokenFrames = new Counter({
  name: "tailrace_unknown_token_frames_total",
  help: "Frames dropped because nobody knows the token in their APPNAME.",
  labelNames: ["via"] as const, // http, syslog, relp, udp
  registers,
});

export const datagrams = new Counter({
  name: "tailrace_syslog_datagrams_total",
  help: "Datagrams of syslog over UDP; dropped: those before them, or those whose tokens were not looked up yet, filled the memory that there is for them; overrun: the system dropped them, as more came than were read in time (Linux, looked at every 5 s).",
  labelNames: ["fate"] as const, // taken, dropped, overrun
  registers,
});

export const senderFaults = new Counter({
  name: "tailrace_sender_faults_total",
  help: "What senders did wrong, by cause; the server's log tells which peers, and the remedy.",
  labelNames: ["cause"] as const, // those of src/ingest/senders/fault-causes.ts
  registers,
});

export const refusedRequests = new Counter({
  name: "tailrace_refused_log_requests_total",
  help: "POST /logs that was answered with an error, and nothing of it stored.",
  labelNames: ["code"] as const, // codes of src/errors/
  registers,
});

export const syslogConnections = new Gauge({
  name: "tailrace_syslog_connections",
  help: "Open connections of syslog senders.",
  registers,
});

export const droppedConnections = new Counter({
  name: "tailrace_syslog_dropped_connections_total",
  help: "Connections of syslog senders that were closed by this side.",
  labelNames: ["reason"] as const, // those of `Closing` in src/ingest/connections/stream-listener.ts
  registers,
});

export const syslogLostLines = new Counter({
  name: "tailrace_syslog_lost_lines_total",
  help: "Lines read from syslog connections that could not be stored before the process stopped.",
  registers,
});

// Drains

/**
 * Lines that left a drain's backlog since the metric was last read: a parcel costs one addition, and no hashing of
 * labels.
 */
export const drainLines = { delivered: 0, refused: 0, lost: 0, filtered: 0, replayed: 0 };
export const drainOutcomes = Object.keys(drainLines) as (keyof typeof drainLines)[];

new Counter({
  name: "tailrace_drain_lines_total",
  help: "Lines that left a drain's backlog, by what became of them.",
  labelNames: ["outcome"] as const, // delivered, refused, lost, filtered, replayed
  registers,
  collect() {
    for (const outcome of drainOutcomes) {
      if (drainLines[outcome] > 0) this.inc({ outcome }, drainLines[outcome]);
      drainLines[outcome] = 0;
    }
  },
});

export const drainDeliverySeconds = new QuickHistogram({
  name: "tailrace_drain_delivery_duration_seconds",
  help: "One attempt to deliver a parcel, by its verdict.",
  label: { name: "verdict", values: ["delivered", "retry", "split", "refused"] },
  buckets: [0.001, 0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  registers,
});

export const drainLagSeconds = new QuickHistogram({
  name: "tailrace_drain_lag_seconds",
  help: "From the acceptance of a delivered parcel's first line to its delivery.",
  buckets: [0.005, 0.02, 0.1, 0.5, 1, 5, 30, 120, 600, 3600, 86_400],
  registers,
});

export const drainWorkers = new Gauge({
  name: "tailrace_drain_workers",
  help: "Drains that are being run.",
  registers,
});

export const failingDrains = new Gauge({
  name: "tailrace_failing_drains",
  help: "Drains whose last attempt failed, by the cause; looked at every 15 s.",
  labelNames: ["cause"] as const, // those of src/core/records/failure-cause.ts
  registers,
});

export const drainBacklogLines = new Gauge({
  name: "tailrace_drain_backlog_lines",
  help: "Lines that wait for their drains, all drains of this node together; looked at every 15 s, 200 drains in each round.",
  registers,
});

export const drainBacklogAge = new Gauge({
  name: "tailrace_drain_backlog_age_seconds",
  help: "Age of the oldest line that waits for a drain of this node, looked at as the lines are.",
  registers,
});

export const drainSockets = new Gauge({
  name: "tailrace_drain_connections",
  help: "Connections that drains hold open or are opening.",
  registers,
});

export const drainRedactions = new Counter({
  name: "tailrace_drain_redactions_total",
  help: "Stretches of lines that a drain's redaction replaced; those of a parcel that is sent again count again.",
  labelNames: ["what"] as const, // email, card, bearer, ip, pattern
  registers,
});

export const openTails = new Gauge({
  name: "tailrace_open_tails",
  help: "Log streams that are open, tailing or sending history.",
  labelNames: ["transport"] as const, // plain, events
  registers,
});

export const cutTails = new Counter({
  name: "tailrace_cut_tails_total",
  help: "Log streams that were cut off because their client did not take what it was sent.",
  labelNames: ["reason"] as const, // stalled (for too long), unread (stalled clients together held too much)
  registers,
});

export const tailLines = new Counter({
  name: "tailrace_tail_sent_lines_total",
  help: "Lines handed to the connections of log streams.",
  labelNames: ["transport"] as const, // plain, events
  registers,
});

export const tailLostLines = new Counter({
  name: "tailrace_tail_lost_lines_total",
  help: "Lines that retention took before the reader of a log stream came to them, or that are damaged; each was told in an L11 line.",
  registers,
});

// The canary

export const canarySent = new Counter({
  name: "tailrace_canary_sent_lines_total",
  help: "Lines that the canary (--canary) sent through the whole of the server.",
  registers,
});

export const canaryRefused = new Counter({
  name: "tailrace_canary_refused_lines_total",
  help: "Lines of the canary that ingest did not take.",
  registers,
});

export const canaryLost = new Counter({
  name: "tailrace_canary_lost_lines_total",
  help: "Lines of the canary that were taken and did not come back within a minute, by the way back.",
  labelNames: ["way"] as const, // log, drain, receiver
  registers,
});

export const canaryDelay = new Histogram({
  name: "tailrace_canary_delay_seconds",
  help: "From the sending of a line of the canary until it came back, by the way back.",
  labelNames: ["way"] as const, // log, drain, receiver
  buckets: [0.002, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60],
  registers,
});

// Patterns

export const patternSeconds = new Counter({
  name: "tailrace_pattern_seconds_total",
  help: "Processor time that was spent on the patterns of filters and redactions.",
  registers,
});

export const patternThreadsEnded = new Counter({
  name: "tailrace_pattern_threads_ended_total",
  help: "Threads that ran patterns, did not answer in time, and were replaced.",
  registers,
});

// NATS

export const natsConnected = new Gauge({
  name: "tailrace_nats_connected",
  help: "1 while there is a connection to a NATS server, 0 while it is tried again, or without --nats.",
  registers,
});

export const natsReconnects = new Counter({
  name: "tailrace_nats_reconnects_total",
  help: "Connections to NATS that came back.",
  registers,
});
