/** An operation's example, as one would write it. */
import type { Json } from '../../core/call.ts';
import { type ClientName, clientNameOf, snakeCase } from '../client-names.ts';
import { givenOf } from '../given.ts';
import type { PlacedOperation } from '../read-document.ts';

export interface Snippet {
  readonly language: string;
  readonly text: string;
}

export function snippetsOf(placed: PlacedOperation): readonly Snippet[] {
  const curl = { language: 'curl', text: curlOf(placed) };
  const name = clientNameOf(placed);
  if (name === undefined) return [curl];
  return [
    curl,
    { language: 'TypeScript', text: typescriptOf(placed, name) },
    { language: 'Python', text: pythonOf(placed, name) },
  ];
}

function curlOf(placed: PlacedOperation): string {
  const { method, path, operation } = placed;
  const given = givenOf(placed);
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(String(given.path[name] ?? name)),
  );
  const query = new URLSearchParams(given.query as Record<string, string>).toString();
  const parts = [
    `curl ${method === 'GET' ? '' : method === 'HEAD' ? '--head ' : `-X ${method} `}"$MILLRACE_URL${filled}${query === '' ? '' : `?${query}`}"`,
    ...(operation.security.length === 0 ? [] : ['-H "Authorization: Bearer $MILLRACE_KEY"']),
    ...Object.entries(given.header).map(([name, value]) => `-H ${quoted(`${name}: ${value}`)}`),
    ...(given.type === undefined ? [] : [`-H 'content-type: ${given.type}'`]),
    ...(given.body === undefined ? [] : [`-d ${quoted(JSON.stringify(given.body))}`]),
    ...(given.type === undefined || given.body !== undefined ? [] : ['--data-binary @FILE']),
  ];
  return parts.join(' \\\n  ');
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function typescriptOf(placed: PlacedOperation, { group, method }: ClientName): string {
  const { path, query, header, body } = givenOf(placed);
  const isSimple = placed.operation.tags[0] === 'simple';
  const input = isSimple ? body : { ...path, ...query, ...(body === undefined ? {} : { body }) };
  const options = header['If-Match'] === undefined ? {} : { ifMatch: header['If-Match'] };
  const given = [input, options].map((each) => (isEmpty(each) ? undefined : written(each ?? {})));
  while (given.length > 0 && given.at(-1) === undefined) given.pop();
  const words = given.map((each) => each ?? '{}').join(', ');
  const call = [isSimple ? 'millrace' : 'admin', group, method]
    .filter((word) => word !== undefined)
    .join('.');
  if ('text/event-stream' in (placed.operation.responses['200']?.content ?? {}) && isStreamOnly(placed)) {
    return `for await (const token of ${call}(${words})) process.stdout.write(token);`;
  }
  return `await ${call}(${words});`;
}

export function isStreamOnly({ operation }: PlacedOperation): boolean {
  return operation.responses['200']?.content?.['application/json'] === undefined;
}

function isEmpty(value: Json | undefined): boolean {
  return (
    value === undefined || (typeof value === 'object' && value !== null && Object.keys(value).length === 0)
  );
}

/** As people write it: names without quotes. */
function written(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(written).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).map(
    ([name, held]) => `${/^\w+$/.test(name) ? name : JSON.stringify(name)}: ${written(held ?? null)}`,
  );
  return fields.length === 0 ? '{}' : `{ ${fields.join(', ')} }`;
}

function pythonOf(placed: PlacedOperation, { group, method }: ClientName): string {
  const { path, query, header, body } = givenOf(placed);
  const isSimple = placed.operation.tags[0] === 'simple';
  const input = isSimple
    ? (body as Record<string, Json>)
    : { ...path, ...query, ...(body === undefined ? {} : { body }) };
  const named = { ...input, ...(header['If-Match'] === undefined ? {} : { if_match: header['If-Match'] }) };
  const words = Object.entries(named).map(([name, value]) => `${pythonName(name)}=${pythonOfJson(value)}`);
  const call = [
    isSimple ? 'millrace' : 'admin',
    ...[group, method].flatMap((word) => (word === undefined ? [] : [snakeCase(word)])),
  ].join('.');
  if (isStreamOnly(placed) && isSimple)
    return `for token in ${call}(${words.join(', ')}):\n    print(token, end="", flush=True)`;
  return `${call}(${words.join(', ')})`;
}

/** Of an argument: some of our names are words of the language. */
export function pythonName(name: string): string {
  const plain = snakeCase(name);
  return pythonWords.has(plain) ? `${plain}_` : plain;
}

const pythonWords: ReadonlySet<string> = new Set([
  'from',
  'class',
  'def',
  'import',
  'global',
  'in',
  'is',
  'not',
  'or',
  'and',
  'as',
  'for',
  'if',
  'else',
  'pass',
  'with',
  'return',
  'None',
  'True',
  'False',
  'lambda',
  'del',
  'raise',
  'try',
  'while',
  'yield',
]);

function pythonOfJson(value: Json): string {
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (Array.isArray(value)) return `[${value.map(pythonOfJson).join(', ')}]`;
  if (typeof value !== 'object') return JSON.stringify(value);
  const fields = Object.entries(value).map(
    ([name, held]) => `${JSON.stringify(name)}: ${pythonOfJson(held ?? null)}`,
  );
  return `{${fields.join(', ')}}`;
}
