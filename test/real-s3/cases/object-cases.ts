import type { Step } from '../compare-stores.ts';
import { type Case, contentMd5, describe, put } from './case.ts';

export function headerCases(): Case[] {
  const kept: Record<string, string>[] = [
    {},
    { 'content-type': 'text/plain' },
    { 'content-type': 'text/plain; charset=utf-8' },
    { 'content-type': '' },
    { 'cache-control': 'max-age=60' },
    { 'content-disposition': 'attachment; filename="a b.txt"' },
    { 'content-encoding': 'gzip' },
    { 'content-language': 'de' },
    { expires: 'Thu, 01 Dec 2044 16:00:00 GMT' },
    { 'x-amz-meta-a': 'b' },
    { 'x-amz-meta-a': 'b', 'x-amz-meta-c': 'd e' },
    { 'x-amz-meta-a': '' },
    { 'x-amz-meta-long': 'x'.repeat(1500) },
    { 'x-amz-meta-long': 'x'.repeat(2100) },
    { 'x-amz-tagging': 'a=b&c=d' },
    { 'x-amz-tagging': 'a=b&a=d' },
    { 'x-amz-storage-class': 'STANDARD' },
    { 'x-custom': 'ignored' },
  ];
  const bodies = ['', 'x', 'hello', '\u0000\r\n'];
  return [
    ...kept.map((headers, index) => stored(`PutObject with ${describe(headers)}`, `h${index}`, 'hello', headers)),
    ...bodies.map((text, index) => stored(`PutObject of ${JSON.stringify(text)}`, `b${index}`, text, {})),
    stored('PutObject with its MD5', 'md5', 'hello', contentMd5('hello')),
    stored('PutObject with another MD5', 'md5-other', 'hello', contentMd5('other')),
    stored('PutObject with a malformed MD5', 'md5-none', 'hello', { 'content-md5': 'x' }),
    { name: 'PutObject over another', steps: [put('over', 'one'), put('over', 'second'), { at: '/over' }] },
    { name: 'response-* parameters', steps: [put('response'), ...responseOverrides()] },
  ];
}

/** A PUT, then a GET and a HEAD of the object. */
function stored(name: string, key: string, text: string, headers: Record<string, string>): Case {
  return { name, steps: [put(key, text, headers), { at: `/${key}` }, { method: 'HEAD', at: `/${key}` }] };
}

function responseOverrides(): Step[] {
  return [
    'content-type',
    'content-disposition',
    'cache-control',
    'content-language',
    'content-encoding',
    'expires',
  ].map((name) => ({ at: `/response?response-${name}=overridden%20so` }));
}

export function keyCases(): Case[] {
  const names = [
    'a%20b',
    'a%2Bb',
    'a+b',
    'a%2520b',
    'a//b',
    '/a',
    'a/',
    '%2E%2E/x',
    './x',
    '%C3%BC',
    '%F0%9F%98%80',
    '%27%28%29%2A%21',
    'a%26b%3Dc',
    'a%3Fb',
    `${'k'.repeat(1024)}`,
    `${'k'.repeat(1025)}`,
    'a%0Ab',
    'a%3Cb%3E',
  ];
  return names.map((name) => ({
    name: `the key ${name.slice(0, 20)} of ${name.length}`,
    steps: [put(name), { at: `/${name}` }, { method: 'DELETE', at: `/${name}` }, { at: `/${name}` }],
  }));
}
