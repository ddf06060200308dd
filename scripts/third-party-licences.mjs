import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Licences (SPDX) under which code may be bundled: they ask for no more than their text. */
const ALLOWED = ['0BSD', 'Apache-2.0', 'BlueOak-1.0.0', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', 'MIT'];

/**
 * The licence texts of the packages in a bundle, each text once, below the packages it belongs to.
 * @param metafile of esbuild.
 * @throws naming every package whose licence is not allowed, or whose text is not found.
 */
export function thirdPartyLicences(metafile) {
  const packages = packagesIn(metafile);
  const refused = packages.filter(({ license, texts }) => !ALLOWED.includes(license) || texts.length === 0);
  if (refused.length > 0) {
    const list = refused.map(({ title, license, texts }) => `${title}: ${license}, ${texts.length} texts`);
    throw new Error(`these packages cannot be bundled:\n${list.join('\n')}`);
  }
  const titlesOf = new Map();
  for (const { title, texts } of packages) {
    for (const text of texts) titlesOf.set(text, [...(titlesOf.get(text) ?? []), title]);
  }
  const sections = [...titlesOf].map(([text, titles]) => `${titles.join('\n')}\n\n${text}\n`);
  return `Signpost contains code of these packages.\n\n${sections.join(`\n${'-'.repeat(80)}\n\n`)}`;
}

/**
 * The packages in a bundle as a bill of materials (CycloneDX 1.5, JSON): what is shipped, not what builds and tests it.
 * @param metafile of esbuild.
 * @param manifest the `package.json` of what is shipped.
 */
export function billOfMaterials(metafile, { name, version, license }) {
  const component = (of) => {
    const purl = `pkg:npm/${of.name.replace('@', '%40')}@${of.version}`;
    return { 'bom-ref': purl, type: 'library', name: of.name, version: of.version, ...licensed(of.license), purl };
  };
  const licensed = (id) => ({ licenses: [{ license: { id } }] });
  const components = packagesIn(metafile).map(component);
  const metadata = { component: component({ name, version, license }) };
  const bill = { bomFormat: 'CycloneDX', specVersion: '1.5', version: 1, metadata, components };
  return `${JSON.stringify(bill, null, 1)}\n`;
}

/** @throws naming the packages in a bundle that are not in the text of `thirdPartyLicences`. */
export function requireListed(metafile, licences) {
  const missing = packagesIn(metafile).filter(({ title }) => !licences.split('\n').includes(title));
  if (missing.length > 0) throw new Error(`no licence text of ${missing.map(({ title }) => title).join(', ')}`);
}

function packagesIn({ outputs }) {
  const inputs = Object.values(outputs).flatMap(({ inputs }) => Object.keys(inputs));
  const folders = inputs.map((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0]);
  const read = [...new Set(folders.filter((folder) => folder !== undefined))].sort().map(readPackage);
  const apache = read.find(({ license, texts }) => license === 'Apache-2.0' && texts.length > 0);
  // The text of this licence names no one, so a package that left it out has the same.
  return read.map((each) =>
    each.license === 'Apache-2.0' && each.texts.length === 0 ? { ...each, texts: apache?.texts ?? [] } : each,
  );
}

function readPackage(folder) {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const named = (pattern) => readdirSync(folder).filter((file) => pattern.test(file));
  const textOf = (file) => readFileSync(join(folder, file), 'utf8').replaceAll('\r\n', '\n').trim();
  const texts = named(/^(licen[cs]e|copying|notice)/i).map(textOf);
  // Some have their licence in the README only, below its last heading.
  const inReadme = named(/^readme/i)
    .map((file) => /\n#+ *licen[cs]e\s.*$/is.exec(textOf(file))?.[0].trim())
    .filter((text) => text !== undefined);
  const title = `${name} ${version} (${license})`;
  return { title, name, version, license, texts: texts.length > 0 ? texts : inReadme };
}
