/** A server that answers `GetSecretValue` as AWS Secrets Manager's API reference says. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface FakeSecretsManager {
  readonly url: string;
  /** What was asked for, in order. */
  readonly asked: readonly string[];
  put(name: string, text: string): void;
  /** Answers every question with this error of the service; with nothing, as it should. */
  fail(error?: { readonly type: string; readonly status: number }): void;
  close(): Promise<void>;
}

export async function openFakeSecretsManager(): Promise<FakeSecretsManager> {
  const secrets = new Map<string, string>();
  const asked: string[] = [];
  let failing: { readonly type: string; readonly status: number } | undefined;
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { SecretId: name } = JSON.parse(Buffer.concat(chunks).toString()) as { SecretId: string };
    asked.push(name);
    const signed = String(request.headers.authorization).startsWith('AWS4-HMAC-SHA256 Credential=');
    const known = request.headers['x-amz-target'] === 'secretsmanager.GetSecretValue' && signed;
    const text = secrets.get(name);
    const error =
      failing ??
      (known ? undefined : { type: 'UnrecognizedClientException', status: 400 }) ??
      (text === undefined ? { type: 'ResourceNotFoundException', status: 400 } : undefined);
    response.setHeader('content-type', 'application/x-amz-json-1.1');
    response.statusCode = error?.status ?? 200;
    response.end(
      JSON.stringify(
        error === undefined
          ? { ARN: `arn:aws:secretsmanager:eu-central-1:1:secret:${name}`, Name: name, SecretString: text }
          : { __type: error.type, message: `told of ${name}` },
      ),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    asked,
    put: (name, text) => void secrets.set(name, text),
    fail: (error) => {
      failing = error;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
