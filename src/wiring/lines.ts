/** What those are told, and when, who wait for a stream. */
import type { Config } from '../config/schema.ts';
import type { LineOptions } from '../pipeline/line-comments.ts';
import type { Lasting } from './lasting.ts';

export function linesOf({ clock, accounts }: Lasting, { queue }: Config): LineOptions {
  return { clock, commentAfterMs: queue.commentAfterMs, written: () => accounts.written() };
}
