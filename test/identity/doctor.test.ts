/** What `doctor` says of issuers: whether they can be asked, and know us. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openPlace } from '../cli/gateway-process.ts';
import { runVerb } from '../cli/run-verb.ts';
import { openProvider, secretOf } from './identity-provider.ts';

test('doctor asks each issuer, and says which cannot be asked, and why', async (t) => {
  await using place = await openPlace();
  const provider = await openProvider();
  t.after(() => provider.close());
  const allowed = { defaultRole: 'developer' };
  const away = { name: 'away', issuer: 'http://127.0.0.1:9', audience: 'llm', ...allowed };
  const examine = async (clientSecret: string) => {
    const identity = {
      jwt: { issuers: [{ name: 'corp', issuer: provider.url, audience: 'llm', ...allowed }, away] },
      introspection: {
        name: 'corp',
        url: `${provider.url}/token/introspection`,
        clientId: 'gateway',
        clientSecret,
        ...allowed,
      },
    };
    const config = { auth: 'both', identity, upstreams: { sim: { type: 'simulator' } } };
    await place.write('millrace.yaml', JSON.stringify(config));
    const { code, out } = await runVerb(['doctor', '--config', 'millrace.yaml', '--json'], { place });
    const { findings } = JSON.parse(out) as {
      findings: readonly { area: string; state: string; says: string }[];
    };
    const said = findings.filter(({ area }) => area.startsWith('identity.'));
    return { code, said: said.map(({ state, says }) => `${state} ${says}`), out };
  };
  const right = await examine(secretOf.gateway);
  assert.deepEqual(right.said, [
    `ok corp: the keys of ${provider.url} can be fetched`,
    right.said[1] ?? '',
    `ok corp: ${provider.url}/token/introspection answers`,
  ]);
  assert.match(right.said[1] ?? '', /^fail away: 127\.0\.0\.1/);
  assert.equal(right.code, 1);
  const wrong = await examine('not-the-secret-of-anybody');
  assert.match(wrong.said[2] ?? '', /^fail corp: .*\/token\/introspection answered with 401$/);
  assert.doesNotMatch(wrong.out, /not-the-secret-of-anybody/);
});
