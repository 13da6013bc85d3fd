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
    const places: Places = new Map();
    const given = { options, next, held: { bytes: 0 } };
    return (exchange) => {
      if (!isShared(options, exchange)) return next(exchange);
      const place = new Place(places, exchange);
      const there = places.get(place.mark);
      if (there === undefined) places.set(place.mark, place);
      else {
        const alike = there instanceof Place ? new Map([[there.key(options), there]]) : there;
        const key = place.key(options);
        const found = alike.get(key)?.flight;
        if (found?.takes === true) return found.join(exchange);
        places.set(place.mark, alike.set(key, place));
      }
      place.flight = new Flight(given, place);
      return place.flight.begin(exchange);
    };
  };
}

/** By what their bodies look like; where several look the same, by what makes them equal. */
type Places = Map<number, Place | Map<string, Place>>;

/**
 * Where a flight is found while it is under way. What is deleted from a map stays in its older tables for a while: emptied
 * before, it does not keep whole exchanges alive there.
 */
class Place {
  readonly mark: number;
  flight: Flight | undefined = undefined;
  readonly #places: Places;
  /** As clients call it: another may answer in its stead. */
  readonly #model: string;
  #exchange: Planned | undefined;
  #key = '';

  constructor(places: Places, exchange: Planned) {
    this.mark = markOf(exchange.call.wire.bytes);
    this.#places = places;
    this.#model = exchange.trail.model;
    this.#exchange = exchange;
  }

  /** As long as nobody comes whose body looks the same nobody asks for it. */
  key(options: ShareOptions): string {
    if (this.#exchange !== undefined && this.#key === '')
      this.#key = keyOf(options, this.#exchange, this.#model);
    return this.#key;
  }

  leave(): void {
    this.flight = undefined;
    this.#exchange = undefined;
    const there = this.#places.get(this.mark);
    if (there === this) this.#places.delete(this.mark);
    // Where it was full another may have begun in its place.
    if (!(there instanceof Map) || there.get(this.#key) !== this) return;
    there.delete(this.#key);
    if (there.size === 0) this.#places.delete(this.mark);
  }
}

/** So many bytes of a body tell most from each other, be it a large one. */
const markedBytes = 64;

/** Cheap, and the same for equal bodies; others may have it too. */
function markOf(bytes: Uint8Array): number {
  const step = Math.max(1, Math.floor(bytes.length / markedBytes));
  let mark = bytes.length;
  for (let at = bytes.length - 1; at >= 0; at -= step) mark = (Math.imul(mark, 31) + (bytes[at] ?? 0)) | 0;
  return mark;
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
  { call, route, principal, fallbacks, transcript }: Planned,
  model: string,
): string {
  const { tenant, user, keyName } = principal;
  const within =
    scope === 'tenant' ? '' : scope === 'user' && user !== '' ? `user ${user}` : `key ${keyName}`;
  const body = hash('sha256', call.wire.bytes, 'base64url');
  const kept = transcript === undefined ? '' : 'kept';
  const instead = fallbacks.length === 0 ? '' : fallbacks.map(({ name }) => name).join(' ');
  return `${body} ${route.name} ${kept} ${tenant.length} ${tenant} ${within.length} ${within} ${model} ${instead}`;
}
