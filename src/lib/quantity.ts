/** Quantities as people write them: sizes (`64MiB`) and rates (`600/min`). */

export interface Rate {
  readonly count: number;
  readonly perMs: number;
}

const bytesPerUnit: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};

const msPerUnit: Readonly<Record<string, number>> = {
  s: 1e3,
  sec: 1e3,
  second: 1e3,
  m: 60e3,
  min: 60e3,
  minute: 60e3,
  h: 3_600e3,
  hour: 3_600e3,
  d: 86_400e3,
  day: 86_400e3,
};

const multiples: Readonly<Record<string, number>> = { '': 1, k: 1e3, m: 1e6 };

/** `64MiB`, `1.5GB`, `4096`: whole bytes, or nothing when it is not a size. */
export function parseBytes(text: string): number | undefined {
  const [, digits, unit] = /^(\d{1,15}(?:\.\d{1,6})?)\s*([a-z]{0,3})$/i.exec(text.trim()) ?? [];
  if (digits === undefined || unit === undefined) return undefined;
  const bytes = Math.round(Number(digits) * (lookUp(bytesPerUnit, unit) ?? Number.NaN));
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** `600/min`, `10/s`, `1k/hour`: or nothing when it is not a rate above zero. */
export function parseRate(text: string): Rate | undefined {
  const [, digits, multiple, unit] =
    /^(\d{1,12}(?:\.\d{1,6})?)([km]?)\s*\/\s*([a-z]{1,6})$/i.exec(text.trim()) ?? [];
  if (digits === undefined || multiple === undefined || unit === undefined) return undefined;
  const count = Number(digits) * (lookUp(multiples, multiple) ?? Number.NaN);
  const perMs = lookUp(msPerUnit, unit);
  return perMs !== undefined && count > 0 ? { count, perMs } : undefined;
}

function lookUp(table: Readonly<Record<string, number>>, unit: string): number | undefined {
  const key = unit.toLowerCase();
  return Object.hasOwn(table, key) ? table[key] : undefined;
}
