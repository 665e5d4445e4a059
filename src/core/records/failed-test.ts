/** A drain that has not failed with lines of its own yet, but will: its newest test line was not accepted. */

/**
 * True if nothing was delivered since the failed test, and no other state says more. Times are RFC 3339. A server of an
 * earlier version reports no test.
 */
export const isTestFailed = ({
  state,
  last_test: test,
  delivered_at: deliveredAt,
}: {
  readonly state?: string;
  readonly last_test?: { readonly at: string; readonly kind: string } | null;
  readonly delivered_at?: string | null;
}): boolean =>
  state !== "retrying" &&
  state !== "paused" &&
  test != null &&
  test.kind !== "delivered" &&
  !(deliveredAt != null && Date.parse(deliveredAt) >= Date.parse(test.at));
