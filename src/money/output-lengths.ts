/**
 * How long a model's answers are: the length that nineteen of twenty stay below, learnt from those that were finished.
 * Lengths are counted in classes of a rising width, so that a model costs half a kilobyte, however much it is asked.
 */

/** So many answers have to be known before they are believed; until then this is. */
const answersMin = 20;
const tokensUnlearnt = 1_000;
const quantile = 0.95;
/** Four classes for each doubling: what is learnt is at most a fifth too long. */
const classesPerDoubling = 4;
const classes = 24 * classesPerDoubling;
/** From here on what is known counts half: a model whose answers change is followed. */
const answersMax = 1_024;
/** What is asked for again and again is looked up anew after so many answers. */
const answersBetween = 16;
/** Beyond it the model that was first heard of is forgotten. */
const modelsMax = 1_000;

export class OutputLengths {
  readonly #models = new Map<string, Lengths>();

  /** In tokens. Never less than 1. */
  p95(model: string): number {
    return this.#models.get(model)?.p95 ?? tokensUnlearnt;
  }

  /** An answer was finished that was so long. */
  tell(model: string, tokens: number): void {
    let lengths = this.#models.get(model);
    if (lengths === undefined) {
      this.#makeRoom();
      lengths = new Lengths();
      this.#models.set(model, lengths);
    }
    lengths.tell(tokens);
  }

  #makeRoom(): void {
    if (this.#models.size < modelsMax) return;
    const [first] = this.#models.keys();
    if (first !== undefined) this.#models.delete(first);
  }
}

class Lengths {
  p95 = tokensUnlearnt;
  readonly #counts = new Float32Array(classes);
  #answers = 0;

  tell(tokens: number): void {
    const at = classOf(tokens);
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    this.#answers += 1;
    if (this.#answers >= answersMax) this.#forgetHalf();
    if (this.#answers >= answersMin && this.#answers % answersBetween < 1) this.p95 = this.#find();
  }

  #find(): number {
    let below = 0;
    let at = 0;
    while (at < classes - 1) {
      below += this.#counts[at] ?? 0;
      if (below >= this.#answers * quantile) break;
      at += 1;
    }
    return Math.ceil(2 ** (at / classesPerDoubling));
  }

  #forgetHalf(): void {
    for (const [at, count] of this.#counts.entries()) this.#counts[at] = count / 2;
    this.#answers /= 2;
  }
}

/** The first whose upper end is not below it. */
function classOf(tokens: number): number {
  if (!(tokens > 1)) return 0;
  return Math.min(classes - 1, Math.ceil(Math.log2(tokens) * classesPerDoubling));
}
