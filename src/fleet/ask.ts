/** One small question to an upstream outside of any exchange: what it offers, whether it is there. */
import { asFailure, fail } from '../core/failure.ts';
import type { Signal } from '../core/signal.ts';
import type { Flow, Transport, UpstreamRequest } from '../core/transport.ts';
import type { Clock } from '../lib/clock.ts';

export interface AskOptions {
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly bytesMax: number;
  /** Whoever wants to know has left: the question is dropped. */
  readonly signal?: Signal;
}

export interface Told {
  readonly status: number;
  readonly body: Buffer;
}

/** Resolves with whatever status came; rejects when nothing did. */
export function ask(transport: Transport, request: UpstreamRequest, options: AskOptions): Promise<Told> {
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    let status = 0;
    let bytes = 0;
    let flow: Flow | undefined;
    let over = false;
    const finish = (settle: () => void) => {
      if (over) return;
      over = true;
      timer.cancel();
      settle();
    };
    const timer = options.clock.after(options.timeoutMs, () =>
      finish(() => {
        flow?.abort();
        reject(fail('total_timeout', `the upstream did not answer within ${options.timeoutMs} ms`));
      }),
    );
    flow = transport.send(request, {
      sent: () => {},
      head: (got) => {
        status = got;
      },
      data: (chunk) => {
        bytes += chunk.length;
        if (bytes <= options.bytesMax) {
          chunks.push(chunk);
          return;
        }
        finish(() => {
          flow?.abort();
          reject(
            fail('response_too_large', `the upstream answered with more than ${options.bytesMax} bytes`),
          );
        });
      },
      end: () => finish(() => resolve({ status, body: Buffer.concat(chunks) })),
      fail: (failure) => finish(() => reject(failure)),
    });
    if (over) flow.abort();
    options.signal?.onAbort(() =>
      finish(() => {
        flow?.abort();
        reject(fail('client_gone', 'whoever asked the upstream has left'));
      }),
    );
  });
}

/** As `ask`, for an answer that must be a success in JSON. */
export async function askJson(
  transport: Transport,
  request: UpstreamRequest,
  options: AskOptions,
): Promise<unknown> {
  return readJson(await ask(transport, request, options), request.path);
}

export function readJson(told: Told, path: string): unknown {
  if (told.status < 200 || told.status >= 300) {
    const code = told.status === 401 || told.status === 403 ? 'upstream_unauthorized' : 'upstream_failed';
    throw fail(code, `the upstream answered ${path} with ${told.status}`);
  }
  try {
    return JSON.parse(told.body.toString('utf8'));
  } catch (thrown) {
    throw fail('bad_upstream_response', `the upstream's answer to ${path} is not JSON`, {
      cause: asFailure(thrown).cause,
    });
  }
}
