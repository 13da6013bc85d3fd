/** A gateway in front of a server that takes many inputs in one call. */
import type { TestContext } from 'node:test';
import { until } from '../faults/rig.ts';
import { openTestGateway, type TestGateway, type TestGatewayOptions } from '../gateway.ts';
import { type MergingLlm, openMergingLlm } from '../upstream/merging-llm.ts';
import { ask, type RawReply } from '../upstream/raw-client.ts';

export interface BatchingRig {
  readonly llm: MergingLlm;
  readonly gateway: TestGateway;
  post(path: string, body: unknown): Promise<RawReply>;
  /** Until so many requests are part of a batch, or wait to be. */
  batched(count: number): Promise<void>;
  rows(): readonly Row[];
}

export interface Row {
  readonly route: string;
  readonly outcome: string;
  readonly code?: string;
  readonly upstream: string;
  readonly batchedWith?: number;
  readonly inputTokens?: number;
  readonly attempts?: readonly { readonly upstream: string; readonly code: string }[];
}

export interface RigOptions extends Omit<TestGatewayOptions, 'config'> {
  readonly batching?: object;
  readonly clocks?: object;
}

export const configOf = (port: number, { batching, clocks = {} }: RigOptions) => ({
  upstreams: {
    openai: { type: 'openai', url: `http://127.0.0.1:${port}/v1`, slots: 4 },
    ollama: { type: 'ollama', url: `http://127.0.0.1:${port}`, slots: 4 },
  },
  models: {
    o: { targets: [{ upstream: 'openai', model: 'm' }], clocks },
    l: { targets: [{ upstream: 'ollama', model: 'm' }], clocks },
  },
  ...(batching === undefined ? {} : { batching }),
});

export async function openBatchingRig(t: TestContext, options: RigOptions = {}): Promise<BatchingRig> {
  const llm = await openMergingLlm(t);
  const { batching: _, clocks: __, ...rest } = options;
  const gateway = await openTestGateway({ ...rest, config: configOf(llm.port, options) });
  t.after(() => gateway.close());
  return {
    llm,
    gateway,
    post: (path, body) => ask(gateway.port, `/k/${gateway.key}${path}`, body),
    batched: (count) =>
      until(`${count} requests are batched`, async () => {
        const { content } = await ask(gateway.port, `/k/${gateway.key}/metrics`);
        return content.toString().includes(`\nmillrace_batched_requests ${count}\n`);
      }),
    rows: () =>
      gateway.exchangeLines.map((line) => JSON.parse(line) as Row).filter(({ route }) => route !== 'metrics'),
  };
}

export const statusOf = ({ head }: RawReply) => Number(head.split(' ', 2)[1]);
export const bodyOf = ({ content }: RawReply) => JSON.parse(content.toString());
export const openaiVectors = (reply: RawReply): unknown =>
  bodyOf(reply).data.map(({ embedding }: { embedding: unknown }) => embedding);

/** One that is under way and held back, and what comes meanwhile. */
export async function behindOne(rig: BatchingRig, meanwhile: () => Promise<RawReply>[]): Promise<RawReply[]> {
  rig.llm.hold();
  const first = rig.post('/v1/embeddings', { model: 'o', input: 'first' });
  await until('the first is under way', () => rig.llm.requests.length === 1);
  const others = meanwhile();
  await rig.batched(others.length);
  rig.llm.release();
  await first;
  return await Promise.all(others);
}

/** Waits for company until the one before has ended, however long that takes. */
export const patient = { maxBatch: 8, maxWaitMs: 10_000 };
