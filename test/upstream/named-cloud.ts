/** The name of a cloud, at which a fake one answers: nothing leaves the machine. */
import dns from 'node:dns';
import type { TestContext } from 'node:test';
import { type FakeLlm, openFakeLlm } from './fake-llm.ts';

export const cloud = 'api.openai.com';

export async function openCloud(t: TestContext, usage: Readonly<Record<string, unknown>>): Promise<FakeLlm> {
  const llm = await openFakeLlm({
    models: ['gpt-4o', 'gpt-unheard-of'],
    body: JSON.stringify({
      id: 'chatcmpl-1',
      object: 'chat.completion',
      choices: [{ index: 0, message: { role: 'assistant', content: 'hello' }, finish_reason: 'stop' }],
      usage,
    }),
  });
  t.after(() => llm.close());
  const lookup = dns.lookup;
  t.mock.method(dns, 'lookup', (name: string, options: dns.LookupAllOptions, found: Found) =>
    name === cloud ? found(null, [{ address: '127.0.0.1', family: 4 }]) : lookup(name, options, found),
  );
  return llm;
}

type Found = (error: NodeJS.ErrnoException | null, addresses: dns.LookupAddress[]) => void;
