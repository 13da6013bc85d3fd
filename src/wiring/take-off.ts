/**
 * Who waits for a server that says nothing is sent elsewhere now, and not when its own clock runs out. It ends as any try or
 * stream does that got no word: `attempt` alone sends it again, and `carryOn` alone has the rest of a stream said.
 */
import type { Config } from '../config/schema.ts';
import type { Upstream } from '../core/exchange.ts';
import { fail } from '../core/failure.ts';
import type { Lasting } from './lasting.ts';

interface Silence {
  readonly upstream: Upstream;
  /** Who did say something meanwhile, by name. */
  readonly others: ReadonlySet<string>;
}

const says = 'the upstream says nothing to anybody, not even how it is: it is hung, or cannot be reached';

export function takeOff(
  { underWay, drains, retries, log }: Pick<Lasting, 'underWay' | 'drains' | 'retries' | 'log'>,
  { retries: { attempts, budget } }: Pick<Config, 'retries'>,
  { upstream: { name }, others }: Silence,
): void {
  // Whoever could not be sent again for the budget's sake waits on: nothing is gained where it fails at once.
  const most = retries.budget.left(budget);
  const leaving = { server: name, others, attempts };
  const { left, of } = underWay.takeOff(leaving, most, fail('first_token_timeout', says));
  const moved = drains.streams.move(name, fail('idle_timeout', says), most - left);
  if (of + moved > 0)
    log.warn(
      { upstream: name, left, moved, waiting: of - left },
      'an upstream says nothing: requests leave it',
    );
}
