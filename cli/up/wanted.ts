/** The vocabulary between the server and a runner: what is wanted, and what is running. */

export type WantedType = {
  readonly type: string;
  readonly command: string;
  readonly quantity: number;
  readonly size: string;
  readonly memory_mb: number;
};

export type Order = {
  readonly number: number;
  readonly kind: string;
  readonly target?: string;
  readonly dyno?: string;
  readonly command?: string;
  readonly size?: string;
  readonly memory_mb?: number;
  readonly env?: Readonly<Record<string, string>>;
};

export type Wanted = {
  /** Grows with every change. */
  readonly revision: number;
  readonly formation: readonly WantedType[];
  readonly config: Readonly<Record<string, string>>;
  /** The version of the release in force. */
  readonly release: number;
  readonly orders: readonly Order[];
};

export type DynoReport = {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly state: string;
  readonly command: string;
  readonly size: string;
  readonly release: number;
  readonly createdAt: string;
  readonly updatedAt: string;
};

export type RunnerReport = {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly replaces?: string;
  readonly dynos: readonly DynoReport[];
};
