// What of undici's own files is loaded by itself. Its types know the whole package alone.
declare module 'undici/lib/dispatcher/client.js' {
  import { Client } from 'undici';
  export = Client;
}
declare module 'undici/lib/dispatcher/pool.js' {
  import { type Client, Pool } from 'undici';
  import base from 'undici/lib/dispatcher/pool-base.js';

  class OpenPool extends Pool {
    [base.kAddClient](client: Client): this;
    [base.kRetireClient](client: Client): void;
    [base.kOnClientBusy](client: Client): void;
    [base.kOnClientDrain](client: Client): void;
    [base.kGetDispatcher](): Client | undefined;
    [base.kHasDispatcher](): boolean;
  }
  export = OpenPool;
}
declare module 'undici/lib/dispatcher/pool-base.js' {
  const base: {
    readonly kAddClient: unique symbol;
    readonly kRetireClient: unique symbol;
    readonly kOnClientBusy: unique symbol;
    readonly kOnClientDrain: unique symbol;
    readonly kGetDispatcher: unique symbol;
    readonly kHasDispatcher: unique symbol;
    readonly kNeedDrain: unique symbol;
  };
  export = base;
}
declare module 'undici/lib/core/connect.js' {
  import { buildConnector } from 'undici';
  export = buildConnector;
}
