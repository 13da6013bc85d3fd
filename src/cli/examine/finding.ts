/** What an examination found out: one line, and where something is wrong the line that mends it. */

export interface Diagnosis {
  readonly area: string;
  readonly state: 'ok' | 'warn' | 'fail';
  readonly says: string;
  readonly mend?: string;
}

export function ok(area: string, says: string): Diagnosis {
  return { area, state: 'ok', says };
}

export function warn(area: string, says: string, mend: string): Diagnosis {
  return { area, state: 'warn', says, mend };
}

export function bad(area: string, says: string, mend: string): Diagnosis {
  return { area, state: 'fail', says, mend };
}
