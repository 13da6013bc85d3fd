/** Nobody takes the way in from whom he may not change: not from owners that the issuer alone knows, nor in between (G1). */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { keyOf, openTestAdmin, roleKeys, type TestAdmin } from '../admin-rig.ts';
import { aUser } from '../conformance/directory-drafts.ts';
import { openHandMadeIssuer, trusting } from '../identity/hand-made-issuer.ts';

const as = keyOf('default', 'admin');
const anyVersion = { 'if-match': '*' };

async function open(t: TestContext) {
  const issuer = await openHandMadeIssuer();
  t.after(() => issuer.close());
  const trusted = trusting(issuer, {
    claims: { team: 'group' },
    roles: { llm: 'developer', chiefs: 'owner', helpers: 'admin' },
  });
  const admin = await openTestAdmin({ config: { ...trusted, keys: roleKeys('default') } });
  t.after(() => admin.close());
  const sign = (sub: string, role: string) => issuer.sign({ sub, roles: [role], group: 'board' });
  const tokens = [await sign('ada', 'chiefs'), await sign('bob', 'helpers'), await sign('cy', 'llm')];
  /** Of an owner, an admin and a developer, on the listener of clients and on that of operators. */
  const statuses = async () => {
    const models = tokens.map((token) =>
      fetch(`${admin.gateway.url}/v1/models`, { headers: { authorization: `Bearer ${token}` } }),
    );
    const asked = tokens.map((token) => admin.ask('session', { as: token }));
    return [...(await Promise.all(models)), ...(await Promise.all(asked))].map(({ status }) => status);
  };
  return { admin, statuses };
}

async function make({ ask }: TestAdmin, path: string, body: object): Promise<void> {
  assert.equal((await ask(path, { as, method: 'POST', body })).status, 201, path);
}

async function turn({ ask }: TestAdmin, path: string, active: boolean, by?: string): Promise<unknown> {
  const given = { method: 'PATCH', headers: anyVersion, body: { active } };
  const changed = await ask(path, { ...given, ...(by === undefined ? {} : { as: by }) });
  assert.equal(changed.status, 200, JSON.stringify(changed.body));
  return changed.body.offBy;
}

test('G1: what an admin switches off shuts no owner whom the issuer alone knows, and what an owner does shuts him too', async (t) => {
  const { admin, statuses } = await open(t);
  const [fine, shut] = [200, 403];
  assert.deepEqual(await statuses(), [fine, fine, fine, fine, fine, fine]);
  await make(admin, 'teams', { name: 'board' });
  await make(admin, 'users', { name: 'ada' });
  assert.equal(await turn(admin, 'teams/board', false, as), 'admin');
  assert.equal(await turn(admin, 'users/ada', false, as), 'admin');
  assert.deepEqual(await statuses(), [fine, shut, shut, fine, shut, shut]);
  // Whatever an owner changes beside it, it is the admin's still.
  const moved = { method: 'PATCH', headers: anyVersion, body: { role: 'viewer' } };
  assert.equal((await admin.ask('users/ada', moved)).body.offBy, 'admin');
  assert.equal((await admin.ask('users/ada')).body.offBy, 'admin');
  assert.equal(await turn(admin, 'users/ada', false), undefined);
  assert.deepEqual(await statuses(), [shut, shut, shut, shut, shut, shut]);
  // To say again what an owner said takes nothing from it.
  assert.equal(await turn(admin, 'users/ada', false, as), undefined);
  assert.deepEqual(await statuses(), [shut, shut, shut, shut, shut, shut]);
  await turn(admin, 'users/ada', true);
  await turn(admin, 'teams/board', false);
  assert.deepEqual(await statuses(), [shut, shut, shut, shut, shut, shut]);
  await turn(admin, 'teams/board', true);
  assert.deepEqual(await statuses(), [fine, fine, fine, fine, fine, fine]);
});

/** After each look at who is in a team, until it has been done so often. */
function betweenLookAndWriting({ gateway }: TestAdmin, often: number, run: (turn: number) => Promise<void>) {
  const { directory } = gateway.gateway.lasting.followed;
  const { page } = directory;
  let turns = 0;
  Object.assign(directory, {
    page: async (asked: Parameters<typeof page>[0]) => {
      const found = await page(asked);
      if (asked.kind === 'key' && turns < often) await run(turns++);
      return found;
    },
  });
}

test('G1: an owner who is put into a team while an admin switches it off or removes it is seen', async (t) => {
  const { admin } = await open(t);
  const { directory } = admin.gateway.gateway.lasting.followed;
  const off = { as, method: 'PATCH', headers: anyVersion, body: { active: false } };
  const gone = { as, method: 'DELETE' };
  for (const [name, given] of [
    ['first', off],
    ['second', gone],
  ] as const) {
    await make(admin, 'teams', { name });
    betweenLookAndWriting(admin, 1, async () => {
      await directory.put({ ...aUser('default', `owner-of-${name}`, name), role: 'owner' } as never);
    });
    const { status, body } = await admin.ask(`teams/${name}`, given);
    assert.deepEqual([status, body.code], [403, 'forbidden'], JSON.stringify(body));
    assert.equal((await admin.ask(`teams/${name}`)).body.active, true);
  }
});

test('whoever is put in between and is no owner stops nobody, unless somebody comes in all the time', async (t) => {
  const { admin } = await open(t);
  const { directory } = admin.gateway.gateway.lasting.followed;
  await make(admin, 'teams', { name: 'crew' });
  const off = { as, method: 'PATCH', headers: anyVersion, body: { active: false } };
  const come = async (turn: number) => void (await directory.put(aUser('default', `hand-${turn}`, 'crew')));
  betweenLookAndWriting(admin, 4, come);
  assert.equal((await admin.ask('teams/crew', off)).status, 200);
  await turn(admin, 'teams/crew', true);
  betweenLookAndWriting(admin, 100, come);
  const restless = await admin.ask('teams/crew', off);
  assert.deepEqual(
    [restless.status, restless.body.code, restless.headers.get('retry-after')],
    [503, 'dependency_unavailable', '1'],
  );
  assert.equal((await admin.ask('teams/crew')).body.active, true);
});
