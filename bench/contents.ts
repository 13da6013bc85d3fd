/** What the keeping of prompts and answers costs a request: where nobody wants it, where others do, and where it is done. */

import { wholeReply } from '../src/core/stage.ts';
import { KeyIndex } from '../src/identity/key-index.ts';
import { keep } from '../src/pipeline/keep.ts';

const rounds = 7;
const requests = 1_000_000;
const reply = Promise.resolve(wholeReply(200, [], Buffer.alloc(0)));
const tenant = (name: string) => {
  const index = new KeyIndex(() => () => false);
  const entry = { kind: 'tenant', tenant: name, name: '', version: 1, createdAtMs: 0, active: true } as const;
  if (name !== '') index.apply({ entries: [{ ...entry, keepContentDays: 30 }], gone: [] });
  const keeper = { daysOf: (asked: string) => index.contentDays(asked), add: () => {} };
  return keep({ contents: keeper })(() => reply);
};
const exchange = {
  principal: { tenant: 'acme', user: 'ada' },
  route: { name: 'openai.chat' },
  trail: { id: 'id', wallMs: 0, failure: undefined },
  call: { kind: 'chat', model: 'm', messages: [], wire: { bytes: Buffer.alloc(0) } },
} as unknown as Parameters<ReturnType<typeof tenant>>[0];

const cases = {
  'forbidden to all': keep({ contents: undefined })(() => reply),
  'nobody wants it': tenant(''),
  'another tenant wants it': tenant('globex'),
  'this tenant wants it': tenant('acme'),
};

for (const [name, handler] of Object.entries(cases)) {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round += 1) {
    const startMs = performance.now();
    for (let count = 0; count < requests; count += 1) await handler(exchange);
    best = Math.min(best, performance.now() - startMs);
  }
  process.stdout.write(`${name}: ${((best / requests) * 1_000).toFixed(3)} us\n`);
}
