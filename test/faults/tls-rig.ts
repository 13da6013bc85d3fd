/** A gateway in front of a fake LLM that is reached over TLS, trusting the test's own authority. */
import type { TestContext } from 'node:test';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { openTestGateway } from '../gateway.ts';
import type { Behaviour } from '../upstream/behaviour.ts';
import { createAuthority } from '../upstream/certificate.ts';
import { openFakeLlm } from '../upstream/fake-llm.ts';
import { openTlsFront, type TlsFront, type TlsFrontOptions } from '../upstream/tls-front.ts';
import { type FaultRig, rigOf } from './rig.ts';

export const authority = createAuthority();

/** As the machine's administrator would; the process of a test file is its own. */
setDefaultCACertificates([...getCACertificates(), authority.cert]);

export interface TlsRig extends FaultRig {
  readonly front: TlsFront;
}

export interface TlsRigOptions extends Partial<TlsFrontOptions> {
  readonly behaviour?: Partial<Behaviour>;
  readonly clocks?: Readonly<Record<string, number>>;
  /** Added to both upstreams. */
  readonly upstream?: Readonly<Record<string, unknown>>;
  /** Reached in place of the front: something before it. */
  readonly port?: (front: TlsFront) => Promise<number>;
}

/** As in the fault rig, model `o` is reached through OpenAI's dialect and model `l` through Ollama's. */
export async function openTlsRig(t: TestContext, options: TlsRigOptions = {}): Promise<TlsRig> {
  const { behaviour, clocks = {}, upstream, port, ...tls } = options;
  const llm = await openFakeLlm(behaviour);
  t.after(() => llm.close());
  const front = await openTlsFront({ identity: authority.issue('none'), target: llm.port, ...tls });
  t.after(() => front.close());
  const url = `https://localhost:${port === undefined ? front.port : await port(front)}`;
  const model = (name: string) => ({ targets: [{ upstream: name, model: 'fake-model' }], clocks });
  const gateway = await openTestGateway({
    config: {
      upstreams: {
        openai: { type: 'openai', url: `${url}/v1`, slots: 100, ...upstream },
        ollama: { type: 'ollama', url, slots: 100, ...upstream },
      },
      models: { o: model('openai'), l: model('ollama') },
    },
  });
  t.after(() => gateway.close());
  return { ...rigOf(llm, gateway), front };
}
