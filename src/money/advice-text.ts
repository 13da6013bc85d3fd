/** Numbers as advice has them. */
import type { NanoUsd } from '../core/ledger.ts';

export function usdOf(nanoUsd: NanoUsd): number {
  return nanoUsd / 1e9;
}

export function usdText(nanoUsd: NanoUsd): string {
  return `${usdOf(nanoUsd).toFixed(2)} USD`;
}

export function shareText(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

/** Long enough to be more than chance. */
export const daysMin = 7;
