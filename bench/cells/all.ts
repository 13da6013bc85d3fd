// Every cell, in the order in which a run measures and prints them.
import type { Cell } from './cell.ts';
import { chunks } from './chunks.ts';
import { firstToken } from './first-token.ts';
import { idleConnections } from './idle-connections.ts';
import { latency } from './latency.ts';
import { longPromptCell } from './long-prompt.ts';
import { passthrough } from './passthrough.ts';
import { start } from './start.ts';
import { streamsHeld } from './streams-held.ts';

export const cells: readonly Cell[] = [
  passthrough,
  longPromptCell,
  latency,
  firstToken,
  chunks,
  start,
  idleConnections,
  streamsHeld,
];
