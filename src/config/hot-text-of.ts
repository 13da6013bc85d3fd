/** The text of a configuration's hot half, made once: of a large one that takes longer than requests should wait. */
import { type HotText, holdsMask } from './hot-text.ts';
import type { LoadedConfig } from './load.ts';
import { secretPathsIn } from './masked-secrets.ts';
import { aside } from './yaml-aside.ts';

const made = new WeakMap<LoadedConfig, Promise<HotText>>();

export function hotTextOf(loaded: LoadedConfig): Promise<HotText> {
  const known = made.get(loaded);
  if (known !== undefined) return known;
  const text = makeText(loaded);
  made.set(loaded, text);
  // A thread that died once is no reason to have no text for good.
  text.catch(() => made.delete(loaded));
  return text;
}

async function makeText({ config, half }: LoadedConfig): Promise<HotText> {
  const { applied, written, fileText } = half;
  if (applied !== undefined) return { text: applied.text, masked: holdsMask(written) };
  const secretPaths = secretPathsIn(config, written);
  return await aside('writeHotText', { fileText, written, secretPaths }, fileText.length);
}
