import type { Behaviour } from './behaviour.ts';
import type { Frame, Reply } from './reply.ts';

/** One thing that the wire does next. */
export type Step =
  | { readonly text: string }
  | { readonly pace: 'next' | 'quiet' }
  | 'stall'
  | 'cut'
  | 'reset';

/** What is sent of a reply under this behaviour, in order. May be endless. */
export function* distort(reply: Reply, behaviour: Behaviour): Generator<Step> {
  if (behaviour.bom) yield { text: '\uFEFF' };
  if (behaviour.keepAliveOnlyMs !== undefined) yield* quiet(reply.quietFrame);
  let contents = 0;
  for (const frame of reply.frames) {
    const fault = faultAt(frame, contents, behaviour);
    // What breaks the connection, or falls silent, is not gone on with here.
    if (fault !== undefined) return yield fault === 'error' ? { text: reply.errorFrame } : fault;
    if (frame.kind === 'content' && contents > 0) yield { pace: 'next' };
    for (const text of textsOf(frame, contents, behaviour)) yield* sent(text, reply, behaviour);
    if (frame.kind === 'content') contents += 1;
  }
}

type Fault = 'stall' | 'cut' | 'reset' | 'error';

/** Faults come after so much content, so the frames that lead up to the first content are always sent. */
function faultAt({ kind }: Frame, contents: number, behaviour: Behaviour): Fault | undefined {
  if (contents === 0 && kind === 'other') return undefined;
  if (contents >= behaviour.cutAfterChunks) return 'cut';
  if (contents >= behaviour.resetAfterChunks) return 'reset';
  if (contents >= behaviour.stallAfterChunks) return 'stall';
  return contents >= behaviour.errorEventAfter ? 'error' : undefined;
}

function* sent(text: string, { streamed }: Reply, behaviour: Behaviour): Generator<Step> {
  if (!streamed) return yield { text };
  if (behaviour.comments) yield { text: withLineEnds(': comment\n\n', behaviour) };
  yield { text: withLineEnds(text, behaviour) };
}

function* quiet(text: string): Generator<Step> {
  for (;;) yield* [{ text }, { pace: 'quiet' } as const];
}

const markers = { never: 0, once: 1, twice: 2 } as const;

function textsOf({ kind, text }: Frame, contents: number, behaviour: Behaviour): readonly string[] {
  if (kind === 'end') return Array.from({ length: markers[behaviour.endMarker] }, () => text);
  return [kind === 'content' && contents === behaviour.malformedEvent ? broken(text) : text];
}

/** Loses its last braces, and keeps the line ends that frame it. */
const broken = (text: string): string => text.replace(/.{3}(\n*)$/, '$1');

const withLineEnds = (text: string, behaviour: Behaviour): string =>
  behaviour.lineEnding === '\n' ? text : text.replaceAll('\n', behaviour.lineEnding);
