/** Tests that say why they cannot be shown on this machine, gathered from the run's output and told together at its end. */
import { stripVTControlCharacters } from 'node:util';

/** As the runner prints them: the name, how long it took, the reason. */
const skipped = /^\s*\uFE63 (.+?) \([\d.]+ms\) # (.+)$/;

export class NotShown {
  readonly #told: string[] = [];
  #rest = '';

  see(piece: Buffer): void {
    const lines = `${this.#rest}${piece.toString('utf8')}`.split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      const [, name, reason] = skipped.exec(stripVTControlCharacters(line)) ?? [];
      const told = `  ${name}: ${reason}`;
      // The runner tells of each again where it sums up.
      if (name !== undefined && !this.#told.includes(told)) this.#told.push(told);
    }
  }

  /** Nothing where all was shown. */
  get block(): string | undefined {
    if (this.#told.length === 0) return undefined;
    return ['not shown on this machine:', ...this.#told].join('\n');
  }
}
