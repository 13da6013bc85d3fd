/** Where secrets lie that have to be asked for. */

/** A secret as its place keeps it: one text, or several under names. */
export type SecretDocument = string | Readonly<Record<string, unknown>>;

export interface SecretSource {
  /** Rejects with a `SecretTrouble`. */
  read(place: string): Promise<SecretDocument>;
  close(): void | Promise<void>;
}

/** Why a secret could not be read. The message never holds a secret. */
export class SecretTrouble extends Error {
  /** Nobody could be asked: what was read before may still hold. Else whoever was asked said no. */
  readonly away: boolean;

  constructor(message: string, options: { readonly away: boolean; readonly cause?: unknown }) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'SecretTrouble';
    this.away = options.away;
  }
}
