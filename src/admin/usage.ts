/** What was used, and what it cost: sums by any dimension, and the exchanges themselves. */
import type { z } from 'zod';
import { absentFacts, type LedgerQuestion, type LedgerRow, type LedgerSum } from '../core/ledger.ts';
import type { Ledger } from '../core/ports.ts';
import { toCsv } from './csv.ts';
import { periodOf } from './period.ts';
import { type exchangesQuery, exchangesShape, type usageQuery, usageShape } from './usage-shapes.ts';

type Usage = z.input<typeof usageShape>;
type Exchanges = z.input<typeof exchangesShape>;

const nanoPerUsd = 1e9;

export async function viewUsage(
  ledger: Ledger,
  query: z.output<typeof usageQuery>,
  nowMs: number,
): Promise<Usage> {
  const { from, to, by, limit, format, ...where } = query;
  const period = periodOf({ from, to }, nowMs);
  const sums = await ledger.sum({ ...period.question, by, where: given(where), rowsMax: limit });
  return { from: period.from, to: period.to, by, sums: sums.map(sumOf) };
}

export async function viewExchanges(
  ledger: Ledger,
  query: z.output<typeof exchangesQuery>,
  nowMs: number,
): Promise<Exchanges> {
  const { from, to, after, limit, format, ...where } = query;
  const period = periodOf({ from, to }, nowMs);
  const page = await ledger.page({
    ...period.question,
    where: given(where),
    rowsMax: limit,
    ...(after === undefined ? {} : { after }),
  });
  const exchanges = page.rows.map(exchangeOf);
  const told = { from: period.from, to: period.to, exchanges };
  return page.next === undefined ? told : { ...told, next: page.next };
}

export function usageCsv({ by, sums }: Usage): string {
  const counts = Object.keys(usageShape.shape.sums.element.shape).filter((name) => name !== 'by');
  const rows = sums.map(({ by: values, ...sum }) => ({ ...values, ...sum }));
  return toCsv([...by, ...counts], rows);
}

export function exchangesCsv({ exchanges }: Exchanges): string {
  return toCsv(Object.keys(exchangesShape.shape.exchanges.element.shape), exchanges);
}

export function given(where: Readonly<Record<string, string | undefined>>): LedgerQuestion['where'] {
  return Object.fromEntries(Object.entries(where).filter(([, value]) => value !== undefined));
}

function sumOf({ costNanoUsd, savedNanoUsd, by, ...counts }: LedgerSum): Usage['sums'][number] {
  return { by, ...counts, costUsd: costNanoUsd / nanoPerUsd, savedUsd: savedNanoUsd / nanoPerUsd };
}

function exchangeOf(row: LedgerRow): Exchanges['exchanges'][number] {
  const { id, atMs, costNanoUsd, savedNanoUsd, savedBy, facts, ...told } = row;
  return {
    id,
    at: new Date(atMs).toISOString(),
    ...told,
    costUsd: costNanoUsd / nanoPerUsd,
    savedUsd: savedNanoUsd / nanoPerUsd,
    savedBy,
    ...absentFacts,
    ...facts,
  };
}
