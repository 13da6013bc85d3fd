/** A gateway in front of several fake LLMs, a to z, which all serve model `o`. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { Upstream } from '../../src/core/exchange.ts';
import { openTestGateway, type TestGatewayOptions } from '../gateway.ts';
import type { Behaviour } from '../upstream/behaviour.ts';
import { type FakeLlm, openFakeLlm } from '../upstream/fake-llm.ts';
import { type FaultRig, rigOf } from './rig.ts';

export interface FleetRig extends FaultRig {
  readonly llms: Readonly<Record<string, FakeLlm>>;
  llmOf(name: string): FakeLlm;
  upstreamOf(name: string): Upstream;
  /** Calls that it was asked, listings left out. */
  callsOf(name: string): number;
  calls(): number;
}

export interface FleetRigOptions extends Omit<TestGatewayOptions, 'config'> {
  readonly names: readonly string[];
  readonly behaviour?: Partial<Behaviour>;
  readonly slots?: number;
  readonly clocks?: Readonly<Record<string, number>>;
  /** Tiers by name; 1 where none stands. */
  readonly tiers?: Readonly<Record<string, number>>;
  readonly config?: Readonly<Record<string, unknown>>;
}

export async function openFleetRig(t: TestContext, options: FleetRigOptions): Promise<FleetRig> {
  const { names, behaviour, slots = 100, clocks = {}, tiers = {}, config, ...rest } = options;
  const llms: Record<string, FakeLlm> = {};
  for (const name of names) llms[name] = await openFakeLlm(behaviour);
  t.after(() => Promise.all(Object.values(llms).map((llm) => llm.close())));
  const gateway = await openTestGateway({
    ...rest,
    config: {
      upstreams: Object.fromEntries(
        names.map((name) => [name, { type: 'openai', url: `${llms[name]?.url}/v1`, slots }]),
      ),
      models: {
        o: {
          targets: names.map((upstream) => ({ upstream, model: 'fake-model', tier: tiers[upstream] ?? 1 })),
          clocks,
          policy: 'round-robin',
        },
      },
      ...config,
    },
  });
  t.after(() => gateway.close());
  const llmOf = (name: string) => {
    const llm = llms[name];
    assert.ok(llm, `there is no server ${name}`);
    return llm;
  };
  const callsOf = (name: string) => llmOf(name).requests.filter(({ method }) => method === 'POST').length;
  return {
    ...rigOf(llmOf(names[0] ?? ''), gateway),
    llms,
    llmOf,
    callsOf,
    calls: () => names.reduce((sum, name) => sum + callsOf(name), 0),
    upstreamOf: (name) => {
      const found = gateway.gateway.snapshot.upstreams.find((upstream) => upstream.name === name);
      assert.ok(found);
      return found;
    },
  };
}
