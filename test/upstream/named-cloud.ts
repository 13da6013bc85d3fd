/** The name of a cloud, at which a fake one answers: nothing leaves the machine. */
import type { TestContext } from 'node:test';
import { openDnsStub } from './dns-stub.ts';
import { type FakeLlm, openFakeLlm } from './fake-llm.ts';

const name = 'api.openai.com';

export interface NamedCloud extends FakeLlm {
  /** By its name, as an upstream has it. */
  readonly namedUrl: string;
  /** For the configuration: who knows the name. */
  readonly dns: { readonly servers: readonly string[] };
}

export async function openCloud(
  t: TestContext,
  usage: Readonly<Record<string, unknown>>,
): Promise<NamedCloud> {
  const llm = await openFakeLlm({
    models: ['gpt-4o', 'gpt-unheard-of'],
    body: JSON.stringify({
      id: 'chatcmpl-1',
      object: 'chat.completion',
      choices: [{ index: 0, message: { role: 'assistant', content: 'hello' }, finish_reason: 'stop' }],
      usage,
    }),
  });
  const names = await openDnsStub();
  t.after(() => Promise.all([llm.close(), names.close()]));
  names.answer(name, { address: '127.0.0.1', ttlS: 60 });
  return Object.assign(llm, {
    namedUrl: `http://${name}:${llm.port}/v1`,
    dns: { servers: [names.server] },
  });
}
