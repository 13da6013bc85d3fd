/** What no single value shows: references, duplicates, weak keys, open doors. */
import { checkReceiver } from '../alerts/check-receivers.ts';
import { createMeant, type Meant } from '../lib/closest.ts';
import { parseKey } from '../lib/seal.ts';
import type { Secret } from '../lib/secret.ts';
import { isServerPrice, premiumPrice } from '../money/price-book.ts';
import { readPriceCatalogue } from '../money/price-catalogue.ts';
import { isPostgresUrl } from '../stores/postgres/postgres-url.ts';
import { isRedisUrl } from '../stores/redis/redis-url.ts';
import { checkLimits } from './check-limits.ts';
import { checkListeners } from './check-listeners.ts';
import { circleFrom, onCircles } from './fallback-circle.ts';
import type { Path } from './placed.ts';
import type { Config } from './schema.ts';
import { weaknessOf } from './weak-secret.ts';
import { workersOf } from './workers-option.ts';

export interface Finding {
  readonly path: Path;
  readonly message: string;
  readonly hint?: string;
}

interface Checked extends Named {
  readonly meant: Meant;
}

interface Named {
  readonly config: Config;
  /** The names that the file gives, whether or not what stands under them is right. */
  readonly upstreams: readonly string[];
  readonly models: readonly string[];
  readonly identity: readonly string[];
}

/** Models that exist without being named anywhere. */
const builtInModels: readonly string[] = ['simulator'];
const keyLengthMin = 16;
const tokenLengthMin = 32;

export function check(named: Named): Finding[] {
  const checked: Checked = { ...named, meant: createMeant() };
  return [
    checkListeners,
    checkKeys,
    checkToken,
    checkAuth,
    checkPeppers,
    checkTargets,
    checkFallbacks,
    checkDefaultModel,
    checkPrices,
    checkBudgets,
    checkStores,
    checkWorkers,
    checkMasterKeys,
    checkAlerts,
    checkLimits,
  ].flatMap((find) => find(checked));
}

function checkWorkers({ config }: Checked): Finding[] {
  const count = workersOf(config);
  if (config.shared !== 'memory' || count === 1) return [];
  const message = `${count} processes would each count limits, budgets and conversations for themselves`;
  return [{ path: ['workers'], message, hint: 'set `shared: redis://HOST:PORT`, or `workers: 1`' }];
}

/** References are looked up by now: an address is what stands behind it. */
function checkStores({ config: { store, shared } }: Checked): Finding[] {
  const findings: Finding[] = [];
  const expect = (path: Path, address: Secret | undefined, expected: Expected) => {
    const text = address?.reveal() ?? '';
    if (text !== '' && !expected.is(text))
      findings.push({ path, message: `must be like ${expected.example}` });
  };
  if (store !== 'sqlite') {
    expect(['store', 'url'], store.url, postgresAddress);
    expect(['store', 'replica'], store.replica, postgresAddress);
  }
  if (shared !== 'memory') {
    expect(['shared', 'url'], shared.url, redisAddress);
    expect(['shared', 'cacheUrl'], shared.cacheUrl, redisAddress);
  }
  return findings;
}

function checkMasterKeys({ config: { secrets } }: Checked): Finding[] {
  const keys = [
    [['secrets', 'masterKey'], secrets.masterKey] as const,
    ...secrets.previousMasterKeys.map(
      (key, index) => [['secrets', 'previousMasterKeys', index], key] as const,
    ),
  ];
  return keys.flatMap(([path, key]) => {
    const text = key?.reveal() ?? '';
    if (text === '' || parseKey(text) !== undefined) return [];
    const message = 'must be 32 random bytes in hexadecimal or base64; `openssl rand -base64 32` makes some';
    return [{ path, message }];
  });
}

function checkAlerts({ config }: Checked): Finding[] {
  return config.alerts.to.flatMap((receiver, index) =>
    checkReceiver(receiver).map(({ key, message }) => ({ path: ['alerts', 'to', index, ...key], message })),
  );
}

