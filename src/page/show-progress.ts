import { find } from './dom.ts';
import { formatPercent } from './format.ts';
import { texts } from './texts.ts';

/** The circumference of the ring around the icon. */
const RING = 88;

let shown = '';
let iconUrl = '';

/**
 * Shows the progress in the window's title and icon, for a user who looks at another tab.
 * @param share from 0 to 1; null when nothing is under way.
 */
export function showProgress(share: number | null, isFailed: boolean): void {
  const percent = share === null ? '' : formatPercent(share, 1);
  const next = `${percent}${isFailed}`;
  if (next === shown) return;
  shown = next;
  document.title = share === null ? texts.name : texts.title(percent);
  const icon = find(document, 'link[rel=icon]', HTMLLinkElement);
  URL.revokeObjectURL(iconUrl);
  iconUrl = share === null && !isFailed ? '' : URL.createObjectURL(draw(share ?? 1, isFailed));
  icon.href = iconUrl === '' ? '/demo/icon.svg' : iconUrl;
}

function draw(share: number, isFailed: boolean): Blob {
  const color = isFailed ? '#d0453c' : '#1d9a83';
  const ring = `<circle cx="16" cy="16" r="14" fill="none" stroke-width="4" transform="rotate(-90 16 16)"`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">
    ${ring} stroke="#8886"/>
    ${ring} stroke="${color}" stroke-dasharray="${RING * share} ${RING}"/>
    <path d="M16 23V11M11 15l5-5 5 5" fill="none" stroke="${color}" stroke-width="3"/>
  </svg>`;
  return new Blob([svg], { type: 'image/svg+xml' });
}
