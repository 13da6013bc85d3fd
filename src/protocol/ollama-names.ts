/** Names of models and digests of blobs, checked before an Ollama server makes paths of them (S26). */
import type { Json, JsonObject } from '../core/call.ts';
import { invalid, isAbsent, readString } from './read.ts';

/** `registry:port/namespace/model:tag`, each part of what Ollama's own names are made of. */
const nameForm = /^(?:https?:\/\/)?[A-Za-z0-9][\w.:/-]{0,349}$/;
const climbs = /(?:^|\/)\.{1,2}(?:\/|$)/;

export function readModelName(value: Json | undefined, param: string): string {
  const name = readString(value, param);
  if (nameForm.test(name) && !climbs.test(name)) return name;
  throw invalid(param, 'is not the name of a model');
}

/** Clients of before 2024 say `name` where newer ones say `model`. Two different ones are nobody's wish. */
export function readModelOrName(form: JsonObject, read = readModelName): string {
  const { model, name } = form;
  if (isAbsent(model)) return read(name, isAbsent(name) ? 'model' : 'name');
  if (!isAbsent(name) && name !== model) throw invalid('name', 'differs from model');
  return read(model, 'model');
}

const digestForm = /^sha256:[0-9a-f]{64}$/;

export function readDigest(value: Json | undefined, param: string): string {
  const digest = readString(value, param);
  if (digestForm.test(digest)) return digest;
  throw invalid(param, 'must be sha256: and 64 lowercase hexadecimal digits');
}
