/** Models as Ollama's listings tell of them, for those that an Ollama server keeps and for those it does not. */

import { hash } from 'node:crypto';
import type { Json, JsonObject } from '../core/call.ts';
import { isObject } from '../core/json-object.ts';
import { isList } from './read.ts';

/** What is known of a model behind a name. */
export interface KnownModel {
  /** As clients ask for it. */
  readonly name: string;
  /** As its upstream calls it. */
  readonly model: string;
  readonly dialect: string;
  /** What the upstream says of it in its own listing. */
  readonly described: JsonObject | undefined;
}

/** A row of `/api/tags`. */
export function tagRow(known: KnownModel): JsonObject {
  const { name, described } = known;
  const own = known.dialect === 'ollama' ? described : undefined;
  const row = { ...blankRow(known), ...own, name, model: name };
  return { ...row, digest: longEnough(row.digest) ? row.digest : digestOfName(name) };
}

/** An answer to `/api/show` for what no Ollama server keeps: what is known and nothing else. */
export function shownModel(known: KnownModel): JsonObject {
  const { model, described } = known;
  const contextLength = contextLengthOf(described);
  return {
    modelfile: `# ${model} is not kept by an Ollama server, so it has no Modelfile`,
    parameters: '',
    template: '',
    details: noDetails,
    model_info: {
      // Clients look for `ARCHITECTURE.context_length`, and some stop when there is no architecture.
      'general.architecture': unknownArchitecture,
      'general.basename': model,
      ...(contextLength === undefined ? {} : { [`${unknownArchitecture}.context_length`]: contextLength }),
    },
    capabilities: capabilitiesOf(described),
    modified_at: modifiedAt(described),
  };
}

const unknownArchitecture = 'unknown';

/** Go's zero time: Ollama's clients show it as "never". */
const never = '0001-01-01T00:00:00Z';

const noDetails: JsonObject = {
  parent_model: '',
  format: '',
  family: '',
  families: [],
  parameter_size: '',
  quantization_level: '',
};

function blankRow({ name, described }: KnownModel) {
  return {
    name,
    model: name,
    modified_at: modifiedAt(described),
    size: 0,
    digest: digestOfName(name) as Json | undefined,
    details: noDetails,
  };
}

/** Ollama's command line shows the first twelve characters and breaks where there are fewer. */
function longEnough(digest: Json | undefined): boolean {
  return typeof digest === 'string' && digest.length >= 12;
}

/** Stands for the entry, since nobody here has seen the model's bytes: stable, and different for each name. */
function digestOfName(name: string): string {
  return hash('sha256', `millrace/${name}`);
}

/** OpenAI's listings tell `created` in seconds since 1970. */
function modifiedAt(described: JsonObject | undefined): string {
  const created = described?.['created'];
  const isDate = typeof created === 'number' && created > 0 && created < lastSecond;
  return isDate ? new Date(created * 1000).toISOString() : never;
}

const lastSecond = 8.64e12;

/** Where listings of OpenAI-compatible servers tell how much a model takes. */
const contextKeys = ['max_model_len', 'context_length', 'context_window', 'max_context_length'] as const;

function contextLengthOf(described: JsonObject | undefined): number | undefined {
  const meta = described?.['meta'];
  const told = contextKeys.map((key) => described?.[key]);
  if (isObject(meta)) told.push(meta['n_ctx'], meta['n_ctx_train']);
  return told.find((value): value is number => typeof value === 'number' && value > 0);
}

const ollamaCapabilities = ['completion', 'tools', 'insert', 'vision', 'embedding', 'thinking', 'audio'];
/** What every server of OpenAI's dialect has a way to ask for; whether the model is good at it nobody tells. */
const assumedCapabilities = ['completion', 'tools'];

function capabilitiesOf(described: JsonObject | undefined): readonly string[] {
  const told = described?.['capabilities'];
  if (!isList(told)) return assumedCapabilities;
  const known = ollamaCapabilities.filter((word) => told.includes(word));
  return known.length === 0 ? assumedCapabilities : known;
}
