import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Contestant, clientKey } from './contestant.ts';

const home = join(import.meta.dirname, '..', 'peers', 'portkey');
const product = join(home, 'node_modules', '@portkey-ai', 'gateway');
const program = join(product, 'build', 'start-server.js');

export const portkey: Contestant = {
  name: 'portkey',
  describe: () => `Portkey ${version()} on the same Node: no key checked, no cache, no retries`,
  missing: () =>
    existsSync(program)
      ? undefined
      : 'Portkey is not installed (npm ci --ignore-scripts in bench/peers/portkey)',
  command: (site) => ({
    file: process.execPath,
    args: [program, `--port=${site.port}`, '--headless'],
    env: { NODE_ENV: 'production' },
    folder: product,
  }),
  headers: (site) => ({
    authorization: `Bearer ${clientKey}`,
    'x-portkey-provider': 'openai',
    'x-portkey-custom-host': `http://127.0.0.1:${site.mockPort}/v1`,
  }),
};

function version(): string {
  const manifest: { version?: string } = JSON.parse(readFileSync(join(product, 'package.json'), 'utf8'));
  return manifest.version ?? 'of unknown version';
}
