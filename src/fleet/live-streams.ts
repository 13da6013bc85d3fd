/** Streams that are on their way and could be gone on with elsewhere: a server that is drained need not wait for them. */
import { type Failure, fail } from '../core/failure.ts';
import { Crowd, type Member } from '../lib/crowd.ts';

interface Stream extends Member {
  /** Who says it now, by name. */
  readonly upstream: string;
  /** Has the rest said elsewhere; false where that cannot be, and then nothing happens. */
  move(why: Failure): boolean;
}

export class LiveStreams {
  readonly #streams = new Crowd<Stream>();

  enter(stream: Stream): void {
    this.#streams.add(stream);
  }

  leave(stream: Stream): void {
    this.#streams.delete(stream);
  }

  /** How many of an upstream's streams go on elsewhere. The others end where they are. */
  moveFrom(upstream: string): number {
    const why = fail('upstream_draining', `the upstream ${upstream} is drained`);
    return this.move(upstream, why, Number.POSITIVE_INFINITY);
  }

  /** As many as may be. */
  move(upstream: string, why: Failure, most: number): number {
    const there = this.#streams.members.filter((stream) => stream.upstream === upstream);
    let moved = 0;
    for (const stream of there) if (moved < most && stream.move(why)) moved += 1;
    return moved;
  }
}
