/** Files that hold secrets: whether others than their owner may read them. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { LoadedConfig } from '../../config/load.ts';
import { masterKeyFile } from '../../identity/own-secrets.ts';
import { hasCode } from '../../lib/has-code.ts';
import { type Diagnosis, ok, warn } from './finding.ts';

const area = 'secrets';
const ownFiles = [masterKeyFile, 'admin-token', 'client-key'];

export async function examineSecrets({ config, secretFiles }: LoadedConfig): Promise<Diagnosis[]> {
  const files = [...ownFiles.map((name) => join(config.data, name)), ...secretFiles];
  const found = (await Promise.all(files.map(examineMode))).flat();
  const { masterKey, previousMasterKeys, vault } = config.secrets;
  const from =
    masterKey === undefined ? `a master key in ${config.data}` : 'a master key from the configuration';
  const before = previousMasterKeys.length === 0 ? '' : `, and ${previousMasterKeys.length} that still open`;
  const where = vault === undefined ? '' : `; Vault at ${vault.url}`;
  return [ok(area, `${from}${before}${where}`), ...found];
}

/** Windows has no such modes: what it tells there means nothing. */
async function examineMode(file: string): Promise<Diagnosis[]> {
  if (process.platform === 'win32') return [];
  const mode = await stat(file).then(
    (facts) => facts.mode,
    (thrown: unknown) => {
      // None made yet; one that is named and missing is the configuration's own finding.
      if (hasCode(thrown, 'ENOENT')) return 0;
      throw thrown;
    },
  );
  if ((mode & 0o007) === 0) return [];
  const says = `${file} may be read by every user of this machine (mode ${(mode & 0o777).toString(8)})`;
  return [warn(area, says, `chmod o-rwx ${file}`)];
}
