/**
 * Asks the other nodes of a cluster about what only they know. Nodes that do not answer in time are left out: the
 * answers are for the operator to read, and decide nothing.
 */
export interface OtherNodes {
  /** The lists of other nodes, from those that answer within `answerMsMax`, at most `answersMax`. Never rejects. */
  ask(question: string): Promise<readonly (readonly unknown[])[]>;
  /**
   * Answers a question from now on, with a list that is cut at its end if it is too long. The returned function stops
   * it.
   */
  answer(question: string, make: () => readonly unknown[]): () => void;
}

export const otherNodesLimits = { answerMsMax: 500, answersMax: 200 } as const;

/** For a node that is alone. */
export const noOtherNodes: OtherNodes = { ask: async () => [], answer: () => () => {} };
