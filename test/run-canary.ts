/**
 * A secret that all gateways of a test run share: their master key. It may be in no output of any test, in no log line and
 * in no file of any gateway (G8).
 */
import { createHash } from 'node:crypto';

export const canaryVariable = 'MILLRACE_TEST_CANARY';

/** Each run has its own; a file that is run by itself has one too. */
export const runCanary = process.env[canaryVariable] ?? 'canary-of-a-single-file';

/** 32 bytes in hexadecimal. */
export const runMasterKey = masterKeyOf(runCanary);

export function holdsCanary(text: string, canary = runCanary): boolean {
  const key = masterKeyOf(canary);
  return [canary, key, Buffer.from(key, 'hex').toString('base64')].some((spelling) =>
    text.includes(spelling.slice(0, spelledCharsMax)),
  );
}

const spelledCharsMax = 24;

/** Looks through what is written, piece by piece, also across two of them. */
export class CanaryWatch {
  found = false;
  readonly #canary: string;
  #rest = '';

  constructor(canary: string) {
    this.#canary = canary;
  }

  see(piece: Buffer): void {
    const text = `${this.#rest}${piece.toString('latin1')}`;
    this.found ||= holdsCanary(text, this.#canary);
    this.#rest = text.slice(-spelledCharsMax);
  }
}

function masterKeyOf(canary: string): string {
  return createHash('sha256').update(canary).digest('hex');
}
