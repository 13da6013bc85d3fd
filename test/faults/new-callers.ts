/**
 * Keys that are made at one gateway and used at another in the next moment, and keys that nobody made: whatever becomes of what
 * the gateways stand on, it is never said of the first that they are wrong, and of the second only where it is known (G5).
 */
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { Failure } from '../../src/core/failure.ts';
import { makeKey } from '../../src/identity/api-key.ts';
import type { TestGateway } from '../gateway.ts';
import { makeStoredKey, statusWith } from '../stored-keys.ts';
import { until } from './rig.ts';

/** How many got which status. */
type Statuses = Readonly<Record<number, number>>;

export interface NewCallers {
  readonly made: Statuses;
  readonly unmade: Statuses;
  /** Keys that could not be made, which is said as our outage. */
  readonly notMade: number;
  /** No more. Resolves once every key that was made is let in by all, or rejects when somebody was told what is not true. */
  end(): Promise<void>;
}

const pauseMs = 50;
let makers = 0;

export function keepMakingKeys(gateways: readonly TestGateway[]): NewCallers {
  const keys: string[] = [];
  const made: Record<number, number> = {};
  const unmade: Record<number, number> = {};
  let notMade = 0;
  let making = true;
  makers += 1;
  const maker = makers;
  const makeOne = async (turn: number) => {
    const [one, other] = [gateways[turn % gateways.length], gateways[(turn + 1) % gateways.length]];
    assert.ok(one !== undefined && other !== undefined);
    const key = await makeStoredKey(one, { name: `new-${maker}-${turn}` }).catch(passOutage);
    if (key === undefined) notMade += 1;
    else {
      keys.push(key);
      count(made, await statusWith(other, key));
    }
    count(unmade, await statusWith(other, makeKey()));
  };
  const all = (async () => {
    for (let turn = 0; making; turn += 1) {
      await makeOne(turn);
      await pause(pauseMs);
    }
  })();
  return {
    made,
    unmade,
    get notMade() {
      return notMade;
    },
    end: async () => {
      making = false;
      await all;
      assertOnly(made, [200, 503], 'keys that were made');
      assertOnly(unmade, [401, 503], 'keys that nobody made');
      for (const gateway of gateways)
        for (const key of keys)
          await until('it is let in', async () => {
            const status = await statusWith(gateway, key);
            assertOnly({ [status]: 1 }, [200, 503], 'afterwards');
            return status === 200;
          });
    },
  };
}

function count(statuses: Record<number, number>, status: number): void {
  statuses[status] = (statuses[status] ?? 0) + 1;
}

function assertOnly(statuses: Statuses, allowed: readonly number[], whose: string): void {
  const others = Object.keys(statuses).filter((status) => !allowed.includes(Number(status)));
  assert.deepEqual(others, [], `${whose}: ${JSON.stringify(statuses)}`);
}

function passOutage(thrown: unknown): undefined {
  if (!(thrown instanceof Failure) || thrown.code !== 'dependency_unavailable') throw thrown;
}
