import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matchesType } from '../../src/contract/media-type.ts';
import { checkContent } from '../../src/uploads/check-content.ts';
import { SAMPLE_BYTES } from '../../src/uploads/verify-object.ts';
import * as samples from './samples.ts';

const { text, hex, padded } = samples;

/** As in `ALLOWED_CONTENT_TYPES`. */
const check = (claimed: string, bytes: Uint8Array, policy = '*/*') =>
  checkContent(claimed, bytes.subarray(0, SAMPLE_BYTES), (type) =>
    policy.split(',').some((pattern) => matchesType(pattern, type)),
  );

const OOXML = 'application/vnd.openxmlformats-officedocument';
const DOCX = `${OOXML}.wordprocessingml.document`;
const XLSX = `${OOXML}.spreadsheetml.sheet`;
const PPTX = `${OOXML}.presentationml.presentation`;
const HTML = text('<!doctype html><script>alert(1)</script>');

type Case = [what: string, bytes: Uint8Array, claimed: string, detected: string | null, policy?: string];

describe('checkContent', () => {
  it.each<Case>([
    ['a PNG', samples.png, 'image/png', 'image/png'],
    ['a PNG whatever the letters of its type', samples.png, 'IMAGE/PNG; a=b', 'image/png'],
    ['the first eight bytes of a PNG', samples.png.subarray(0, 8), 'image/png', 'image/png'],
    ['an animated PNG', samples.apng, 'image/png', 'image/apng', 'image/png'],
    ['a JPEG', samples.jpeg, 'image/jpg', 'image/jpeg', 'image/jpeg'],
    ['a GIF', samples.gif, 'image/gif', 'image/gif', 'image/gif'],
    ['a WebP', samples.webp, 'image/webp', 'image/webp', 'image/webp'],
    ['a BMP', samples.bmp, 'image/x-ms-bmp', 'image/bmp', 'image/bmp'],
    ['an icon', samples.ico, 'image/vnd.microsoft.icon', 'image/x-icon', 'image/x-icon'],
    ['a photo of an iPhone', samples.isoMedia('heic', 'mif1', 'heic'), 'image/heic', 'image/heic', 'image/heic'],
    ['HEIC under HEIF', samples.isoMedia('heic'), 'image/heif', 'image/heic', 'image/heif'],
    ['HEIF of another brand', samples.isoMedia('avci', 'mif1'), 'image/heic', 'image/heif', 'image/heic'],
    ['an AVIF', samples.isoMedia('avif', 'mif1'), 'image/avif', 'image/avif', 'image/avif'],
    ['a TIFF whose directory is at its end', samples.tiff(500_000), 'image/tiff', 'image/tiff', 'image/tiff'],
    ['a big-endian TIFF', samples.tiff(6_000_000, true), 'image/tiff', 'image/tiff', 'image/tiff'],
    ['a TIFF whose directory is cut', samples.tiff(4098), 'image/tiff', 'image/tiff', 'image/tiff'],
    ['a camera’s negative', samples.tiff(500_000), 'image/x-nikon-nef', 'image/tiff', 'image/x-nikon-nef'],
    ['a PDF', samples.pdf, 'application/pdf', 'application/pdf', 'application/pdf'],
    ['a PDF that is all text', text('%PDF-1.4\n1 0 obj\n'), 'application/pdf', 'application/pdf', 'application/pdf'],
    ['a PDF behind blank lines', text('\n\n%PDF-1.4\n'), 'application/pdf', 'application/pdf', 'application/pdf'],
    ['a PDF behind a printer’s commands', text('\x1b%-12345X@PJL\n%PDF-1.4'), 'application/pdf', 'application/pdf'],
    ['a PDF behind a byte order mark', text('\ufeff%PDF-1.4'), 'application/pdf', 'application/pdf'],
    ['a PDF behind PostScript', text('%!PS-Adobe-3.0 PDF-1.4\n%PDF-1.4'), 'application/pdf', 'application/pdf'],
    ['a recording of Chrome', samples.webm, 'video/webm; codecs="vp8,opus"', 'video/webm', 'video/webm'],
    ['sound in WebM', samples.webm, 'audio/webm; codecs=opus', 'video/webm', 'audio/webm'],
    ['Matroska', samples.matroska, 'video/x-matroska; codecs=avc1', 'video/matroska', 'video/x-matroska'],
    ['an MP4', samples.isoMedia('isom', 'mp41'), 'video/mp4', 'video/mp4', 'video/mp4'],
    ['QuickTime under MP4', samples.isoMedia('qt  '), 'video/mp4', 'video/quicktime', 'video/mp4'],
    ['QuickTime that begins with a preview', samples.box('pnot'), 'video/quicktime', null, 'video/quicktime'],
    ['QuickTime that begins with a gap', samples.box('skip'), 'video/quicktime', null, 'video/quicktime'],
    ['a piece of MP4', samples.box('styp'), 'video/mp4', null, 'video/mp4'],
    ['sound in MP4', samples.isoMedia('M4A '), 'audio/mp4', 'audio/x-m4a', 'audio/mp4'],
    ['sound in MP4 under the type from Android', samples.isoMedia('M4A '), 'audio/mpeg', 'audio/x-m4a'],
    ['MP3 with a large tag', samples.id3(300_000), 'audio/mpeg', 'audio/mpeg', 'audio/mpeg'],
    ['MP3 with a small tag', samples.id3(20), 'audio/mpeg', 'audio/mpeg', 'audio/mpeg'],
    ['MP3 without a tag', padded('fffb9064'), 'audio/mp3', 'audio/mpeg', 'audio/mpeg'],
    ['AAC named .m4a', padded('fff15080'), 'audio/mp4', 'audio/aac'],
    ['WAV', samples.riff('WAVE'), 'audio/x-wav', 'audio/wav', 'audio/wav'],
    ['WAV over 4 GiB', samples.riff('WAVE', 'RF64'), 'audio/wav', null, 'audio/wav'],
    ['big-endian WAV', samples.riff('WAVE', 'RIFX'), 'audio/wav', null, 'audio/wav'],
    ['MIDI in RIFF', samples.riff('RMID'), 'audio/midi', null, 'audio/midi'],
    ['AVI', samples.riff('AVI '), 'video/x-msvideo', 'video/vnd.avi', 'video/x-msvideo'],
    ['Ogg with a voice', samples.ogg('OpusHead'), 'audio/ogg', 'audio/ogg', 'audio/ogg'],
    ['Ogg with a skeleton', samples.ogg('fishead\0'), 'video/ogg', 'application/ogg', 'video/ogg'],
    ['a transport stream of a camera', samples.transportStream, 'video/mp2t', 'video/mp2t', 'video/mp2t'],
    [
      'a transport stream under the type from Android',
      samples.transportStream,
      'video/mpeg',
      'video/mp2t',
      'video/mpeg',
    ],
    ['AIFF', samples.iff('AIFF'), 'audio/x-aiff', 'audio/aiff', 'audio/aiff'],
    ['a picture of an Amiga', samples.iff('ILBM'), 'image/x-ilbm', null, 'image/x-ilbm'],
    ['a picture of a photo editor', samples.zip('mimetype', 'image/openraster'), 'image/openraster', 'application/zip'],
  ])('takes %s', async (_, bytes, claimed, detected, policy) => {
    expect(await check(claimed, bytes)).toEqual({ detected, refusal: null });
    if (policy) expect(await check(claimed, bytes, policy)).toEqual({ detected, refusal: null });
  });

  it.each<Case>([
    ['a document', samples.ooxml('word/document.xml'), DOCX, DOCX, DOCX],
    ['a document whose first entry is large', samples.zip('media/1.bin'), DOCX, 'application/zip', DOCX],
    ['a drawing whose first entry is large', samples.zip('a.bin'), 'application/vnd.visio', 'application/zip'],
    ['a document with a password', samples.cfb, DOCX, 'application/x-cfb', DOCX],
    ['a sheet with a password', samples.cfb, XLSX, 'application/x-cfb', XLSX],
    ['slides with a password', samples.cfb, PPTX, 'application/x-cfb', PPTX],
    ['a document of old', samples.cfb, 'application/msword', 'application/x-cfb', 'application/msword'],
    ['a message', samples.cfb, 'application/vnd.ms-outlook', 'application/x-cfb', 'application/vnd.ms-outlook'],
    ['a plan', samples.cfb, 'application/vnd.ms-project', 'application/x-cfb', 'application/vnd.ms-project'],
    ['a plan as sound', samples.cfb, 'audio/x-musepack', 'application/x-cfb'],
    ['an installer', samples.cfb, 'application/x-msdownload', 'application/x-cfb', 'application/x-msdownload'],
    ['CSV as Excel', text('a;b\r\n1;2'), 'application/vnd.ms-excel', null, 'application/vnd.ms-excel'],
    ['CSV that begins with MZ', text('MZ;PLZ\r\n1;2'), 'application/vnd.ms-excel', null, 'application/vnd.ms-excel'],
    ['CSV in UTF-16', samples.utf16('a\tb\r\n'), 'text/csv', null, 'text/csv'],
    ['RTF as Word', text('{\\rtf1 hi}'), 'application/msword', 'application/rtf', 'application/msword'],
    ['a web page as Word', text('<html xmlns:o="urn">'), 'application/msword', 'text/html', 'application/msword'],
    ['a table of HTML as Excel', text('<table>'), 'application/vnd.ms-excel', 'text/html', 'application/vnd.ms-excel'],
    ['a web archive as Word', text('MIME-Version: 1.0\r\n'), 'application/msword', null, 'application/msword'],
    [
      'XML as Word',
      text('<?xml version="1.0"?><w:wordDocument>'),
      'application/msword',
      'application/xml',
      'application/msword',
    ],
    ['a sheet of 1992', padded('090406000000'), 'application/vnd.ms-excel', null, 'application/vnd.ms-excel'],
    ['a document of 1993', padded('dba52d000000'), 'application/msword', null, 'application/msword'],
    [
      'an .xlsx as Excel',
      samples.ooxml('xl/workbook.xml'),
      'application/vnd.ms-excel',
      XLSX,
      'application/vnd.ms-excel',
    ],
    ['a .docx as Word', samples.ooxml('word/document.xml'), 'application/msword', DOCX, 'application/msword'],
    ['a translation’s template', text('msgid ""\n'), 'application/vnd.ms-powerpoint', null],
    ['a graph', text('digraph { a -> b }'), 'application/msword', null],
    ['an OpenDocument', samples.openDocument, samples.openDocumentType, samples.openDocumentType],
    ['an e-book', samples.zip('mimetype', 'application/epub+zip'), 'application/epub+zip', 'application/epub+zip'],
    ['any ZIP', samples.zip('a'), 'application/x-zip-compressed', 'application/zip', 'application/zip'],
    ['an archive of Java behind a script', text('#!/bin/bash\nPK'), 'application/java-archive', null],
    [
      'an unknown format',
      samples.zip('a'),
      'application/vnd.acme.drawing',
      'application/zip',
      'application/vnd.acme.*',
    ],
    ['a tar with gzip', gzipSync('a'), 'application/x-tar', 'application/gzip', 'application/x-tar'],
    ['a tar with gzip by its own type', gzipSync('a'), 'application/x-compressed-tar', 'application/gzip'],
    ['SVG with gzip', gzipSync('<svg/>'), 'image/svg+xml', 'application/gzip', 'image/svg+xml'],
    ['a disk image', padded('785a683931'), 'application/x-apple-diskimage', null],
    ['a disk image with bzip2', padded('425a6839 3141592653'), 'application/x-apple-diskimage', 'application/x-bzip2'],
    ['a disk image with xz', padded('fd377a585a00'), 'application/x-apple-diskimage', 'application/x-xz'],
    ['PDF as Illustrator', samples.pdf, 'application/postscript', 'application/pdf', 'application/postscript'],
    ['PostScript', text('%!PS-Adobe-3.0\n'), 'application/postscript', 'application/postscript'],
    ['encrypted by PGP', padded('85010c03'), 'application/pgp-encrypted', null, 'application/pgp-encrypted'],
    ['a key of PGP', text('-----BEGIN PGP PUBLIC KEY BLOCK-----'), 'application/pgp-encrypted', null],
    ['an OpenType font', padded('4f54544f000c'), samples.openDocumentFormula, 'font/otf', samples.openDocumentFormula],
    ['TrueType in .otf', padded('00010000000f'), 'font/otf', 'font/ttf', 'font/otf'],
    ['a font of Apple', padded('74727565000f'), 'font/ttf', null, 'font/ttf'],
    ['a capture in nanoseconds', padded('4d3cb2a1'), 'application/vnd.tcpdump.pcap', null],
    ['a negative of Olympus', padded('49495253080000'), 'image/x-olympus-orf', null, 'image/x-olympus-orf'],
    ['TypeScript', text('export const a = 1;\n'), 'video/mp2t', null, 'video/mp2t'],
    ['a translation of Qt', text('<?xml version="1.0"?><!DOCTYPE TS><TS>'), 'video/mp2t', 'application/xml'],
    ['a playlist', text('<asx version="3.0">'), 'video/x-ms-asf', null, 'video/x-ms-asf'],
    ['a batch file', text('@echo off\r\n'), 'application/x-msdownload', null, 'application/x-msdownload'],
    ['anything under an unspecific type', HTML, 'application/octet-stream', 'text/html', 'application/octet-stream'],
    ['a program under an unspecific type', samples.exe, 'application/octet-stream', 'application/x-msdownload'],
    ['a program for Windows', samples.exe, 'application/vnd.microsoft.portable-executable', 'application/x-msdownload'],
    ['a program for Linux', samples.elf, 'application/x-pie-executable', 'application/x-elf'],
    ['a library for macOS', samples.fatMachO, 'application/x-mach-binary', 'application/x-mach-binary'],
    ['a class of Java', padded('cafebabe00000041'), 'application/java-vm', 'application/java-vm'],
  ])('takes %s', async (_, bytes, claimed, detected, policy) => {
    expect(await check(claimed, bytes)).toEqual({ detected, refusal: null });
    if (policy) expect(await check(claimed, bytes, policy)).toEqual({ detected, refusal: null });
  });

  it.each<Case>([
    ['BMW;Preis\n', text('BMW;Preis\n'), 'text/csv', null, 'text/csv'],
    ['GIFT CARD', text('GIFT CARD'), 'text/plain', null, 'text/plain'],
    ['CSV that begins with MZ', text('MZ;PLZ\r\n1;2'), 'application/octet-stream', null],
    ['MZ as a note', text('MZ'), 'text/plain', null, 'text/plain'],
    ['FORM 1040', text('FORM 1040'), 'text/plain', null, 'text/plain'],
    ['ID3 is a gene', text('ID3 is a gene'), 'text/plain', null, 'text/plain'],
    ['MAC address', text('MAC address;IP'), 'text/csv', null, 'text/csv'],
    ['PAREN', text('PAREN'), 'text/plain', null, 'text/plain'],
    ['solid advice', text('solid advice'), 'text/plain', null, 'text/plain'],
    ['duty-free', text('dutyfree shop'), 'text/plain', null, 'text/plain'],
    ['SQLite for beginners', text('SQLite for beginners'), 'text/plain', null, 'text/plain'],
    ['%!test', text('%!test\n'), 'text/x-octave', null, 'text/x-octave'],
    ['a note in UTF-16', samples.utf16('BM'), 'text/plain', null, 'text/plain'],
    ['a contact', text('BEGIN:VCARD\r\n'), 'text/plain', 'text/vcard', 'text/plain'],
    ['a README that begins with a tag', text('<p align="center">'), 'text/markdown', 'text/html', 'text/markdown'],
    ['a README that begins with a comment', text('<!-- a -->\n# b'), 'text/markdown', 'text/html', 'text/markdown'],
    ['XML without a declaration', text('<a/>'), 'application/xml', null, 'application/xml'],
    ['XML behind a comment', text('<!-- a --><project>'), 'text/xml', 'text/html', 'application/xml'],
    ['a feed', text('<?xml version="1.0"?><rss>'), 'application/rss+xml', 'application/xml', 'application/rss+xml'],
    ['JSON', text('{"a":1}'), 'application/json', null, 'application/json'],
    ['SVG', text('<svg xmlns="x">'), 'image/svg+xml', 'image/svg+xml', 'image/svg+xml'],
    ['SVG of an editor', samples.svg, 'image/svg+xml', 'image/svg+xml', 'image/*'],
    ['a picture for TGA', padded('000002000000'), 'image/x-tga', null, 'image/x-tga'],
    ['zlib', padded('7801'), 'application/x-mine', null, 'application/x-mine'],
    ['a stream that begins like AC-3', padded('0b77'), 'application/x-mine', null, 'application/x-mine'],
    ['a stream that begins like MP3', padded('fffb9064'), 'application/x-mine', null, 'application/x-mine'],
  ])('does not misread %s by its first letters', async (_, bytes, claimed, detected, policy) => {
    expect(await check(claimed, bytes, policy)).toEqual({ detected, refusal: null });
  });

  it.each<[string, Uint8Array, string, string?]>([
    ['MZ', samples.exe, 'image/png'],
    ['MZ', samples.exe, 'application/pdf'],
    ['MZ', samples.exe, 'application/msword'],
    ['MZ', samples.exe, 'application/vnd.ms-excel'],
    ['MZ', samples.exe, 'audio/mpeg'],
    ['MZ', samples.exe, 'text/plain'],
    ['MZ', samples.exe, 'application/zip'],
    ['MZ', samples.exe, 'application/x-unknown-to-all'],
    ['MZ alone', text('MZ'), 'image/png'],
    ['MZ alone', text('MZ'), 'application/msword'],
    ['MZ and letters', text('MZ This program cannot be run in DOS mode.\r\n$'), 'application/pdf'],
    ['ELF', samples.elf, 'application/zip'],
    ['ELF', samples.elf, 'text/x-python'],
    ['Mach-O', hex('cffaedfe07000001'), 'image/jpeg'],
    ['universal Mach-O', samples.fatMachO, 'application/java-vm'],
    ['universal Mach-O in the other byte order', hex('bebafeca02000000'), DOCX],
    ['HTML', HTML, 'image/png'],
    ['HTML', HTML, 'image/jpeg'],
    ['HTML', HTML, 'application/pdf'],
    ['HTML', HTML, 'video/mp4'],
    ['HTML in capitals behind white space', text('\r\n\t <SCRIPT>x</SCRIPT>'), 'image/gif'],
    ['HTML behind a byte order mark', text('\ufeff<html>'), 'image/png'],
    ['HTML behind a comment', text('<!-- a -->\n<body >'), 'image/png'],
    ['a comment that does not end', text('<!-- a'), 'image/png'],
    ['HTML in UTF-16', samples.utf16('<html>'), 'image/png'],
    ['HTML in big-endian UTF-16', samples.utf16('<html>').swap16(), 'image/png'],
    ['SVG whose names have a prefix', text('<s:svg xmlns:s="http://www.w3.org/2000/svg">'), 'image/png', 'image/*'],
    ['HTML with a PDF’s header in it', text('<html>%PDF-1.4'), 'application/pdf'],
    ['SVG', text('<svg onload="x">'), 'image/png'],
    ['SVG of an editor', samples.svg, 'image/webp'],
    ['SVG where images are allowed', text('<svg/onload=x>'), 'image/png', 'image/*'],
    ['XML', text('<?xml version="1.0"?><a/>'), 'image/png'],
    ['a ZIP', samples.zip('a'), 'image/jpeg'],
    ['a ZIP', samples.zip('a'), 'application/pdf'],
    ['a GIF', samples.gif, 'video/mp4'],
    ['a GIF of six letters', text('GIF89a'), 'video/mp4'],
    ['four bytes of a JPEG', hex('ffd8ffe0'), 'video/mp4'],
    ['a PNG', samples.png, 'application/pdf'],
    ['the first eight bytes of a PNG', samples.png.subarray(0, 8), 'video/mp4'],
    ['a BMP', samples.bmp, 'application/pdf'],
    ['a TIFF', samples.tiff(500_000), 'application/pdf'],
    ['a PDF', samples.pdf, 'image/png'],
    ['an MP4', samples.isoMedia('isom'), 'image/heic'],
    ['HEIC', samples.isoMedia('heic'), 'video/mp4'],
    ['MP3 with a tag', samples.id3(300_000), 'image/jpeg'],
    ['RTF', text('{\\rtf1'), 'application/pdf'],
    ['gzip', gzipSync('a'), 'image/png'],
    ['a WebP where JPEG and PNG are allowed', samples.webp, 'image/jpeg', 'image/jpeg,image/png'],
    ['a sound in MP4 where MP3 is allowed', samples.isoMedia('M4A '), 'audio/mpeg', 'audio/mpeg'],
    ['HTML where text is allowed', HTML, 'text/plain', 'text/plain'],
    ['HTML where CSV is allowed', HTML, 'text/csv', 'text/csv'],
    ['a PDF where text is allowed', samples.pdf, 'text/plain', 'text/*'],
    ['a PNG where ZIP is allowed', samples.png, 'application/zip', 'application/zip'],
    ['a ZIP where gzip is allowed', samples.zip('a'), 'application/gzip', 'application/gzip'],
    ['a ZIP where JSON is allowed', samples.zip('a'), 'application/json', 'application/json'],
    ['HTML where ZIP is allowed', HTML, 'application/zip', 'application/zip'],
    ['HTML where documents are allowed', HTML, DOCX, DOCX],
  ])('refuses %s (%#) under another type', async (_, bytes, claimed, policy) => {
    const { refusal } = await check(claimed, bytes, policy);
    expect(refusal).toMatch(/^the content is .+, not [\w.-]+\/[\w.+-]+(, and not allowed here)?$/);
  });

  it('accepts a photo under another image type, and detects its type', async () => {
    for (const [bytes, claimed, detected] of [
      [samples.webp, 'image/jpeg', 'image/webp'],
      [samples.isoMedia('heic', 'mif1'), 'image/jpeg', 'image/heic'],
      [samples.jpeg, 'image/heic', 'image/jpeg'],
      [samples.jpeg, 'image/png', 'image/jpeg'],
      [samples.png, 'image/x-icon', 'image/png'],
    ] as const) {
      expect(await check(claimed, bytes, 'image/*')).toEqual({ detected, refusal: null });
    }
  });

  it('accepts any bytes without an error', async () => {
    const begins = Object.values(samples).filter((value) => value instanceof Uint8Array);
    const bytes = fc
      .tuple(fc.constantFrom(hex(''), ...begins), fc.nat(), fc.uint8Array({ maxLength: 600 }), fc.nat())
      .map(([start, cut, rest, at]) => {
        const all = Buffer.concat([start.subarray(0, start.length === 0 ? 0 : cut % (start.length + 1)), rest]);
        // One wrong byte in the header.
        if (all.length > 0) all[at % Math.min(all.length, 64)] = cut & 0xff;
        return all;
      });
    const types = fc.constantFrom('image/png', 'application/pdf', 'text/plain', 'application/zip', 'x/y');
    await fc.assert(
      fc.asyncProperty(bytes, types, async (content, claimed) => {
        const { detected, refusal } = await check(claimed, content, 'image/*');
        expect(detected === null ? refusal === null : /^[\w.+-]+\/[\w.+-]+$/.test(detected)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});
