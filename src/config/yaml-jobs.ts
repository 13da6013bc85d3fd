/** What is done with texts of YAML, and takes long where they are large. */
import type { FailureCode } from '../core/failure.ts';
import { withoutPart, withPart } from './edit-text.ts';
import { writeHotText } from './hot-text.ts';
import { readYaml } from './read-yaml.ts';

export const yamlJobs = {
  read: ({ text, file }: { readonly text: string; readonly file: string }) => readYaml(text, file),
  writeHotText,
  withPart,
  withoutPart,
} as const;

export type YamlJobs = typeof yamlJobs;

/** How one ended on its thread; `failure` is the caller's own, anything else thrown is a mistake of ours. */
export type YamlJobEnd<Made> =
  | { readonly made: Made }
  | { readonly failure: { readonly code: FailureCode; readonly message: string } };
