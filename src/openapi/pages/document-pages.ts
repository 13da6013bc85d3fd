/** The two pages of a document: one to try it, one to read it through. They load nothing from anywhere. */
import type { JsonObject } from '../../core/call.ts';
import { operationsOf, type PlacedOperation, type ReadDocument, readDocument } from '../read-document.ts';
import { anchor, code, escapeHtml, inline, prose } from './html.ts';
import { operationAnchor, operationTitle, viewOperation } from './operation-view.ts';
import { renderPage } from './page.ts';
import { viewSchema } from './schema-view.ts';
import { tryForm } from './try-form.ts';

/** Every operation folded up, with a form to send it. */
export function renderDocs(document: JsonObject): string {
  const read = readDocument(document);
  const key =
    '<p><label>Key <input id="key" type="password" autocomplete="off" placeholder="kept in this page alone"></label></p>';
  const view = (placed: PlacedOperation) =>
    `<details class="operation" id="${operationAnchor(placed)}"><summary>${operationTitle(placed)}</summary>${tryForm(placed, read)}${viewOperation(read, placed)}</details>`;
  return render(read, { other: '<a href="redoc">Read it through</a>', before: key, view });
}

/** Everything in full, one after the other. */
export function renderReference(document: JsonObject): string {
  const read = readDocument(document);
  const view = (placed: PlacedOperation) =>
    `<article id="${operationAnchor(placed)}"><h3>${operationTitle(placed)}</h3>${viewOperation(read, placed)}</article>`;
  return render(read, { other: '<a href="docs">Try it</a>', before: '', view });
}

interface Manner {
  readonly other: string;
  readonly before: string;
  view(placed: PlacedOperation): string;
}

function render(document: ReadDocument, { other, before, view }: Manner): string {
  const { title, description } = document.info;
  const operations = operationsOf(document);
  const tagged = document.tags.map((tag) => ({
    ...tag,
    operations: operations.filter(({ operation }) => operation.tags[0] === tag.name),
  }));
  const sections = tagged.map(
    (tag) =>
      `<section><h2 id="tag-${anchor(tag.name)}">${escapeHtml(tag.name)}</h2>${prose(tag.description)}${tag.operations.map(view).join('\n')}</section>`,
  );
  const nav = tagged.map(
    (tag) =>
      `<a href="#tag-${anchor(tag.name)}"><strong>${escapeHtml(tag.name)}</strong></a><ul>${tag.operations.map(entry).join('')}</ul>`,
  );
  return renderPage({
    title,
    nav: `<p>${other} · <a href="openapi.json">openapi.json</a></p>${nav.join('')}<a href="#failures">Failures</a><br><a href="#schemas">Schemas</a>`,
    main: [
      `<h1>${escapeHtml(title)}</h1>`,
      prose(description),
      viewCarriers(document),
      before,
      ...sections,
      viewFailures(document),
      viewSchemas(document),
    ].join('\n'),
  });
}

function entry(placed: PlacedOperation): string {
  return `<li><a href="#${operationAnchor(placed)}">${inline(placed.operation.summary)}</a></li>`;
}

function viewCarriers({ components }: ReadDocument): string {
  const ways = Object.entries(components.securitySchemes).map(
    ([name, { description }]) => `<li><code>${escapeHtml(name)}</code>: ${inline(description)}</li>`,
  );
  return `<ul>${ways.join('')}</ul>`;
}

function viewFailures({ components }: ReadDocument): string {
  const forms = Object.entries(components.responses).map(([name, { description, content = {} }]) => {
    const shown = Object.entries(content).map(
      ([type, { example }]) =>
        `<p class="quiet">${escapeHtml(type)}</p>${code(JSON.stringify(example, null, 2))}`,
    );
    return `<h3>${escapeHtml(name)}</h3>${prose(description)}${shown.join('')}`;
  });
  return `<section><h2 id="failures">Failures</h2>${forms.join('\n')}</section>`;
}

function viewSchemas({ components }: ReadDocument): string {
  const schemas = Object.entries(components.schemas).map(
    ([name, schema]) =>
      `<article id="schema-${anchor(name)}"><h3>${escapeHtml(name)}</h3>${viewSchema(schema)}</article>`,
  );
  return `<section><h2 id="schemas">Schemas</h2>${schemas.join('\n')}</section>`;
}
