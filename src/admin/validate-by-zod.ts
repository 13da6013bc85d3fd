/** What a row's schemas say is what Fastify checks. */
import type { FastifySchemaCompiler } from 'fastify';
import { z } from 'zod';

export const validateByZod: FastifySchemaCompiler<z.ZodType> = ({ schema }) => {
  return (data: unknown) => {
    const result = schema.safeParse(data);
    return result.success ? { value: result.data } : { error: new Error(z.prettifyError(result.error)) };
  };
};
