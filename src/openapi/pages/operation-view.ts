/** One operation on a page: who may, what it takes, what it answers, how to write it. */
import type {
  PlacedOperation,
  ReadAnswer,
  ReadDocument,
  ReadMedia,
  ReadParameter,
} from '../read-document.ts';
import { anchor, code, escapeHtml, inline, prose } from './html.ts';
import { linkTo, typeWords, viewSchema } from './schema-view.ts';
import { snippetsOf } from './snippets.ts';

export function operationAnchor({ operation }: PlacedOperation): string {
  return anchor(operation.operationId);
}

export function operationTitle({ method, path, operation }: PlacedOperation): string {
  return `<span class="method">${escapeHtml(method)}</span> <code>${escapeHtml(path)}</code> ${inline(operation.summary)}`;
}

export function viewOperation(document: ReadDocument, placed: PlacedOperation): string {
  const { operation } = placed;
  const { description, parameters = [], requestBody, responses } = operation;
  const { default: failure, ...answers } = responses;
  return [
    `<p class="quiet">${inline(callerOf(placed))}</p>`,
    description === undefined ? '' : prose(description),
    parameters.length === 0 ? '' : viewParameters(parameters),
    ...Object.entries(requestBody?.content ?? {}).map(([type, media]) => viewBody(document, type, media)),
    ...Object.entries(answers).map(([status, answer]) => viewAnswer(document, status, answer)),
    `<p>Failures: ${linkTo(failure.$ref)}</p>`,
    ...snippetsOf(placed).map(({ language, text }) => `<h4>${escapeHtml(language)}</h4>${code(text)}`),
  ].join('\n');
}

function callerOf({ operation }: PlacedOperation): string {
  const name = `\`${operation.operationId}\``;
  if (operation.security.length === 0) return `${name}; needs no key`;
  return `${name}; needs the permission \`${operation['x-millrace-permission']}\``;
}

function viewParameters(parameters: readonly ReadParameter[]): string {
  const rows = parameters.map(({ name, in: place, required, description = '', schema }) => {
    const must = required ? ' <span class="quiet">required</span>' : '';
    return `<tr><td><code>${escapeHtml(name)}</code>${must}</td><td>${place}</td><td>${typeWords(schema)}<br>${inline(description)}</td></tr>`;
  });
  return `<h4>Parameters</h4><table><tbody>${rows.join('')}</tbody></table>`;
}

function viewBody(document: ReadDocument, type: string, media: ReadMedia): string {
  return `<h4>Body <span class="quiet">${escapeHtml(type)}</span></h4>${viewMedia(document, media)}`;
}

function viewAnswer(
  document: ReadDocument,
  status: string,
  { description, content = {}, headers = {} }: ReadAnswer,
): string {
  const names = Object.keys(headers).map((name) => `<code>${escapeHtml(name)}</code>`);
  return [
    `<h4>${escapeHtml(status)} <span class="quiet">${inline(description)}</span></h4>`,
    names.length === 0 ? '' : `<p class="quiet">Headers: ${names.join(', ')}</p>`,
    ...Object.entries(content).map(
      ([type, media]) => `<p class="quiet">${escapeHtml(type)}</p>${viewMedia(document, media)}`,
    ),
  ].join('\n');
}

function viewMedia(document: ReadDocument, media: ReadMedia): string {
  const { schema, example } = media;
  const item = media['x-millrace-item'];
  const shown = example === undefined ? '' : code(JSON.stringify(example, null, 2));
  if (item !== undefined)
    return `<p>${inline(String(schema['description'] ?? ''))} Each holds a ${typeWords(item)}.</p>`;
  const { $ref: reference } = schema;
  if (typeof reference !== 'string')
    return `<p>${inline(String(schema['description'] ?? ''))} ${typeWords(schema)}</p>${shown}`;
  const named = document.components.schemas[reference.split('/').at(-1) ?? ''] ?? {};
  return `<p class="quiet">${linkTo(reference)}</p>${viewSchema(named)}${shown}`;
}
