/** Those who issue tokens, as the running gateway knows them: their keys outlive reloads, and so does the patience with them. */
import { IssuerKeys } from '../identity/issuer-keys.ts';
import type { AskIssuer } from '../identity/issuer-request.ts';
import type { IssuerConfig } from '../identity/token-options.ts';
import type { TrustedIssuer } from '../identity/token-verifier.ts';
import type { Clock } from '../lib/clock.ts';
import { createDialer } from '../net/dialer.ts';
import type { Log } from '../telemetry/log.ts';

const timeoutMs = 5_000;
const bodyBytesMax = 1024 * 1024;

export function createAskIssuer(clock: Clock): AskIssuer {
  const dialer = createDialer({ clock });
  return ({ url, trusted, ...question }) =>
    dialer.request(url, {
      ...question,
      namedBy: trusted ? 'operator' : 'stranger',
      timeoutMs,
      bodyBytesMax,
    });
}

export class Issuers {
  readonly #clock: Clock;
  readonly #log: Log;
  #kept: ReadonlyMap<string, IssuerKeys> = new Map();

  /** Every question to whoever issues tokens goes through here. */
  readonly ask: AskIssuer;

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
    this.ask = createAskIssuer(clock);
  }

  /** Those of a configuration, in its order; what no longer stands in it is forgotten. */
  follow(configs: readonly IssuerConfig[]): readonly TrustedIssuer[] {
    const before = this.#kept;
    const trusted = configs.map((config) => ({
      config,
      keys: before.get(placeOf(config)) ?? this.#open(config),
    }));
    this.#kept = new Map(trusted.map(({ config, keys }) => [placeOf(config), keys]));
    return trusted;
  }

  #open({ name, issuer, jwksUrl }: IssuerConfig): IssuerKeys {
    const keys = new IssuerKeys({
      issuer,
      jwksUrl,
      ask: this.ask,
      clock: this.#clock,
      onTrouble: (trouble) => {
        if (trouble === undefined) this.#log.info({ issuer: name }, 'the keys of an issuer are known');
        else
          this.#log.error(
            { issuer: name, message: trouble.message },
            'the keys of an issuer cannot be fetched: tokens are checked with those that are known',
          );
      },
    });
    // Whoever comes first need not wait for them.
    void keys.warm();
    return keys;
  }
}

function placeOf({ issuer, jwksUrl }: IssuerConfig): string {
  return `${issuer} ${jwksUrl ?? ''}`;
}
