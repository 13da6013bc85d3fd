import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTyped, type StartedAs } from './typed.ts';

const clone = {
  environment: {},
  script: '/home/ann/millrace/src/main.ts',
  folder: '/home/ann/millrace',
  launcher: '/home/ann/millrace/bin/millrace.js',
};
const npm = (event: string, name = 'millrace') => ({
  environment: { npm_lifecycle_event: event, npm_package_name: name },
});

const starts: readonly (readonly [how: string, started: Partial<StartedAs>, typed: string])[] = [
  ['by npm start', npm('start'), 'npm run millrace -- doctor'],
  ['by npm run millrace', npm('millrace'), 'npm run millrace -- doctor'],
  ['by npx', npm('npx'), 'npx millrace doctor'],
  [
    'by the script of a project that has it as a dependency',
    { ...npm('start', 'theirs'), script: '/srv/theirs/node_modules/.bin/millrace' },
    'npx millrace doctor',
  ],
  ['as an installed command', { script: '/usr/local/bin/millrace' }, 'millrace doctor'],
  ['by a script of another project', npm('start', 'theirs'), 'node bin/millrace.js doctor'],
  ['from a clone', {}, 'node bin/millrace.js doctor'],
  ['from elsewhere', { folder: '/srv' }, 'node /home/ann/millrace/bin/millrace.js doctor'],
  [
    'from a folder with a blank in its name',
    { folder: '/srv', launcher: '/my files/bin/millrace.js' },
    'node "/my files/bin/millrace.js" doctor',
  ],
];

for (const [how, started, typed] of starts) {
  test(`started ${how}, a hint says \`${typed}\``, () => {
    assert.equal(createTyped({ ...clone, ...started })('doctor'), typed);
  });
}
