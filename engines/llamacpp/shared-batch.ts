/** Who is in the next batch that is decoded, and how many tokens of each. */

interface Waiting {
  readonly tokens: readonly unknown[];
  /** What `evaluate` was told: the number of the sequence. */
  readonly evaluationPriority: number;
}

interface Share<Item> {
  readonly item: Item;
  readonly processAmount: number;
}

export interface SharedBatches {
  /** Batches decoded so far, and for how many sequences all of them together. */
  readonly decoded: { readonly batches: number; readonly sequences: number };
  /** Hands out the places of a batch. Asked again where it gives none. */
  share<Item extends Waiting>(asked: {
    readonly items: readonly Item[];
    readonly size: number;
  }): Share<Item>[];
}

/**
 * So often is looked again for who is at work and not back yet with its last token. That takes a few steps of the event
 * loop's inner queue, and the library looks before: each batch would be decoded without one of its sequences, and those
 * that had fallen into two halves would be decoded in halves for ever.
 */
const looksMax = 16;

/** `atWork` tells how many sequences have a reply to draw. */
export function createSharedBatches(atWork: () => number): SharedBatches {
  let looks = 0;
  const decoded = { batches: 0, sequences: 0 };
  return {
    decoded,
    share: ({ items, size }) => {
      if (items.length < atWork() && looks < looksMax) {
        looks += 1;
        return [];
      }
      looks = 0;
      decoded.batches += 1;
      decoded.sequences += items.length;
      return sharesOf(items, size);
    },
  };
}

/**
 * Whoever wants little, which is one token of a reply, has all of it; what is left is for those who read long prompts.
 * In the order of their numbers: llama.cpp computes together only neighbours that follow each other, and
 * reads the weights again for every sequence that stands out of turn.
 */
function sharesOf<Item extends Waiting>(items: readonly Item[], size: number): Share<Item>[] {
  let left = size;
  return items
    .toSorted((one, other) => one.tokens.length - other.tokens.length)
    .map((item, index) => {
      const fair = Math.ceil(left / (items.length - index));
      const processAmount = Math.min(item.tokens.length, fair);
      left -= processAmount;
      return { item, processAmount };
    })
    .filter(({ processAmount }) => processAmount > 0)
    .toSorted(({ item: one }, { item: other }) => one.evaluationPriority - other.evaluationPriority);
}
