/** What the primary and its workers ask each other. */
import type { StaticKey } from '../../stores/memory/key-store.ts';
import type { SentConfig } from './sent-config.ts';

/** What a worker is told before it opens anything. */
export interface WorkerStart {
  readonly worker: number;
  /** How many there are. */
  readonly workers: number;
  readonly inForce: SentConfig;
  /** Whether it is known by now that no other configuration is in force. */
  readonly isSettled: boolean;
  readonly ownKeys: readonly StaticKey[];
  /** Where the others listen already; absent for the first one, where the configuration leaves a port open. */
  readonly ports: WorkerPorts | undefined;
  /** Whether the kernel shares connections out among those who listen at the same place. */
  readonly sharesPort: boolean;
}

export interface WorkerPorts {
  readonly clients: number;
  /** Where those who come without TLS are sent on from, if that is asked for. */
  readonly redirect: number | undefined;
}

export type ToWorker = {
  readonly start: { given: WorkerStart; answer: WorkerPorts };
  /** Answers which configuration it serves by from now on. */
  readonly take: { given: SentConfig; answer: string };
  /** No other configuration is in force than the one that it has. */
  readonly settle: { given: undefined; answer: undefined };
  /** A row of the admin API, asked as operators ask it. */
  readonly row: { given: { readonly name: string; readonly call: unknown }; answer: unknown };
  /** Answered as soon as its event loop turns. */
  readonly pulse: { given: undefined; answer: undefined };
  /** Its own, as text. */
  readonly metrics: { given: undefined; answer: string };
  /** What is wrong with the new ones. */
  readonly certificates: { given: undefined; answer: readonly string[] };
  /** To leave in good order (G23). Answered at once, as `stop` is: that it is done is told by its exit. */
  readonly drain: { given: { readonly preStopMs: number }; answer: undefined };
  readonly stop: { given: { readonly graceMs: number }; answer: undefined };
};

export type ToPrimary = {
  /** Of all workers together. */
  readonly metrics: { given: undefined; answer: string };
  /** Under which name it writes to the spool from now on. */
  readonly run: { given: string; answer: undefined };
};
