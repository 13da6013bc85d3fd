import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { roles } from './options.ts';
import { holders, mayGrant, reachOf } from './permissions.ts';

const page = 'docs/identity.md';
const begin = '<!-- what each role may do: UPDATE_DOCS=1 node --test src/identity/permissions.test.ts -->\n';
const end = '<!-- end -->';

function table(): string {
  const mark = { all: 'yes', own: 'own' } as const;
  const permissions = Object.keys(holders) as (keyof typeof holders)[];
  const rows = permissions.map((permission) => {
    const cells = roles.map((role) => {
      const reach = reachOf(role, permission);
      return reach === undefined ? '' : mark[reach];
    });
    return `| \`${permission}\` | ${cells.join(' | ')} |`;
  });
  const header = `| | ${roles.join(' | ')} |\n|---|${roles.map(() => '---').join('|')}|`;
  return `${header}\n${rows.join('\n')}\n`;
}

test('the documents show the table that the gateway goes by', () => {
  const text = readFileSync(page, 'utf8');
  const from = text.indexOf(begin) + begin.length;
  const to = text.indexOf(end, from);
  assert.ok(from > begin.length && to >= from);
  if (process.env['UPDATE_DOCS'] === '1') writeFileSync(page, text.slice(0, from) + table() + text.slice(to));
  else assert.equal(text.slice(from, to), table());
});

test('nobody hands on more than he has', () => {
  for (const granter of roles) {
    for (const granted of roles) {
      const expected =
        granter === 'owner' || granter === granted || (granter === 'admin' && granted !== 'owner');
      assert.equal(mayGrant(granter, granted), expected, `${granter} gives ${granted}`);
    }
  }
});

test('an owner may everything, an admin everything but secrets, and nobody else sees the audit log', () => {
  for (const permission of Object.keys(holders) as (keyof typeof holders)[]) {
    assert.equal(reachOf('owner', permission), 'all', permission);
    const admins = permission.startsWith('secrets:') ? undefined : 'all';
    assert.equal(reachOf('admin', permission), admins, permission);
  }
  for (const role of ['operator', 'developer', 'viewer', 'billing'] as const) {
    assert.equal(reachOf(role, 'audit:read'), undefined, role);
  }
});
