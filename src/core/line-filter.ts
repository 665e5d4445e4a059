/** Which lines a reader wants: by source, process and pattern. Patterns are RE2: linear in the line. */
/** What a reader wants to see of an app; every part given must hold. */
export type FilterSpec = {
  /** Sources, whole. */
  readonly sources?: readonly string[];
  /** A process (`web.1`) or a process type (`web`). */
  readonly dynos?: readonly string[];
  /** RE2 patterns over the message. */
  readonly match?: string;
  readonly exclude?: string;
};
