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
];

test('names and cursors that no database keeps are the caller’s mistake', async (t) => {
  const postgres = await openPostgresServer();
  t.after(() => postgres.stop());
  for (const store of [undefined, await postgres.createDatabase()]) {
    const admin = await openTestAdmin({ config: store === undefined ? {} : { store } });
    try {
      for (const path of asked) {
        const { status, body } = await admin.ask(path);
        const where = store === undefined ? 'SQLite' : 'PostgreSQL';
        assert.ok(status < 500, `${where} ${path}: ${status} ${JSON.stringify(body)}`);
      }
    } finally {
      await admin.close();
    }
  }
});
