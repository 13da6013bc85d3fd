/** Node names the reasons of the system in `code`: `ENOENT`, `ENOSPC`. */
export function hasCode(thrown: unknown, code: string): boolean {
  return thrown instanceof Error && 'code' in thrown && thrown.code === code;
}
