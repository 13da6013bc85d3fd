/** One reply: borrow a slot, evaluate the prompt, draw token after token until something ends it. */
import type { Begun } from './begun.ts';
import type { Grammar, Sampling, Token } from './binding.ts';
import type { Engine } from './engine.ts';
import { createJsonEnd } from './json-end.ts';
import { knownOfPrompt, type Prompt, placeOf, readPrompt } from './prompt-reading.ts';
import { invalid, RequestError } from './request-error.ts';
import { decodeGroups, drawnGroups, forgetAll, type Group, noteComputed, type Slot } from './slot.ts';
import { createStopMatcher } from './stop-matcher.ts';
import { createTokenDecoder } from './token-decoder.ts';

export interface Generation {
  readonly prompt: readonly Token[];
  /** The field that the prompt came from, for complaints about its length. */
  readonly promptField: string;
  /** Undefined: as many as the context holds. */
  readonly tokensMax: number | undefined;
  readonly sampling: (reply: readonly Token[]) => Sampling;
  readonly stops: readonly string[];
  readonly grammar: Grammar | undefined;
  /** What another process drew of the reply. */
  readonly begun?: Begun | undefined;
}

export interface Ending {
  readonly reason: 'stop' | 'length';
  readonly promptTokens: number;
  /** Of the prompt, those that the slot still knew from an earlier request. */
  readonly cachedTokens: number;
  readonly replyTokens: number;
}

export interface Listener {
  /** Aborted as soon as nobody wants the reply any more. */
  readonly signal: AbortSignal;
  /** Resolves when the reader wants more. `drawn` are all tokens since the last text. */
  readonly onText: (text: string, drawn: readonly Token[]) => Promise<void> | undefined;
  /** Told once, before any text: how the prompt was computed. */
  readonly onRead?: (groups: readonly Group[]) => void;
}

/** Rejects with the signal's reason when it is aborted; the slot is free again by then. */
export async function generate(engine: Engine, request: Generation, listener: Listener): Promise<Ending> {
  const { begun } = request;
  const { signal } = listener;
  const prompt = promptOf(request);
  const room = engine.context.contextSize - prompt.tokens.length;
  if (room <= 0) throw contextExceeded(request, prompt, engine.context.contextSize);
  const tokensMax = Math.min((request.tokensMax ?? room) - (begun?.tokensAgain ?? 0), room);
  const slot = await engine.slots.borrow(signal, (each) => knownOfPrompt(each, prompt));
  let last: readonly Token[] = [];
  try {
    const read = await readPrompt(engine, slot, { ...prompt, signal });
    last = read.last;
    listener.onRead?.([...slot.groups, { known: last.length, size: last.length }]);
    const reply = await drawReply(engine, slot, { ...request, ...listener, tokensMax, last });
    return { ...reply, promptTokens: prompt.tokens.length, cachedTokens: read.cachedTokens };
  } catch (error) {
    // After a failure inside, what the sequence holds is not known; it must not meet the next prompt.
    if (!signal.aborted && !(error instanceof RequestError)) await forgetAll(slot);
    throw error;
  } finally {
    noteComputed(slot, last.length);
    engine.slots.giveBack(slot);
  }
}

/** What was drawn before is computed behind the prompt, and is none of the tokens of this reply. */
function promptOf({ prompt, begun }: Generation): Prompt {
  if (begun === undefined) return { tokens: prompt, groups: undefined };
  const asked = decodeGroups(begun.read, prompt.length);
  return {
    tokens: [...prompt, ...begun.ids],
    groups: asked && [...asked, ...drawnGroups(begun.ids.length)],
  };
}

function contextExceeded({ promptField }: Generation, { tokens }: Prompt, contextSize: number): RequestError {
  return new RequestError(
    `the prompt has ${tokens.length} tokens, and with one token of a reply it must fit a context of ${contextSize}`,
    { code: 'context_length_exceeded', param: promptField },
  );
}

interface Drawing extends Generation, Listener {
  readonly tokensMax: number;
  readonly last: readonly Token[];
}

async function drawReply(
  engine: Engine,
  slot: Slot,
  drawing: Drawing,
): Promise<{ reason: 'stop' | 'length'; replyTokens: number }> {
  const before = drawing.begun?.ids ?? [];
  const reply: Token[] = [...before];
  const text = createReplyText(engine, drawing);
  if (drawing.begun !== undefined) await sayAgain(drawing, drawing.begun, text);
  let shown = reply.length;
  const show = (piece: string): Promise<void> | undefined => {
    const drawn = reply.slice(shown);
    shown = reply.length;
    return drawing.onText(piece, drawn);
  };
  const ended = (reason: 'stop' | 'length') => ({ reason, replyTokens: reply.length - before.length });
  const options = { ...samplingOf(engine, drawing, reply), ...placeOf(engine, slot) };
  for await (const token of slot.sequence.evaluate(drawing.last, options)) {
    drawing.signal.throwIfAborted();
    reply.push(token);
    const piece = text.push(token);
    if (piece.text !== '') await show(piece.text);
    drawing.signal.throwIfAborted();
    if (piece.ended) return ended('stop');
    if (reply.length - before.length >= drawing.tokensMax) {
      await show(text.rest());
      return ended('length');
    }
  }
  // The model's own end token ended the loop; it is no part of the text and not counted.
  await show(text.rest());
  return ended('stop');
}

/** Takes the tokens as if they had been drawn here, so that half a character or a stop string goes on as well. */
async function sayAgain(drawing: Drawing, { ids, again }: Begun, text: ReplyText): Promise<void> {
  const said = ids.map((id) => text.push(id).text).join('');
  if (!said.endsWith(again)) throw invalid('millrace_begun.again', 'is not what those tokens say');
  await drawing.onText(again, []);
}

function samplingOf(engine: Engine, drawing: Drawing, reply: readonly Token[]): Sampling {
  const sampling = drawing.sampling(reply);
  if (drawing.grammar === undefined) return sampling;
  const { model, binding } = engine;
  const state = new binding.LlamaGrammarEvaluationState({ model, grammar: drawing.grammar });
  return { ...sampling, grammarEvaluationState: state };
}

interface ReplyText {
  push(token: Token): { readonly text: string; readonly ended: boolean };
  rest(): string;
}

function createReplyText(engine: Engine, drawing: Drawing): ReplyText {
  const decoder = createTokenDecoder(engine.model, drawing.prompt);
  const matcher = createStopMatcher(drawing.stops);
  // Grammars allow blank space after the value without end, and small models make use of it.
  const jsonEnd = drawing.grammar === undefined ? undefined : createJsonEnd();
  return {
    push(token) {
      const decoded = decoder.push(token);
      const end = jsonEnd?.push(decoded);
      const matched = matcher.push(end === undefined ? decoded : decoded.slice(0, end));
      if (end === undefined || matched.stopped) return { text: matched.text, ended: matched.stopped };
      return { text: matched.text + matcher.rest(), ended: true };
    },
    rest() {
      const matched = matcher.push(decoder.rest());
      return matched.stopped ? matched.text : matched.text + matcher.rest();
    },
  };
}
