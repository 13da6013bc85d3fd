/** What goes between the gateway's thread and the one that holds the embedded database. */

export interface StatementRequest {
  readonly id: number;
  readonly sql: string;
  /** For one run of the statement, or for many, one after another. */
  readonly parameters: readonly SqlValue[] | readonly (readonly SqlValue[])[];
}

export type SqlValue = string | number | bigint | null | Uint8Array;

export interface StatementResult {
  /** Of many runs of a statement that answers with none: how many each has changed. */
  readonly rows: readonly unknown[];
  /** Of a statement that answers with no rows. */
  readonly changes: number | undefined;
}

export type StatementReply =
  | { readonly id: number; readonly result: StatementResult }
  | { readonly id: number; readonly fault: StatementFault };

export interface StatementFault {
  readonly message: string;
  /** SQLite's own extended number, where the fault is the database's. */
  readonly errcode: number | undefined;
}

/** In place of a request: the database is closed, and its thread ends. */
export const closeRequest = 'close';

/** What the thread is started with. */
export interface DatabaseFile {
  readonly path: string;
}
