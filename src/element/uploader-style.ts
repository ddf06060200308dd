/** The element's look. Its colours follow the `color-scheme` of the page; `--signpost-*` of the page replace them. */
export const UPLOADER_STYLE = `
:host {
  --surface: var(--signpost-surface, light-dark(#ffffff, #1a2127));
  --ink: var(--signpost-ink, light-dark(#1b2429, #e9edef));
  --muted: var(--signpost-muted, light-dark(#57636b, #a3afb8));
  --line: var(--signpost-line, light-dark(#8b8676, #6b7882));
  --soft-line: var(--signpost-soft-line, light-dark(#e2ddd1, #2e3941));
  --accent: var(--signpost-accent, light-dark(#0d6b5b, #5fd3b6));
  --on-accent: var(--signpost-on-accent, light-dark(#ffffff, #05231c));
  --danger: var(--signpost-danger, light-dark(#a8261f, #ff9d94));
  --radius: var(--signpost-radius, 0.875rem);
  display: block;
  container-type: inline-size;
  font: var(--signpost-font, 1rem / 1.5 system-ui, sans-serif);
  color: var(--ink);
}
:host([hidden]), [hidden] { display: none !important; }
* { box-sizing: border-box; margin: 0; padding: 0; }
svg { flex: none; width: 1.375rem; height: 1.375rem; fill: none; stroke: currentColor; stroke-width: 1.6;
  stroke-linecap: round; stroke-linejoin: round; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.drop { display: flex; flex-wrap: wrap; gap: 0.75rem 1rem; align-items: center; padding: 1.25rem;
  border: 2px dashed var(--line); border-radius: var(--radius); background: var(--surface); }
.drop.over { border-color: var(--accent); border-style: solid; }
.drop > svg { color: var(--accent); width: 2rem; height: 2rem; }
.words { flex: 1 1 12rem; min-width: 0; }
.lead { font-weight: 600; }
.hint, .status, .total, .problem { font-size: 0.875em; color: var(--muted); font-variant-numeric: tabular-nums;
  overflow-wrap: anywhere; }
.problem, [data-state='failed'] .status { color: var(--danger); }
.button { min-height: 2.75rem; padding: 0.375rem 1rem; border: 1px solid var(--line);
  border-radius: calc(var(--radius) * 0.8); font: inherit; font-weight: 600; color: inherit; background: transparent;
  cursor: pointer; }
.button:hover { border-color: var(--ink); }
.button:disabled { opacity: 0.6; cursor: not-allowed; }
.button.choose { border-color: transparent; color: var(--on-accent); background: var(--accent); }
.bar { display: flex; flex-wrap: wrap; gap: 0.25rem 0.5rem; align-items: center; }
.total { flex: 1 1 10rem; }
.bar .button, .retry { min-height: 2.25rem; padding-inline: 0.75rem; font-size: 0.875em; }
.list { max-height: var(--signpost-list-height, 27rem); overflow-y: auto; list-style: none;
  border: 1px solid var(--soft-line); border-radius: var(--radius); background: var(--surface); }
.item { display: flex; gap: 0.75rem; align-items: center; min-height: 4.25rem; padding: 0.625rem 0.75rem;
  content-visibility: auto; contain-intrinsic-height: auto 4.25rem; }
.item + .item { border-top: 1px solid var(--soft-line); }
.preview { position: relative; display: grid; flex: none; place-items: center; width: 2.75rem; height: 2.75rem;
  overflow: hidden; border-radius: calc(var(--radius) * 0.6); color: var(--muted);
  background: color-mix(in srgb, currentColor 14%, transparent); }
.preview img { position: absolute; inset: 0; width: 100%; height: 100%; object-fit: cover; }
.what { display: grid; flex: 1; gap: 0.25rem; min-width: 0; line-height: 1.35; }
.name { display: -webkit-box; overflow: hidden; font-weight: 600; overflow-wrap: anywhere;
  -webkit-box-orient: vertical; -webkit-line-clamp: 2; }
.actions { display: flex; flex: none; gap: 0.125rem; align-items: center; }
.icon-button { display: grid; place-items: center; width: 2.5rem; height: 2.5rem; border: 0;
  border-radius: calc(var(--radius) * 0.8); color: var(--muted); background: transparent; cursor: pointer; }
.icon-button:hover { color: var(--accent); background: color-mix(in srgb, currentColor 12%, transparent); }
.icon-button.remove:hover { color: var(--danger); }
progress { width: 100%; height: 0.375rem; border: 0; border-radius: 1rem; overflow: hidden;
  color: var(--accent); background: var(--soft-line); appearance: none; }
progress::-webkit-progress-bar { background: var(--soft-line); }
progress::-webkit-progress-value { border-radius: 1rem; background: var(--accent); }
progress::-moz-progress-bar { border-radius: 1rem; background: var(--accent); }
.bar, .list, .more { margin-top: 0.75rem; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@container (max-width: 26rem) {
  .drop > svg, .preview { display: none; }
  .drop .button { flex: 1 0 auto; }
  .total { flex-basis: 100%; }
  .item:has(.retry:not([hidden])) { flex-wrap: wrap; justify-content: flex-end; }
  .item:has(.retry:not([hidden])) .what { flex-basis: 100%; }
}
@media (forced-colors: active) {
  progress { border: 1px solid; }
  .button.choose { border-color: currentColor; }
}
`;
