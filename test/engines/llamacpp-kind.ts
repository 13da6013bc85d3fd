/** A gateway in front of a real llama.cpp with the tiny model: one more row of the client tests. */
import { rmSync } from 'node:fs';
import { type Kind, openFleet } from '../clients/fleet-kinds.ts';
import { installEngine } from './install-engine.ts';
import { makeTinyModel } from './llamacpp-child.ts';

export const llamacpp: Kind = {
  name: 'llama.cpp',
  tools: { refused: 'tools' },
  choices: { refused: 'n' },
  images: { refused: 'messages[0].content[1].type' },
  suffix: true,
  reasoning: false,
  forcedTools: { refused: 'tools' },
  slow: {},
  open: async (options) => {
    await installEngine();
    const { folder, path } = makeTinyModel();
    return await openFleet(
      {
        upstream: { type: 'llamacpp', file: path, slots: 2, contextSize: 2048 },
        target: 'tiny',
        close: async () => rmSync(folder, { recursive: true }),
      },
      options,
    );
  },
};
