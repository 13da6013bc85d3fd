/**
 * The finished trail as members of a JSON object: what the log line and the spool row say. Never a prompt, an
 * answer or a key. Written by hand, once for both: two general serializers took a sixth of an exchange's CPU.
 */
import type { Trail } from '../core/trail.ts';

const nameMax = 200;

export function exchangeFacts(trail: Trail): string {
  const { usage, failure } = trail;
  const model = trail.model === '' ? trail.modelAsked.slice(0, nameMax) : trail.model;
  let facts =
    `"id":"${trail.id}","route":"${trail.route}","outcome":"${trail.outcome}","status":${trail.status},` +
    `"key":${text(trail.keyName)},"tenant":${text(trail.tenant)},"model":${text(model)},` +
    `"upstream":${text(trail.upstream)},"targetModel":${text(trail.targetModel)},"stream":${trail.stream},` +
    `"tookMs":${round(trail.endedMs - trail.startedMs)},"bytesIn":${trail.bytesIn},"bytesOut":${trail.bytesOut},` +
    `"config":"${trail.configId}"`;
  if (trail.firstContentMs > 0) facts += `,"firstTokenMs":${round(trail.firstContentMs - trail.startedMs)}`;
  if (trail.queuedMs > 0) facts += `,"queuedMs":${round(trail.queuedMs)}`;
  if (usage !== undefined) {
    facts += `,"inputTokens":${usage.inputTokens},"outputTokens":${usage.outputTokens}`;
  }
  if (trail.stop !== undefined) facts += `,"stop":"${trail.stop}"`;
  if (trail.clientRequestId !== undefined) facts += `,"clientRequestId":${text(trail.clientRequestId)}`;
  if (failure !== undefined) facts += `,"code":"${failure.code}","message":${text(failure.message)}`;
  if (trail.attempts.length > 0) facts += `,"attempts":${JSON.stringify(trail.attempts)}`;
  if (trail.warnings.length > 0) facts += `,"warnings":${JSON.stringify(trail.warnings)}`;
  return facts;
}

/** Names are nearly always plain: only the others are worth a serializer. */
function text(value: string): string {
  return plain.test(value) ? `"${value}"` : JSON.stringify(value);
}

const plain = /^[\w ./:@-]*$/;

function round(ms: number): number {
  return Math.round(ms * 100) / 100;
}
