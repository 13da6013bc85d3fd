/** A principal as limits and budgets call it: made once for each, and everything that is found of it is kept here. */
import type { BudgetSubject } from '../core/budget.ts';
import type { Principal } from '../core/exchange.ts';
import type { Found } from '../core/found.ts';

export function callerOf(principal: Principal): Caller {
  const known = callers.get(principal);
  if (known !== undefined) return known;
  const made = new Caller(principal);
  callers.set(principal, made);
  return made;
}

const callers = new WeakMap<Principal, Caller>();

class Caller implements BudgetSubject, Found {
  readonly tenant: string;
  /** Within the tenant. */
  readonly key: string;
  readonly user: string;
  readonly team: string;
  /** The same name in two tenants is two. */
  readonly keyOfTenant: string;
  readonly userOfTenant: string;
  readonly teamOfTenant: string;
  limits: object | undefined = undefined;
  budgets: object | undefined = undefined;

  constructor({ tenant, keyName, user, team }: Principal) {
    this.tenant = tenant;
    this.key = keyName;
    this.user = user;
    this.team = team;
    this.keyOfTenant = `${tenant}/${keyName}`;
    this.userOfTenant = user === '' ? '' : `${tenant}/${user}`;
    this.teamOfTenant = team === '' ? '' : `${tenant}/${team}`;
  }

  get found(): Found {
    return this;
  }
}
