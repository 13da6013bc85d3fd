/** What every driver of `Tickets` promises. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Tickets } from '../../src/core/ports.ts';

export interface TicketsSuite {
  readonly driver: string;
  /** Empty, with room for so many. */
  readonly open: (ticketsMax: number) => Promise<Tickets>;
  readonly advance: (ms: number) => Promise<void>;
}

const lifeMs = 60_000;

export function ticketsConformance({ driver, open, advance }: TicketsSuite): void {
  test(`${driver}: a ticket is found until it is taken, and taken once of many who try`, async () => {
    const tickets = await open(10);
    await tickets.keep('one', 'what it says', lifeMs);
    assert.equal(await tickets.find('one', lifeMs), 'what it says');
    assert.equal(await tickets.find('other', lifeMs), undefined);
    const taken = await Promise.all(Array.from({ length: 10 }, () => tickets.take('one')));
    assert.deepEqual(
      taken.filter((text) => text !== undefined),
      ['what it says'],
    );
    assert.equal(await tickets.find('one', lifeMs), undefined);
  });

  test(`${driver}: a ticket ends when its time is over, and who looks for it makes it last`, async () => {
    const tickets = await open(10);
    await tickets.keep('used', 'a', lifeMs);
    await tickets.keep('left', 'b', lifeMs);
    await advance(lifeMs / 2);
    assert.equal(await tickets.find('used', lifeMs), 'a');
    await advance(lifeMs / 2 + 1);
    assert.equal(await tickets.find('used', lifeMs), 'a');
    assert.equal(await tickets.find('left', lifeMs), undefined);
    assert.equal(await tickets.take('left'), undefined);
  });

  test(`${driver}: where there is no more room the one that ends first goes`, async () => {
    const tickets = await open(3);
    for (const name of ['a', 'b', 'c']) {
      await tickets.keep(name, name, lifeMs);
      await advance(1_000);
    }
    await tickets.find('a', lifeMs);
    await advance(1_000);
    await tickets.keep('d', 'd', lifeMs);
    const found = await Promise.all(['a', 'b', 'c', 'd'].map((name) => tickets.find(name, lifeMs)));
    assert.deepEqual(found, ['a', undefined, 'c', 'd']);
  });

  test(`${driver}: all that have not ended are told, and none lasts longer for it`, async () => {
    const ticketsMax = 1_200;
    const tickets = await open(ticketsMax);
    assert.deepEqual(await tickets.all(), []);
    const names = Array.from({ length: ticketsMax }, (_, index) => `ticket-${index}`);
    // One after the other: each has to be answered in time.
    for (const name of names) await tickets.keep(name, `of ${name}`, lifeMs);
    await advance(lifeMs / 2);
    await tickets.find('ticket-7', lifeMs);
    await tickets.take('ticket-8');
    const found = await tickets.all();
    assert.deepEqual(
      found.map(({ name, text }) => `${name} ${text}`).sort(),
      names
        .filter((name) => name !== 'ticket-8')
        .map((name) => `${name} of ${name}`)
        .sort(),
    );
    await advance(lifeMs / 2 + 1);
    assert.deepEqual(await tickets.all(), [{ name: 'ticket-7', text: 'of ticket-7' }]);
  });
}
