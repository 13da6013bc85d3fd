/**
 * What the stores of limits and of budgets have found of a caller, kept with it: among 100,000 callers to look up takes longer
 * than all that is done with what is found. Each store takes from its place what it put there itself, and nothing else.
 */
export interface Found {
  limits: object | undefined;
  budgets: object | undefined;
}
