/** Whose things are: for whom they are kept, exported and erased. */

/** A user of a tenant; with the empty name it is the tenant's own, and nobody's in particular. */
export interface Owner {
  readonly tenant: string;
  readonly user: string;
}

/** Whom an export or an erasure is about: a user, or, without one, a whole tenant. */
export interface Subject {
  readonly tenant: string;
  readonly user?: string;
}

export function isOf({ tenant, user }: Owner, subject: Subject): boolean {
  return tenant === subject.tenant && (subject.user === undefined || subject.user === user);
}
