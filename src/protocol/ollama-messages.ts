/** Ollama's messages, images and tools, read into neutral ones. */
import type { Content, Json, JsonObject, Message, Tool, ToolCall } from '../core/call.ts';
import { present } from './present.ts';
import {
  bounds,
  invalid,
  isAbsent,
  optionalList,
  optionalObject,
  optionalString,
  readObject,
  readString,
  readWord,
} from './read.ts';

const roles = ['system', 'user', 'assistant', 'tool', 'developer'] as const;

/** What reading one message leaves for the next ones. */
interface Progress {
  imagesLeft: number;
  /** Calls that no tool has answered yet: Ollama's tools answer by name or by order, everyone else's by id. */
  open: ToolCall[];
}

export function readMessages(value: Json | undefined): readonly Message[] {
  const progress: Progress = { imagesLeft: bounds.images, open: [] };
  const list = optionalList(value, 'messages', bounds.messages) ?? [];
  return list.map((entry, index) => readMessage(entry, index, progress));
}

function readMessage(entry: Json, index: number, progress: Progress): Message {
  const path = `messages[${index}]`;
  const message = readObject(entry, path);
  const given = message['role'];
  const role = readWord(typeof given === 'string' ? given.toLowerCase() : given, `${path}.role`, roles);
  const text = optionalString(message['content'], `${path}.content`) ?? '';
  const images = readImages(message['images'], `${path}.images`, progress.imagesLeft);
  progress.imagesLeft -= images.length;
  const content = withImages(text, images);
  if (role === 'tool') return { role, content, ...readToolAnswer(message, path, progress) };
  if (role !== 'assistant') return { role, content };
  const toolCalls = readToolCalls(message['tool_calls'], path, index);
  if (toolCalls !== undefined) progress.open = [...toolCalls];
  const reasoning = optionalString(message['thinking'], `${path}.thinking`);
  return { role, content, ...present('reasoning', reasoning), ...present('toolCalls', toolCalls) };
}

function readToolAnswer(message: JsonObject, path: string, progress: Progress) {
  const name = optionalString(message['tool_name'], `${path}.tool_name`);
  const id = optionalString(message['tool_call_id'], `${path}.tool_call_id`);
  const answered = takeOpenCall(progress, { id, name });
  return { ...present('toolCallId', id ?? answered?.id), ...present('name', name ?? answered?.name) };
}

function takeOpenCall(
  progress: Progress,
  wanted: { id: string | undefined; name: string | undefined },
): ToolCall | undefined {
  const fits = (call: ToolCall) => {
    if (wanted.id !== undefined) return call.id === wanted.id;
    return wanted.name === undefined || call.name === wanted.name;
  };
  const at = progress.open.findIndex(fits);
  return at === -1 ? undefined : progress.open.splice(at, 1)[0];
}

export function withImages(text: string, images: readonly string[]): string | readonly Content[] {
  if (images.length === 0) return text;
  const pictures = images.map((url): Content => ({ type: 'image', url }));
  return text === '' ? pictures : [{ type: 'text', text }, ...pictures];
}

/** Ollama's bare base64 as data: URLs. */
export function readImages(value: Json | undefined, path: string, left: number): readonly string[] {
  const list = optionalList(value, path, left) ?? [];
  return list.map((entry, index) => dataUrl(readString(entry, `${path}[${index}]`), `${path}[${index}]`));
}

/** How base64 begins for the formats that models read; anything else is left to the model to judge. */
const beginnings: readonly (readonly [string, string])[] = [
  ['iVBORw0KGgo', 'image/png'],
  ['/9j/', 'image/jpeg'],
  ['R0lGOD', 'image/gif'],
  ['UklGR', 'image/webp'],
];

const urlLook = /^[\w+.-]{1,32}:/;

function dataUrl(base64: string, path: string): string {
  if (base64 === '') throw invalid(path, 'is empty');
  if (urlLook.test(base64)) throw invalid(path, 'must be base64 alone, without an address or a data: prefix');
  const known = beginnings.find(([beginning]) => base64.startsWith(beginning));
  return `data:${known?.[1] ?? 'image/png'};base64,${base64}`;
}

function readToolCalls(
  value: Json | undefined,
  path: string,
  messageIndex: number,
): readonly ToolCall[] | undefined {
  const list = optionalList(value, `${path}.tool_calls`, bounds.tools);
  if (list === undefined || list.length === 0) return undefined;
  return list.map((entry, index) => {
    const at = `${path}.tool_calls[${index}]`;
    const call = readObject(entry, at);
    const wanted = readObject(call['function'], `${at}.function`);
    const given = optionalString(call['id'], `${at}.id`);
    return {
      id: given === undefined || given === '' ? `call_${messageIndex}_${index}` : given,
      name: readString(wanted['name'], `${at}.function.name`),
      arguments: JSON.stringify(optionalObject(wanted['arguments'], `${at}.function.arguments`) ?? {}),
    };
  });
}

export function readTools(value: Json | undefined): readonly Tool[] | undefined {
  const list = optionalList(value, 'tools', bounds.tools);
  if (list === undefined || list.length === 0) return undefined;
  return list.map((entry, index) => readTool(entry, `tools[${index}]`));
}

function readTool(entry: Json, path: string): Tool {
  const tool = readObject(entry, path);
  if (!isAbsent(tool['type'])) readWord(tool['type'], `${path}.type`, ['function']);
  const described = readObject(tool['function'], `${path}.function`);
  return {
    name: readString(described['name'], `${path}.function.name`),
    ...present('description', optionalString(described['description'], `${path}.function.description`)),
    ...present('parameters', optionalObject(described['parameters'], `${path}.function.parameters`)),
  };
}
