/** What every driver of `Presence` promises. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Presence } from '../../src/core/ports.ts';

export interface PresenceSuite {
  readonly driver: string;
  /** The only one, ready to be spoken to. */
  readonly open: () => Promise<Presence>;
}

/** Collects what is said, and waits for it. */
export function createEar() {
  const heard: string[] = [];
  let look = () => {};
  let gaps = 0;
  return {
    heard,
    get gaps() {
      return gaps;
    },
    message: (text: string) => {
      heard.push(text);
      look();
    },
    missed: () => {
      gaps += 1;
      look();
    },
    until: (isSo: () => boolean) =>
      new Promise<void>((resolve) => {
        look = () => isSo() && resolve();
        look();
      }),
  };
}

export function presenceConformance(suite: PresenceSuite): void {
  const promise = (name: string, run: (presence: Presence) => Promise<void>) =>
    test(`${suite.driver}: ${name}`, async () => {
      const presence = await suite.open();
      try {
        await run(presence);
      } finally {
        await presence.close();
      }
    });

  promise('a replica counts itself, before and after it told that it is there', async (presence) => {
    assert.equal(presence.count(), 1);
    await presence.announce();
    assert.equal(presence.count(), 1);
  });

  promise('what is published reaches everyone who listens to that channel, in order', async (presence) => {
    const [one, two, other] = [createEar(), createEar(), createEar()];
    presence.subscribe('keys', one);
    presence.subscribe('keys', two);
    presence.subscribe('limits', other);
    for (const text of ['first', '', 'thi\u0000rd ☃'])
      assert.equal(await presence.publish('keys', text), true);
    assert.equal(await presence.publish('limits', 'other'), true);
    for (const ear of [one, two]) {
      await ear.until(() => ear.heard.length === 3);
      assert.deepEqual(ear.heard, ['first', '', 'thi\u0000rd ☃']);
    }
    await other.until(() => other.heard.length > 0);
    assert.deepEqual(other.heard, ['other']);
  });

  promise('whoever stopped listening hears nothing more, and the others do', async (presence) => {
    const [leaving, staying] = [createEar(), createEar()];
    const leave = presence.subscribe('keys', leaving);
    presence.subscribe('keys', staying);
    leave();
    leave();
    await presence.publish('keys', 'after');
    await staying.until(() => staying.heard.length === 1);
    assert.deepEqual(leaving.heard, []);
  });

  promise('a message has its bound, in bytes', async (presence) => {
    const ear = createEar();
    presence.subscribe('keys', ear);
    const publish = async (text: string) => presence.publish('keys', text);
    await assert.rejects(publish('☃'.repeat(32 * 1024)), RangeError);
    assert.equal(await publish('x'.repeat(64 * 1024)), true);
    await ear.until(() => ear.heard.length === 1);
  });
}
