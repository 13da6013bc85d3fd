/** What a row's schemas say is what Fastify checks. */
import type { FastifySchemaCompiler } from 'fastify';
import type { z } from 'zod';
import { type Issue, messageOf } from '../config/explain.ts';
import { formatPath } from '../config/problem.ts';

/** More than these help nobody. */
const issuesMax = 10;

export const validateByZod: FastifySchemaCompiler<z.ZodType> = ({ schema, httpPart }) => {
  const where = places[httpPart ?? 'body'] ?? '';
  return (data: unknown) => {
    const result = schema.safeParse(data);
    if (result.success) return { value: result.data };
    const said = result.error.issues.slice(0, issuesMax).map((issue) => `${where}${sayIssue(issue)}`);
    return { error: new Error(said.join('; ')) };
  };
};

/** A body is what everybody looks at first. */
const places: Readonly<Record<string, string>> = {
  querystring: 'in the query: ',
  params: 'in the path: ',
  headers: 'in the headers: ',
};

function sayIssue(issue: Issue): string {
  const path = formatPath(issue.path);
  const at = path === '' ? '' : `${path}: `;
  if (issue.code !== 'unrecognized_keys') return `${at}${messageOf(issue)}`;
  return `${at}${issue.keys.map((key) => `\`${key.slice(0, 40)}\``).join(', ')} may not stand here`;
}
