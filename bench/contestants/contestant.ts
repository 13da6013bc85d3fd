// What the benchmark must know of a gateway to run it.
import type { Command } from '../child.ts';

export interface Site {
  readonly port: number;
  readonly adminPort: number;
  readonly mockPort: number;
  /** An empty folder of its own. */
  readonly folder: string;
}

export interface Contestant {
  readonly name: string;
  /** One line for the results: what exactly was measured. */
  describe(): string;
  /** Why it cannot run on this machine, with what would mend it. */
  missing(): string | undefined;
  command(site: Site): Command;
  headers(site: Site): Readonly<Record<string, string>>;
}

export const clientKey = 'sk-mr-bench-0000000000000000';
