/** Which configuration a verb means: the one it is told, else `millrace.yaml` here, else none. */
import { existsSync } from 'node:fs';

export const usualFile = 'millrace.yaml';

export function configFile(asked: string | undefined): string | undefined {
  return asked ?? (existsSync(usualFile) ? usualFile : undefined);
}
