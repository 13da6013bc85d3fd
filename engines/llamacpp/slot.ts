/**
 * A sequence, and in which groups its tokens were computed. A processor rounds otherwise where it computes many tokens
 * together than where it computes one, and of a quantised model other words follow soon. So whoever goes on with what
 * another process drew at temperature 0 computes the same tokens in the same groups: the numbers are the same then.
 */
import type { Sequence, Token } from './binding.ts';

/** Tokens that were computed together; only the first of them are still known where others followed later. */
export interface Group {
  readonly known: number;
  readonly size: number;
}

export interface Slot {
  readonly sequence: Sequence;
  /** Of all tokens that the sequence knows, in their order. */
  groups: Group[];
}

const alone: Group = { known: 1, size: 1 };

function knownOf(groups: readonly Group[]): number {
  return groups.reduce((sum, { known }) => sum + known, 0);
}

/** The groups of the first so many tokens. */
export function firstOf(groups: readonly Group[], tokens: number): Group[] {
  const kept: Group[] = [];
  let left = tokens;
  for (const group of groups) {
    if (left <= 0) break;
    kept.push(group.known <= left ? group : { ...group, known: left });
    left -= group.known;
  }
  return kept;
}

/** How much of a prompt a slot knows. The last token is always computed again, for what follows it. */
export function knownTokens({ sequence }: Slot, prompt: readonly Token[]): number {
  return Math.min(sequence.compareContextTokens(prompt).firstDifferentIndex, prompt.length - 1);
}

/** How many of those tokens it computed in just these groups: whole ones, and never the last. */
export function knownAlike(slot: Slot, prompt: readonly Token[], groups: readonly Group[]): number {
  const known = knownTokens(slot, prompt);
  let alike = 0;
  for (const [index, group] of groups.slice(0, -1).entries()) {
    const own = slot.groups[index];
    const isAlike = own?.size === group.size && own.known >= group.known;
    if (!isAlike || alike + group.known > known) break;
    alike += group.known;
    // It knows more of the group than is wanted: what is behind is to be forgotten.
    if (own.known > group.known) break;
  }
  return alike;
}

/** Leaves the slot with so many tokens, or fewer: some kinds of model cannot forget in part and start again. */
export async function forgetBehind(slot: Slot, tokens: number): Promise<void> {
  const { sequence } = slot;
  const end = sequence.nextTokenIndex;
  if (tokens < end) await sequence.eraseContextTokenRanges([{ start: tokens, end }]);
  slot.groups = firstOf(slot.groups, sequence.nextTokenIndex);
}

export async function forgetAll(slot: Slot): Promise<void> {
  await slot.sequence.clearHistory();
  slot.groups = [];
}

/** What was computed since the groups were last noted: a group, as far as it came, and then one token after the other. */
export function noteComputed(slot: Slot, group: number): void {
  const computed = slot.sequence.nextTokenIndex - knownOf(slot.groups);
  if (computed <= 0) return;
  // Without a group it broke off within one.
  const together = group === 0 ? computed : Math.min(group, computed);
  slot.groups.push({ known: together, size: together });
  slot.groups = slot.groups.concat(drawnGroups(computed - together));
}

/** Drawn tokens are computed one after the other. */
export function drawnGroups(count: number): readonly Group[] {
  return Array.from({ length: count }, () => alone);
}

/** Longer stories are not told: they stand in an event of a stream. Whoever goes on then computes the prompt together. */
const runsMax = 1024;

/** How often which group follows itself, in one list of numbers: known, size, times. */
export function encodeGroups(groups: readonly Group[]): readonly number[] | undefined {
  const runs: Array<[known: number, size: number, times: number]> = [];
  for (const { known, size } of groups) {
    const run = runs.at(-1);
    if (run !== undefined && run[0] === known && run[1] === size) run[2] += 1;
    else runs.push([known, size, 1]);
  }
  return runs.length > runsMax ? undefined : runs.flat();
}

/** Undefined where it is no such list, or not one for so many tokens. */
export function decodeGroups(told: unknown, tokens: number): readonly Group[] | undefined {
  if (!Array.isArray(told) || told.length > runsMax * 3) return undefined;
  const groups: Group[] = [];
  let left = tokens;
  for (let at = 0; at < told.length; at += 3) {
    const [known, size, times] = told.slice(at, at + 3);
    const isRun = [known, size, times].every((number) => Number.isInteger(number) && number > 0);
    if (!isRun || known > size || known * times > left) return undefined;
    for (let time = 0; time < times; time += 1) groups.push({ known, size });
    left -= known * times;
  }
  return left === 0 ? groups : undefined;
}
