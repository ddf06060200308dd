/** The styles of `/docs`: light or dark as the system is, and one column on narrow screens. */
export const DOCS_STYLE = `
:root {
  color-scheme: light dark;
  --paper: light-dark(#f6f4ee, #11161a); --surface: light-dark(#fff, #1a2127);
  --ink: light-dark(#1b2429, #e9edef); --muted: light-dark(#57636b, #a3afb8);
  --line: light-dark(#e2ddd1, #2e3941); --accent: light-dark(#0d6b5b, #5fd3b6);
  font: 100% / 1.5 ui-sans-serif, system-ui, sans-serif; color: var(--ink); background: var(--paper);
}
*, ::before, ::after { box-sizing: border-box; }
body { margin: 0; display: grid; grid-template-columns: 20rem minmax(0, 54rem); }
nav { position: sticky; top: 0; height: 100vh; overflow: auto; padding: 1.5rem 1rem;
  border-right: 1px solid var(--line); }
nav ul { list-style: none; margin: 0 0 1rem; padding: 0; }
nav a { display: block; padding: 0.15rem 0; overflow-wrap: anywhere; }
main { padding: 1.5rem clamp(0.75rem, 3vw, 2.5rem) 4rem; }
a { color: var(--accent); text-decoration: none; }
a:hover { text-decoration: underline; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
h2 { margin: 2.5rem 0 0; }
h3 { margin: 0; font-size: 1.05rem; overflow-wrap: anywhere; }
p { margin: 0.5rem 0; }
small, i { color: var(--muted); font-style: normal; }
section { margin: 1rem 0; padding: 1rem; background: var(--surface);
  border: 1px solid var(--line); border-radius: 0.75rem; }
section:target { border-color: var(--accent); }
.method { color: var(--accent); }
table { width: 100%; border-collapse: collapse; margin: 0.5rem 0; table-layout: fixed; }
caption { text-align: left; font-weight: 600; }
th, td { padding: 0.35rem 0.5rem 0.35rem 0; border-top: 1px solid var(--line); vertical-align: top; text-align: left;
  overflow-wrap: anywhere; font-weight: 400; }
th { width: 32%; }
td th { width: 40%; }
ul { padding-left: 1.25rem; margin: 0.5rem 0; }
details { margin: 0.5rem 0; }
summary { cursor: pointer; overflow-wrap: anywhere; padding: 0.25rem 0; }
code, pre { font: 0.875em / 1.45 ui-monospace, monospace; }
pre { overflow: auto; max-height: 24rem; padding: 0.75rem; margin: 0.5rem 0; background: var(--paper);
  border: 1px solid var(--line); border-radius: 0.5rem; }
@media (max-width: 60rem) {
  body { display: block; }
  nav { position: static; height: auto; max-height: 40vh; border: 0; border-bottom: 1px solid var(--line); }
  th, td { display: block; width: auto; }
  td { border: 0; padding-top: 0; }
}
`;
