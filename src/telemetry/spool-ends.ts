/** What stands in the spool of finished exchanges. */
import type { SpoolEnd } from '../core/ports.ts';
import type { Ended } from './accounts.ts';

/** What reached no model costs nothing, and clients may name as many models as they like. */
export function spoolEnds(ended: readonly Ended[]): readonly SpoolEnd[] {
  return ended
    .filter(({ trail }) => trail.model !== '')
    .map(({ trail, line }) => ({ line, begun: trail.begun }));
}
