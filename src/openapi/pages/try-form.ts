/** A form that sends an operation as it is described, with its example in it. */
import type { PlacedOperation, ReadDocument, ReadParameter } from '../read-document.ts';
import { escapeHtml } from './html.ts';

export function tryForm({ method, path, operation }: PlacedOperation, document: ReadDocument): string {
  const { parameters = [], requestBody } = operation;
  const [content] = Object.entries(requestBody?.content ?? {});
  const session = '/admin/api/v1/session' in document.paths ? ' data-session="/admin/api/v1/session"' : '';
  const type = content === undefined ? '' : ` data-type="${escapeHtml(content[0])}"`;
  return [
    `<form data-method="${escapeHtml(method)}" data-path="${escapeHtml(path)}"${type}${session}>`,
    ...parameters.map(field),
    content === undefined ? '' : bodyField(content[1].example),
    '<button>Send</button><output aria-live="polite"></output></form>',
  ].join('\n');
}

function field({ name, in: place, required, example }: ReadParameter): string {
  const value = example ?? (required && place === 'header' ? '*' : '');
  return `<label>${escapeHtml(name)} <input name="${escapeHtml(name)}" data-in="${place}" value="${escapeHtml(value)}"${required ? ' required' : ''} autocomplete="off"></label>`;
}

function bodyField(example: unknown): string {
  const text = example === undefined ? '' : JSON.stringify(example, null, 2);
  const rows = Math.min(16, text.split('\n').length + 1);
  return `<label>Body <textarea name="body" rows="${rows}" spellcheck="false">${escapeHtml(text)}</textarea></label>`;
}
