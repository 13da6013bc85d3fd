/** Whether we are there, whether we take work, and what we know of the fleet. Never asks anyone (G22). */
import type { Route } from '../core/exchange.ts';
import { jsonReply, textReply } from './json-reply.ts';
import type { Knowledge } from './knowledge.ts';

type Answer = NonNullable<Route['answer']>;

export function livez(): Answer {
  return () => textReply('ok');
}

/**
 * Ready means: this process takes work by the present policy, and knows whose it is, also where it has to do without something
 * that it stands on. What the upstreams do is `/health`'s to tell.
 */
export function readyz(knowledge: Knowledge): Answer {
  return () => {
    const status = knowledge.readiness();
    return jsonReply({ status, degraded: knowledge.degraded() }, status === 'ready' ? 200 : 503);
  };
}

/** 503 only when every upstream is known to be down: not knowing yet is no illness. */
export function health(knowledge: Knowledge): Answer {
  return () => {
    const upstreams = knowledge.upstreams.map((upstream) => ({
      name: upstream.name,
      state: knowledge.health.of(upstream).state,
    }));
    const someUp = upstreams.some((upstream) => upstream.state !== 'down');
    const healthy = knowledge.readiness() !== 'draining' && someUp;
    return jsonReply({ status: healthy ? 'healthy' : 'unhealthy', upstreams }, healthy ? 200 : 503);
  };
}

export function metrics(knowledge: Knowledge): Answer {
  return async () => {
    const { contentType, text } = await knowledge.renderMetrics();
    return textReply(text, contentType);
  };
}
