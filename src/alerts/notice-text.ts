/** A notice in words, for people. */
import { type Alert, alertKinds, type Notice } from './alert.ts';

const headlineCharsMax = 150;

/** One line, for a subject. */
export function headlineOf({ alerts, more }: Notice): string {
  const [first, ...others] = alerts;
  const rest = others.length + more;
  const text = oneLine(first === undefined ? 'nothing' : `[${stateOf(first)}] ${first.summary}`);
  const short = text.length <= headlineCharsMax ? text : `${text.slice(0, headlineCharsMax - 1)}…`;
  return `Millrace: ${short.toWellFormed()}${rest === 0 ? '' : ` (and ${rest} more)`}`;
}

export function linesOf({ alerts, more }: Notice): readonly string[] {
  const lines = alerts.map((alert) => {
    const labels = Object.entries(alert.labels).map(([name, value]) => `${name}=${value}`);
    const since = new Date(alert.startsAtMs).toISOString();
    return oneLine(`[${stateOf(alert)}] ${alert.summary} (${[...labels, `since ${since}`].join(', ')})`);
  });
  return more === 0 ? lines : [...lines, `and ${more} more, which the log has`];
}

/** Names come from clients: none may look like another alert, or like a header of a mail. */
function oneLine(text: string): string {
  return text.replace(/\p{C}+/gu, ' ');
}

function stateOf({ kind, resolved }: Alert): string {
  return resolved === true ? 'resolved' : alertKinds[kind];
}
