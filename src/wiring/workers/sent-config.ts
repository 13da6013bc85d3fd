/**
 * The configuration in force on its way to a worker. All that goes between processes is copied as plain data: a secret would
 * arrive as an empty object, and is sent as a map, of which a configuration has none.
 */
import { idOf, type LoadedConfig } from '../../config/load.ts';
import type { Config } from '../../config/schema.ts';
import { Secret } from '../../lib/secret.ts';

/** What a gateway serves by. */
export type ConfigInForce = Pick<LoadedConfig, 'id' | 'config'>;

export interface SentConfig {
  readonly id: string;
  readonly packed: unknown;
}

export function packConfig({ id, config }: ConfigInForce): SentConfig {
  return { id, packed: pack(config) };
}

/** Throws where what arrives is not what was sent. */
export function unpackConfig({ id, packed }: SentConfig): ConfigInForce {
  const config = unpack(packed) as Config;
  if (idOf(config) !== id) throw new TypeError(`the configuration ${id} did not arrive as it was sent`);
  return { id, config };
}

function pack(value: unknown): unknown {
  if (value instanceof Secret) return new Map([['secret', value.reveal()]]);
  if (Array.isArray(value)) return value.map(pack);
  return isTree(value) ? mapped(value, pack) : value;
}

function unpack(value: unknown): unknown {
  if (value instanceof Map) return new Secret(String(value.get('secret')));
  if (Array.isArray(value)) return Object.freeze(value.map(unpack));
  return isTree(value) ? Object.freeze(mapped(value, unpack)) : value;
}

function isTree(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function mapped(tree: Readonly<Record<string, unknown>>, change: (value: unknown) => unknown): object {
  return Object.fromEntries(Object.entries(tree).map(([key, value]) => [key, change(value)]));
}
