// A log-linear histogram of durations in microseconds: fixed memory, bounded relative error.

/** Half of a bucket's width over its value: what `percentile` may be off by, beside rounding to whole microseconds. */
export const relativeErrorMax = 1 / 256;

/** 2^31 − 1 µs are 35 minutes; longer ones share the last bucket, while `maxUs` stays exact. */
const trackableUs = 2 ** 31 - 1;
const precisionBits = 8;
const halfOctave = 2 ** (precisionBits - 1);
const bucketCount = (31 - precisionBits + 2) * halfOctave;

export interface HistogramSummary {
  readonly count: number;
  readonly meanUs: number;
  readonly minUs: number;
  readonly p50Us: number;
  readonly p90Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
  readonly maxUs: number;
}

export class Histogram {
  readonly #buckets = new Float64Array(bucketCount);
  #count = 0;
  #sumUs = 0;
  #minUs = Number.POSITIVE_INFINITY;
  #maxUs = 0;

  get count(): number {
    return this.#count;
  }

  get meanUs(): number {
    return this.#count === 0 ? 0 : this.#sumUs / this.#count;
  }

  get minUs(): number {
    return this.#count === 0 ? 0 : this.#minUs;
  }

  get maxUs(): number {
    return this.#maxUs;
  }

  record(durationUs: number): void {
    if (!(durationUs >= 0 && durationUs < Number.POSITIVE_INFINITY)) {
      throw new RangeError(`a duration must be a finite number of microseconds, not ${durationUs}`);
    }
    const bucket = bucketOf(Math.min(Math.round(durationUs), trackableUs));
    this.#buckets[bucket] = (this.#buckets[bucket] ?? 0) + 1;
    this.#count += 1;
    this.#sumUs += durationUs;
    if (durationUs < this.#minUs) this.#minUs = durationUs;
    if (durationUs > this.#maxUs) this.#maxUs = durationUs;
  }

  /** The smallest duration that `percent` of all are not above; 0 when nothing was recorded. */
  percentile(percent: number): number {
    if (!(percent >= 0 && percent <= 100)) {
      throw new RangeError(`a percentile lies between 0 and 100, not ${percent}`);
    }
    if (this.#count === 0) return 0;
    const rank = Math.max(1, Math.ceil((percent / 100) * this.#count));
    // The extremes are known exactly, so they are never blurred by a bucket.
    if (rank === 1) return this.#minUs;
    if (rank === this.#count) return this.#maxUs;
    return Math.min(this.#maxUs, Math.max(this.#minUs, middleOf(this.#bucketAtRank(rank))));
  }

  merge(other: Histogram): void {
    for (let bucket = 0; bucket < bucketCount; bucket += 1) {
      this.#buckets[bucket] = (this.#buckets[bucket] ?? 0) + (other.#buckets[bucket] ?? 0);
    }
    this.#count += other.#count;
    this.#sumUs += other.#sumUs;
    this.#minUs = Math.min(this.#minUs, other.#minUs);
    this.#maxUs = Math.max(this.#maxUs, other.#maxUs);
  }

  toJSON(): HistogramSummary {
    return {
      count: this.#count,
      meanUs: this.meanUs,
      minUs: this.minUs,
      p50Us: this.percentile(50),
      p90Us: this.percentile(90),
      p99Us: this.percentile(99),
      p999Us: this.percentile(99.9),
      maxUs: this.#maxUs,
    };
  }

  #bucketAtRank(rank: number): number {
    let seen = 0;
    for (let bucket = 0; bucket < bucketCount; bucket += 1) {
      seen += this.#buckets[bucket] ?? 0;
      if (seen >= rank) return bucket;
    }
    return bucketCount - 1;
  }
}

/** Keeps the top eight bits: exact below 256 µs, then 128 buckets to each doubling. */
function bucketOf(valueUs: number): number {
  const dropped = Math.max(0, 32 - Math.clz32(valueUs) - precisionBits);
  return dropped * halfOctave + (valueUs >>> dropped);
}

function middleOf(bucket: number): number {
  if (bucket < 2 * halfOctave) return bucket;
  const dropped = Math.floor(bucket / halfOctave) - 1;
  const lowest = (bucket - dropped * halfOctave) * 2 ** dropped;
  return lowest + (2 ** dropped - 1) / 2;
}
