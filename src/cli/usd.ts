/** Dollars for people: cents, and of less than a dollar four digits that say something. */
export function usd(amount: number): string {
  if (amount === 0 || Math.abs(amount) >= 1) return amount.toFixed(2);
  const digits = Math.min(9, 3 - Math.floor(Math.log10(Math.abs(amount))));
  return amount.toFixed(digits).replace(/(\.\d\d\d*?)0+$/, '$1');
}
