/** Those who issue tokens, and where people sign in: whether they can be asked, and know us. */
import type { Config } from '../../config/schema.ts';
import { asFailure } from '../../core/failure.ts';
import { Introspection } from '../../identity/introspection.ts';
import { IssuerKeys } from '../../identity/issuer-keys.ts';
import type { IntrospectionConfig } from '../../identity/token-options.ts';
import { systemClock as clock } from '../../lib/clock.ts';
import { createAskIssuer } from '../../wiring/issuers.ts';
import { bad, type Diagnosis, ok } from './finding.ts';

export async function examineIssuers({ identity }: Config): Promise<readonly Diagnosis[]> {
  const { jwt, introspection, oidc } = identity;
  const examined = [
    ...(jwt?.issuers ?? []).map((issuer) => examineKeys('identity.jwt', issuer)),
    ...(introspection === undefined ? [] : [examineIntrospection(introspection)]),
    ...(oidc === undefined ? [] : [examineKeys('identity.oidc', oidc)]),
  ];
  return await Promise.all(examined);
}

interface Asked {
  readonly name: string;
  readonly issuer: string;
  readonly jwksUrl?: string | undefined;
}

async function examineKeys(area: string, { name, issuer, jwksUrl }: Asked): Promise<Diagnosis> {
  let trouble: Error | undefined;
  const keys = new IssuerKeys({
    issuer,
    jwksUrl,
    ask: createAskIssuer(clock),
    clock,
    onTrouble: (told) => {
      trouble = told;
    },
  });
  await keys.warm();
  if (trouble === undefined) return ok(area, `${name}: the keys of ${issuer} can be fetched`);
  return bad(
    area,
    `${name}: ${trouble.message}`,
    'start the issuer, or correct its address: tokens are 503 meanwhile',
  );
}

/** Asks about what is no token: whoever knows us says so. */
async function examineIntrospection(config: IntrospectionConfig): Promise<Diagnosis> {
  const area = 'identity.introspection';
  try {
    await new Introspection({ config, ask: createAskIssuer(clock), clock }).find(
      'millrace-doctor-is-no-token',
    );
    return ok(area, `${config.name}: ${config.url} answers`);
  } catch (thrown) {
    const { cause, message } = asFailure(thrown);
    const says = cause instanceof Error ? cause.message : message;
    return bad(
      area,
      `${config.name}: ${says}`,
      'correct `url`, `clientId` or `clientSecret`: tokens are 503 meanwhile',
    );
  }
}
