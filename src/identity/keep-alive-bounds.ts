/** How long a client may ask a server to keep its model: the server's memory is everybody's. */
import type { Json } from '../core/call.ts';

/** Less is as good as unloading it at once. */
const keptForMinS = 10;
const keptForMaxS = 24 * 60 * 60;
const secondsOf: Readonly<Record<string, number>> = {
  ns: 1e-9,
  us: 1e-6,
  µs: 1e-6,
  ms: 1e-3,
  s: 1,
  m: 60,
  h: 3_600,
};
const durationCharsMax = 64;
const piece = /(\d+\.?\d*|\.\d+)(ns|us|µs|ms|s|m|h)/g;

/** What is wrong with it; nothing where it takes the model from nobody, and binds the memory for no more than a day. */
export function beyondBounds(keepAlive: Json): string | undefined {
  const seconds = secondsIn(keepAlive);
  if (seconds === undefined) return undefined;
  if (seconds < 0 || seconds > keptForMaxS) return `binds a server's memory for more than ${keptForMaxS} s`;
  return seconds < keptForMinS
    ? `takes the model from everybody else in less than ${keptForMinS} s`
    : undefined;
}

/** Below zero is for ever. Nothing for what is no duration: whoever reads it says so. */
function secondsIn(keepAlive: Json): number | undefined {
  if (typeof keepAlive === 'number') return keepAlive;
  if (typeof keepAlive !== 'string' || keepAlive === '' || keepAlive.length > durationCharsMax)
    return undefined;
  const bare = Number(keepAlive);
  if (Number.isFinite(bare)) return bare;
  const pieces = [...keepAlive.matchAll(piece)];
  if (pieces.length === 0) return undefined;
  const seconds = pieces.reduce(
    (sum, [, count, unit = '']) => sum + Number(count) * (secondsOf[unit] ?? 0),
    0,
  );
  return keepAlive.startsWith('-') ? -seconds : seconds;
}
