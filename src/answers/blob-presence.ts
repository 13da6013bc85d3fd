/** Which Ollama servers have a blob already. */
import type { Authenticated, Upstream } from '../core/exchange.ts';
import { asFailure, type Failure, fail } from '../core/failure.ts';
import { withoutSecrets } from '../core/without-secrets.ts';
import { ask } from '../fleet/ask.ts';
import type { Knowledge } from './knowledge.ts';

export interface Asking {
  readonly knowledge: Knowledge;
  readonly exchange: Authenticated;
}

const askedMs = 10_000;
const toldBytesMax = 64 * 1024;

async function hasBlob(upstream: Upstream, digest: string, asking: Asking): Promise<boolean> {
  const { clock } = asking.knowledge;
  const { signal } = asking.exchange;
  const { status, body } = await ask(
    upstream.transport,
    { method: 'HEAD', path: `/api/blobs/${digest}`, headers: [] },
    { clock, timeoutMs: askedMs, bytesMax: toldBytesMax, signal },
  );
  if (status === 200) return true;
  if (status === 404) return false;
  throw withoutSecrets(upstream, upstream.adapter.decodeFailure(status, body.toString('utf8')));
}

/** As `hasBlob` on each, none of which fails the others. */
export function findBlob(
  upstreams: readonly Upstream[],
  digest: string,
  asking: Asking,
): Promise<readonly { readonly upstream: Upstream; readonly found: boolean | Failure }[]> {
  return Promise.all(
    upstreams.map(async (upstream) => {
      try {
        return { upstream, found: await hasBlob(upstream, digest, asking) };
      } catch (thrown) {
        return { upstream, found: asFailure(thrown) };
      }
    }),
  );
}

/** Rejects with what is missing where. A server that cannot be asked fails later, by itself and by name. */
export async function requireBlobs(
  digests: readonly string[],
  given: Asking & { readonly upstreams: readonly Upstream[] },
): Promise<void> {
  let { upstreams } = given;
  for (const digest of digests) {
    const answers = await findBlob(upstreams, digest, given);
    const lacking = answers.filter(({ found }) => found === false);
    upstreams = answers.filter(({ found }) => found === true).map(({ upstream }) => upstream);
    if (lacking.length === 0) continue;
    const names = lacking.map(({ upstream }) => upstream.name).join(', ');
    throw fail(
      'invalid_request',
      `${names} has no blob ${digest}; upload it with POST /api/blobs/${digest} first`,
      { param: 'files' },
    );
  }
}
