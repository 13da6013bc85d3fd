/** The plain way to what a ledger answers: from all its rows, one by one. */
import {
  absentFacts,
  type LedgerDimension,
  type LedgerHour,
  type LedgerQuestion,
  type LedgerRow,
  type LedgerSum,
} from '../../src/core/ledger.ts';

const hourMs = 3_600_000;

export function expected(rows: readonly LedgerRow[], question: LedgerQuestion): readonly LedgerSum[] {
  const groups = Map.groupBy(
    rows.filter((row) => isWithin(row, question)),
    (row) => JSON.stringify(question.by.map((dimension) => nameOf(row, dimension))),
  );
  return [...groups.values()]
    .map((group) => ({
      by: Object.fromEntries(
        question.by.map((one) => [one, group[0] === undefined ? '' : nameOf(group[0], one)]),
      ),
      exchanges: group.length,
      inputTokens: total(group, 'inputTokens'),
      cachedInputTokens: total(group, 'cachedInputTokens'),
      outputTokens: total(group, 'outputTokens'),
      reasoningTokens: total(group, 'reasoningTokens'),
      costNanoUsd: total(group, 'costNanoUsd'),
      savedNanoUsd: total(group, 'savedNanoUsd'),
    }))
    .toSorted((one, other) =>
      question.by.reduce((sofar, key) => sofar || byText(textOf(one, key), textOf(other, key)), 0),
    );
}

export function expectedHours(rows: readonly LedgerRow[]): readonly LedgerHour[] {
  const groups = Map.groupBy(rows, ({ atMs, upstream, targetModel }) =>
    JSON.stringify([atMs - (atMs % hourMs), upstream, targetModel]),
  );
  return [...groups]
    .map(([place, group]) => {
      const [from, upstream, targetModel] = JSON.parse(place) as [number, string, string];
      return {
        hourMs: from,
        upstream,
        targetModel,
        exchanges: group.length,
        inputTokens: total(group, 'inputTokens'),
        cachedInputTokens: total(group, 'cachedInputTokens'),
        outputTokens: total(group, 'outputTokens'),
        reasoningTokens: total(group, 'reasoningTokens'),
        costNanoUsd: total(group, 'costNanoUsd'),
      };
    })
    .toSorted(
      (one, other) =>
        one.hourMs - other.hourMs ||
        byText(one.upstream, other.upstream) ||
        byText(one.targetModel, other.targetModel),
    );
}

function textOf(sum: LedgerSum, dimension: LedgerDimension): string {
  return sum.by[dimension] ?? '';
}

export function isWithin(row: LedgerRow, { fromDay, toDay, where }: LedgerQuestion): boolean {
  const day = dayOf(row);
  if (day < fromDay || day >= toDay) return false;
  return Object.entries(where).every(([dimension, value]) =>
    [value].flat().includes(nameOf(row, dimension as LedgerDimension)),
  );
}

function nameOf(row: LedgerRow, dimension: LedgerDimension): string {
  if (dimension === 'day') return dayOf(row);
  return String({ ...row, ...absentFacts, ...row.facts }[dimension]);
}

export function dayOf(row: LedgerRow): string {
  return new Date(row.atMs).toISOString().slice(0, 10);
}

type Counted =
  | 'inputTokens'
  | 'cachedInputTokens'
  | 'outputTokens'
  | 'reasoningTokens'
  | 'costNanoUsd'
  | 'savedNanoUsd';

function total(rows: readonly LedgerRow[], name: Counted): number {
  return rows.reduce((sum, row) => sum + row[name], 0);
}

export function byText(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}
