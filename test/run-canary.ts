/**
 * Secrets of a test run: the master key that all its gateways share, and those of each kind that rigs use. They may be in no
 * output of any test, in no log line and in no file of any gateway (G8).
 */
import { createHash } from 'node:crypto';

export const canaryVariable = 'MILLRACE_TEST_CANARY';

/** Each run has its own; a file that is run by itself has one too. */
export const runCanary = process.env[canaryVariable] ?? 'canary-of-a-single-file';

/** 32 bytes in hexadecimal. */
export const runMasterKey = masterKeyOf(runCanary);

/**
 * What rigs take for a secret of one kind: a provider's key, a password, what a webhook is signed with. All of a run begin
 * alike, so that whoever looks needs no list of them.
 */
export function runSecret(kind: string): string {
  return `${markOf(runCanary)}${createHash('sha256').update(`${runCanary} ${kind}`).digest('hex').slice(0, 24)}`;
}

export function holdsCanary(text: string, canary = runCanary): boolean {
  const key = masterKeyOf(canary);
  const mark = markOf(canary);
  const spellings = [
    canary,
    key,
    Buffer.from(key, 'hex').toString('base64'),
    mark,
    Buffer.from(mark).toString('base64'),
    Buffer.from(mark).toString('hex'),
  ];
  return spellings.some((spelling) => text.includes(spelling.slice(0, spelledCharsMax)));
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

/** 24 characters, which base64 spells by themselves. */
function markOf(canary: string): string {
  return createHash('sha256').update(`the mark of ${canary}`).digest('hex').slice(0, 24);
}
