import { describe, expect, it } from 'vitest';
import { contradiction, hasSignature } from '../../src/uploads/check-content.ts';

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');
const PNG = hex('89504e47 0d0a1a0a 0000000d 49484452 00000001 00000001 08060000 00');
const JPEG = hex('ffd8ffe0 00104a46 49460001');
const ZIP = Buffer.concat([
  hex('504b0304 1400 0000 0000 00000000 00000000 0a000000 0a000000 0500 0000'),
  Buffer.from('a.bin0123456789'),
]);
const MP4 = hex('00000018 66747970 69736f6d 00000200 69736f6d');
const OLE = hex('d0cf11e0 a1b11ae1 00000000');
const text = (content: string) => Buffer.from(content);

describe('contradiction', () => {
  it.each([
    ['image/png', PNG],
    ['IMAGE/PNG; a=b', PNG],
    ['image/jpg', JPEG],
    ['application/pdf', text('%PDF-1.7\n')],
    ['application/pdf', text('\n\njunk %PDF-1.4\n')],
    ['application/vnd.openxmlformats-officedocument.wordprocessingml.document', ZIP],
    ['application/vnd.oasis.opendocument.text', ZIP],
    ['application/vnd.ms-excel.sheet.macroEnabled.12', ZIP],
    ['application/epub+zip', ZIP],
    ['application/msword', OLE],
    ['audio/mp4', MP4],
    ['video/quicktime', MP4],
    ['application/xml', text('<a/>')],
    ['text/vcard', text('BEGIN:VCARD')],
    ['audio/mpeg', hex('00000000')],
    // Types without a signature may begin with anything.
    ['text/plain', PNG],
    ['application/octet-stream', text('<html>')],
    ['image/svg+xml', text('<svg/>')],
  ])('has nothing to say of %s that begins as it should', async (type, bytes) => {
    expect(await contradiction(type, bytes)).toBeNull();
  });

  it.each([
    ['image/png', text('<!doctype html><script>')],
    ['image/png', JPEG],
    ['image/jpeg', text('GIF89a')],
    ['application/pdf', text('<html>')],
    ['application/pdf', ZIP],
    ['application/zip', text('MZ')],
    ['video/mp4', PNG],
    ['image/heic', MP4],
    ['application/msword', text('{\\rtf1')],
    ['application/xml', PNG],
    ['audio/mpeg', PNG],
    ['application/vnd.openxmlformats-officedocument.wordprocessingml.document', text('hello')],
  ])('contradicts %s that begins otherwise', async (type, bytes) => {
    expect(await contradiction(type, bytes)).toMatch(/^the content is /);
  });
});

describe('hasSignature', () => {
  it('is false for types that say nothing about the bytes', () => {
    const types = ['text/plain', 'text/html', 'application/octet-stream', 'image/svg+xml', 'application/json', 'x/y'];
    expect(types.filter(hasSignature)).toEqual([]);
  });
});
