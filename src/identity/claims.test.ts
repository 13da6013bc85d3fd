/** Tokens as issuers make them, and who that is here. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '../core/call.ts';
import { type ClaimMeaning, principalOf } from './claims.ts';

interface Case {
  readonly claims: JsonObject;
  readonly meaning: Partial<ClaimMeaning>;
  readonly is: {
    readonly user: string;
    readonly keyName: string;
    readonly role: string;
    readonly tenant?: string;
  };
}

const roles = { llm: 'developer', ops: 'operator' } as const;
const person = 'f3a1c0de-0000-4000-8000-000000000001';

const cases: Readonly<Record<string, Case>> = {
  'a person at Keycloak, by a realm role': {
    claims: {
      sub: person,
      azp: 'app',
      preferred_username: 'alice',
      realm_access: { roles: ['offline_access', 'llm'] },
    },
    meaning: { claims: { user: 'preferred_username', roles: 'realm_access.roles' }, roles },
    is: { user: 'alice', keyName: 'corp:alice', role: 'developer' },
  },
  'a service account of Keycloak': {
    claims: {
      sub: person,
      azp: 'Batch',
      preferred_username: 'service-account-batch',
      realm_access: { roles: ['ops'] },
    },
    meaning: { claims: { user: 'preferred_username', roles: 'realm_access.roles' }, roles },
    is: { user: '', keyName: 'corp:Batch', role: 'operator' },
  },
  'a person at Entra ID, by an app role': {
    claims: { sub: 'pairwise', oid: person, azp: 'app', tid: 'tenant-1', roles: ['llm', 'ops'] },
    meaning: {
      claims: { user: 'oid', roles: 'roles', tenant: 'tid' },
      tenants: { 'tenant-1': 'acme' },
      roles,
    },
    is: { user: person, keyName: `corp:${person}`, role: 'operator', tenant: 'acme' },
  },
  'an application at Entra ID': {
    claims: { sub: person, oid: person, azp: 'app-id', idtyp: 'app', tid: 'tenant-1', roles: ['llm'] },
    meaning: {
      claims: { user: 'oid', roles: 'roles', tenant: 'tid' },
      tenants: { 'tenant-1': 'acme' },
      roles,
    },
    is: { user: '', keyName: 'corp:app-id', role: 'developer', tenant: 'acme' },
  },
  'a person at Auth0, by a claim whose name is an address': {
    claims: { sub: 'auth0|1', azp: 'app', 'https://llm.example/roles': ['llm'] },
    meaning: { claims: { user: 'sub', roles: 'https://llm.example/roles' }, roles },
    is: { user: 'auth0|1', keyName: 'corp:auth0|1', role: 'developer' },
  },
  'a machine at Auth0, by its scopes': {
    claims: { sub: 'app@clients', azp: 'app', gty: 'client-credentials', scope: 'read:x llm' },
    meaning: { claims: { user: 'sub', roles: 'scope' }, roles },
    is: { user: '', keyName: 'corp:app', role: 'developer' },
  },
  'a person at Okta, by a group': {
    claims: { sub: 'alice@example.com', uid: '00u1', cid: 'app', groups: ['Everyone', 'llm'] },
    meaning: { claims: { user: 'uid', roles: 'groups' }, roles },
    is: { user: '00u1', keyName: 'corp:00u1', role: 'developer' },
  },
  'a service at Okta': {
    claims: { sub: '0oa1', cid: '0oa1', scp: ['llm'] },
    meaning: { claims: { user: 'uid', roles: 'scp' }, roles },
    is: { user: '', keyName: 'corp:0oa1', role: 'developer' },
  },
  'somebody of the tenant that runs the gateway, by a row': {
    claims: { sub: 'eve', org: 'our-own', roles: ['ops'] },
    meaning: {
      claims: { user: 'sub', roles: 'roles', tenant: 'org' },
      tenants: { 'our-own': 'default' },
      homeTenant: 'default',
      roles,
    },
    is: { user: 'eve', keyName: 'corp:eve', role: 'operator' },
  },
  'somebody whom no row names, where there is a default': {
    claims: { sub: 'bob', roles: ['admin', 'owner'] },
    meaning: { roles: {}, defaultRole: 'viewer' },
    is: { user: 'bob', keyName: 'corp:bob', role: 'viewer' },
  },
};

const usual: ClaimMeaning = { name: 'corp', claims: { user: 'sub', roles: 'roles' }, roles: {} };

for (const [who, { claims, meaning, is }] of Object.entries(cases)) {
  test(`${who} is who they are`, () => {
    const { user, keyName, role, tenant } = principalOf(claims, { ...usual, ...meaning });
    assert.deepEqual({ user, keyName, role, tenant }, { tenant: 'default', ...is });
  });
}

const unclear: Readonly<Record<string, readonly [claims: JsonObject, meaning: Partial<ClaimMeaning>]>> = {
  'a role of somebody else’s naming': [{ sub: 'bob', roles: ['admin'] }, { roles }],
  'roles of an object’s own': [{ sub: 'bob', roles: ['constructor', '__proto__', 'toString'] }, { roles }],
  'a user of spaces': [{ sub: 'a b' }, { defaultRole: 'viewer' }],
  'a user with a line break': [{ sub: 'a\nb' }, { defaultRole: 'viewer' }],
  'a user of 257 characters': [{ sub: 'a'.repeat(257) }, { defaultRole: 'viewer' }],
  'a user that is a number': [{ sub: 7 }, { defaultRole: 'viewer' }],
  'a tenant that is a list': [
    { sub: 'bob', org: ['acme'] },
    { defaultRole: 'viewer', claims: { user: 'sub', roles: 'roles', tenant: 'org' } },
  ],
  'a tenant that is no name': [
    { sub: 'bob', org: '../acme' },
    { defaultRole: 'viewer', claims: { user: 'sub', roles: 'roles', tenant: 'org' } },
  ],
  'a tenant by a claim that names the one which runs the gateway': [
    { sub: 'bob', org: 'default' },
    {
      defaultRole: 'owner',
      claims: { user: 'sub', roles: 'roles', tenant: 'org' },
      homeTenant: 'default',
    },
  ],
  'an e-mail address that nobody has verified': [
    { sub: '1', email: 'ada@example.com', email_verified: false },
    { defaultRole: 'viewer', claims: { user: 'email', roles: 'roles' } },
  ],
  'an e-mail address of which that is said in words': [
    { sub: '1', email: 'ada@example.com', email_verified: 'false' },
    { defaultRole: 'viewer', claims: { user: 'email', roles: 'roles' } },
  ],
  'several teams': [
    { sub: 'bob', team: ['red', 'blue'] },
    { defaultRole: 'viewer', claims: { user: 'sub', roles: 'roles', team: 'team' } },
  ],
};

for (const [what, [claims, meaning]] of Object.entries(unclear)) {
  test(`${what} is refused as forbidden, and not guessed at`, () => {
    assert.throws(() => principalOf(claims, { ...usual, ...meaning }), { code: 'forbidden' });
  });
}
