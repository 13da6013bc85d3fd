/**
 * Contexts for embeddings. The library reads back one vector of each batch, the one of the first sequence, so that one
 * context evaluates one text at a time. Several side by side share the threads: each of them then has fewer to
 * wait for at every layer, and a text that is alone still has all of them.
 */
import type { EmbeddingContext, Token } from './binding.ts';
import type { WaitingLine } from './waiting-line.ts';

export interface Embedder {
  readonly isOpen: boolean;
  /** Opened when it is first needed. Rejects where memory is short, and tries again the next time. */
  open(): Promise<EmbeddingContext>;
}

/** Each has memory for a whole text of its own, as much as a slot has. */
export const embeddersMax = 4;

export function createEmbedder(create: () => Promise<EmbeddingContext>): Embedder {
  let context: Promise<EmbeddingContext> | undefined;
  return {
    get isOpen() {
      return context !== undefined;
    },
    open() {
      context ??= create().catch((error: unknown) => {
        context = undefined;
        throw error;
      });
      return context;
    },
  };
}

export interface Texts {
  readonly inputs: readonly (readonly Token[])[];
  readonly signal: AbortSignal;
  /** Throws where the context cannot take the texts. */
  check(context: EmbeddingContext): void;
}

type Vector = readonly number[];

/** Waits in line for one embedder and takes those along that are free; they leave again as soon as others wait. */
export async function embed(
  embedders: WaitingLine<Embedder>,
  { inputs, signal, check }: Texts,
): Promise<readonly Vector[]> {
  const vectors: Vector[] = [];
  let next = 0;
  const work = async (context: EmbeddingContext, mayGoOn: () => boolean): Promise<void> => {
    while (next < inputs.length && mayGoOn()) {
      const index = next;
      next += 1;
      signal.throwIfAborted();
      vectors[index] = (await context.getEmbeddingFor(inputs[index] ?? [])).vector;
    }
  };
  const help = async (): Promise<void> => {
    const embedder = await embedders.borrow(signal, preferOpen);
    try {
      const context = await embedder.open().catch(tellOfShortMemory);
      if (context !== undefined) await work(context, () => embedders.waiting === 0);
    } finally {
      embedders.giveBack(embedder);
    }
  };
  const first = await embedders.borrow(signal, preferOpen);
  try {
    const context = await first.open();
    check(context);
    const helpers = Array.from({ length: Math.min(embedders.free, inputs.length - 1) }, help);
    await Promise.all([work(context, () => true), ...helpers]);
    return vectors;
  } finally {
    // Where one has failed, the others need not go on.
    next = inputs.length;
    embedders.giveBack(first);
  }
}

/** The others are not opened before there is a use for them. */
function preferOpen(embedder: Embedder): number {
  return embedder.isOpen ? 1 : 0;
}

/** The request is none the worse for it: whoever has an embedder evaluates all of its texts. */
function tellOfShortMemory(error: unknown): undefined {
  process.stderr.write(`llama.cpp warn: no further context for embeddings: ${String(error)}\n`);
}
