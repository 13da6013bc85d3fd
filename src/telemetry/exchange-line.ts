/**
 * The finished trail as one line of JSON: what the ledger is told, and the same with what the log says more. Never a
 * prompt, an answer or a key. Written by hand: what general serializers did here was a sixth of an exchange's CPU.
 */
import type { Failure } from '../core/failure.ts';
import type { ChosenWhy } from '../core/ledger.ts';
import { type Usage, usualServices } from '../core/part.ts';
import type { Trail } from '../core/trail.ts';

export const severities = { debug: 20, info: 30, warn: 40, error: 50 } as const;
export type Level = keyof typeof severities;

const nameCharsMax = 200;

/** What stands in the spool: sealed and written for each, and so no more than the ledger reads. */
export function endLine(trail: Trail): string {
  return clean(trail, `{${factsOf(trail)}}\n`);
}

/** The end of an exchange as the log tells it. */
export function logLine(trail: Trail, end: string, wallMs: number): string {
  const { failure, route, outcome } = trail;
  // Cut from the end, which is one text by now: its parts are not put together once more.
  const facts = end.slice(1, -2);
  const first = `{"level":${severities[severityOf(failure)]},"time":${wallMs},${facts}${toldInLog(trail)}`;
  return clean(trail, `${first},"msg":"${route === '' ? 'unknown route' : route} ${outcome}"}\n`);
}

function clean({ failure, model }: Trail, line: string): string {
  return failure === undefined && model !== '' ? line : withoutKeys(line);
}

/** A key that stands where a name belongs comes back in what is said of the mistake, and reaches no log (G8). */
export function withoutKeys(text: string): string {
  return text.replace(keyLike, 'sk-mr-…');
}

const keyLike = /sk-mr-[\w-]+/g;

function factsOf(trail: Trail): string {
  const model = trail.model === '' ? trail.modelAsked.slice(0, nameCharsMax) : trail.model;
  return (
    `"at":${trail.wallMs},"id":"${trail.id}",` +
    `"route":"${trail.route}","outcome":"${trail.outcome}","status":${trail.status},"key":${quoted(trail.keyName)},` +
    `"tenant":${quoted(trail.tenant)}${people(trail)},` +
    `"model":${quoted(model)},"upstream":${quoted(trail.upstream)},` +
    `"targetModel":${quoted(trail.targetModel)},"stream":${trail.stream},` +
    `"tookMs":${round(trail.endedMs - trail.startedMs)}${answered(trail)}${priced(trail)}${routed(trail)}${seldom(trail)}`
  );
}

/** Stands in the spool before anything is sent: should the process die, this is what is known of the exchange. */
export function intentLine(trail: Trail): string {
  return (
    `{"intent":"${trail.id}","at":${trail.wallMs},"route":"${trail.route}","key":${quoted(trail.keyName)},` +
    `"tenant":${quoted(trail.tenant)}${people(trail)},"model":${quoted(trail.model)},"stream":${trail.stream}` +
    `${reserved(trail)}}\n`
  );
}

/** What it counts at, should nothing more be heard of it. */
function reserved({ reservedNanoUsd, reservedInputTokens, reservedOutputTokens }: Trail): string {
  if (reservedInputTokens === 0) return '';
  const tokens = `,"inputTokens":${reservedInputTokens},"outputTokens":${reservedOutputTokens}`;
  return `${tokens},"costNanoUsd":${reservedNanoUsd}`;
}

function people({ team, user }: Trail): string {
  const ofTeam = team === '' ? '' : `,"team":${quoted(team)}`;
  return user === '' ? ofTeam : `${ofTeam},"user":${quoted(user)}`;
}

/** A client's mistake is everyday; an upstream's is worth a look; our own is a bug. */
export function severityOf(failure: Failure | undefined): Level {
  if (failure === undefined || failure.blame === 'client') return 'info';
  return failure.code === 'internal' ? 'error' : 'warn';
}

/** What an answer adds. */
function answered({ firstContentMs, startedMs, usage }: Trail): string {
  const first = firstContentMs > 0 ? `,"firstTokenMs":${round(firstContentMs - startedMs)}` : '';
  return usage === undefined ? first : first + told(usage);
}