interface Expected {
  readonly is: (text: string) => boolean;
  readonly example: string;
}

const postgresAddress: Expected = {
  is: isPostgresUrl,
  example: 'postgres://user:password@host:5432/database',
};
const redisAddress: Expected = { is: isRedisUrl, example: 'redis://user:password@host:6379/0' };

function checkKeys({ config }: Checked): Finding[] {
  const names = new Map<string, number>();
  const values = new Map<string, number>();
  return config.keys.flatMap(({ name, key }, index) => {
    const findings: Finding[] = [];
    const sameName = firstOf(names, name, index);
    if (sameName !== undefined) {
      findings.push({ path: ['keys', index, 'name'], message: `is the name of keys[${sameName}] too` });
    }
    const text = key.reveal();
    // A reference that led nowhere has been reported already.
    if (text === '') return findings;
    const sameKey = firstOf(values, text, index);
    if (sameKey !== undefined) {
      findings.push({ path: ['keys', index, 'key'], message: `is the same key as keys[${sameKey}]` });
    }
    const weakness = weaknessOf(text, keyLengthMin) ?? unsendable(text);
    if (weakness !== undefined) findings.push({ path: ['keys', index, 'key'], message: weakness });
    return findings;
  });
}

function unsendable(text: string): string | undefined {
  return /^[\x21-\x7e]+$/.test(text)
    ? undefined
    : 'must be visible ASCII without spaces, as it is sent in a header';
}

/** The index that had `value` first, or nothing when this one is the first. */
function firstOf(seen: Map<string, number>, value: string, index: number): number | undefined {
  const first = seen.get(value);
  if (first === undefined) seen.set(value, index);
  return first;
}

function checkToken({ config }: Checked): Finding[] {
  const text = config.admin.token?.reveal() ?? '';
  const weakness = text === '' ? undefined : weaknessOf(text, tokenLengthMin);
  return weakness === undefined ? [] : [{ path: ['admin', 'token'], message: weakness }];
}

/** Nobody should believe that tokens are taken while they are not, nor the other way. */
function checkAuth({ config: { auth }, identity }: Checked): Finding[] {
  const takesTokens = auth === 'jwt' || auth === 'both';
  const [part] = identity.filter((each) => each === 'jwt' || each === 'introspection');
  if (takesTokens && part === undefined) {
    const message = `\`${auth}\` needs to know whose tokens are believed`;
    return [{ path: ['auth'], message, hint: 'say so by `identity.jwt` or `identity.introspection`' }];
  }
  if (takesTokens || part === undefined) return [];
  const message = `does nothing while \`auth\` is \`${auth}\``;
  return [{ path: ['identity', part], message, hint: 'set `auth: both`, or `jwt` for tokens alone' }];
}

function checkPeppers({ config: { identity } }: Checked): Finding[] {
  return (['pepper', 'previousPepper'] as const).flatMap((key) => {
    const text = identity[key]?.reveal() ?? '';
    const weakness = text === '' ? undefined : weaknessOf(text, tokenLengthMin);
    return weakness === undefined ? [] : [{ path: ['identity', key], message: weakness }];
  });
}

function checkTargets({ config, upstreams, meant }: Checked): Finding[] {
  return Object.entries(config.models).flatMap(([model, { targets }]) => {
    const seen = new Map<string, number>();
    return targets.flatMap((target, index) => {
      const path = ['models', model, 'targets', index];
      if (!upstreams.includes(target.upstream)) {
        return [
          unknownName(
            [...path, 'upstream'],
            { what: 'upstream', name: target.upstream, known: upstreams },
            meant,
          ),
        ];
      }
      const same = firstOf(seen, `${target.upstream}/${target.model}`, index);
      return same === undefined ? [] : [{ path, message: `is the same target as targets[${same}]` }];
    });
  });
}

