/** A gateway that people sign in to at a real identity provider, and what their browsers ask of its admin API. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { type Asked, type AskOptions, openTestAdmin, type TestAdmin } from '../admin-rig.ts';
import { createHeldClock, type HeldClock } from '../held-clock.ts';
import { Browser, type Page, signInAt } from './browser.ts';
import { openProvider, type RunningProvider, secretOf } from './identity-provider.ts';

export interface ConsoleRig {
  readonly provider: RunningProvider;
  readonly admin: TestAdmin;
  readonly clock: HeldClock;
  readonly config: Record<string, unknown>;
}

/** Where the provider sends browsers; the test goes to where the gateway really listens. */
const redirectUrl = 'http://127.0.0.1:7071/admin/sign-in/callback';

/** `changes` are of `identity.oidc`, `more` of the configuration around it. */
export async function openConsole(
  t: TestContext,
  changes: object = {},
  more: object = {},
): Promise<ConsoleRig> {
  const { provider, oidc } = await openIssuer(t, changes);
  const clock = createHeldClock(Date.now());
  const config = { identity: { oidc }, ...more };
  const admin = await openTestAdmin({ config, clock });
  t.after(() => admin.close());
  return { provider, admin, clock, config };
}

/** And what `identity.oidc` says of it. */
export async function openIssuer(t: Pick<TestContext, 'after'>, changes: object = {}) {
  const provider = await openProvider({ redirectUrls: [redirectUrl], roles: ['llm-admins'] });
  t.after(() => provider.close());
  const oidc = {
    name: 'corp',
    issuer: provider.url,
    clientId: 'console',
    clientSecret: secretOf.console,
    redirectUrl,
    scopes: ['openid'],
    roles: { 'llm-admins': 'admin' },
    sessionMs: 3_600_000,
    idleMs: 600_000,
    ...changes,
  };
  return { provider, oidc };
}

/** Comes back from the provider with what it gave, and has not yet handed it in. */
export async function comeBack({ admin }: Pick<ConsoleRig, 'admin'>, browser: Browser): Promise<string> {
  const begun = await browser.go(`${admin.url}/admin/sign-in`);
  assert.equal(begun.status, 302, begun.text);
  const location = begun.headers.get('location') ?? '';
  const end = await signInAt(browser, location, { login: 'alice', end: redirectUrl });
  return end.replace('http://127.0.0.1:7071', admin.url);
}

export async function signIn(
  rig: Pick<ConsoleRig, 'admin'>,
  browser = new Browser(),
): Promise<{ browser: Browser; page: Page }> {
  return { browser, page: await browser.go(await comeBack(rig, browser)) };
}

/** With the browser's cookies and nothing else. */
export function askAs(
  { admin }: Pick<ConsoleRig, 'admin'>,
  browser: Browser,
  path: string,
  given: Omit<AskOptions, 'as'> = {},
): Promise<Asked> {
  const headers = { cookie: browser.cookies(admin.url), ...given.headers };
  return admin.ask(path, { ...given, as: null, headers });
}
