/** Replicas that share a server's slots, and clients that never pause. */
import { setTimeout } from 'node:timers/promises';

export interface Load {
  /** Of all answers so far; 0 for what broke off. */
  readonly codes: readonly number[];
  /** How long each took, by its place in `codes`. */
  readonly tookMs: readonly number[];
  /** How long those that were served waited for a slot, as the gateway tells. */
  readonly queuedMs: readonly number[];
  /** No more requests; settles when the last has its answer. */
  stop(): Promise<void>;
}

export interface Way {
  readonly url: string;
  readonly key: string;
}

/** So many clients, each of which asks again when it has its answer. */
export function load(way: () => Way, clients: number, model = 'm'): Load {
  const codes: number[] = [];
  const tookMs: number[] = [];
  const queuedMs: number[] = [];
  let stopped = false;
  const ask = async () => {
    while (!stopped) {
      const startedMs = performance.now();
      const { code, waitedMs } = await answerTo(way(), model);
      codes.push(code);
      if (code === 200) queuedMs.push(waitedMs);
      tookMs.push(performance.now() - startedMs);
      // Who is refused at once must not fill the machine with nothing but that.
      if (code !== 200) await setTimeout(20);
    }
  };
  const all = Array.from({ length: clients }, ask);
  return {
    codes,
    tookMs,
    queuedMs,
    stop: async () => {
      stopped = true;
      await Promise.all(all);
    },
  };
}

async function answerTo({ url, key }: Way, model: string): Promise<{ code: number; waitedMs: number }> {
  try {
    const reply = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model, messages: [{ role: 'user', content: 'hi' }] }),
    });
    await reply.arrayBuffer();
    return { code: reply.status, waitedMs: Number(reply.headers.get('x-millrace-queue-ms') ?? 0) };
  } catch {
    return { code: 0, waitedMs: 0 };
  }
}