function checkFallbacks({ config, models, meant }: Checked): Finding[] {
  const known = new Set(models);
  const circling = onCircles(config.models);
  let circles = 0;
  return Object.entries(config.models).flatMap(([name, { fallback }]) =>
    fallback.flatMap((other, index) => {
      const path = ['models', name, 'fallback', index];
      if (!known.has(other)) return [unknownName(path, { what: 'model', name: other, known: models }, meant)];
      if (!circling.has(name) || !circling.has(other) || circles >= circlesTold) return [];
      const circle = circleFrom(name, other, config.models);
      if (circle === undefined) return [];
      circles += 1;
      const message = `leads back to where it began: ${shortened(circle).join(' → ')}`;
      return [{ path, message, hint: 'take one of these fallbacks out' }];
    }),
  );
}

/** Whoever mends these is told of the others. */
const circlesTold = 100;
const circleShown = 10;

function shortened(circle: readonly string[]): readonly string[] {
  if (circle.length <= circleShown) return circle;
  return [...circle.slice(0, circleShown - 2), '…', ...circle.slice(-1)];
}

function checkDefaultModel({ config, upstreams, models }: Checked): Finding[] {
  const name = config.defaultModel;
  // Without upstreams in the file they are discovered, and so are their models.
  if (name === undefined || upstreams.length === 0) return [];
  const known = [...models, ...builtInModels];
  const upstream = name.slice(0, Math.max(0, name.indexOf('/')));
  if (known.includes(name) || upstreams.includes(upstream)) return [];
  return [unknownName(['defaultModel'], { what: 'model', name, known })];
}

function checkPrices({ config, upstreams, models, meant }: Checked): Finding[] {
  const { prices } = config;
  const { premium } = prices;
  const findings = Object.entries(prices)
    // Without upstreams in the file they are discovered.
    .filter(([name, price]) => isServerPrice(price) && upstreams.length > 0 && !upstreams.includes(name))
    .map(([name]) => unknownName(['prices', name], { what: 'upstream', name, known: upstreams }, meant));
  if (premium === undefined || premiumPrice(config, readPriceCatalogue) !== undefined) return findings;
  const path = ['prices', 'premium'];
  if (models.includes(premium)) {
    const hint = `give it one, prices: { ${premium}: { inputPerM, outputPerM } }, or name a model of the clouds`;
    return [...findings, { path, message: 'has no price', hint }];
  }
  const named = Object.keys(prices).filter((name) => !notPrices.has(name));
  const known = [...models, ...named, ...readPriceCatalogue().names()];
  return [...findings, unknownName(path, { what: 'model', name: premium, known })];
}

/** What stands beside prices under `prices`. */
const notPrices: ReadonlySet<string> = new Set(['premium', 'unpriced', 'margin']);

function checkBudgets({ config }: Checked): Finding[] {
  const seen = new Map<string, number>();
  return config.budgets.flatMap(({ per, of, window, usd, tokens }, index) => {
    const unit = [usd, tokens].findIndex((one) => one !== undefined);
    const same = firstOf(seen, JSON.stringify([per, of, window, unit]), index);
    if (same === undefined) return [];
    const message = `is for the same as budgets[${same}]: one of them would be forgotten`;
    return [{ path: ['budgets', index], message }];
  });
}

interface Unknown {
  readonly what: string;
  readonly name: string;
  readonly known: readonly string[];
}

function unknownName(path: Path, unknown: Unknown, find: Meant = createMeant()): Finding {
  const meant = find(unknown.name, () => unknown.known);
  const message = `there is no ${unknown.what} of this name`;
  if (meant !== undefined) return { path, message, hint: `did you mean \`${meant}\`?` };
  return unknown.known.length === 0
    ? { path, message }
    : { path, message, hint: `known: ${some(unknown.known)}` };
}

function some(names: readonly string[]): string {
  return names.length > 5 ? `${names.slice(0, 5).join(', ')} and ${names.length - 5} more` : names.join(', ');
}
