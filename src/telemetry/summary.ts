/** The finished trail as a flat record: what the log line and the spool row say. Never a prompt, answer or key. */
import type { Trail } from '../core/trail.ts';

export function summarize(trail: Trail) {
  const { usage, failure } = trail;
  return {
    id: trail.id,
    route: trail.route,
    outcome: trail.outcome,
    status: trail.status,
    code: failure?.code,
    message: failure?.message,
    clientRequestId: trail.clientRequestId,
    key: trail.keyName,
    tenant: trail.tenant,
    model: trail.model === '' ? trail.modelAsked.slice(0, 200) : trail.model,
    upstream: trail.upstream,
    targetModel: trail.targetModel,
    stream: trail.stream,
    attempts: trail.attempts.length === 0 ? undefined : trail.attempts,
    queuedMs: round(trail.queuedMs),
    firstTokenMs: trail.firstContentMs === 0 ? undefined : round(trail.firstContentMs - trail.startedMs),
    tookMs: round(trail.endedMs - trail.startedMs),
    inputTokens: usage?.inputTokens,
    outputTokens: usage?.outputTokens,
    stop: trail.stop,
    bytesIn: trail.bytesIn,
    bytesOut: trail.bytesOut,
    warnings: trail.warnings.length === 0 ? undefined : trail.warnings,
    config: trail.configId,
  };
}

export type Summary = ReturnType<typeof summarize>;

function round(ms: number): number {
  return Math.round(ms * 100) / 100;
}
