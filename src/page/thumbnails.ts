import type { Files, StoredFile } from '../client/create-signpost.ts';
import { createLimit } from '../client/limit.ts';
import { pageStorage } from '../client/upload-memory.ts';
import { find } from './dom.ts';

/** Types that every browser can draw, and that cannot contain scripts. */
const TYPES = ['image/png', 'image/jpeg', 'image/gif', 'image/webp', 'image/avif'];

/** Of a thumbnail: twice its size on the page, for dense screens. */
const SIDE_PX = 88;

/** A larger picture stays an icon: decoded, it takes four bytes a pixel. */
const MAX_PIXELS = 50_000_000;

/** The largest file that is downloaded for its thumbnail. */
const MAX_DOWNLOAD_BYTES = 2 * 1024 ** 2;

/** How many thumbnails are kept, at 31 kB each. */
const KEPT = 500;

const STORED_AS = 'signpost-demo:thumbnails';

type Row = { file: StoredFile; tile: HTMLElement };

/**
 * Shows pictures instead of icons in the rows that are seen: of what this page uploaded or previewed. The others would
 * have to be downloaded, and every download is in the audit log, so that happens only if the user asks for it.
 */
export function createThumbnails({ download }: Pick<Files, 'download'>) {
  const box = find(document, '#thumbnails', HTMLInputElement);
  const uploaded = new Map<string, Blob>();
  /** null: it cannot be drawn. */
  const drawn = new Map<string, HTMLCanvasElement | null>();
  const rows = new Map<Element, Row>();
  const limit = createLimit(2);

  const keep = ({ fileId }: StoredFile, picture: HTMLCanvasElement | null) => {
    uploaded.delete(fileId);
    drawn.set(fileId, picture);
    for (const oldest of drawn.keys()) if (drawn.size > KEPT) drawn.delete(oldest);
  };
  const read = async ({ fileId, contentType, size }: StoredFile): Promise<Blob | null> => {
    const own = uploaded.get(fileId);
    if (own !== undefined) return own;
    if (!box.checked || size > MAX_DOWNLOAD_BYTES) return null;
    return new Blob([await download(fileId)], { type: contentType });
  };
  const show = async ({ file, tile }: Row) => {
    if (!drawn.has(file.fileId)) {
      const blob = await read(file).catch(() => null);
      if (blob === null) return;
      // Without a picture the icon stays.
      keep(file, await drawBlob(blob).catch(() => null));
    }
    const picture = drawn.get(file.fileId);
    if (picture) tile.append(picture);
  };
  const observer = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      const row = rows.get(target);
      if (!target.isConnected) rows.delete(target);
      else if (isIntersecting && row?.tile.querySelector('canvas') === null) void limit(() => show(row));
    }
  });

  const storage = pageStorage();
  box.checked = (storage?.getItem(STORED_AS) ?? null) !== null;
  box.addEventListener('change', () => {
    // Observing a row again reports whether it is seen.
    observer.disconnect();
    for (const element of rows.keys()) observer.observe(element);
    // Last, because a full storage throws.
    if (box.checked) storage?.setItem(STORED_AS, 'all');
    else storage?.removeItem(STORED_AS);
  });

  return {
    /** Keeps an uploaded picture, so that its thumbnail needs no download. */
    offer: (file: StoredFile, blob: Blob | null): void => {
      if (blob !== null && isPicture(file)) uploaded.set(file.fileId, blob);
    },
    /** Shows the file's thumbnail in this tile when its row is seen. */
    watch: (element: HTMLElement, file: StoredFile, tile: HTMLElement): void => {
      if (!isPicture(file)) return;
      rows.set(element, { file, tile });
      observer.observe(element);
    },
    /** Makes the thumbnail from a picture that the preview shows. */
    take: (file: StoredFile, image: HTMLImageElement): void => {
      image.addEventListener('load', () => {
        const square = squareOf(image);
        if (square === null || drawn.get(file.fileId)) return;
        keep(
          file,
          draw((context) => context.drawImage(image, ...square, 0, 0, SIDE_PX, SIDE_PX)),
        );
        for (const row of rows.values()) if (row.file.fileId === file.fileId) void show(row);
      });
    },
  };
}

function isPicture({ contentType, status, encryption }: StoredFile): boolean {
  return status === 'active' && encryption === null && TYPES.includes(contentType.split(';')[0]?.trim() ?? '');
}

/** The largest square in the middle. */
function squareOf({ naturalWidth: width, naturalHeight: height }: HTMLImageElement) {
  const side = Math.min(width, height);
  if (side === 0 || width * height > MAX_PIXELS) return null;
  return [(width - side) / 2, (height - side) / 2, side, side] as const;
}

async function drawBlob(blob: Blob): Promise<HTMLCanvasElement | null> {
  const square = squareOf(await loadImage(blob));
  if (square === null) return null;
  // From a blob, not from the image: then browsers decode it in the background.
  const bitmap = await createImageBitmap(blob, ...square, {
    resizeWidth: SIDE_PX,
    resizeHeight: SIDE_PX,
    resizeQuality: 'medium',
  });
  return draw((context) => context.drawImage(bitmap, 0, 0, SIDE_PX, SIDE_PX));
}

/** The image with its size, which is known before it is decoded. */
async function loadImage(blob: Blob): Promise<HTMLImageElement> {
  const image = new Image();
  const url = URL.createObjectURL(blob);
  try {
    await new Promise((resolve, reject) => {
      image.addEventListener('load', resolve);
      image.addEventListener('error', reject);
      image.src = url;
    });
    return image;
  } finally {
    URL.revokeObjectURL(url);
  }
}

function draw(paint: (context: CanvasRenderingContext2D) => void): HTMLCanvasElement {
  const canvas = document.createElement('canvas');
  canvas.width = SIDE_PX;
  canvas.height = SIDE_PX;
  const context = canvas.getContext('2d');
  if (context !== null) paint(context);
  return canvas;
}
