/** Every kind of upstream: the keys are the configuration's `type`. The only place that knows them all. */
import type { Adapter, SlotsTold } from '../core/adapter.ts';
import type { Keeping } from '../core/fleet.ts';
import { llamacppAdapter } from './llamacpp/adapter.ts';
import { ollamaAdapter } from './ollama/adapter.ts';
import { ollamaKeeping, ownKeeping } from './ollama/keeping.ts';
import { openaiAdapter } from './openai/adapter.ts';
import { llamacppSlots } from './openai/llamacpp-slots.ts';
import { simulatorAdapter } from './simulator/adapter.ts';

export interface Provider {
  readonly adapter: Adapter;
  /** Stands before the adapter's paths when the configured address names no path of its own. */
  readonly basePath: string;
  /** Whether a call may cost money: such an upstream is never called to see whether it is well. */
  readonly paid: (url: string) => boolean;
  /** Whether a server of the operator's own may stand before somebody who sends bills: its API is one that proxies speak. */
  readonly passesOn: boolean;
  /** How many requests it is believed to work on at once when nobody says, until more is learnt. */
  readonly slots: number;
  /** And how many it may turn out to. */
  readonly slotsMax: number;
  /** Where a server that lists such models tells how many, if any of this kind does. */
  readonly slotsTold: SlotsTold | undefined;
  /** Where it lists its models, and how the list reads. */
  readonly listPath: string;
  /** How it tells which models it holds in memory, if it does. */
  readonly keeping: Keeping | undefined;
  /** Whether it loads a model when it is first asked for. */
  readonly loadsModels: boolean;
}

/** The same API, as a service. */
const hosted = /^https?:\/\/(?:[^/]*\.)?ollama\.com(?:[:/]|$)/;
const onThisMachine = /^https?:\/\/(?:localhost|127\.|\[::1\])/;

export const providers = {
  ollama: {
    adapter: ollamaAdapter,
    basePath: '',
    paid: (url) => hosted.test(url),
    passesOn: false,
    slots: 1,
    slotsMax: 16,
    slotsTold: undefined,
    listPath: '/api/tags',
    keeping: ollamaKeeping,
    loadsModels: true,
  },
  openai: {
    adapter: openaiAdapter,
    basePath: '/v1',
    paid: (url) => !onThisMachine.test(url),
    passesOn: true,
    slots: 16,
    slotsMax: 64,
    slotsTold: llamacppSlots,
    listPath: '/models',
    keeping: undefined,
    loadsModels: false,
  },
  simulator: {
    adapter: simulatorAdapter,
    basePath: '',
    paid: () => false,
    passesOn: false,
    slots: 8,
    slotsMax: 8,
    slotsTold: undefined,
    listPath: '/models',
    keeping: ownKeeping,
    loadsModels: true,
  },
  llamacpp: {
    adapter: llamacppAdapter,
    basePath: '/v1',
    paid: () => false,
    passesOn: false,
    slots: 4,
    slotsMax: 4,
    slotsTold: undefined,
    listPath: '/models',
    keeping: ownKeeping,
    loadsModels: true,
  },
} as const satisfies Record<string, Provider>;
