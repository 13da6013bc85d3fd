/** What people read first is complete: the README, the tour, the decisions and the command line's page. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { verbs } from '../src/cli/verbs.ts';

const read = (path: string) => readFileSync(path, 'utf8');
const pages = readdirSync('docs').filter((name) => name.endsWith('.md'));

test('every page is linked from the README', () => {
  const readme = read('README.md');
  assert.deepEqual(
    pages.filter((page) => !readme.includes(`(docs/${page})`)),
    [],
  );
});

test('every link of the documents leads to a page, and to a heading of it', () => {
  const found: string[] = [];
  for (const page of linking) {
    for (const [, to = ''] of proseOf(page).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(to)) continue;
      const [path = '', heading] = to.split('#');
      const target = path === '' ? page : join(dirname(page), path);
      const isThere = existsSync(target) && (heading === undefined || headingsOf(target).includes(heading));
      if (!isThere) found.push(`${page}: ${to}`);
    }
  }
  assert.deepEqual(found, []);
});

const linking = [
  ...readdirSync('.').filter((name) => name.endsWith('.md')),
  ...pages.map((name) => `docs/${name}`),
  ...readdirSync('docs/decisions').map((name) => `docs/decisions/${name}`),
  'bench/README.md',
  'clients/python/README.md',
  'clients/typescript/README.md',
];

function proseOf(page: string): string {
  return read(page).replace(/^```.*?^```/gms, '');
}

/** As they are in an address. */
function headingsOf(page: string): readonly string[] {
  return [...proseOf(page).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replace(/\s/g, '-'),
  );
}

test('no two decisions share a number, and none is left out', () => {
  const numbers = readdirSync('docs/decisions').map((name) => Number(name.slice(0, 4)));
  assert.deepEqual(
    numbers.sort((one, other) => one - other),
    numbers.map((_number, index) => index + 1),
  );
});

test('the tour names every folder of src, and takes no more than 200 lines', () => {
  const tour = read('ARCHITECTURE.md');
  const folders = readdirSync('src', { withFileTypes: true }).filter((entry) => entry.isDirectory());
  assert.deepEqual(
    folders.map(({ name }) => name).filter((name) => !tour.includes(`\n| \`${name}\` |`)),
    [],
  );
  assert.ok(tour.split('\n').length <= 201);
});

test('the page of the command line names every verb', () => {
  const page = read('docs/cli.md');
  assert.deepEqual(
    verbs.map(({ name }) => name).filter((name) => !new RegExp(`^\\|[^|]*\`${name}\\b`, 'm').test(page)),
    [],
  );
});
