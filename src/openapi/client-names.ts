/** What the generated clients call each operation; pages show it, generators go by it. */
import type { PlacedOperation } from './read-document.ts';

export interface ClientName {
  /** `keys` of `keys.create`; nothing where the method is the client's own. */
  readonly group: string | undefined;
  readonly method: string;
}

/** Nothing for what the clients leave to others: other dialects have clients of their own, and pages are for browsers. */
export function clientNameOf({ operation }: PlacedOperation): ClientName | undefined {
  const { operationId: id, tags, responses } = operation;
  if (
    operation['x-millrace-same-as'] !== undefined ||
    ['openai', 'ollama'].includes(tags[0]) ||
    id.startsWith('documents.')
  )
    return undefined;
  const { default: _, ...answers } = responses;
  const [success] = Object.entries(answers);
  const types = Object.keys(success?.[1].content ?? {});
  const isForPrograms =
    success?.[0] === '204' || types.includes('application/json') || types.includes('text/event-stream');
  if (!isForPrograms) return undefined;
  const [group = id, method] = id.split('.');
  if (method === undefined) return { group: undefined, method: camelCase(group) };
  return { group: group === 'simple' ? undefined : camelCase(group), method: camelCase(method) };
}

function camelCase(words: string): string {
  return words.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
}

export function snakeCase(name: string): string {
  return name
    .replace(/-/g, '_')
    .replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
    .toLowerCase();
}
