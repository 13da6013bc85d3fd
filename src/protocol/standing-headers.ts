/** How far the limits are spent, in the headers that clients of each kind know. */
import type { Allowance, Standing } from '../core/standing.ts';

/** As OpenAI tells it; its clients read the reset as a duration. */
export function openaiStanding(standing: Standing): string[] {
  const { requests, tokens } = standing;
  if (tokens === undefined) return openaiAllowance('requests', requests);
  return [...openaiAllowance('requests', requests), ...openaiAllowance('tokens', tokens)];
}

function openaiAllowance(unit: keyof Standing, allowance: Allowance | undefined): string[] {
  if (allowance === undefined) return [];
  const { limit, remaining, resetMs } = allowance;
  const names = openaiNames[unit];
  return [names.limit, String(limit), names.remaining, String(remaining), names.reset, durationOf(resetMs)];
}

const openaiNames = { requests: namesOf('requests'), tokens: namesOf('tokens') } as const;

function namesOf(unit: keyof Standing) {
  return {
    limit: `x-ratelimit-limit-${unit}`,
    remaining: `x-ratelimit-remaining-${unit}`,
    reset: `x-ratelimit-reset-${unit}`,
  };
}

/** `120ms`, `1s`, `6m0s`, `1h0m3.5s`: never shorter than it is. */
export function durationOf(ms: number): string {
  const whole = Math.ceil(ms);
  if (whole < 1_000) return `${whole}ms`;
  const hours = Math.floor(whole / 3_600_000);
  const minutes = Math.floor((whole % 3_600_000) / 60_000);
  const seconds = `${(whole % 60_000) / 1_000}s`;
  if (hours > 0) return `${hours}h${minutes}m${seconds}`;
  return minutes > 0 ? `${minutes}m${seconds}` : seconds;
}

/** As the IETF's draft 10 of `RateLimit` tells it: for clients that no dialect has told of another way. */
export function ietfStanding({ requests, tokens }: Standing): string[] {
  const policies: string[] = [];
  const states: string[] = [];
  for (const [unit, allowance] of Object.entries({ requests, tokens })) {
    if (allowance === undefined) continue;
    const { limit, remaining, resetMs, windowMs } = allowance;
    policies.push(`"${unit}";q=${limit};w=${Math.max(1, Math.ceil(windowMs / 1_000))}`);
    states.push(`"${unit}";r=${remaining};t=${Math.ceil(resetMs / 1_000)}`);
  }
  return ['ratelimit-policy', policies.join(', '), 'ratelimit', states.join(', ')];
}
