/** What keeps a verb from doing its work and is nobody's bug: a message that tells what mends it, and an exit code. */
export class Trouble extends Error {
  readonly exitCode: number;
  /** Whether a gateway was there and said no. */
  readonly answered: boolean;

  constructor(message: string, options: ErrorOptions & { exitCode?: number; answered?: boolean } = {}) {
    super(message, options);
    this.name = 'Trouble';
    this.exitCode = options.exitCode ?? 1;
    this.answered = options.answered ?? false;
  }
}
