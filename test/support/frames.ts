/** Frames as senders write them, for tests. */
export const octetCounted = (payload: string | Uint8Array): Buffer => {
  const bytes = Buffer.from(payload as string);
  return Buffer.concat([Buffer.from(`${bytes.length} `), bytes]);
};

/** One frame in the form that log-shuttle and dynos send. */
export const shuttleFrame = (message: string, { app = "app", process = "web.1", pri = 190 } = {}): Buffer =>
  octetCounted(`<${pri}>1 2026-01-02T03:04:05.000006+00:00 shuttle ${app} ${process} - - ${message}\n`);
