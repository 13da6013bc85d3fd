/** How long a test goes on: shortly in the suite, and as long as its row of the fault matrix says with `npm run soak`. */
export const soaking = process.env['SOAK'] === '1';

export function times(inTheSuite: number, soak: number): number {
  return soaking ? soak : inTheSuite;
}