/** What an upstream adds. */
function priced({ priceVersion, costNanoUsd, savedNanoUsd, savedBy }: Trail): string {
  if (priceVersion === '') return '';
  const cost = `,"priceVersion":"${priceVersion}","costNanoUsd":${costNanoUsd}`;
  return savedBy === '' ? cost : `${cost},"savedNanoUsd":${savedNanoUsd},"savedBy":"${savedBy}"`;
}

function told({
  inputTokens,
  outputTokens,
  cachedTokens = 0,
  reasoningTokens = 0,
  serviceTier = '',
}: Usage): string {
  const cached = cachedTokens > 0 ? `,"cachedInputTokens":${cachedTokens}` : '';
  const reasoning = reasoningTokens > 0 ? `,"reasoningTokens":${reasoningTokens}` : '';
  const tier = usualServices.has(serviceTier) ? '' : `,"serviceTier":${quoted(serviceTier)}`;
  return `,"inputTokens":${inputTokens},"outputTokens":${outputTokens}${cached}${reasoning}${tier}`;
}

/** Who chose where it went, and why there; nothing where nobody has it. */
function routed(trail: Trail): string {
  const { policy, laterTier } = trail;
  if (policy === '') return '';
  const facts = `,"policy":"${policy}","why":"${whyOf(trail)}"`;
  return laterTier === 0 ? facts : `${facts},"tier":${laterTier}`;
}

function whyOf({ attempts, upstream, targetModel, laterTier, queuedMs, choices }: Trail): ChosenWhy {
  if (attempts.some((tried) => tried.upstream !== upstream || tried.model !== targetModel)) return 'retry';
  if (laterTier > 0) return 'tier';
  if (queuedMs > 0) return 'freed';
  return choices === 1 ? 'only' : 'policy';
}

function seldom(trail: Trail): string {
  const { failure, attempts, queuedMs, batchedWith } = trail;
  let facts = trail.sharedFrom === '' ? '' : `,"sharedFrom":"${trail.sharedFrom}"`;
  if (trail.sharedWith > 0) facts += `,"sharedWith":${trail.sharedWith}`;
  if (batchedWith > 0) facts += `,"batchedWith":${batchedWith}`;
  if (queuedMs > 0) facts += `,"queuedMs":${round(queuedMs)}`;
  if (trail.carriedOn !== undefined) facts += `,"carriedOn":${JSON.stringify(trail.carriedOn)}`;
  if (attempts.length > 0) facts += `,"attempts":${JSON.stringify(attempts)}`;
  return failure === undefined ? facts : `${facts},"code":"${failure.code}"`;
}

/** For people: no ledger asks for it. */
function toldInLog(trail: Trail): string {
  const { failure, clientRequestId, warnings, usage, stop, gatheredMs } = trail;
  let facts = `,"address":"${trail.remoteAddress}","bytesIn":${trail.bytesIn},"bytesOut":${trail.bytesOut},"config":"${trail.configId}"`;
  if (usage !== undefined && trail.usageEstimated) facts += ',"usageEstimated":true';
  if (stop !== undefined) facts += `,"stop":"${stop}"`;
  if (trail.replayed) facts += ',"replayed":true';
  if (gatheredMs > 0) facts += `,"gatheredMs":${round(gatheredMs)}`;
  if (clientRequestId !== undefined) facts += `,"clientRequestId":${JSON.stringify(clientRequestId)}`;
  if (warnings.length > 0) facts += `,"warnings":${JSON.stringify(warnings)}`;
  if (failure === undefined) return facts;
  return `${facts},"message":${JSON.stringify(failure.message)}${causeOf(failure)}`;
}

const causeCharsMax = 500;
const stackCharsMax = 4_000;

/** The runtime's own words, for the operator alone. Our own bugs come with their stack. */
function causeOf({ cause, code }: Failure): string {
  if (!(cause instanceof Error)) return '';
  const stack = code === 'internal' ? cause.stack?.slice(0, stackCharsMax) : undefined;
  return `,"cause":${JSON.stringify(stack ?? cause.message.slice(0, causeCharsMax))}`;
}

/** The same few names come again and again, and each is quoted once. Where keys are many theirs are quoted each time: none makes room. */
const known = new Map<string, string>();
const knownMax = 4_096;

function quoted(name: string): string {
  const found = known.get(name);
  if (found !== undefined) return found;
  const text = JSON.stringify(withoutKeys(name));
  if (known.size < knownMax) known.set(name, text);
  return text;
}

function round(ms: number): number {
  return Math.round(ms * 100) / 100;
}
