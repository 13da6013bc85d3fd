/** Which web pages may call us: what browsers are told about pages of other origins. */
import type { IncomingMessage } from 'node:http';

export interface CorsOptions {
  /** Exact origins, or `*` alone. */
  readonly origins: readonly string[];
  /** The methods of our routes. */
  readonly methods: readonly string[];
}

export interface Cors {
  /** For every reply. */
  headersFor(request: IncomingMessage): readonly string[];
  /** What a browser is told besides that when it asks whether it may ask; nothing when this is no such question. */
  preflight(request: IncomingMessage): readonly string[] | undefined;
}

/** How long browsers remember our answer, in seconds. */
const maxAgeS = 600;

/**
 * Keys travel in headers that pages set themselves, so browsers are never told to send cookies or passwords of their
 * own along: that is what makes `*` harmless.
 */
export function createCors({ origins, methods }: CorsOptions): Cors {
  const everyone = origins.includes('*');
  const known = new Set(origins);
  // Caches must not hand one origin's answer to another.
  const refused = everyone ? [] : ['vary', 'origin'];
  const allowed = (request: IncomingMessage): readonly string[] | undefined => {
    const { origin } = request.headers;
    if (origin === undefined || !(everyone || known.has(origin))) return undefined;
    return ['access-control-allow-origin', everyone ? '*' : origin];
  };
  return {
    headersFor: (request) => {
      const headers = allowed(request);
      return headers === undefined ? refused : [...headers, 'access-control-expose-headers', '*', ...refused];
    },
    preflight: (request) => {
      const method = request.headers['access-control-request-method'];
      if (request.method !== 'OPTIONS' || method === undefined || allowed(request) === undefined)
        return undefined;
      return [
        'access-control-allow-methods',
        methods.join(', '),
        'access-control-allow-headers',
        knownHeaders(request.headers['access-control-request-headers']),
        'access-control-max-age',
        String(maxAgeS),
        'vary',
        'access-control-request-method, access-control-request-headers',
      ];
    },
  };
}

/** What our APIs read, and what their SDKs send from browsers. */
const ours =
  /^(?:accept|authorization|content-type|user-agent|x-api-key|api-key|x-request-id|idempotency-key|x-requested-with|openai-(?:beta|organization|project)|anthropic-(?:beta|version|dangerous-direct-browser-access)|x-(?:stainless|millrace)-[a-z-]{1,64})$/;

const namesMax = 64;

/** Of those that the page wants to send. */
function knownHeaders(asked: string | undefined): string {
  const names = (asked ?? '').toLowerCase().split(',', namesMax);
  return names
    .map((name) => name.trim())
    .filter((name) => ours.test(name))
    .join(', ');
}
