/**
 * A secret that all gateways of a test run share: their master key. It may be in no output of any test, in no log line and
 * in no file of any gateway (G8).
 */
import { createHash } from 'node:crypto';

export const canaryVariable = 'MILLRACE_TEST_CANARY';

/** Each run has its own; a file that is run by itself has one too. */
export const runCanary = process.env[canaryVariable] ?? 'canary-of-a-single-file';

/** 32 bytes in hexadecimal. */
export const runMasterKey = createHash('sha256').update(runCanary).digest('hex');

const spelt = [runCanary, runMasterKey, Buffer.from(runMasterKey, 'hex').toString('base64')];

export function holdsCanary(text: string): boolean {
  return spelt.some((spelling) => text.includes(spelling.slice(0, 24)));
}

/** Looks through what is written, piece by piece, also across two of them. */
export class CanaryWatch {
  found = false;
  #rest = '';

  see(piece: Buffer): void {
    const text = `${this.#rest}${piece.toString('latin1')}`;
    this.found ||= holdsCanary(text);
    this.#rest = text.slice(-64);
  }
}
