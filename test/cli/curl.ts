/** As much of curl as the line of the banner needs, so that pasting it can be tested where there is no curl. */
const [flags, url = '', ...rest] = process.argv.slice(2);
if (flags !== '-sS') throw new Error(`not a flag of this curl: ${flags}`);
const headers = new Headers();
let body = '';
for (let at = 0; at < rest.length; at += 2) {
  const value = rest[at + 1] ?? '';
  if (rest[at] === '-d') body = value;
  else if (rest[at] === '-H')
    headers.append(value.slice(0, value.indexOf(':')), value.slice(value.indexOf(':') + 1));
  else throw new Error(`not a flag of this curl: ${rest[at]}`);
}
const answer = await fetch(url, { method: 'POST', headers, body });
process.stdout.write(await answer.text());
