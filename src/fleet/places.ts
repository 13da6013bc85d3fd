/** How many may wait, and who gives way when all places are taken: the newest of whoever holds most, never the light one. */

/** How many may wait at once, and what their requests may hold together. */
export interface PlaceBounds {
  readonly places: number;
  /** How many of them may wait for one model; all where absent. */
  readonly placesPerModel?: number | undefined;
  readonly bytes: number;
}

interface Placed {
  /** Whose places are counted together. */
  readonly party: string;
  readonly bytes: number;
}

interface Holder<W> {
  bytes: number;
  /** In the order of coming. */
  readonly all: Set<W>;
}

export class Places<W extends Placed> {
  bounds: PlaceBounds;
  readonly #holders = new Map<string, Holder<W>>();
  #taken = 0;
  #bytes = 0;

  constructor(bounds: PlaceBounds) {
    this.bounds = bounds;
  }

  get taken(): number {
    return this.#taken;
  }

  add(one: W): void {
    const holder = this.#holders.get(one.party) ?? { bytes: 0, all: new Set() };
    this.#holders.set(one.party, holder);
    holder.all.add(one);
    holder.bytes += one.bytes;
    this.#taken += 1;
    this.#bytes += one.bytes;
  }

  remove(one: W): void {
    const holder = this.#holders.get(one.party);
    if (!holder?.all.delete(one)) return;
    holder.bytes -= one.bytes;
    this.#taken -= 1;
    this.#bytes -= one.bytes;
    if (holder.all.size === 0) this.#holders.delete(one.party);
  }

  /** Who is to leave so that the newcomer has a place, nobody where there is one; or why there is none for it. */
  roomFor(newcomer: Placed): readonly W[] | string {
    const { places, bytes } = this.bounds;
    const bytesOver = this.#bytes + newcomer.bytes - bytes;
    if (this.#taken < places && bytesOver <= 0) return [];
    if (newcomer.bytes <= bytes) {
      const leaving = bytesOver > 0 ? this.#heavyFor(newcomer, bytesOver) : this.#manyFor(newcomer);
      if (leaving.length > 0) return leaving;
    }
    if (bytesOver > 0) return `the requests in the queue hold ${bytes} bytes already`;
    return `all ${places} places in the queue are taken`;
  }

  #manyFor({ party }: Placed): readonly W[] {
    const own = this.#holders.get(party)?.all.size ?? 0;
    // Whoever holds half of them holds most.
    if (own * 2 >= this.#taken) return [];
    const most = this.#most(({ all }) => all.size);
    return most !== undefined && most.all.size > own + 1 ? [...most.all].slice(-1) : [];
  }

  #heavyFor({ party, bytes }: Placed, bytesOver: number): readonly W[] {
    const own = (this.#holders.get(party)?.bytes ?? 0) + bytes;
    const most = this.#most((holder) => holder.bytes);
    if (most === undefined || most.bytes - bytesOver < own) return [];
    const leaving: W[] = [];
    let freed = 0;
    for (const one of [...most.all].reverse()) {
      if (freed >= bytesOver) break;
      freed += one.bytes;
      leaving.push(one);
    }
    return leaving;
  }

  #most(weigh: (holder: Holder<W>) => number): Holder<W> | undefined {
    let most: Holder<W> | undefined;
    for (const holder of this.#holders.values()) {
      if (most === undefined || weigh(holder) > weigh(most)) most = holder;
    }
    return most;
  }
}
