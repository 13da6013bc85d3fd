/** Entries of the directory as tests put them. */
import type { DirectoryDraft } from '../../src/core/directory.ts';

type KeyDraft = Extract<DirectoryDraft, { kind: 'key' }>;

export function aKey(tenant: string, name: string, changed: Partial<KeyDraft> = {}): KeyDraft {
  return {
    kind: 'key',
    tenant,
    name,
    active: true,
    team: '',
    user: '',
    role: 'developer',
    digest: `pepper.${tenant}/${name}`,
    hint: 'abcd',
    previousDigest: '',
    previousUntilMs: 0,
    expiresAtMs: 0,
    scopes: { models: [], routes: [], addresses: [] },
    ...changed,
  };
}

export function aTenant(tenant: string): DirectoryDraft {
  return { kind: 'tenant', tenant, name: '', active: true, keepContentDays: 0 };
}

export function aTeam(tenant: string, name: string): DirectoryDraft {
  return { kind: 'team', tenant, name, active: true };
}

export function aUser(tenant: string, name: string, team = ''): DirectoryDraft {
  return { kind: 'user', tenant, name, active: true, team, role: 'developer', service: false };
}
