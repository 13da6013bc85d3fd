import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseOutgoingUrl } from './outgoing-url.ts';
import { isForbiddenAddress, isPublicAddress } from './public-address.ts';

test('G9 what the internet reaches is public, over both families', () => {
  const addresses = [
    ...[
      '1.1.1.1',
      '8.8.8.8',
      '9.255.255.255',
      '11.0.0.0',
      '100.63.255.255',
      '100.128.0.0',
      '126.255.255.255',
    ],
    ...[
      '128.0.0.1',
      '169.253.255.255',
      '169.255.0.0',
      '172.15.255.255',
      '172.32.0.0',
      '192.0.1.0',
      '192.167.1.1',
    ],
    ...[
      '198.17.255.255',
      '198.20.0.0',
      '223.255.255.255',
      '2606:4700::1111',
      '2a00:1450::1',
      '2001:4860::8888',
    ],
    ...['2001:200::1', '2400:cb00::1', '2c0f::1', '64:ff9b::8.8.8.8', '2003::1'],
  ];
  for (const address of addresses) assert.ok(isPublicAddress(address), address);
});

test('the operator may name private addresses and this machine', () => {
  for (const address of [
    '127.0.0.1',
    '::1',
    '10.0.0.1',
    '100.64.0.1',
    'fd00::1',
    '192.168.1.1',
    '2001:db8::1',
  ])
    assert.ok(!isForbiddenAddress(address), address);
});

/** IANA's registries, once more and by arithmetic: the first address, and how many bits are fixed. */
const notPublicV4: readonly (readonly [number, number])[] = [
  [0x00000000, 8],
  [0x0a000000, 8],
  [0x64400000, 10],
  [0x7f000000, 8],
  [0xa9fe0000, 16],
  [0xac100000, 12],
  [0xc0000000, 24],
  [0xc0000200, 24],
  [0xc0586300, 24],
  [0xc0a80000, 16],
  [0xc6120000, 15],
  [0xc6336400, 24],
  [0xcb007100, 24],
  [0xe0000000, 4],
  [0xf0000000, 4],
];

const isSpecialV4 = (value: number) =>
  notPublicV4.some(([first, bits]) => value >>> (32 - bits) === first >>> (32 - bits));

/** Half of them inside a special range. */
const v4 = fc.oneof(
  fc.nat(0xffffffff),
  fc
    .tuple(fc.constantFrom(...notPublicV4), fc.nat(0xffffffff))
    .map(([[first, bits], rest]) => (first | (rest >>> bits)) >>> 0),
);

const octets = (value: number) => [24, 16, 8, 0].map((shift) => (value >>> shift) & 0xff);
const digits: readonly ((part: number) => string)[] = [
  (part) => String(part),
  (part) => `0x${part.toString(16)}`,
  (part) => `0X${part.toString(16).toUpperCase()}`,
  (part) => `0${part.toString(8)}`,
  (part) => `0x000${part.toString(16)}`,
];
const dots = ['.', '。', '．', '｡'];
const wide = (text: string) =>
  text.replace(/[0-9]/g, (digit) => String.fromCodePoint(0xff10 + Number(digit)));

/** An address of IPv4 in every notation that URL parsers take: 1 to 4 parts, each in its own base. */
function written(value: number, how: readonly number[]): string {
  const [parts = 0, style = 0, ...bases] = how;
  const all = octets(value);
  const kept = all.slice(0, parts % 4);
  const rest = all.slice(parts % 4).reduce((sum, part) => sum * 256 + part, 0);
  const texts = [...kept, rest].map((part, index) => (digits[(bases[index] ?? 0) % 5] ?? String)(part));
  const text = texts.join(dots[style % 4]);
  return style % 8 < 4 ? text : wide(text);
}

const how = fc.array(fc.nat(1_000), { minLength: 6, maxLength: 6 });

test('G9 no address of IPv4 outside what is allowed passes, whatever its notation', () => {
  fc.assert(
    fc.property(v4, how, (value, notation) => {
      const parsed = parseOutgoingUrl(`https://${written(value, notation)}/`, { namedBy: 'stranger' });
      const host = octets(value).join('.');
      if (parsed.ok) assert.equal(parsed.outgoing.host, host);
      if (isSpecialV4(value)) assert.ok(!parsed.ok && !isPublicAddress(host), host);
    }),
    { numRuns: 3_000 },
  );
});

const carriers = [
  '::ffff:',
  '::',
  '::ffff:0:',
  '64:ff9b::',
  '64:ff9b:1::',
  '0:0:0:0:0:ffff:',
  '0064:FF9B:0:0:0:0:',
];

test('G9 an address of IPv4 that is not public does not pass inside one of IPv6', () => {
  fc.assert(
    fc.property(v4, fc.constantFrom(...carriers), fc.boolean(), (value, carrier, dotted) => {
      const hex = `${(value >>> 16).toString(16)}:${(value & 0xffff).toString(16)}`;
      const address = carrier + (dotted ? octets(value).join('.') : hex);
      assert.notEqual(isIP(address), 0);
      const isOpen = /^(?:64:ff9b::|0064:FF9B:0:0:0:0:)$/.test(carrier) && !isSpecialV4(value);
      const parsed = parseOutgoingUrl(`https://[${address}]/`, { namedBy: 'stranger' });
      if (!isOpen) assert.ok(!parsed.ok && !isPublicAddress(address), address);
      if (value >>> 16 === 0xa9fe) assert.ok(isForbiddenAddress(address), address);
    }),
    { numRuns: 3_000 },
  );
});

test('G9 no address of IPv6 outside global unicast passes', () => {
  const group = fc.oneof(
    fc.nat(0xffff),
    fc.constantFrom(0, 0x2001, 0x2002, 0xdb8, 0xfe80, 0xfec0, 0xfd00, 0x3fff),
  );
  fc.assert(
    fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), (groups) => {
      const address = groups.map((value) => value.toString(16)).join(':');
      const [first = 0, second = 0, ...rest] = groups;
      const isUnicast = first >= 0x2000 && first <= 0x3fff;
      const isSpecial =
        first === 0x2002 ||
        (first === 0x2001 && (second < 0x200 || second === 0xdb8)) ||
        (first === 0x3fff && second < 0x1000);
      const isNat64 = first === 0x64 && second === 0xff9b && rest.slice(0, 4).every((value) => value === 0);
      if (!isNat64 && (!isUnicast || isSpecial)) assert.ok(!isPublicAddress(address), address);
      if (!parseOutgoingUrl(`https://[${address}]/`, { namedBy: 'stranger' }).ok) return;
      assert.ok(isPublicAddress(address), address);
    }),
    { numRuns: 3_000 },
  );
});
