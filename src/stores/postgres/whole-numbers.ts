/** PostgreSQL's 64-bit and sums as numbers: pg gives them as text, because a number is exact up to 2^53 only. */
import type { CustomTypesConfig } from 'pg';
import { fail } from '../../core/failure.ts';

/** 64 bits, sums of them, and sums that are made of floats. */
const wholeTypes: ReadonlySet<number> = new Set([20, 1_700, 701]);

type GetTypeParser = CustomTypesConfig['getTypeParser'];

export function wholeNumbers(otherwise: GetTypeParser): CustomTypesConfig {
  const getTypeParser = (type: number, format?: 'text' | 'binary') =>
    wholeTypes.has(type) ? parseWhole : otherwise(type, format ?? 'text');
  return { getTypeParser };
}

function parseWhole(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value)) return value;
  throw fail('internal', `the database gave ${text}, which is not a whole number up to 2^53`);
}
