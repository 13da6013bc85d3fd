/** Neutral messages as Ollama has them: text and images apart, arguments as objects, tools known by name. */

import type { Content, JsonObject, Message, ToolCall } from '../../core/call.ts';
import { fail } from '../../core/failure.ts';
import { isObject } from '../../core/json-object.ts';
import { invalid } from '../../protocol/read.ts';
import { cannot } from './refuse.ts';

export function encodeMessages(messages: readonly Message[]): readonly object[] {
  const toolNames = new Map<string, string>();
  return messages.map((message, index) => {
    for (const call of message.toolCalls ?? []) toolNames.set(call.id, call.name);
    return encodeMessage(message, `messages[${index}]`, toolNames);
  });
}

type ToolNames = ReadonlyMap<string, string>;

function encodeMessage(message: Message, path: string, toolNames: ToolNames): object {
  const { role, content } = message;
  const isTool = role === 'tool';
  if (!isTool && message.name !== undefined) throw cannot(`${path}.name`, 'tell participants by name');
  const id = message.toolCallId;
  return {
    role: role === 'developer' ? 'system' : role,
    content: typeof content === 'string' ? content : joinTexts(content),
    images: typeof content === 'string' ? undefined : encodeImages(content, path),
    thinking: message.reasoning,
    tool_calls: message.toolCalls?.map((call, index) => encodeToolCall(call, index, path)),
    tool_name: isTool ? (message.name ?? (id === undefined ? undefined : toolNames.get(id))) : undefined,
    tool_call_id: isTool ? id : undefined,
  };
}

/** Parts are paragraphs of one message: without the line between them two words would grow together. */
function joinTexts(content: readonly Content[]): string {
  return content
    .filter((piece) => piece.type === 'text')
    .map((piece) => piece.text)
    .join('\n');
}

function encodeImages(content: readonly Content[], path: string): readonly string[] | undefined {
  const images = content.flatMap((piece, index) => {
    const place = `${path}.content[${index}]`;
    if (piece.type === 'other') throw cannot(place, `take a part of the type ${piece.name.slice(0, 40)}`);
    return piece.type === 'image' ? [bareBase64(piece.url, place)] : [];
  });
  return images.length === 0 ? undefined : images;
}

const dataUrlHead = /^data:[\w.+/-]{0,100}(?:;[\w.+=-]{1,100}){0,4};base64,/i;

export function bareBase64(url: string, path: string): string {
  const head = dataUrlHead.exec(url.slice(0, 512));
  if (head !== null) return url.slice(head[0].length);
  if (url.startsWith('data:')) throw invalid(path, 'must be a data: URL in base64');
  throw cannot(path, 'fetch an image from an address; send it as a data: URL');
}

function encodeToolCall(call: ToolCall, index: number, path: string): object {
  return {
    id: call.id,
    function: { index, name: call.name, arguments: parseArguments(call, `${path}.tool_calls[${index}]`) },
  };
}

function parseArguments(call: ToolCall, path: string): JsonObject {
  if (call.arguments.trim() === '') return {};
  const param = `${path}.function.arguments`;
  let value: unknown;
  try {
    value = JSON.parse(call.arguments);
  } catch (cause) {
    throw fail('invalid_request', `${param} must be JSON`, { param, cause });
  }
  if (!isObject(value)) throw cannot(param, 'take arguments that are not an object');
  return value;
}
