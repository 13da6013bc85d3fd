/** Upstreams for the tests of what chooses and counts them: real adapters, and no way to send anything. */
import type { Target, Upstream } from '../src/core/exchange.ts';
import { openaiAdapter } from '../src/providers/openai/adapter.ts';

export function upstreamOf(name: string, slots = 1): Upstream {
  return {
    name,
    identity: `${name}#1`,
    slots,
    slotsAssumed: false,
    zone: '',
    loadsModels: false,
    secrets: [],
    adapter: openaiAdapter,
    transport: {
      send: () => {
        throw new Error('nothing is sent here');
      },
      close: async () => {},
    },
  };
}

export function targetOn(upstream: Upstream, tier = 1): Target {
  return { upstream, model: `${upstream.name}-model`, tier, weight: 1 };
}
