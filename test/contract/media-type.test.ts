import { describe, expect, it } from 'vitest';
import { matchesType, restorePlus, toMediaType } from '../../src/contract/media-type.ts';

describe('toMediaType', () => {
  it.each([
    ['image/png', 'image/png'],
    ['IMAGE/PNG', 'image/png'],
    [' image/png ', 'image/png'],
    ['image/svg+xml', 'image/svg+xml'],
    // From the MediaRecorder of Chrome and Firefox.
    ['video/webm;codecs=vp8,opus', 'video/webm; codecs="vp8,opus"'],
    ['video/webm; codecs="vp8, opus"', 'video/webm; codecs="vp8, opus"'],
    ['video/x-matroska;codecs=avc1,opus', 'video/x-matroska; codecs="avc1,opus"'],
    ['video/mp4;codecs=avc1.42E01E, mp4a.40.2', 'video/mp4; codecs="avc1.42E01E, mp4a.40.2"'],
    ['audio/webm;codecs=opus', 'audio/webm; codecs=opus'],
    ['audio/webm; codecs="opus"', 'audio/webm; codecs=opus'],
    ['text/plain; charset=utf-8;', 'text/plain; charset=utf-8'],
    ['text/plain;  charset=UTF-8', 'text/plain; charset=utf-8'],
    ['Text/Plain ; Charset="UTF-8"', 'text/plain; charset=utf-8'],
    ['text/plain;;', 'text/plain'],
    ['text/plain; charset=', 'text/plain'],
    ['text/csv;\theader=present;charset=utf-8', 'text/csv; header=present; charset=utf-8'],
    ['multipart/mixed; boundary=AbC', 'multipart/mixed; boundary=AbC'],
    ['application/pdf; name="my file.pdf"', 'application/pdf; name="my file.pdf"'],
    // A comma outside quotes begins another type for a browser.
    ['image/png;a=b,text/html', 'image/png; a="b,text/html"'],
    // Parameters from mail programs, servers and scripts: those that cannot be kept are dropped.
    ['application/pdf; name="Report (2); final.pdf"; x=1', 'application/pdf; x=1'],
    ['application/pdf; name="a;b.pdf"', 'application/pdf'],
    ['application/pdf; name="a\\"; b=c; d.pdf"', 'application/pdf'],
    [`application/pdf; name="${'long '.repeat(30)}.pdf"; charset=utf-8`, 'application/pdf; charset=utf-8'],
    [`a/${'b'.repeat(126)};c=d`, `a/${'b'.repeat(126)}`],
    ['text/plain; name==?utf-8?q?x?=', 'text/plain'],
    ['text/plain; name=Übersicht.txt', 'text/plain'],
    ['multipart/related; type="text/html"; start="<a@b>"', 'multipart/related; type="text/html"'],
    ['text/plain; charset = utf-8', 'text/plain'],
    ['text/plain; x', 'text/plain'],
    ['text/plain; a="b', 'text/plain'],
    ['text/plain; a="b"c; d=e', 'text/plain; a=b; d=e'],
    ['text/plain; charset=utf-8; Charset=utf-7', 'text/plain; charset=utf-8'],
  ])('makes %j into %j', (text, expected) => {
    expect(toMediaType(text)).toBe(expected);
    expect(toMediaType(expected)).toBe(expected);
  });

  it.each([
    '',
    'image',
    'image/',
    '/png',
    '*/*',
    'image/*',
    'image/png, text/html',
    'image/png,text/html;a=b',
    'a/b c',
    'image/png\n',
    'image/png\r\nx: y',
    'image/png; a=b\r\nx: y',
    'image/png; a="\u007f"',
    'image/png; a=\0',
    'ımage/png',
    `a/${'b'.repeat(127)}`,
    `a/b;c=${'d'.repeat(1020)}`,
    '\u212aa/b',
  ])('refuses %j', (text) => {
    expect(toMediaType(text)).toBeNull();
  });
});

describe('restorePlus', () => {
  it.each([
    ['image/svg xml', 'image/svg+xml'],
    ['application/vnd.api json; charset=utf-8', 'application/vnd.api+json; charset=utf-8'],
    ['image/png ; a=b c', 'image/png; a=b c'],
  ])('makes %j into %j', (text, expected) => {
    expect(restorePlus(text)).toBe(expected);
  });
});

describe('matchesType', () => {
  it.each([
    ['image/jpeg', 'image/jpg'],
    ['image/jpg', 'image/jpeg'],
    ['image/jpeg', 'image/pjpeg'],
    ['image/png', 'IMAGE/X-PNG; a=b'],
    ['application/zip', 'application/x-zip-compressed'],
    ['application/zip', 'application/x-zip'],
    ['audio/mpeg', 'audio/mp3'],
    ['audio/wav', 'audio/x-wav'],
    ['audio/mp4', 'audio/x-m4a'],
    ['application/xml', 'text/xml'],
    ['text/*', 'text/xml'],
    ['text/*', 'application/csv'],
    ['image/*', 'image/jpg'],
    ['*/*', 'x/y'],
  ])('matches %s with %s', (pattern, type) => {
    expect(matchesType(pattern, type)).toBe(true);
  });

  it.each([
    ['image/jpeg', 'image/png'],
    ['image/*', 'application/pdf'],
    ['image/png', 'image/svg+xml'],
    ['text/plain', 'text/html'],
  ])('does not match %s with %s', (pattern, type) => {
    expect(matchesType(pattern, type)).toBe(false);
  });
});
