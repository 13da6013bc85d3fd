/** Keeps what was asked and answered, of tenants that want it kept; of all others nothing is looked at. */
import type { Call } from '../core/call.ts';
import type { Content } from '../core/content.ts';
import type { Parsed } from '../core/exchange.ts';
import { type Handler, type Outcome, onEnded, type Reply, type Stage } from '../core/stage.ts';
import { Transcript } from '../core/transcript.ts';

export interface KeepOptions {
  /** Absent where the operator forbids it to all. */
  readonly contents: ContentKeeper | undefined;
}

export interface ContentKeeper {
  /** For how many days a tenant has them kept; 0 for not at all. */
  daysOf(tenant: string): number;
  /** Neither waits nor throws. `bytes` is about what it takes in memory. */
  add(content: Content, bounds: { readonly days: number; readonly bytes: number }): void;
}

/** As much as a conversation remembers; of what is kept the end is cut. */
const answerCharsMax = 1_048_576;

export function keep({ contents }: KeepOptions): Stage<Parsed> {
  if (contents === undefined) return (next) => next;
  return (next) => (exchange) => {
    const days = contents.daysOf(exchange.principal.tenant);
    return days === 0 ? next(exchange) : kept(next, exchange, { contents, days });
  };
}

interface Keeping {
  readonly contents: ContentKeeper;
  readonly days: number;
}

async function kept(next: Handler<Parsed>, exchange: Parsed, keeping: Keeping): Promise<Reply> {
  const transcript = new Transcript(answerCharsMax);
  const add = (outcome: Outcome['kind']) => addContent(exchange, transcript, { ...keeping, outcome });
  try {
    const reply = await next({ ...exchange, transcript });
    onEnded(reply, ({ kind }) => add(exchange.trail.failure === undefined ? kind : 'failed'));
    return reply;
  } catch (thrown) {
    add('failed');
    throw thrown;
  }
}

function addContent(
  { call, principal, trail, route }: Parsed,
  transcript: Transcript,
  { contents, days, outcome }: Keeping & { readonly outcome: Outcome['kind'] },
): void {
  const { tenant, user } = principal;
  const { text: answer } = transcript;
  const model = trail.model === '' ? call.model : trail.model;
  const said = { route: route.name, model, outcome, prompt: promptOf(call), answer, cut: false };
  contents.add(
    { id: trail.id, owner: { tenant, user }, atMs: trail.wallMs, said },
    { days, bytes: call.wire.bytes.length + answer.length * 2 },
  );
}

function promptOf(call: Call): unknown {
  if (call.kind === 'chat') return call.messages;
  return call.kind === 'complete' ? call.prompt : call.input;
}
