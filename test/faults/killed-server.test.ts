// U1, G17: one of three servers is killed at full load, and comes back.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { soaking } from '../soak.ts';
import { killOneOfThree, slots } from './killed-server-rig.ts';

test('U1, G17: one of three killed at full load: no whole answer fails, no stream lies, and it is back by itself', async (t) => {
  const { wholes, lies, streams, broken, outMs, backMs, underWay, failuresToOut, foundOut } =
    await killOneOfThree(t, {
      // As long as nobody says otherwise, where there is time for it.
      config: soaking ? {} : { health: { everyMs: 1_000, eject: { slowStartMs: 1_000 } } },
      wholeLoad: !soaking,
    });
  t.diagnostic(`out after ${Math.round(outMs)} ms, back ${Math.round(backMs)} ms after its return`);
  t.diagnostic(`${broken} of ${streams} streams ended with an error`);
  t.diagnostic(
    `${underWay} under way when it died, ${failuresToOut} failures until it was out, ${foundOut} sent to it dead`,
  );
  const failed = wholes.filter((status) => status !== 200);
  assert.deepEqual(failed, [], `${failed.length} of ${wholes.length} failed`);
  assert.deepEqual(lies, []);
  assert.ok(failuresToOut <= 5, `${failuresToOut} failures until it was left out`);
  // Those whose slots it had when the fifth failed were on their way already.
  assert.ok(foundOut < 5 + slots, `${foundOut} were sent there in vain`);
  assert.ok(backMs <= 15_000, `${backMs} ms`);
});
