/** Names and cursors that no database keeps: refused as the caller's mistake, by both databases, and never an outage (G12). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openTestAdmin } from '../admin-rig.ts';
import { openPostgresServer } from '../servers/postgres-server.ts';

const cursor = (...place: string[]) => Buffer.from(JSON.stringify(place)).toString('base64url');
const exchangeCursor = (text: string) => Buffer.from(text).toString('base64url');
const asked = [
  'users/a%00b',
  'keys/%00',
  'users?tenant=a%00b',
  `users?after=${cursor('default', 'a\0b')}`,
  `users?after=${cursor('\0', '')}`,
  `keys?after=${cursor('default', '\ud800')}`,
  'audit?tenant=%00',
  'usage?by=day&model=%00',
  'usage?by=day&key=a%00b',
  'usage?tenant=%00',
  'exchanges?user=%00',
  `exchanges?after=${exchangeCursor('1:a\0b')}`,
  'audit?before=9007199254740993',
  'audit?before=1e300',
  'audit/verify?number=1e300',
  'tenants/__proto__',
  'users/constructor',
  'contents/a%00b',
  'usage?to=0000-01-05',
  'costs?to=9999-12-31',
];

const sent = [
  ['POST', 'privacy/export', { user: 'a\0b' }],
  ['POST', 'privacy/erase', { user: 'a\0b' }],
  ['POST', 'privacy/erase', { user: 'a\ud800b' }],
  ['POST', 'secrets/rotate', { after: { tenant: 'a\0', user: '' } }],
  ['PUT', 'config', { text: '# a\0b\nlimits: []\n' }],
  ['PUT', 'config', { text: '# a\ud800b\nlimits: []\n' }],
  ['GET', 'usage?from=2026-01-02&to=2026-01-01', undefined],
] as const;

test('names and cursors that no database keeps are the caller’s mistake', async (t) => {
  const postgres = await openPostgresServer();
  t.after(() => postgres.stop());
  for (const store of [undefined, await postgres.createDatabase()]) {
    const admin = await openTestAdmin({ config: store === undefined ? {} : { store } });
    const where = store === undefined ? 'SQLite' : 'PostgreSQL';
    try {
      for (const path of asked) {
        const { status, body } = await admin.ask(path);
        assert.ok(status < 500, `${where} ${path}: ${status} ${JSON.stringify(body)}`);
      }
      for (const [method, path, body] of sent) {
        const answer = await admin.ask(path, { method, body, headers: { 'if-match': '*' } });
        const is = `${where} ${path} ${JSON.stringify(body)}: ${answer.status} ${JSON.stringify(answer.body)}`;
        assert.ok([400, 422].includes(answer.status), is);
      }
    } finally {
      await admin.close();
    }
  }
});
