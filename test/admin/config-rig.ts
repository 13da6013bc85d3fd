/** A gateway whose configuration is a file that a person wrote, and the ways to change it. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import type { TestContext } from 'node:test';
import { type Asked, type AskOptions, keyOf, openTestAdmin, roleKeys, type TestAdmin } from '../admin-rig.ts';
import { runMasterKey } from '../run-canary.ts';

export interface ConfigRig {
  readonly admin: TestAdmin;
  /** Writes the file's other half as this text, and reads it as a changed file is read. */
  writeFile(text: string): Promise<void>;
  config(): Promise<Shown>;
  put(text: string, given?: AskOptions): Promise<Asked>;
  /** Also a change, with the ETag of now. */
  change(path: string, given: AskOptions): Promise<Asked>;
  history(): Promise<readonly HistoryItem[]>;
}

export interface Shown {
  readonly id: string;
  readonly version: number;
  readonly from: 'file' | 'applied';
  readonly text: string;
  readonly masked: boolean;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into all of it.
  readonly config: any;
  readonly tag: string;
}

export interface HistoryItem {
  readonly version: number;
  readonly by: string;
  readonly source: string;
  readonly note: string;
  readonly masked: boolean;
}

/** As the file has it, whatever a test adds. */
export const base = `# The fleet
upstreams:
  sim: { type: simulator, tokensPerSecond: 100000, firstTokenMs: 1 } # fast
models:
  simulator: { targets: [ { upstream: sim, model: simulator } ] }
defaultModel: simulator
`;

export async function openConfigRig(t: Pick<TestContext, 'after'>): Promise<ConfigRig> {
  const admin = await openTestAdmin({ config: { secrets: { masterKey: runMasterKey, folder: 'vault' } } });
  t.after(() => admin.close());
  const keys = roleKeys('default').map(
    ({ name, key, role }) => `  - { name: ${name}, key: ${key}, role: ${role} }`,
  );
  const install = [
    'listen: 127.0.0.1:0',
    `data: ${admin.gateway.data}`,
    `secrets: { masterKey: "${runMasterKey}", folder: vault }`,
  ].join('\n');
  const rig: ConfigRig = {
    admin,
    writeFile: async (text) => {
      await writeFile(admin.gateway.file, `${install}\nkeys:\n${keys.join('\n')}\n${text}`);
      const reloaded = await admin.reloader.reload('file');
      assert.notEqual(reloaded.outcome, 'refused', JSON.stringify(reloaded));
    },
    config: async () => {
      const { status, body, headers } = await admin.ask('config');
      assert.equal(status, 200);
      return { ...body, tag: headers.get('etag') ?? '' };
    },
    put: (text, given) => rig.change('config', { method: 'PUT', body: { text }, ...given }),
    change: async (path, given) => {
      const { tag } = await rig.config();
      return await admin.ask(path, { ...given, headers: { 'if-match': tag, ...given.headers } });
    },
    history: async () => (await admin.ask('config/history')).body.items,
  };
  await rig.writeFile(base);
  return rig;
}

export const as = (role: Parameters<typeof keyOf>[1]) => ({ as: keyOf('default', role) });
