/** What both clients are tested against: a gateway with its admin listener, and a server that is busy at first. */

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { openTestAdmin } from '../admin-rig.ts';

export interface ClientRig {
  readonly environment: Readonly<Record<string, string>>;
  /** The `Idempotency-Key` of each request to the busy server. */
  readonly keysSeen: readonly (string | undefined)[];
  close(): Promise<void>;
}

export async function openClientRig(): Promise<ClientRig> {
  const admin = await openTestAdmin();
  const keysSeen: (string | undefined)[] = [];
  const busy = createServer((request, response) => {
    if (request.url === '/api/v1/stream') {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end('data: {"token": "half"}\n\n');
      return;
    }
    const key = request.headers['idempotency-key'] as string | undefined;
    keysSeen.push(key);
    const isAgain = key !== undefined && keysSeen.filter((seen) => seen === key).length > 2;
    const head = { 'content-type': 'application/json', 'retry-after': '0' };
    response.writeHead(isAgain ? 200 : 503, head);
    response.end(
      JSON.stringify(
        isAgain ? { response: 'at last' } : { detail: 'all places are taken', code: 'queue_full' },
      ),
    );
  });
  await new Promise<void>((resolve) => void busy.listen(0, '127.0.0.1', resolve));
  return {
    environment: {
      MILLRACE_URL: admin.gateway.url,
      MILLRACE_KEY: admin.gateway.key,
      MILLRACE_ADMIN_URL: admin.url,
      MILLRACE_ADMIN_TOKEN: admin.token,
      MILLRACE_BUSY_URL: `http://127.0.0.1:${(busy.address() as AddressInfo).port}`,
    },
    keysSeen,
    close: async () => {
      busy.close();
      busy.closeAllConnections();
      await admin.close();
    },
  };
}

/** The blocks of a page in one language, in order. */
export function blocksOf(path: string, language: string): readonly string[] {
  const blocks = readFileSync(path, 'utf8').matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'));
  return [...blocks].map(([, text = '']) => text);
}
