/**
 * How parties share a server's slots over replicas: from the smallest wish up each gets what it wants or an equal part of
 * what is left, wherever it waits, and so at each of its replicas of what it gets. Every replica reckons it by itself, of
 * what all have told, and comes to the same.
 */
import type { OtherClaim } from '../core/ports.ts';

export interface Part {
  /** What this replica's parties get here, in what one gets that wants more than it gets. */
  readonly weight: number;
  /** How much of what it gets everywhere each of the named gets here, up to 1; in their order. */
  readonly named: readonly number[];
  /** And each of those that are told of together. */
  readonly others: number;
}

interface Portion {
  /** As much as it could use. */
  readonly wanted: number;
  /** For how many it stands, who want as much each. */
  readonly times: number;
  given: number;
}

/** One party at one replica. */
type Piece = Portion & { readonly party: Party };

interface Party extends Portion {
  wanted: number;
  readonly pieces: Piece[];
}

/** One replica. */
interface Place {
  readonly pieces: readonly Piece[];
  /** Those without a mark, and how much of each is here. */
  readonly others: Party | undefined;
  readonly othersPart: number;
}

/** Of the first of all replicas. */
export function divide(slots: number, claims: readonly OtherClaim[]): Part {
  const parties = new Map<string, Party>();
  const pieces = claims.map((claim, at) => wishesOf(claim, at).map((wish) => join(parties, wish, slots)));
  const places = claims.map((claim, at) => placeOf(claim, pieces[at] ?? []));
  const all = [...parties.values(), ...places.flatMap(({ others }) => others ?? [])];
  fill(all, slots);
  for (const { given, pieces: its } of parties.values()) fill(its, given);
  const most = Math.max(0, ...all.map(({ given }) => given));
  const [first] = places;
  if (first === undefined || most === 0) return { weight: 0, named: [], others: 1 };
  const here: readonly Portion[] = [...first.pieces, ...(first.others === undefined ? [] : [first.others])];
  return {
    weight: here.reduce((sum, { given, times }) => sum + given * times, 0) / most,
    named: first.pieces.map((piece) => partOf(piece)),
    others: first.othersPart,
  };
}

function join(parties: Map<string, Party>, { mark, wanted }: Wish, slots: number): Piece {
  const party = parties.get(mark) ?? { wanted: 0, times: 1, given: 0, pieces: [] };
  parties.set(mark, party);
  const piece = { wanted: Math.min(slots, wanted), times: 1, given: 0, party };
  party.wanted += piece.wanted;
  party.pieces.push(piece);
  return piece;
}

interface Wish {
  readonly mark: string;
  readonly wanted: number;
}

/** A replica that does not tell is a party. */
function wishesOf({ wanted, parties: { named } }: OtherClaim, at: number): readonly Wish[] {
  if (named.length > 0) return named;
  return wanted === 0 ? [] : [{ mark: ` ${at}`, wanted }];
}

/** Those without a mark are taken to be at as many replicas as those with one are. */
function placeOf({ parties }: OtherClaim, pieces: readonly Piece[]): Place {
  const { count, wanted } = parties.others;
  const parts = pieces.reduce((sum, { wanted: here, party }) => sum + here / party.wanted, 0);
  const othersPart = pieces.length === 0 ? 1 : parts / pieces.length;
  if (count === 0) return { pieces, others: undefined, othersPart };
  const times = count * othersPart;
  return { pieces, others: { wanted: wanted / times, times, given: 0, pieces: [] }, othersPart };
}

/** From the smallest wish up. */
function fill(portions: readonly Portion[], amount: number): void {
  let left = amount;
  let times = portions.reduce((sum, portion) => sum + portion.times, 0);
  for (const portion of portions.toSorted((one, other) => one.wanted - other.wanted)) {
    portion.given = Math.min(portion.wanted, left / times);
    left -= portion.given * portion.times;
    times -= portion.times;
  }
}

function partOf({ given, party }: Piece): number {
  return party.given === 0 ? 1 : given / party.given;
}
