/** What keys in the store are hashed with: as configured, or the gateway's own, made when the first key is. */
import type { HotConfig } from '../config/schema.ts';
import { createDigester, type Digester } from '../identity/digester.ts';
import { findOwnPepper, openOwnPepper } from '../identity/own-secrets.ts';

export class Peppers {
  readonly #dataDir: string;
  /** Its own. Absent until there is one. */
  #own: string | undefined;

  private constructor(dataDir: string, own: string | undefined) {
    this.#dataDir = dataDir;
    this.#own = own;
  }

  static async open(dataDir: string): Promise<Peppers> {
    return new Peppers(dataDir, await findOwnPepper(dataDir));
  }

  /** Nothing where there is no pepper yet: then nobody has made a key here. */
  find({ pepper, previousPepper }: HotConfig['identity']): Digester | undefined {
    // A gateway that got a configured one knows the keys that it made before.
    const own = this.#own === undefined ? [] : [this.#own];
    const before = previousPepper === undefined ? own : [previousPepper.reveal(), ...own];
    const current = pepper?.reveal() ?? this.#own;
    return current === undefined ? undefined : createDigester(current, before);
  }

  async findOrMake(identity: HotConfig['identity']): Promise<Digester> {
    const found = this.find(identity);
    if (found !== undefined) return found;
    this.#own = await openOwnPepper(this.#dataDir);
    return createDigester(
      this.#own,
      identity.previousPepper === undefined ? [] : [identity.previousPepper.reveal()],
    );
  }
}
