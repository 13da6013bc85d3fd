import type { Clocks } from '../core/exchange.ts';

/** For a model that says nothing else, and for `upstream/model` without an entry of its own. */
export const defaultClocks: Clocks = {
  connectMs: 5_000,
  firstTokenMs: 60_000,
  loadMs: 300_000,
  idleMs: 60_000,
  totalMs: 600_000,
  queueMs: 30_000,
};
