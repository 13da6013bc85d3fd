/** The plainest strings and numbers that a JSON Schema allows. `variant` asks for another one than the last. */
import type { Json, JsonObject } from '../../core/call.ts';
import { samplePattern } from './pattern-sample.ts';

const stringLengthMax = 10_000;

/** One example each; a variant changes the first digit group or letter where that keeps it valid. */
const formats: Readonly<Record<string, (variant: number) => string>> = {
  'date-time': (variant) => `2026-01-01T00:00:${twoDigits(variant)}Z`,
  date: (variant) => `20${twoDigits(variant)}-01-01`,
  time: (variant) => `00:00:${twoDigits(variant)}Z`,
  duration: (variant) => `PT${variant + 1}S`,
  email: (variant) => `someone${variant}@example.com`,
  hostname: (variant) => `host${variant}.example.com`,
  ipv4: (variant) => `192.0.2.${variant % 256}`,
  ipv6: (variant) => `2001:db8::${(variant % 65_536).toString(16)}`,
  uri: (variant) => `https://example.com/${variant}`,
  uuid: (variant) => `00000000-0000-4000-8000-${variant.toString(16).padStart(12, '0')}`,
};

export function sampleString(schema: JsonObject, variant: number): string | undefined {
  const least = numberOf(schema['minLength']) ?? 0;
  const most = numberOf(schema['maxLength']) ?? stringLengthMax;
  if (least > Math.min(most, stringLengthMax)) return undefined;
  const { pattern, format } = schema;
  const text =
    typeof pattern === 'string'
      ? samplePattern(pattern, least)
      : typeof format === 'string' && Object.hasOwn(formats, format)
        ? formats[format]?.(variant)
        : plainText(variant, { least, most });
  return text !== undefined && text.length >= least && text.length <= most ? text : undefined;
}

export function sampleNumber(schema: JsonObject, whole: boolean, variant: number): number | undefined {
  const step = stepOf(schema, whole);
  const least = Math.max(
    numberOf(schema['minimum']) ?? -Infinity,
    numberOf(schema['exclusiveMinimum']) ?? -Infinity,
  );
  const most = Math.min(
    numberOf(schema['maximum']) ?? Infinity,
    numberOf(schema['exclusiveMaximum']) ?? Infinity,
  );
  const allowed = (value: number) =>
    value >= least &&
    value <= most &&
    value !== schema['exclusiveMinimum'] &&
    value !== schema['exclusiveMaximum'];
  return candidates({ least, most, step }, variant).find(allowed);
}

interface Bounds {
  readonly least: number;
  readonly most: number;
  readonly step: number | undefined;
}

/** Zero if that will do, else what lies next to a bound, else what lies between them. */
function candidates({ least, most, step }: Bounds, variant: number): readonly number[] {
  const start = Math.min(Math.max(0, least), most);
  if (step === undefined) {
    const middle = Number.isFinite(least) && Number.isFinite(most) ? (least + most) / 2 : start;
    const spread = Number.isFinite(least) && Number.isFinite(most) ? (most - least) / (variant + 2) : variant;
    return [start + variant, start + variant + 1, start - variant - 1, least + spread, middle];
  }
  const up = Math.ceil(start / step);
  const down = Math.floor(start / step);
  return [up + variant, up + variant + 1, down - variant, down - variant - 1].map(
    (count) => count * step || 0,
  );
}

function stepOf(schema: JsonObject, whole: boolean): number | undefined {
  const multiple = numberOf(schema['multipleOf']);
  if (multiple === undefined || multiple <= 0) return whole ? 1 : undefined;
  if (!whole || Number.isInteger(multiple)) return multiple;
  for (let count = 1; count <= 1000; count += 1)
    if (Number.isInteger(multiple * count)) return multiple * count;
  return undefined;
}

function plainText(variant: number, { least, most }: { least: number; most: number }): string {
  const text = variant === 0 ? 'text' : `text${variant + 1}`;
  return text.padStart(least, 't').slice(-Math.max(most, 1)).slice(0, most);
}

function numberOf(value: Json | undefined): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

function twoDigits(value: number): string {
  return String(value % 60).padStart(2, '0');
}
