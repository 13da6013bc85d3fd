/** Has a slot compute a prompt, all but its end, which is left for whoever draws the first token. */
import type { Place, Token } from './binding.ts';
import type { Engine } from './engine.ts';
import { forgetAll, forgetBehind, type Group, knownAlike, knownTokens, type Slot } from './slot.ts';

export interface Prompt {
  readonly tokens: readonly Token[];
  /** Those to compute it in, where its numbers must be the ones that another process had. */
  readonly groups: readonly Group[] | undefined;
}

interface Reading extends Prompt {
  readonly signal: AbortSignal;
  readonly now?: () => number;
}

/**
 * To compute one token after the other takes as long as drawing them did, and by default a gateway waits a minute for
 * the first of a reply. What is left then is computed together: the reply is gone on with, and may have other words.
 */
export const alikeMsMax = 45_000;

export function placeOf({ slots }: Pick<Engine, 'slots'>, slot: Slot): Place {
  return { evaluationPriority: slots.things.indexOf(slot) };
}

export function knownOfPrompt(slot: Slot, { tokens, groups }: Prompt): number {
  return groups === undefined ? knownTokens(slot, tokens) : knownAlike(slot, tokens, groups);
}

export async function readPrompt(
  engine: Pick<Engine, 'slots' | 'context'>,
  slot: Slot,
  reading: Reading,
): Promise<{ readonly cachedTokens: number; readonly last: readonly Token[] }> {
  const { tokens, groups } = reading;
  const { sequence } = slot;
  await forgetBehind(slot, knownOfPrompt(slot, reading));
  let left = behind(groups ?? [], sequence.nextTokenIndex);
  if (groups !== undefined && left === undefined) {
    await forgetAll(slot);
    left = groups;
  }
  const cachedTokens = sequence.nextTokenIndex;
  if (groups !== undefined) await readAlike(engine, slot, { ...reading, groups: left });
  await readTogether(engine, slot, reading);
  return { cachedTokens, last: tokens.slice(sequence.nextTokenIndex) };
}

/** Undefined where so many tokens end within a group. */
function behind(groups: readonly Group[], tokens: number): readonly Group[] | undefined {
  let left = tokens;
  const first = groups.findIndex(({ known }) => {
    if (left <= 0) return true;
    left -= known;
    return false;
  });
  return left === 0 && first !== -1 ? groups.slice(first) : undefined;
}

async function readAlike(
  engine: Pick<Engine, 'slots' | 'context'>,
  slot: Slot,
  { tokens, groups = [], signal, now = () => performance.now() }: Reading,
): Promise<void> {
  const { sequence } = slot;
  const untilMs = now() + alikeMsMax;
  for (const { known, size } of groups.slice(0, -1)) {
    signal.throwIfAborted();
    if (now() > untilMs) return;
    const start = sequence.nextTokenIndex;
    const own = tokens.slice(start, start + known);
    // What followed in the group is forgotten again, so that any token does; it counts how many there were.
    const others = start + size > engine.context.contextSize ? 0 : size - known;
    const all = [...own, ...Array<Token>(others).fill(own[0] ?? 0)];
    await sequence.evaluateWithoutGeneratingNewTokens(all, placeOf(engine, slot));
    slot.groups.push({ known: all.length, size: all.length });
    if (others > 0) await forgetBehind(slot, start + known);
  }
}

/** All but the last batch, a batch at a time, so that an abort need not wait for a long prompt. */
async function readTogether(
  engine: Pick<Engine, 'slots' | 'context'>,
  slot: Slot,
  { tokens, signal }: Reading,
): Promise<void> {
  const { batchSize } = engine.context;
  const { sequence } = slot;
  for (let at = sequence.nextTokenIndex; tokens.length - at > batchSize; at += batchSize) {
    signal.throwIfAborted();
    await sequence.evaluateWithoutGeneratingNewTokens(
      tokens.slice(at, at + batchSize),
      placeOf(engine, slot),
    );
    slot.groups.push({ known: batchSize, size: batchSize });
  }
  signal.throwIfAborted();
}
