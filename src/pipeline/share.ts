/**
 * Gives equal requests that are in flight at the same time the answer of one call (C8). Those who are given another's hold no
 * slot, no place in the queue and no money, which is why this stands before all of them; their limits counted them already.
 */
import { hash } from 'node:crypto';
import type { Call } from '../core/call.ts';
import type { Planned } from '../core/exchange.ts';
import type { Stage } from '../core/stage.ts';
import { loadAsked } from '../protocol/ollama-load.ts';
import { Flight, type FlightOptions } from './flight.ts';

export interface ShareOptions extends FlightOptions {
  /** Which of a model's requests, as clients call it: `auto` those whose answers are the same whoever asks. */
  readonly modeOf: (model: string) => 'auto' | 'always' | 'never';
  /** Among whom. Never beyond a tenant. */
  readonly scope: 'tenant' | 'user' | 'key';
}

export function share(options: ShareOptions): Stage<Planned> {
  return (next) => {
    const places = new Map<string, Place>();
    const held = { bytes: 0 };
    return (exchange) => {
      if (!isShared(options, exchange)) return next(exchange);
      const key = keyOf(options, exchange);
      const found = places.get(key)?.flight;
      if (found?.takes === true) return found.join(exchange);
      const flight = new Flight({ options, next, held, onOver: () => leavePlace(places, key, flight) });
      places.set(key, { flight });
      return flight.begin(exchange);
    };
  };
}

/**
 * Where a flight is found while it is under way. What is deleted from a map stays in its older tables for a while: emptied
 * before, it does not keep whole exchanges alive there.
 */
interface Place {
  flight: Flight | undefined;
}

function leavePlace(places: Map<string, Place>, key: string, flight: Flight): void {
  const place = places.get(key);
  // Where it was full another may have begun in its place.
  if (place?.flight !== flight) return;
  place.flight = undefined;
  places.delete(key);
}

function isShared({ modeOf }: ShareOptions, { call, trail, incoming: { headers } }: Planned): boolean {
  const mode = modeOf(trail.model);
  if (mode === 'never' || (mode === 'auto' && !isRepeatable(call))) return false;
  // Who asks for an answer of its own has one, and what carries a key is done to its end for whoever comes again.
  if (headers['idempotency-key'] !== undefined || refusesStored(headers['cache-control'])) return false;
  return !isOfOne(call);
}

/** Whether a server that is asked twice means to say the same. */
function isRepeatable(call: Call): boolean {
  return call.kind === 'embed' || call.sampling.temperature === 0 || call.sampling.seed !== undefined;
}

const ownAnswer = /(?:^|,)\s*no-(?:cache|store)\s*(?:[=,]|$)/i;

function refusesStored(said: string | string[] | undefined): boolean {
  return said !== undefined && ownAnswer.test(String(said));
}

/** What is said goes on in a conversation, changes what a server has in memory, or is kept by it under a name. */
function isOfOne(call: Call): boolean {
  if (loadAsked(call) !== undefined || call.extra['store'] === true) return true;
  return call.kind === 'chat' && call.conversation !== undefined;
}

/**
 * Whoever has the same key has the same tenant, route, model and body, to the byte; and the same models to fall back on, for a
 * key may not have all of them. The tenant's length stands before it: no name can be made to look like another with more.
 */
function keyOf(
  { scope }: ShareOptions,
  { call, route, principal, trail, fallbacks, transcript }: Planned,
): string {
  const { tenant, user, keyName } = principal;
  const within =
    scope === 'tenant' ? '' : scope === 'user' && user !== '' ? `user ${user}` : `key ${keyName}`;
  const body = hash('sha256', call.wire.bytes, 'base64url');
  const kept = transcript === undefined ? '' : 'kept';
  const instead = fallbacks.length === 0 ? '' : fallbacks.map(({ name }) => name).join(' ');
  return `${body} ${route.name} ${kept} ${tenant.length} ${tenant} ${within.length} ${within} ${trail.model} ${instead}`;
}
