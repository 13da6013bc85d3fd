import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHeldClock } from '../../test/held-clock.ts';
import { fetchSecrets, referencesMax } from './fetch-secrets.ts';
import { type SecretSource, SecretTrouble } from './secret-source.ts';

/** Answers each place when it is told to. */
function openSlowSource() {
  const waiting = new Map<string, (document: Record<string, string>) => void>();
  const asked: string[] = [];
  const source: SecretSource = {
    read: (place) => {
      asked.push(place);
      return new Promise((resolve) => waiting.set(place, resolve));
    },
    close: () => {},
  };
  const answer = (place: string) => {
    waiting.get(place)?.({ key: `of ${place}`, other: `other of ${place}` });
    waiting.delete(place);
  };
  return { source, asked, waiting, answer };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('each place is asked once, eight at a time', async () => {
  const { source, asked, waiting, answer } = openSlowSource();
  const places = Array.from({ length: 20 }, (_, at) => `place${at}`);
  const references = new Set(places.flatMap((place) => [`vault:${place}#key`, `vault:${place}#other`]));
  const fetching = fetchSecrets(references, { clock: createHeldClock(), source: () => source });
  while (asked.length < 20 || waiting.size > 0) {
    await turn();
    assert.ok(waiting.size <= 8, `${waiting.size} at once`);
    for (const place of [...waiting.keys()]) answer(place);
  }
  const fetched = await fetching;
  assert.equal(asked.length, 20);
  assert.deepEqual(fetched.get('vault:place7#other'), { text: 'other of place7' });
  assert.equal(fetched.size, 40);
});

test('a place that does not answer in time is away, and the others come all the same', async () => {
  const { source, waiting, answer } = openSlowSource();
  const clock = createHeldClock();
  const references = new Set(['vault:slow#key', 'vault:fast#key']);
  const fetching = fetchSecrets(references, { clock, source: () => source });
  while (waiting.size < 2) await turn();
  answer('fast');
  await turn();
  clock.advance(5_000);
  const fetched = await fetching;
  assert.deepEqual(fetched.get('vault:fast#key'), { text: 'of fast' });
  assert.deepEqual(fetched.get('vault:slow#key'), { problem: 'it was not read within 5000 ms', away: true });
  assert.equal(clock.pending, 0);
});

test('more references than are allowed are refused, and none is asked for', async () => {
  const { source, asked } = openSlowSource();
  const references = new Set(Array.from({ length: referencesMax + 1 }, (_, at) => `store:s${at}`));
  const fetched = await fetchSecrets(references, { clock: createHeldClock(), source: () => source });
  assert.equal(asked.length, 0);
  assert.ok([...fetched.values()].every((value) => 'problem' in value && !value.away));
});

test('a reference that cannot be one asks nobody, and what a source says is said of the reference', async () => {
  const trouble = new SecretTrouble('it says no', { away: false });
  const source: SecretSource = { read: () => Promise.reject(trouble), close: () => {} };
  const wrong = [
    'vault:/a#b',
    'vault:a//b#c',
    'vault:a/../b#c',
    'vault:a#',
    'vault:a#b#c',
    'vault:a?b#c',
    'store:a b',
    'store:',
    'aws-sm:#a',
  ];
  const references = new Set([...wrong, 'aws-sm:right']);
  const fetched = await fetchSecrets(references, { clock: createHeldClock(), source: () => source });
  for (const text of wrong) {
    const value = fetched.get(text);
    assert.match(value !== undefined && 'problem' in value ? value.problem : '', /^must be /, text);
  }
  assert.deepEqual(fetched.get('aws-sm:right'), { problem: 'it says no', away: false });
});
