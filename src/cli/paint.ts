/** Colour for people, where they want it: on a terminal, unless NO_COLOR says otherwise. */
import type { Environment } from '../config/expand.ts';

export type Colour = 'bold' | 'dim' | 'green' | 'yellow' | 'red';
export type Paint = (colour: Colour, text: string) => string;

const codes: Readonly<Record<Colour, readonly [number, number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  green: [32, 39],
  yellow: [33, 39],
  red: [31, 39],
};

export function createPaint(terminal: boolean, environment: Environment): Paint {
  const colourful = terminal && (environment['NO_COLOR'] ?? '') === '' && environment['TERM'] !== 'dumb';
  if (!colourful) return (_colour, text) => text;
  return (colour, text) => {
    const [on, off] = codes[colour];
    return `\u001b[${on}m${text}\u001b[${off}m`;
  };
}
