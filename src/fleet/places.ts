/** How many may wait, and who gives way when all places are taken: the newest of whoever holds most, never the light one. */
import { Arrivals, type Arrived } from '../lib/arrivals.ts';

/** How many may wait at once, and what their requests may hold together. */
export interface PlaceBounds {
  readonly places: number;
  /** How many of them may wait for one model; all where absent. */
  readonly placesPerModel?: number | undefined;
  readonly bytes: number;
}

export interface Placed extends Arrived {
  /** Whose places are counted together. */
  readonly party: string;
  /** How many it takes: none where those for whom it waits have theirs already. */
  readonly places: number;
  readonly bytes: number;
}

/** So many who hold nothing are kept beside as many as hold something: most come again at once. */
const idleMax = 32;

/** Who is not in yet. */
type Newcomer = Omit<Placed, 'came'>;

interface Holder<W extends Arrived> {
  places: number;
  bytes: number;
  readonly all: Arrivals<W>;
}

export class Places<W extends Placed> {
  bounds: PlaceBounds;
  readonly #holders = new Map<string, Holder<W>>();
  /** How many of them hold something. */
  #parties = 0;
  #taken = 0;
  #bytes = 0;

  constructor(bounds: PlaceBounds) {
    this.bounds = bounds;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get isEmpty(): boolean {
    return this.#parties === 0;
  }

  add(one: W): void {
    const holder = this.#holders.get(one.party) ?? this.#open(one.party);
    if (holder.all.size === 0) this.#parties += 1;
    holder.all.add(one);
    holder.places += one.places;
    holder.bytes += one.bytes;
    this.#taken += one.places;
    this.#bytes += one.bytes;
  }

  remove(one: W): void {
    const holder = this.#holders.get(one.party);
    if (holder?.all.remove(one) === undefined) return;
    holder.places -= one.places;
    holder.bytes -= one.bytes;
    this.#taken -= one.places;
    this.#bytes -= one.bytes;
    if (holder.all.size > 0) return;
    this.#parties -= 1;
    if (this.#holders.size > 2 * this.#parties + idleMax) this.#forgetIdle();
  }

  /** Who is to leave so that the newcomer has a place, nobody where there is one; or why there is none for it. */
  roomFor(newcomer: Newcomer): readonly W[] | string {
    if (newcomer.places === 0) return [];
    const { places, bytes } = this.bounds;
    const bytesOver = this.#bytes + newcomer.bytes - bytes;
    if (this.#taken + newcomer.places <= places && bytesOver <= 0) return [];
    if (newcomer.bytes <= bytes) {
      const leaving = bytesOver > 0 ? this.#heavyFor(newcomer, bytesOver) : this.#manyFor(newcomer);
      if (leaving.length > 0) return leaving;
    }
    if (bytesOver > 0) return `the requests in the queue hold ${bytes} bytes already`;
    return `all ${places} places in the queue are taken`;
  }

  #open(party: string): Holder<W> {
    const holder: Holder<W> = { places: 0, bytes: 0, all: new Arrivals() };
    this.#holders.set(party, holder);
    return holder;
  }

  #forgetIdle(): void {
    for (const [party, { all }] of this.#holders) if (all.size === 0) this.#holders.delete(party);
  }

  #manyFor({ party, places }: Newcomer): readonly W[] {
    const own = this.#holders.get(party)?.places ?? 0;
    // Whoever holds half of them holds most.
    if (own * 2 >= this.#taken) return [];
    // Where a reload left fewer than are taken, those who have them keep them.
    const over = Math.min(places, this.#taken + places - this.bounds.places);
    const most = this.#most((holder) => holder.places);
    if (most === undefined || most.places - over < own + places) return [];
    return newestOf(most, over, (one) => one.places);
  }

  #heavyFor({ party, bytes }: Newcomer, bytesOver: number): readonly W[] {
    const own = (this.#holders.get(party)?.bytes ?? 0) + bytes;
    const most = this.#most((holder) => holder.bytes);
    if (most === undefined || most.bytes - bytesOver < own) return [];
    return newestOf(most, bytesOver, (one) => one.bytes);
  }

  #most(weigh: (holder: Holder<W>) => number): Holder<W> | undefined {
    let most: Holder<W> | undefined;
    for (const holder of this.#holders.values()) {
      if (most === undefined || weigh(holder) > weigh(most)) most = holder;
    }
    return most;
  }
}

/** As many as it takes to free so much. */
function newestOf<W extends Arrived>(
  { all }: Holder<W>,
  wanted: number,
  weigh: (one: W) => number,
): readonly W[] {
  const leaving: W[] = [];
  let freed = 0;
  for (const one of [...all].reverse()) {
    if (freed >= wanted) break;
    // Whoever weighs nothing frees nothing.
    if (weigh(one) === 0) continue;
    freed += weigh(one);
    leaving.push(one);
  }
  return leaving;
}
