/** What the simulator says: honest about being one, the same every time, and as long as asked. */
import type { Json } from '../../core/call.ts';
import type { Part, StopReason } from '../../core/part.ts';
import type { Ask } from './ask.ts';
import { fillerSentence } from './filler.ts';
import { createRandom, hashNumber } from './random.ts';
import { instanceOf } from './schema-instance.ts';
import { countTokens, tokenise } from './tokenise.ts';
import { chooseToolCalls } from './tool-calls.ts';

export interface Answer {
  /** One a token, in the order in which they are sent. */
  readonly parts: readonly Part[];
  readonly stop: StopReason;
  readonly reasoningTokens: number;
}

const echoTokensMax = 48;
const greeting = "This is Millrace's built-in simulator, not a model.";
const thought = 'I am a simulator and cannot think. I shall repeat what was said and add some words.';

export function composeAnswer(ask: Ask, choice: number): Answer {
  const random = createRandom(hashNumber(choice, ask.seed));
  const reasoning = ask.thinks ? tokenise(thought) : [];
  const room = Math.max(0, ask.tokensMax - reasoning.length);
  const calls = ask.begun === '' ? chooseToolCalls(ask, choice) : [];
  const text: Text = calls.length > 0 ? { tokens: [], stop: 'tool_calls' } : textFor(ask, room, random);
  const parts: Part[] = [
    ...reasoning.map((token): Part => ({ type: 'reasoning-delta', text: token, choice })),
    ...text.tokens.map((token): Part => ({ type: 'text-delta', text: token, choice })),
    ...calls,
  ];
  const cut = parts.length > ask.tokensMax;
  return {
    parts: cut ? parts.slice(0, ask.tokensMax) : parts,
    stop: cut ? 'length' : text.stop,
    reasoningTokens: Math.min(reasoning.length, ask.tokensMax),
  };
}

interface Text {
  readonly tokens: readonly string[];
  readonly stop: StopReason;
}

/** Of an answer that was begun the rest: it is made up as a whole, and what was said of it is left out. */
function textFor(ask: Ask, room: number, random: () => number): Text {
  if (ask.begun === '') return composeText(ask, room, random);
  const { tokens, stop } = composeText(ask, room + countTokens(ask.begun), random);
  const whole = tokens.join('');
  // Another's beginning is gone on with as well, in words of our own.
  return { tokens: tokenise(whole.startsWith(ask.begun) ? whole.slice(ask.begun.length) : whole), stop };
}

function composeText(ask: Ask, room: number, random: () => number): Text {
  const tokens =
    ask.call.format === undefined ? prose(ask, room, random) : tokenise(JSON.stringify(formatted(ask)));
  const within = tokens.slice(0, room);
  return (
    cutAtStop(within, ask.call.sampling.stop) ?? {
      tokens: within,
      stop: tokens.length > room ? 'length' : 'stop',
    }
  );
}

function formatted(ask: Ask): Json {
  const { format } = ask.call;
  if (typeof format === 'object') return instanceOf(format.schema);
  return { simulator: greeting, said: shorten(ask.said) };
}

function prose(ask: Ask, room: number, random: () => number): string[] {
  const tokens = tokenise(opening(ask));
  const wanted = wantedTokens(ask);
  if (wanted === undefined) {
    const sentences = 2 + Math.floor(random() * 3);
    for (let count = 0; count < sentences; count += 1) tokens.push(...fillerSentence(random));
    return tokens;
  }
  // One more than there is room for, so that running out of room is told from having said it all.
  const length = Math.min(wanted, room + 1);
  while (tokens.length < length) tokens.push(...fillerSentence(random));
  return tokens.slice(0, length);
}

function opening(ask: Ask): string {
  const results = ask.toolResults.map(
    (result) => ` The tool ${result.name} answered: ${shorten(result.text)}.`,
  );
  const images =
    ask.images === 0 ? '' : ` (and sent ${ask.images === 1 ? 'an image' : `${ask.images} images`})`;
  const said = results.length > 0 ? results.join('') : ` You said${images}: “${shorten(ask.said)}”.`;
  return `${greeting}${said}`;
}

function shorten(text: string): string {
  const tokens = tokenise(text);
  if (tokens.length <= echoTokensMax) return text;
  return `${tokens.slice(0, echoTokensMax).join('')}…`;
}

/** How load tests get answers of a known length: as vLLM's and llama.cpp's clients do, or just by asking for it. */
function wantedTokens(ask: Ask): number | undefined {
  if (ask.call.extra['ignore_eos'] === true) return Number.POSITIVE_INFINITY;
  const least = ask.call.extra['min_tokens'];
  if (typeof least === 'number') return least;
  const said = /(?<!\d)(\d{1,6}) (?:words|tokens)\b/i.exec(ask.said)?.[1];
  return said === undefined ? undefined : Number(said);
}

function cutAtStop(tokens: readonly string[], stops: readonly string[] = []): Text | undefined {
  if (stops.length === 0) return undefined;
  const text = tokens.join('');
  const places = stops.filter((stop) => stop !== '').map((stop) => text.indexOf(stop));
  const first = Math.min(...places.filter((place) => place >= 0));
  return Number.isFinite(first) ? { tokens: tokenise(text.slice(0, first)), stop: 'stop' } : undefined;
}
