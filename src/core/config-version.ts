/** What was in force, one after another: what the file said, and what was applied over it. */

export const configSources = ['file', 'applied', 'rollback'] as const;
export type ConfigSource = (typeof configSources)[number];

export interface ConfigVersionDraft {
  readonly atMs: number;
  /** Who: as the audit log names him; `file` where somebody wrote the file. */
  readonly by: string;
  readonly source: ConfigSource;
  /** What was done, for people: `limits`, `rollback to 3`. */
  readonly note: string;
  /** Of what the file said when this was written: a file that says something else later is newer than this. */
  readonly fileDigest: string;
  /** Whether secrets that stood in the file are left out of the text. */
  readonly masked: boolean;
  /** What is read again at each reload, as somebody wrote it. Never with a secret. */
  readonly text: string;
  /** The addresses, as HOST:PORT, that an owner answers for; those in the file need nobody else. */
  readonly vouched: Vouched;
}

/** All of them where nobody asked yet who had named them. */
export type Vouched = readonly string[] | 'all';

export interface ConfigVersion extends ConfigVersionDraft {
  /** From 1, without a gap. The last one is in force. */
  readonly number: number;
}

export type ConfigVersionFacts = Omit<ConfigVersion, 'text' | 'vouched'>;

export interface ConfigVersionsQuestion {
  /** From the newest on, or before this number. */
  readonly before?: number;
  readonly rowsMax: number;
}
