/** Secrets in AWS Secrets Manager. Its client is a package of its own, loaded by whoever uses it. */
import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { hasCode } from '../lib/has-code.ts';
import type { AwsOptions } from './options.ts';
import { type SecretSource, SecretTrouble } from './secret-source.ts';

const attemptsMax = 2;
const packageName = '@aws-sdk/client-secrets-manager';

export function createAws(options: AwsOptions, { timeoutMs }: { timeoutMs: number }): SecretSource {
  let opened: Promise<Opened> | undefined;
  return {
    read: async (place) => {
      opened ??= open(options);
      const { client, sdk } = await opened;
      const abortSignal = AbortSignal.timeout(timeoutMs);
      const answer = await client
        .send(new sdk.GetSecretValueCommand({ SecretId: place }), { abortSignal })
        .catch((thrown: unknown) => {
          throw troubleOf(thrown, sdk);
        });
      if (answer.SecretString !== undefined) return answer.SecretString;
      throw new SecretTrouble('AWS keeps bytes there, and no text', { away: false });
    },
    close: async () => {
      (await opened?.catch(() => undefined))?.client.destroy();
    },
  };
}

type Sdk = typeof import('@aws-sdk/client-secrets-manager');

interface Opened {
  readonly client: SecretsManagerClient;
  readonly sdk: Sdk;
}

async function open({ region, endpoint }: AwsOptions): Promise<Opened> {
  const sdk = await load();
  const client = new sdk.SecretsManagerClient({
    maxAttempts: attemptsMax,
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint }),
  });
  return { client, sdk };
}

async function load(): Promise<Sdk> {
  try {
    return await import('@aws-sdk/client-secrets-manager');
  } catch (cause) {
    if (!hasCode(cause, 'ERR_MODULE_NOT_FOUND')) throw cause;
    const message = `\`aws-sm:\` needs the package ${packageName}, which is not installed: npm install ${packageName}`;
    throw new SecretTrouble(message, { away: false, cause });
  }
}

const knownTroubles: Readonly<Record<string, string>> = {
  ResourceNotFoundException: 'has nothing there',
  CredentialsProviderError:
    'cannot be asked without credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or AWS_PROFILE, or give this machine a role',
};

/** Its own name for what is wrong is enough: what it says beside may repeat what was asked. */
function troubleOf(thrown: unknown, { SecretsManagerServiceException }: Sdk): SecretTrouble {
  const name = thrown instanceof Error ? thrown.name : 'an unknown error';
  const status =
    thrown instanceof SecretsManagerServiceException ? thrown.$metadata.httpStatusCode : undefined;
  const refused = status !== undefined && status < 500 && name !== 'ThrottlingException';
  const says = knownTroubles[name] ?? (refused ? `refuses: ${name}` : `cannot be asked: ${name}`);
  return new SecretTrouble(`AWS Secrets Manager ${says}`, {
    away: !refused && name !== 'CredentialsProviderError',
    cause: thrown,
  });
}
