/** Counts a stream against what is reserved for it, and has more set aside before that is used up. */
import type { Extension, Left, Reservation, Spend, StreamMeter, TokenRates } from '../core/budget.ts';

export interface SpendMeterOptions {
  readonly reservation: Reservation;
  /** All that is set aside so far. */
  readonly reserved: Spend;
  /** Of that, for the prompt. */
  readonly promptTokens: number;
  /** More than these the upstream was not asked for: beyond them nothing has to be set aside. */
  readonly answerTokensMax: number;
  readonly ratesOf: (upstream: string, targetModel: string) => TokenRates;
  /** How many the target may be asked for. */
  readonly longestAt: (upstream: string, targetModel: string) => number;
}

/** So many tokens are set aside at a time, and asked for when fewer are left. */
const stepTokensMax = 128;

export class SpendMeter implements StreamMeter {
  readonly #given: SpendMeterOptions;
  #nanoUsd: number;
  #tokens: number;
  #rates: TokenRates = { inputPicoUsd: 0, outputPicoUsd: 0 };
  /** How long the answer may become by what is set aside. */
  #allowed = 0;
  #seen = 0;
  /** What those who broke off said of the answer: a part of the next one's question. */
  #said = 0;
  /** What they came to. */
  #spentPicoUsd = 0;
  #spentTokens = 0;
  /** Halved by each refusal: what is left of a budget is used to the last token. At 0 nobody is asked any more. */
  #stepTokens = stepTokensMax;
  #refused: 'spent' | 'unavailable' = 'spent';
  #asking: Promise<void> | undefined;

  constructor(given: SpendMeterOptions) {
    this.#given = given;
    this.#nanoUsd = given.reserved.nanoUsd;
    this.#tokens = given.reserved.tokens;
  }

  bound(upstream: string, targetModel: string): number | undefined {
    const { ratesOf, longestAt, reservation } = this.#given;
    const tokens = this.#affordable(ratesOf(upstream, targetModel), reservation.left);
    const isFar = tokens >= Math.min(this.#answerTokensMax, longestAt(upstream, targetModel));
    return isFar ? undefined : Math.max(1, tokens);
  }

  open(upstream: string, targetModel: string): void {
    this.#rates = this.#given.ratesOf(upstream, targetModel);
    this.#seen = 0;
    this.#allow(this.#affordable(this.#rates));
    // A second question is seldom in what was set aside for the first.
    if (this.#said > 0 && this.#asking === undefined) void this.#ask();
  }

  carryOn(): void {
    const { inputPicoUsd, outputPicoUsd } = this.#rates;
    this.#spentPicoUsd += this.#promptTokens * inputPicoUsd + this.#seen * outputPicoUsd;
    this.#spentTokens += this.#promptTokens + this.#seen;
    this.#said += this.#seen;
  }

  count(tokens: number): 'spent' | 'unavailable' | undefined {
    if (this.#seen >= this.#allowed && this.#asking === undefined) return this.#refused;
    this.#seen = tokens;
    if (this.#asking === undefined && this.#allowed - tokens < this.#stepTokens) void this.#ask();
    return undefined;
  }

  /** All that was set aside. */
  get reserved(): Spend {
    return { nanoUsd: this.#nanoUsd, tokens: this.#tokens, requests: 1 };
  }

  get waiting(): Promise<void> | undefined {
    return this.#seen < this.#allowed ? undefined : this.#asking;
  }

  /** Again and again, until there is a step to spare or nothing left to ask for. */
  #ask(): Promise<void> | undefined {
    this.#asking = undefined;
    while (this.#stepTokens > 0 && this.#allowed - this.#seen < this.#stepTokens) {
      const wanted = this.#next();
      const answer = this.#given.reservation.extend(wanted);
      if (answer instanceof Promise) {
        this.#asking = answer.then((extension) => {
          this.#take(extension, wanted);
          return this.#ask();
        });
        break;
      }
      this.#take(answer, wanted);
    }
    return this.#asking;
  }

  #take(extension: Extension, more: Spend): void {
    if (extension === 'extended') {
      this.#nanoUsd += more.nanoUsd;
      this.#tokens += more.tokens;
      this.#stepTokens = Math.min(stepTokensMax, this.#stepTokens * 2);
      // Whoever asked for it may have broken off meanwhile: it is reckoned anew how far it goes.
      this.#allow(this.#affordable(this.#rates));
    } else {
      this.#refused = extension;
      this.#stepTokens = Math.floor(this.#stepTokens / 2);
    }
  }

  /** An answer that is a step longer, and what it needs besides what it has. */
  #next(): Spend {
    const promptTokens = this.#promptTokens;
    const longer = Math.max(this.#seen, this.#allowed) + this.#stepTokens;
    const answerTokens = Math.min(this.#answerTokensMax, longer);
    const nanoUsd =
      costAhead(this.#rates, promptTokens, answerTokens) + Math.ceil(this.#spentPicoUsd / 1_000);
    return {
      nanoUsd: Math.max(0, nanoUsd - this.#nanoUsd),
      tokens: Math.max(0, this.#spentTokens + promptTokens + answerTokens - this.#tokens),
      requests: 0,
    };
  }

  /** Whoever may say all that was asked for needs no more. */
  #allow(answerTokens: number): void {
    this.#allowed = answerTokens >= this.#answerTokensMax ? Number.POSITIVE_INFINITY : answerTokens;
  }

  get #promptTokens(): number {
    return this.#given.promptTokens + this.#said;
  }

  get #answerTokensMax(): number {
    return Math.max(0, this.#given.answerTokensMax - this.#said);
  }

  /** With what is set aside, and with so much more: by the prices of one target, which may be lower than those that were reserved. */
  #affordable({ inputPicoUsd, outputPicoUsd }: TokenRates, more: Left = nothingMore): number {
    const promptTokens = this.#promptTokens;
    const nanoUsd = this.#nanoUsd + more.nanoUsd;
    const picoUsd = nanoUsd * 1_000 - this.#spentPicoUsd - promptTokens * inputPicoUsd;
    const tokens = this.#tokens + more.tokens - this.#spentTokens - promptTokens;
    return outputPicoUsd === 0 ? tokens : Math.min(tokens, Math.floor(picoUsd / outputPicoUsd));
  }
}

const nothingMore: Left = { nanoUsd: 0, tokens: 0 };

/** In whole billionths of a dollar, rounded up. */
export function costAhead(
  { inputPicoUsd, outputPicoUsd }: TokenRates,
  promptTokens: number,
  answerTokens: number,
): number {
  return Math.ceil((promptTokens * inputPicoUsd + answerTokens * outputPicoUsd) / 1_000);
}
