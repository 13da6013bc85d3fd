/** How programs on this machine recognise the gateway behind an address: by its very certificate, whoever signed it. */
import { X509Certificate } from 'node:crypto';
import type { ConnectionOptions } from 'node:tls';

export type Trust = Pick<ConnectionOptions, 'ca' | 'allowPartialTrustChain' | 'checkServerIdentity'>;

/** Names and authorities mean nothing here: on loopback a public certificate is for another name. */
export function trustOnly(pem: string): Trust {
  const { fingerprint256 } = new X509Certificate(pem);
  return {
    ca: [pem],
    allowPartialTrustChain: true,
    checkServerIdentity: (_host, shown) =>
      shown.fingerprint256 === fingerprint256
        ? undefined
        : new Error('another certificate is shown there than the one that the gateway keeps'),
  };
}

/** What makes `fetch` trust it. The package is loaded for TLS alone: it takes longer than the rest of a verb. */
export async function trusting(trust: Trust | undefined): Promise<RequestInit> {
  if (trust === undefined) return {};
  const { Agent } = await import('undici');
  // The runtime's own undici takes the package's dispatchers, whatever their types say of each other.
  const init: object = { dispatcher: new Agent({ connect: { ...trust } }) };
  return init;
}
