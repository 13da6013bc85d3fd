import { type Behaviour, defaults } from './behaviour.ts';

export interface Resident {
  readonly name: string;
  /** When it goes, in milliseconds since 1970, if nobody asks for it. */
  readonly untilMs: number;
}

/** The models that a fake server has in memory: loaded as they are asked for, the one used longest ago makes room. */
export class Memory {
  /** Every load so far, by model. */
  readonly loads: string[] = [];
  rules: Pick<Behaviour, 'residentMax' | 'loadMs' | 'modelBytes' | 'gpuShare'> = defaults;
  readonly #resident = new Map<string, Resident>();

  residents(): readonly Resident[] {
    return [...this.#resident.values()];
  }

  /** Whether it had to be loaded. */
  use(asked: string, keepAlive: unknown): boolean {
    const { residentMax } = this.rules;
    if (residentMax === 'all') return false;
    const name = fullName(asked);
    const wasThere = this.#resident.delete(name);
    this.#resident.set(name, { name, untilMs: Date.now() + keptMs(keepAlive) });
    if (wasThere) return false;
    this.loads.push(name);
    while (this.#resident.size > residentMax) this.#resident.delete([...this.#resident.keys()][0] ?? '');
    return true;
  }

  unload(asked: string): void {
    this.#resident.delete(fullName(asked));
  }
}

const usualMs = 300_000;

/** Seconds, or `90000ms`. */
function keptMs(keepAlive: unknown): number {
  if (typeof keepAlive === 'number') return keepAlive * 1000;
  const [, ms] = /^(\d+)ms$/.exec(String(keepAlive)) ?? [];
  return ms === undefined ? usualMs : Number(ms);
}

const fullName = (model: string): string => (model.includes(':') ? model : `${model}:latest`);
