/** What `millrace doctor` and `check` say of where secrets lie. */
import assert from 'node:assert/strict';
import { chmod } from 'node:fs/promises';
import { test } from 'node:test';
import { openPlace } from './gateway-process.ts';
import { runVerb } from './run-verb.ts';

const configuration = JSON.stringify({
  secrets: { masterKey: 'file:master' },
  admin: { token: 'mr-admin-written-out-4f6c1f0a9b8e7d5c' },
  upstreams: { sim: { type: 'simulator' } },
});

test('doctor finds a file with a secret that every user may read, and a secret that is written out', async () => {
  await using place = await openPlace();
  await place.write('millrace.yaml', configuration);
  await place.write('master', 'ab'.repeat(32));
  const findings = async (mode: number) => {
    await chmod(place.path('master'), mode);
    const { out } = await runVerb(['doctor', '--json'], { place });
    const { findings: all } = JSON.parse(out) as {
      findings: { area: string; state: string; says: string }[];
    };
    return all.filter(({ state }) => state === 'warn').map(({ area, says }) => `${area}: ${says}`);
  };
  const open = await findings(0o644);
  assert.ok(
    open.some((line) =>
      /^secrets: .*master may be read by every user of this machine \(mode 644\)/.test(line),
    ),
  );
  assert.ok(open.some((line) => /admin\.token: is written out/.test(line)));
  assert.ok(!(await findings(0o640)).some((line) => line.startsWith('secrets:')));
});

test('a master key that is none is refused with its place and without being repeated', async () => {
  await using place = await openPlace();
  await place.write('millrace.yaml', configuration);
  await place.write('master', 'not-quite-thirty-two-bytes');
  const { code, err } = await runVerb(['check'], { place });
  assert.equal(code, 2);
  assert.match(err, /1:\d+: secrets\.masterKey: must be 32 random bytes in hexadecimal or base64/);
  assert.equal(err.includes('not-quite'), false);
});
