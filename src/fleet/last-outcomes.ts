/** How the last requests to a server ended, and whose failures are among them. */

/** So many count. */
export const outcomesCounted = 20;

export class LastOutcomes {
  /** Whose failure each was; undefined for those that ended well. The newest last. */
  readonly #tenants: (string | undefined)[] = [];

  get failures(): number {
    let failures = 0;
    for (const tenant of this.#tenants) if (tenant !== undefined) failures += 1;
    return failures;
  }

  /** Whether nobody else's failure is among them. */
  areAllOf(tenant: string): boolean {
    return this.#tenants.every((other) => other === undefined || other === tenant);
  }

  /** `tenant`: whose request failed; nothing where it ended well. */
  add(tenant?: string): void {
    this.#tenants.push(tenant);
    if (this.#tenants.length > outcomesCounted) this.#tenants.shift();
    if (tenant === undefined && this.failures === 0) this.forget();
  }

  forget(): void {
    this.#tenants.length = 0;
  }
}
