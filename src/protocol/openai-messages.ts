/** OpenAI's messages and tools, read into neutral ones. */

import type { Content, Json, JsonObject, Message, Tool, ToolCall, ToolChoice } from '../core/call.ts';
import { isObject } from '../core/json-object.ts';
import { present } from './present.ts';
import {
  bounds,
  invalid,
  isAbsent,
  isList,
  optionalBoolean,
  optionalList,
  optionalObject,
  optionalString,
  readList,
  readObject,
  readString,
  readWord,
} from './read.ts';

const roles = ['user', 'assistant', 'system', 'developer', 'tool'] as const;

export function readMessages(value: Json | undefined): readonly Message[] {
  const list = readList(value, 'messages', bounds.messages);
  if (list.length === 0) throw invalid('messages', 'must hold at least one message');
  const images = { left: bounds.images };
  return list.map((entry, index) => readMessage(entry, `messages[${index}]`, images));
}

function readMessage(entry: Json, path: string, images: { left: number }): Message {
  const message = readObject(entry, path);
  const role = message['role'] === 'function' ? 'tool' : readWord(message['role'], `${path}.role`, roles);
  const content = readContent(message, path, images);
  if (role === 'user' || role === 'system' || role === 'developer') {
    const name = optionalString(message['name'], `${path}.name`);
    return name === undefined ? { role, content } : { role, content, name };
  }
  return {
    role,
    content,
    ...present('toolCallId', optionalString(message['tool_call_id'], `${path}.tool_call_id`)),
    ...present('name', optionalString(message['name'], `${path}.name`)),
    ...present('reasoning', optionalString(message['reasoning_content'], `${path}.reasoning_content`)),
    ...present('toolCalls', readToolCalls(message['tool_calls'], `${path}.tool_calls`)),
  };
}

function readContent(message: JsonObject, path: string, images: { left: number }): Message['content'] {
  const content = message['content'];
  if (typeof content === 'string') return content;
  if (isAbsent(content)) {
    if (message['role'] === 'assistant') return '';
    throw invalid(`${path}.content`, 'is missing');
  }
  if (!isList(content)) throw invalid(`${path}.content`, 'must be a string or a list of parts');
  return content.map((part, index) => readPart(part, `${path}.content[${index}]`, images));
}

/** Other parts, such as audio and files, pass to servers of the same family as they are. */
const understood: ReadonlySet<string> = new Set([
  'text',
  'image_url',
  'refusal',
  'input_text',
  'output_text',
]);

function readPart(entry: Json, path: string, images: { left: number }): Content {
  const part = readObject(entry, path);
  const type = readString(part['type'], `${path}.type`);
  if (!understood.has(type)) return { type: 'other', name: type, value: part };
  if (type === 'refusal') return { type: 'text', text: readString(part['refusal'], `${path}.refusal`) };
  if (type !== 'image_url') return { type: 'text', text: readString(part['text'], `${path}.text`) };
  images.left -= 1;
  if (images.left < 0) throw invalid(path, `is one image too many; at most ${bounds.images} are allowed`);
  const image = part['image_url'];
  if (typeof image === 'string') return { type: 'image', url: image };
  const described = readObject(image, `${path}.image_url`);
  const url = readString(described['url'], `${path}.image_url.url`);
  const detail = optionalString(described['detail'], `${path}.image_url.detail`);
  return { type: 'image', url, ...(detail === undefined ? {} : { detail }) };
}

function readToolCalls(value: Json | undefined, path: string): readonly ToolCall[] | undefined {
  return optionalList(value, path, bounds.tools)?.map((entry, index) => {
    const call = readObject(entry, `${path}[${index}]`);
    const wanted = readObject(call['function'], `${path}[${index}].function`);
    return {
      id: optionalString(call['id'], `${path}[${index}].id`) ?? `call_${index}`,
      name: readString(wanted['name'], `${path}[${index}].function.name`),
      arguments: readString(wanted['arguments'], `${path}[${index}].function.arguments`),
    };
  });
}

export function readTools(value: Json | undefined): readonly Tool[] | undefined {
  return optionalList(value, 'tools', bounds.tools)?.map((entry, index) => {
    const path = `tools[${index}]`;
    const tool = readObject(entry, path);
    const type = readString(tool['type'], `${path}.type`);
    if (type !== 'function') return { name: type, other: tool };
    const described = readObject(tool['function'], `${path}.function`);
    return {
      name: readString(described['name'], `${path}.function.name`),
      ...present('description', optionalString(described['description'], `${path}.function.description`)),
      ...present('parameters', optionalObject(described['parameters'], `${path}.function.parameters`)),
      ...present('strict', optionalBoolean(described['strict'], `${path}.function.strict`)),
    };
  });
}

export function readToolChoice(value: Json | undefined): ToolChoice | undefined {
  if (isAbsent(value)) return undefined;
  if (!isObject(value)) return readWord(value, 'tool_choice', ['auto', 'none', 'required']);
  const named = readObject(value['function'], 'tool_choice.function');
  return { name: readString(named['name'], 'tool_choice.function.name') };
}
