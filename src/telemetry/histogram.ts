/** Counts of observed values in fixed buckets, as Prometheus reads them. */

export class Histogram {
  readonly bounds: readonly number[];
  /** One count for each bound, and one for what is above all of them. */
  readonly #counts: Float64Array;
  #sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.#counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    let bucket = 0;
    while (bucket < this.bounds.length && value > (this.bounds[bucket] as number)) bucket += 1;
    this.#counts[bucket] = (this.#counts[bucket] as number) + 1;
    this.#sum += value;
  }

  /** Lines of the exposition format; `labels` are rendered already, without braces. */
  render(name: string, labels: string): string {
    let seen = 0;
    let text = '';
    const before = labels === '' ? '' : `${labels},`;
    const all = labels === '' ? '' : `{${labels}}`;
    this.#counts.forEach((count, bucket) => {
      seen += count;
      text += `${name}_bucket{${before}le="${this.bounds[bucket] ?? '+Inf'}"} ${seen}\n`;
    });
    return `${text}${name}_sum${all} ${this.#sum}\n${name}_count${all} ${seen}\n`;
  }
}
