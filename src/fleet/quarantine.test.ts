import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHeldClock } from '../../test/held-clock.ts';
import { Quarantine } from './quarantine.ts';

const of = (text: string, tenant = 'one') => ({ tenant, bytes: new TextEncoder().encode(text) });
const forMs = 30_000;

test('U16: a body that broke two upstreams is refused for a while, and by the same tenant alone', () => {
  const clock = createHeldClock();
  const quarantine = new Quarantine({ clock });
  assert.equal(quarantine.isEmpty, true);
  assert.equal(quarantine.broke(of('bad'), 'a', forMs), false);
  assert.equal(
    quarantine.broke(of('bad'), 'a', forMs),
    false,
    'one server may have died for its own reasons',
  );
  quarantine.assertFree(of('bad'));
  assert.equal(quarantine.broke(of('bad'), 'b', forMs), true);
  assert.throws(() => quarantine.assertFree(of('bad')), { code: 'poison_suspected', status: 502 });
  quarantine.assertFree(of('good'));
  quarantine.assertFree(of('bad', 'other'));
  clock.advance(forMs);
  quarantine.assertFree(of('bad'));
  assert.equal(quarantine.isEmpty, true);
});

test('what was answered after all did not break anything', () => {
  const quarantine = new Quarantine({ clock: createHeldClock() });
  quarantine.broke(of('unlucky'), 'a', forMs);
  quarantine.served(of('unlucky'));
  assert.equal(quarantine.broke(of('unlucky'), 'b', forMs), false);
});

test('so many bodies are remembered, and the oldest makes way', () => {
  const quarantine = new Quarantine({ clock: createHeldClock(), bodiesMax: 2 });
  for (const body of ['one', 'two', 'three']) quarantine.broke(of(body), 'a', forMs);
  assert.equal(quarantine.broke(of('one'), 'b', forMs), false);
  assert.equal(quarantine.broke(of('three'), 'b', forMs), true);
});
