/** A verb as data, and the options that many of them take. */
export interface Verb {
  readonly name: string;
  readonly summary: string;
  /** As commander writes them: `<model>`, `[prompt...]`. */
  readonly words?: string;
  readonly options: readonly (readonly [flags: string, meaning: string])[];
  readonly examples: readonly (readonly [line: string, meaning: string])[];
}

export const config = [
  '-c, --config <file>',
  'the configuration; ./millrace.yaml when there is one',
] as const;
export const json = ['--json', 'machine-readable output'] as const;
export const admin = [
  config,
  ['--admin <url>', 'the admin API of a running gateway; found by the data folder'],
  ['--token <token>', 'its token; MILLRACE_ADMIN_TOKEN, or found in the data folder'],
] as const;
export const days = [
  ['--from <day>', 'the first day, as YYYY-MM-DD in UTC; thirty days unless given'],
  ['--to <day>', 'the last day, today unless given'],
] as const;
