/** What can be asked of the admin API, told to whoever may ask it anything. */
import { z } from 'zod';
import { once } from '../lib/once.ts';
import { type AdminRoute, adminRoute, type PlainAnswer } from './route.ts';

const jsonType = 'application/json; charset=utf-8';
const htmlType = 'text/html; charset=utf-8';

export function documentRows(rows: () => readonly AdminRoute[]): readonly AdminRoute[] {
  // Not at start, where nobody waits for it.
  const document = once(async () => {
    const { createAdminDocument } = await import('./admin-document.ts');
    return createAdminDocument(rows());
  });
  const written = once(async () => JSON.stringify(await document()));
  const docs = once(async () => {
    const { renderDocs } = await import('../openapi/pages/document-pages.ts');
    return answerWithPage(renderDocs(await document()));
  });
  const reference = once(async () => {
    const { renderReference } = await import('../openapi/pages/document-pages.ts');
    return answerWithPage(renderReference(await document()));
  });
  const common = {
    method: 'GET',
    permission: 'session:own',
    scope: 'tenant',
    tag: 'documents',
    answers: {},
    example: {},
  } as const;
  return [
    adminRoute({
      ...common,
      name: 'documents.openapi',
      path: '/openapi.json',
      summary: 'This document',
      answers: { 200: z.looseObject({ openapi: z.string() }) },
      handle: async () => ({ status: 200, type: jsonType, text: await written() }),
    }),
    adminRoute({
      ...common,
      name: 'documents.docs',
      path: '/docs',
      summary: 'The same for people, to try',
      alsoAs: [htmlType],
      handle: docs,
    }),
    adminRoute({
      ...common,
      name: 'documents.redoc',
      path: '/redoc',
      summary: 'The same for people, to read',
      alsoAs: [htmlType],
      handle: reference,
    }),
  ];
}

async function answerWithPage(text: string): Promise<PlainAnswer> {
  const { pageHeaders } = await import('../openapi/pages/page.ts');
  return { status: 200, type: htmlType, text, headers: pageHeaders };
}
