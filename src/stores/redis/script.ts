/** A script that runs in Redis: sent by its hash, and as text only where the server does not know it yet. */
import { hash } from 'node:crypto';

export interface Script {
  /** For people. */
  readonly name: string;
  readonly text: string;
  readonly sha1: string;
}

export function createScript(name: string, text: string): Script {
  return { name, text, sha1: hash('sha1', text) };
}

/** Sets `now`, in microseconds since 1970, by the server's clock: one for all replicas. */
export const serverTime = `
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
`;
