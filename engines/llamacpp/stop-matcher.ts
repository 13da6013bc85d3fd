/** Finds the first stop string in a text that arrives in pieces, and lets nothing of it through. */

export interface StopMatcher {
  /** What of the text so far may be shown, and whether a stop string has ended it. */
  push(text: string): { readonly text: string; readonly stopped: boolean };
  /** What was held back because it could have become a stop string. */
  rest(): string;
}

export function createStopMatcher(stops: readonly string[]): StopMatcher {
  let held = '';
  return {
    push(text) {
      held += text;
      const found = firstMatch(held, stops);
      const shown = found ?? held.length - heldLength(held, stops);
      const showable = held.slice(0, shown);
      held = found === undefined ? held.slice(shown) : '';
      return { text: showable, stopped: found !== undefined };
    },
    rest() {
      const text = held;
      held = '';
      return text;
    },
  };
}

function firstMatch(text: string, stops: readonly string[]): number | undefined {
  const places = stops.map((stop) => text.indexOf(stop)).filter((place) => place >= 0);
  return places.length === 0 ? undefined : Math.min(...places);
}

/** The longest end of the text that is the beginning of a stop string. */
function heldLength(text: string, stops: readonly string[]): number {
  let longest = 0;
  for (const stop of stops) {
    for (let length = Math.min(stop.length - 1, text.length); length > longest; length -= 1) {
      if (text.endsWith(stop.slice(0, length))) longest = length;
    }
  }
  return longest;
}
