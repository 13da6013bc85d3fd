/**
 * The spool's folder. Each run of a gateway has files of its own, and one that it touches while it lives: so that whoever
 * comes after knows what it left, and two that share a folder leave each other alone.
 */
import { mkdir, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hasCode } from '../../lib/has-code.ts';

export const touchEveryMs = 5_000;
/** A process that was stopped, or waited for a disk, for less than this is not taken for dead. */
export const deadAfterMs = 60_000;

const aliveName = /^([0-9a-f-]{36})\.alive$/;
const segmentName = /^([0-9a-f-]{36})\.(\d{9})\.jsonl$/;

export interface Ended {
  readonly files: ReadonlyMap<string, readonly string[]>;
  /** When a run was last heard of that did not end before the machine did; absent where there is none. */
  readonly wentDownMs: number | undefined;
}

export class RunFolder {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Says that a run is alive; again and again while it is. Gives false where the run was taken for dead meanwhile. */
  async touch(run: string, wallMs: number): Promise<boolean> {
    try {
      await utimes(this.#alivePath(run), wallMs / 1000, wallMs / 1000);
      return true;
    } catch (thrown) {
      if (hasCode(thrown, 'ENOENT')) return false;
      throw thrown;
    }
  }

  async begin(run: string, wallMs: number): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    await writeFile(this.#alivePath(run), '', { mode: 0o600 });
    await this.touch(run, wallMs);
  }

  async end(run: string): Promise<void> {
    await rm(this.#alivePath(run), { force: true });
  }

  segmentPath(run: string, number: number): string {
    return join(this.#folder, `${run}.${String(number).padStart(9, '0')}.jsonl`);
  }

  /** The files of all runs but this one, dead or alive, in order. */
  async ofOthers(own: string): Promise<readonly string[]> {
    const names = (await readdir(this.#folder)).sort();
    return names
      .filter((name) => (segmentName.exec(name)?.[1] ?? own) !== own)
      .map((name) => join(this.#folder, name));
  }

  /** Runs that do not live any more: their files in order, and whether the machine went down with one of them. */
  async ended(own: string, { wallMs, bootMs }: { wallMs: number; bootMs: number }): Promise<Ended> {
    const names = (await readdir(this.#folder)).sort();
    const alive = new Set<string>([own]);
    let wentDownMs: number | undefined;
    for (const name of names) {
      const run = aliveName.exec(name)?.[1];
      if (run === undefined || run === own) continue;
      const touchedMs = await this.#touchedMs(run);
      const before = touchedMs > 0 && touchedMs < bootMs;
      if (wallMs - touchedMs < deadAfterMs && !before) {
        alive.add(run);
        continue;
      }
      if (before) wentDownMs = Math.max(wentDownMs ?? 0, touchedMs);
      await this.end(run);
    }
    return { files: this.#filesOf(names, alive), wentDownMs };
  }

  #filesOf(names: readonly string[], alive: ReadonlySet<string>): Ended['files'] {
    const files = new Map<string, string[]>();
    for (const name of names) {
      const run = segmentName.exec(name)?.[1];
      if (run === undefined || alive.has(run)) continue;
      files.set(run, [...(files.get(run) ?? []), join(this.#folder, name)]);
    }
    return files;
  }

  async #touchedMs(run: string): Promise<number> {
    try {
      return (await stat(this.#alivePath(run))).mtimeMs;
    } catch (thrown) {
      if (hasCode(thrown, 'ENOENT')) return 0;
      throw thrown;
    }
  }

  #alivePath(run: string): string {
    return join(this.#folder, `${run}.alive`);
  }
}
