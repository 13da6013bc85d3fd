/** `response_format`: the grammar, if any, that the reply has to follow. */
import type { Grammar, Llama } from './binding.ts';
import { type Fields, isFields } from './fields.ts';
import { toGrammarSchema } from './json-schema.ts';
import { invalid, RequestError } from './request-error.ts';

const field = 'response_format';
const schemaField = `${field}.json_schema.schema`;

export async function parseResponseFormat(fields: Fields, llama: Llama): Promise<Grammar | undefined> {
  const format = fields[field] ?? undefined;
  if (format === undefined) return undefined;
  if (!isFields(format)) throw invalid(field, 'must be an object');
  switch (format['type']) {
    case 'text':
      return undefined;
    case 'json_object':
      return llama.getGrammarFor('json');
    case 'json_schema':
      return grammarOf(format['json_schema'], llama);
    default:
      throw invalid(`${field}.type`, 'must be text, json_object or json_schema');
  }
}

async function grammarOf(value: unknown, llama: Llama): Promise<Grammar> {
  if (!isFields(value)) throw invalid(`${field}.json_schema`, 'must be an object');
  const schema = toGrammarSchema(value['schema'], schemaField);
  try {
    return await llama.createGrammarForJsonSchema(schema);
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause);
    throw new RequestError(`${schemaField} cannot be made into a grammar: ${problem}`, {
      param: schemaField,
      cause,
    });
  }
}
