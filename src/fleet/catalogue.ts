/** Which models each upstream offers, as it last told. */
import type { JsonObject } from '../core/call.ts';
import type { Upstream } from '../core/exchange.ts';

export interface OfferedModel {
  readonly name: string;
  /** The entry as the upstream wrote it: size, digest, family, … where it tells. */
  readonly described: JsonObject;
}

const none: readonly OfferedModel[] = [];

export class Catalogue {
  version = 0;
  readonly #offers = new Map<string, readonly OfferedModel[]>();
  readonly #names = new Map<string, readonly string[]>();

  /** The names of the models that an upstream offers. */
  of(upstream: Upstream): readonly string[] {
    return this.#names.get(upstream.identity) ?? [];
  }

  /** Whether it ever told what it offers, be it nothing. */
  hasHeard(upstream: Upstream): boolean {
    return this.#names.has(upstream.identity);
  }

  described(upstream: Upstream): readonly OfferedModel[] {
    return this.#offers.get(upstream.identity) ?? none;
  }

  learn(upstream: Upstream, models: readonly OfferedModel[]): void {
    const names = models.map((model) => model.name);
    const before = this.#names.get(upstream.identity);
    this.#offers.set(upstream.identity, models);
    if (before !== undefined && sameNames(before, names)) return;
    this.#names.set(upstream.identity, names);
    this.version += 1;
  }

  keepOnly(upstreams: readonly Upstream[]): void {
    const kept = new Set(upstreams.map((upstream) => upstream.identity));
    for (const identity of this.#names.keys()) {
      if (kept.has(identity)) continue;
      this.#names.delete(identity);
      this.#offers.delete(identity);
    }
    this.version += 1;
  }
}

function sameNames(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((name, index) => name === other[index]);
}
