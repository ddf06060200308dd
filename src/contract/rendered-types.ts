import { usualName } from './media-type.ts';

/**
 * Types that a browser or its media player shows, by the kind of content that it expects. An explicit list instead of
 * `image/*` and so on: other types of these families are reported for unrelated files (`audio/x-musepack` for a project
 * plan .mpp, `video/mp2t` for TypeScript, `video/x-ms-asf` for a playlist), and SVG runs scripts.
 */
const RENDERED = {
  image: [
    'image/png',
    'image/apng',
    'image/jpeg',
    'image/gif',
    'image/webp',
    'image/avif',
    'image/bmp',
    'image/x-icon',
    'image/tiff',
    'image/heic',
    'image/heif',
    'image/heic-sequence',
    'image/heif-sequence',
    'image/jxl',
    'image/jp2',
  ],
  media: [
    'audio/mpeg',
    'audio/mp4',
    'audio/aac',
    'audio/ogg',
    'audio/opus',
    'audio/webm',
    'audio/wav',
    'audio/flac',
    'audio/aiff',
    'audio/midi',
    'audio/amr',
    'audio/3gpp',
    'audio/3gpp2',
    'audio/x-matroska',
    'audio/x-ms-wma',
    'video/mp4',
    'video/webm',
    'video/ogg',
    'video/quicktime',
    'video/3gpp',
    'video/3gpp2',
    'video/matroska',
    'video/mpeg',
    'video/x-msvideo',
    'video/x-ms-wmv',
    'video/x-flv',
    'application/ogg',
  ],
  document: ['application/pdf'],
} as const;

/** The kind of content of a type; `other` for all but images, audio, video and PDF. */
type ContentKind = keyof typeof RENDERED | 'other';

const RENDERED_KINDS = new Map<string, ContentKind>(
  Object.entries(RENDERED).flatMap(([kind, types]) => types.map((type) => [type, kind as ContentKind] as const)),
);

/** Audio and video types with another prefix. */
const MEDIA = new Set(['application/ogg', 'application/mxf', 'application/vnd.rn-realmedia']);

/** Types always shown as plain text. */
const SHOWN_AS_TEXT = new Set(['application/json', 'text/plain', 'text/csv']);

/** Whether browsers show files of this type. */
export function isRendered(contentType: string): boolean {
  return RENDERED_KINDS.has(usualName(contentType));
}

/** The kind of content of any type. */
export function kindOf(contentType: string): ContentKind {
  const type = usualName(contentType);
  if (type === 'image/svg+xml') return 'other';
  if (type.startsWith('image/')) return 'image';
  if (type.startsWith('audio/') || type.startsWith('video/') || MEDIA.has(type)) return 'media';
  return RENDERED_KINDS.get(type) ?? 'other';
}

/**
 * Whether a browser may safely show this type in its window: it runs nothing in it, so not HTML, SVG, XML or scripts.
 */
export function isInlineSafe(contentType: string): boolean {
  return isRendered(contentType) || SHOWN_AS_TEXT.has(usualName(contentType));
}
