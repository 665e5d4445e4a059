/**
 * Asks the other nodes of a cluster about what only they know. Nodes that do not answer in time are left out: the
 * answers are for the operator to read, and nothing is decided by them.
 */
export interface OtherNodes {
  /** The lists that other nodes answer with, within `answerMsMax` and up to `answersMax` nodes. Never rejects. */
  ask(question: string): Promise<readonly (readonly unknown[])[]>;
  /** Answers a question from now on, with a list that is cut at its end where it is too long. The result ends it. */
  answer(question: string, make: () => readonly unknown[]): () => void;
}

export const otherNodesLimits = { answerMsMax: 500, answersMax: 200 } as const;

/** The others of a node that is alone. */
export const noOtherNodes: OtherNodes = { ask: async () => [], answer: () => () => {} };
