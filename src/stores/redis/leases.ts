/** Slots that replicas divide among themselves by way of a Redis server, and by its clock. */
import type { LeaseClaim, LeaseGrant, Leases } from '../../core/ports.ts';
import type { Redis } from './connection.ts';
import { RedisError } from './fault.ts';
import { leaseScript } from './lease-script.ts';
import { parseClaim, writeParties, writeWeight } from './party-claims.ts';
import { createScript, serverTime } from './script.ts';

export interface RedisLeasesOptions {
  readonly redis: Redis;
  /** Of this replica, and of no other. */
  readonly id: string;
  /** Lua that sets `now` in microseconds; the server's clock unless a test holds it. */
  readonly time?: string;
}

const leaseMs = 10_000;
/** Where fewer slots than replicas want them: how long each has its turn. */
const turnMs = 1_000;
/** A script holds up everybody else for as long as it takes. */
const upstreamsAtOnce = 100;
/** The script reads no longer numbers, and no server has so many. */
const slotsMax = 99_999;

const channel = 'millrace:channel:slots';

export function createRedisLeases({ redis, id, time }: RedisLeasesOptions): Leases {
  const script = createScript('leases', `${time ?? serverTime}${leaseScript}`);
  const rules = [id, channel, String(leaseMs), String(turnMs)];
  const renewSome = async (claims: readonly LeaseClaim[]): Promise<readonly LeaseGrant[]> => {
    const args = [...rules, ...claims.flatMap(argsOf)];
    const answers = (await redis.run(script, claims.map(keyOf), args)) as readonly Answer[];
    return answers.map((answer, at) => grantOf(answer, claims[at]));
  };
  return {
    leaseMs,
    renew: (claims) =>
      told(async () => {
        const grants: LeaseGrant[] = [];
        for (let from = 0; from < claims.length; from += upstreamsAtOnce) {
          grants.push(...(await renewSome(claims.slice(from, from + upstreamsAtOnce))));
        }
        return grants;
      }),
    release: async (upstreams) => {
      await told(() =>
        Promise.all(upstreams.map((upstream) => redis.call(['HDEL', keyOf({ upstream }), id]))),
      );
      if (upstreams.length > 0) await told(() => redis.call(['PUBLISH', channel, id]));
    },
    onNews: (run) => {
      redis.subscribe(channel, {
        message: (from) => {
          if (from !== id) run();
        },
        missed: run,
      });
    },
  };
}

/** All of them under one tag: they are asked for together. */
function keyOf({ upstream }: Pick<LeaseClaim, 'upstream'>): string {
  return `millrace:{slots}:${upstream}`;
}

function argsOf({ slots, held, wanted, heard, learnt, parties, weight }: LeaseClaim): readonly string[] {
  const kind = learnt === undefined ? 0 : learnt.isNew ? 2 : 1;
  const { tooMany = 0, revision = 0 } = learnt ?? {};
  const counts = [slots, held, wanted, Number(heard), kind, tooMany].map(written);
  return [
    ...counts,
    String(revision),
    writeWeight(weight),
    parties === undefined ? '' : writeParties(parties),
  ];
}

/** As the script answers. */
type Answer = readonly [
  granted: number,
  others: number,
  slots: number,
  tooMany: number,
  revision: number,
  claims: readonly string[],
];

function grantOf(
  [granted, others, slots, tooMany, revision, claims]: Answer,
  claim: LeaseClaim | undefined,
): LeaseGrant {
  return {
    slots: granted,
    others,
    learnt: claim?.learnt && { slots, tooMany, revision },
    claims: claim?.parties && claims.map(parseClaim),
  };
}

function written(count: number): string {
  return String(Math.min(slotsMax, Math.max(0, Math.floor(count))));
}

/** Nothing while the server is away, which the connection tells by itself. */
async function told<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (thrown) {
    if (thrown instanceof RedisError) return undefined;
    throw thrown;
  }
}
