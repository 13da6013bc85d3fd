// JSON of which each list or object without lists and objects within it takes one line: a round, a spread. Short, and
// a diff still shows which figure changed.

export function renderFlatLines(value: unknown): string {
  return `${render(JSON.parse(JSON.stringify(value)), '')}\n`;
}

function render(value: unknown, indent: string): string {
  if (!isContainer(value) || !Object.values(value).some(isContainer)) return JSON.stringify(value);
  const within = `${indent}  `;
  const members = Array.isArray(value)
    ? value.map((member: unknown) => render(member, within))
    : Object.entries(value).map(([key, member]) => `${JSON.stringify(key)}: ${render(member, within)}`);
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  return `${open}\n${within}${members.join(`,\n${within}`)}\n${indent}${close}`;
}

function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
