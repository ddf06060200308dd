/** The ways to write an IPv4 address in a URL, by name: each leads a client to the same machine. */
export const NOTATIONS: Record<string, (octets: readonly number[]) => string> = {
  'dotted decimal': (octets) => octets.join('.'),
  'dotted hex': (octets) => octets.map(hex).join('.'),
  'dotted hex in capitals': (octets) => octets.map((octet) => `0X${octet.toString(16).toUpperCase()}`).join('.'),
  'dotted octal': (octets) => octets.map((octet) => `0${octet.toString(8)}`).join('.'),
  'octal with many zeros': (octets) => octets.map((octet) => `0000000${octet.toString(8)}`).join('.'),
  mixed: ([a = 0, b = 0, c = 0, d = 0]) => `${hex(a)}.0${b.toString(8)}.${c}.${hex(d)}`,
  'one number': (octets) => String(number(octets)),
  'one number in hex': (octets) => hex(number(octets)),
  'one number in octal': (octets) => `0${number(octets).toString(8)}`,
  'two numbers': ([a = 0, ...rest]) => `${a}.${number(rest)}`,
  'three numbers': ([a = 0, b = 0, ...rest]) => `${a}.${b}.${number(rest)}`,
  'with a dot at its end': (octets) => `${octets.join('.')}.`,
  'percent-encoded': (octets) => octets.join('.').replace(/\d/g, (digit) => `%3${digit}`),
  'full-width digits': (octets) =>
    octets.join('.').replace(/\d/g, (digit) => String.fromCharCode(0xff10 + Number(digit))),
  'mathematical digits': (octets) =>
    octets.join('.').replace(/\d/g, (digit) => String.fromCodePoint(0x1d7ce + Number(digit))),
  'ideographic full stops': (octets) => octets.join('\u3002'),
  'a line break inside': (octets) => octets.join('.\n'),
  'after a name as a user': (octets) => `hooks.example@${octets.join('.')}`,
  'before a backslash': (octets) => `${octets.join('.')}\\@hooks.example`,
  'before a fragment': (octets) => `${octets.join('.')}#@hooks.example`,
  'before a query': (octets) => `${octets.join('.')}?@hooks.example`,
  'with a port': (octets) => `${octets.join('.')}:8443`,
  'IPv4 mapped into IPv6': (octets) => `[::ffff:${octets.join('.')}]`,
  'the same in hex': (octets) => `[::ffff:${groups(octets)}]`,
  'the same in full': (octets) => `[0000:0000:0000:0000:0000:FFFF:${groups(octets)}]`,
  'IPv4-compatible': (octets) => `[::${octets.join('.')}]`,
  'IPv4-translated': (octets) => `[::ffff:0:${groups(octets)}]`,
  NAT64: (octets) => `[64:ff9b::${groups(octets)}]`,
  'local NAT64': (octets) => `[64:ff9b:1::${groups(octets)}]`,
  '6to4': (octets) => `[2002:${groups(octets)}::1]`,
  Teredo: (octets) => `[2001:0:${groups(octets)}::1]`,
  ISATAP: (octets) => `[fe80::5efe:${groups(octets)}]`,
};

const hex = (value: number) => `0x${value.toString(16)}`;
const number = (octets: readonly number[]) => octets.reduce((sum, octet) => sum * 256 + octet, 0);
const groups = ([a = 0, b = 0, c = 0, d = 0]: readonly number[]) =>
  `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
