/**
 * Both steps of an exchange's limits may be asked at the same time, by a script each. Where the first refuses it leaves a
 * mark, and the second, which the server runs after it, finds that and takes nothing.
 */
import type { LimitSubject } from '../../core/ports.ts';

interface Mark {
  readonly keys: readonly string[];
  readonly does: '' | 'leave' | 'look';
}

const none: Mark = { keys: [], does: '' };

/** Under the hash tag of the limits. */
export function markOf({ exchange, call }: LimitSubject): Mark {
  if (exchange === undefined) return none;
  return {
    keys: [`millrace:{limits}:turned-away:${exchange}`],
    does: call === undefined ? 'leave' : 'look',
  };
}
