/**
 * How it stands in a lease who wants its slots: mark and number, one after the other, and how many more there are with what
 * they want together, as `marks12,other-4,*7*1a`; `-` for nobody. Numbers are to the base 36. Before it stands the weight. A
 * version that knows nothing of it takes no lease that says more than 200 letters: this is 196 at most, with sixteen marks.
 */
import type { OtherClaim, PartyClaims } from '../../core/ports.ts';

/** Four letters. */
const countMax = 36 ** 4 - 1;
/** Seven digits. */
const weightMax = 9_999_999;
const weightOfOne = 1024;

/** In 1024ths; 0 where it is not known. */
export function writeWeight(weight = 0): string {
  return String(Math.min(weightMax, Math.ceil(weight * weightOfOne)));
}

export function writeParties({ named, others }: PartyClaims): string {
  const written = named.map(({ mark, wanted }) => mark + digits(wanted));
  if (others.count > 0) written.push(`*${digits(others.count)}*${digits(others.wanted)}`);
  return written.length === 0 ? '-' : written.join(',');
}

/** `12 marks9,other-3`: what another replica wants, and who there. What is none of ours is nobody. */
export function parseClaim(text: string): OtherClaim {
  const [wanted = '', parties = ''] = text.split(' ');
  const named: { mark: string; wanted: number }[] = [];
  let others = { count: 0, wanted: 0 };
  for (const part of parties.split(',')) {
    const [, mark, count] = /^([\w-]{6})([0-9a-z]{1,4})$/u.exec(part) ?? [];
    const [, more, together] = /^\*([0-9a-z]{1,4})\*([0-9a-z]{1,4})$/u.exec(part) ?? [];
    if (mark !== undefined && count !== undefined) named.push({ mark, wanted: Number.parseInt(count, 36) });
    if (more !== undefined && together !== undefined)
      others = { count: Number.parseInt(more, 36), wanted: Number.parseInt(together, 36) };
  }
  return { wanted: Number(wanted), parties: { named, others } };
}

function digits(count: number): string {
  return Math.min(countMax, Math.max(1, Math.floor(count))).toString(36);
}
