/** What can be asked here, told to programs and to people. Made when it is first asked for, and kept as long as the routes. */
import type { JsonObject } from '../core/call.ts';
import type { BodyLimits, Route } from '../core/exchange.ts';
import { type Reply, wholeReply } from '../core/stage.ts';
import { once } from '../lib/once.ts';
import type { PlacedRoute } from '../protocol/route-table.ts';
import { simpleVoice } from '../protocol/simple-voice.ts';
import { documentPaths } from './answer-paths.ts';

type Answer = NonNullable<Route['answer']>;

/** Besides `documented` they describe themselves. */
export function documentRoutes(
  documented: readonly PlacedRoute[],
  limits: BodyLimits,
): readonly PlacedRoute[] {
  const document = once(async () => {
    const { createClientDocument } = await import('../openapi/client-document.ts');
    return createClientDocument([...documented, ...own]);
  });
  const place = (name: keyof typeof documentPaths, answer: Answer): PlacedRoute => {
    const route: Route = { name, permission: 'public', limits, voice: simpleVoice, answer };
    return { method: 'GET', path: documentPaths[name], route };
  };
  const own: readonly PlacedRoute[] = [
    place('documents.openapi', answerWith(once(async () => written(await document())))),
    place('documents.docs', answerWith(once(async () => page('docs', await document())))),
    place('documents.redoc', answerWith(once(async () => page('redoc', await document())))),
  ];
  return own;
}

interface Made {
  readonly headers: readonly string[];
  readonly body: Uint8Array;
}

function answerWith(make: () => Promise<Made>): Answer {
  return async (): Promise<Reply> => {
    const { headers, body } = await make();
    return wholeReply(200, headers, body);
  };
}

function written(document: JsonObject): Made {
  const headers = ['content-type', 'application/json; charset=utf-8'];
  return { headers, body: Buffer.from(JSON.stringify(document)) };
}

async function page(kind: 'docs' | 'redoc', document: JsonObject): Promise<Made> {
  const { renderDocs, renderReference } = await import('../openapi/pages/document-pages.ts');
  const { pageHeaders, pageType } = await import('../openapi/pages/page.ts');
  const headers = ['content-type', pageType, ...Object.entries(pageHeaders).flat()];
  return { headers, body: Buffer.from(kind === 'docs' ? renderDocs(document) : renderReference(document)) };
}
