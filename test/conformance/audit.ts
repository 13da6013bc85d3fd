/** What every driver of `Audit` promises. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AuditAnchor, AuditEvent } from '../../src/core/audit.ts';
import type { Audit } from '../../src/core/ports.ts';

export interface OpenedAudit {
  readonly audit: Audit;
  /** As another gateway on the same database has it. */
  readonly other: Audit;
  /** As someone does who has the database and not the gateway. */
  run(sql: string): Promise<void>;
  close(): Promise<void>;
}

const beginning: AuditAnchor = { number: 0, digest: '' };
const all = 1_000;

export function anEvent(changed: Partial<AuditEvent> = {}): AuditEvent {
  return {
    atMs: 1_767_225_600_000,
    actor: 'alice',
    tenant: 'acme',
    address: '192.0.2.7',
    action: 'keys.create',
    object: 'acme/k1',
    outcome: 'done',
    detail: { role: 'developer', nested: { list: [1, 'two', null, true], zero: 0 } },
    ...changed,
  };
}

/** `open` gives an empty log each time. */
export function auditConformance(driver: string, open: () => Promise<OpenedAudit>): void {
  const promise = (name: string, run: (opened: OpenedAudit) => Promise<void>) =>
    test(`${driver}: ${name}`, async () => {
      const opened = await open();
      await run(opened).finally(() => opened.close());
    });

  promise('a record comes back as it was appended, numbered from 1', async ({ audit }) => {
    const hostile = anEvent({ actor: "o'neill; drop table audit", object: 'жена 👩‍💻', detail: {} });
    const odd = anEvent({
      actor: 'a\u0000b\ud800',
      detail: { text: 'x\u0000\udc00', '10': 1, '9': 2, b: 3 },
    });
    for (const event of [anEvent(), hostile, odd]) await audit.append(event);
    const [third, second, first] = await audit.page({ rowsMax: 10 });
    assert.deepEqual({ ...first, digest: '' }, { ...anEvent(), number: 1, digest: '' });
    assert.deepEqual({ ...second, digest: '' }, { ...hostile, number: 2, digest: '' });
    assert.equal(third?.actor, 'ab\ufffd');
    assert.deepEqual(third.detail, { '9': 2, '10': 1, text: 'x\ufffd', b: 3 });
    assert.equal((await audit.verify(beginning, all)).sound, true);
  });

  promise(
    'what is too long to keep is shortened where it stands, hides nothing beside it, and says so',
    async ({ audit }) => {
      const list = Array.from({ length: 1_000 }, (_, index) => `${index}`);
      const given = { text: 'x'.repeat(100_000), list, role: 'owner' };
      const { detail } = await audit.append(anEvent({ detail: given }));
      assert.equal(detail['role'], 'owner');
      assert.match(String(detail['text']), /^x+…$/);
      assert.match(JSON.stringify(detail['list']), /^\["0",.*"and \d+ more"\]$/);
      const names = Array.from({ length: 16 }, (_, index) => [`${index}`.repeat(1_000), 1]);
      const { detail: none } = await audit.append(anEvent({ detail: Object.fromEntries(names) }));
      assert.match(String(none['leftOut']), /^\d+ characters$/);
      assert.equal((await audit.verify(beginning, all)).sound, true);
    },
  );

  promise('pages go back in time, of all or of one tenant', async ({ audit }) => {
    for (let index = 0; index < 7; index += 1) {
      await audit.append(anEvent({ tenant: index % 2 === 0 ? 'acme' : 'lab' }));
    }
    const numbers = async (question: Parameters<Audit['page']>[0]) =>
      (await audit.page(question)).map(({ number }) => number);
    assert.deepEqual(await numbers({ rowsMax: 3 }), [7, 6, 5]);
    assert.deepEqual(await numbers({ rowsMax: 3, before: 5 }), [4, 3, 2]);
    assert.deepEqual(await numbers({ rowsMax: 10, tenant: 'lab' }), [6, 4, 2]);
    assert.deepEqual(await numbers({ rowsMax: 10, tenant: 'none' }), []);
    await assert.rejects(audit.page({ rowsMax: 0 }), { code: 'invalid_request' });
  });

  promise('gateways that append at once form one chain without a gap', async ({ audit, other }) => {
    const appended = await Promise.all(
      Array.from({ length: 40 }, (_, index) => (index % 2 === 0 ? audit : other).append(anEvent())),
    );
    const numbers = appended.map(({ number }) => number).sort((one, two) => one - two);
    assert.deepEqual(
      numbers,
      Array.from({ length: 40 }, (_, index) => index + 1),
    );
    const verdict = await other.verify(beginning, all);
    assert.deepEqual(verdict.sound && [verdict.upTo.number, verdict.more], [40, false]);
  });

  promise('a long chain is verified piece by piece', async ({ audit }) => {
    for (let index = 0; index < 10; index += 1) await audit.append(anEvent());
    const first = await audit.verify(beginning, 4);
    assert.ok(first.sound && first.more);
    assert.equal(first.upTo.number, 4);
    const second = await audit.verify(first.upTo, 4);
    assert.ok(second.sound && second.more);
    const third = await audit.verify(second.upTo, 4);
    assert.ok(third.sound && !third.more);
    assert.equal(third.upTo.number, 10);
    const [newest] = await audit.page({ rowsMax: 1 });
    assert.equal(third.upTo.digest, newest?.digest);
  });

  promise('an empty log is sound', async ({ audit }) => {
    assert.deepEqual(await audit.verify(beginning, all), { sound: true, upTo: beginning, more: false });
  });

  const tampered: readonly (readonly [what: string, sql: string, brokenAt: number])[] = [
    ['who did it was changed', "update audit set actor = 'bob' where number = 3", 3],
    ['a time was changed', 'update audit set at_ms = at_ms + 1 where number = 1', 1],
    ['a detail was changed', `update audit set detail = '{"role":"viewer"}' where number = 5`, 5],
    ['a detail is no JSON any more', "update audit set detail = '{' where number = 5", 5],
    ['a digest was changed', "update audit set digest = 'x' where number = 2", 2],
    ['a record was taken out', 'delete from audit where number = 3', 3],
    ['the first was taken out', 'delete from audit where number = 1', 1],
    ['the last was taken out', 'delete from audit where number = 6', 6],
    ['all were taken out', 'delete from audit', 1],
    ['two were changed for one another', "update audit set object = 'x' where number in (3, 4)", 3],
    ['the end was forgotten', 'delete from audit_head', 0],
  ];
  for (const [what, statement, brokenAt] of tampered) {
    promise(`A9: it shows that ${what}`, async ({ audit, run }) => {
      for (let index = 0; index < 6; index += 1) await audit.append(anEvent({ object: `acme/k${index}` }));
      await run(statement);
      const verdict = await audit.verify(beginning, all);
      assert.ok(!verdict.sound, 'it is not sound');
      assert.equal(verdict.brokenAt, brokenAt, verdict.reason);
      await audit.page({ rowsMax: 10 });
    });
  }

  promise(
    'A9: a tail that was cut off with its end is shown by an anchor from before',
    async ({ audit, run }) => {
      for (let index = 0; index < 6; index += 1) await audit.append(anEvent());
      const { number, digest } = await audit.append(anEvent());
      const [, , , fourth] = await audit.page({ rowsMax: 4 });
      await run('delete from audit where number > 4');
      await run(`update audit_head set number = 4, digest = '${fourth?.digest}'`);
      assert.equal((await audit.verify(beginning, all)).sound, true, 'by itself the rest looks whole');
      const verdict = await audit.verify({ number, digest }, all);
      assert.ok(!verdict.sound);
      assert.equal(verdict.brokenAt, 5);
      assert.match(verdict.reason, /cut off/);
      for (let index = 0; index < 6; index += 1) await audit.append(anEvent({ actor: 'mallory' }));
      const again = await audit.verify({ number, digest }, all);
      assert.ok(!again.sound, 'nor does a new tail in its place fit');
      assert.equal(again.brokenAt, number);
    },
  );
}
