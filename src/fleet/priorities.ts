/** Which priority a key's requests have, and how high they may ask for: by the first row that is about it. */

export interface PriorityRow {
  readonly tenant: string;
  /** All keys of the tenant where absent. */
  readonly key?: string | undefined;
  readonly usual: number;
  readonly max: number;
}

const ordinary = { usual: 0, max: 0 };

export class Priorities {
  readonly #byTenant: ReadonlyMap<string, readonly PriorityRow[]>;

  constructor(rows: readonly PriorityRow[]) {
    this.#byTenant = Map.groupBy(rows, ({ tenant }) => tenant);
  }

  of(tenant: string, key: string): Pick<PriorityRow, 'usual' | 'max'> {
    const rows = this.#byTenant.get(tenant);
    return rows?.find((row) => row.key === undefined || row.key === key) ?? ordinary;
  }
}
