/** Finds what someone probably meant. */

const wordLengthMax = 64;
/** Each comparison costs microseconds: among thousands of names a hint is not worth the wait of everyone else (G13). */
const candidatesMax = 500;

/** The candidate nearest to `word`, when it is near enough that a slip of the pen explains it. */
export function closest(word: string, candidates: Iterable<string>): string | undefined {
  if (word.length > wordLengthMax) return undefined;
  const plain = word.toLowerCase();
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 0.5;
  let looks = candidatesMax;
  for (const candidate of candidates) {
    // A name so much longer or shorter cannot be near: most are told by that alone.
    if (Math.abs(candidate.length - plain.length) >= bestDistance) continue;
    looks -= 1;
    if (looks < 0) break;
    const distance = editDistance(plain, candidate.toLowerCase().slice(0, wordLengthMax));
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Levenshtein, with two neighbouring letters swapped counted as one slip. */
function editDistance(a: string, b: string): number {
  let older: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const same = a[row - 1] === b[column - 1];
      let least = Math.min(
        at(above, column) + 1,
        at(current, column - 1) + 1,
        at(above, column - 1) + (same ? 0 : 1),
      );
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (swapped) least = Math.min(least, at(older, column - 2) + 1);
      current.push(least);
    }
    older = above;
    above = current;
  }
  return at(above, b.length);
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Number.POSITIVE_INFINITY;
}

/** As `closest`, of so many names at most: each is compared with all that is known, and nobody reads of thousands. */
export type Meant = (name: string, known: () => readonly string[]) => string | undefined;

export function createMeant(namesMax = 200): Meant {
  let left = namesMax;
  return (name, known) => {
    left -= 1;
    return left < 0 ? undefined : closest(name, known());
  };
}
