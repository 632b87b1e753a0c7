// Bundles each library into one module beside this folder, with the licences of all that is in it.
// npm checks every package against the SHA-512 hash in package-lock.json: `npm ci && npm run build`.
import { build } from 'esbuild';
import { copyFile, mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import path from 'node:path';

const here = import.meta.dirname;
const out = path.join(here, '..');
const tests = path.join(here, '../../../../../../tests/e2e/axe');
const hashes = {};
const packages = new Set();

for (const name of ['echarts', 'virtual', 'codemirror']) {
  const outfile = path.join(out, `${name}.js`);
  const { metafile } = await build({
    entryPoints: [path.join(here, `${name}.js`)],
    outfile,
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    legalComments: 'none',
    metafile: true,
    absWorkingDir: here,
    logLevel: 'warning',
    define: { 'process.env.NODE_ENV': '"production"' },
  });
  for (const input of Object.keys(metafile.inputs)) {
    const found = input.match(/node_modules\/((?:@[^/]+\/)?[^/]+)\//);
    if (found) packages.add(found[1]);
  }
  const digest = createHash('sha384')
    .update(await readFile(outfile))
    .digest('base64');
  hashes[`${name}.js`] = `sha384-${digest}`;
}

const texts = [];
for (const name of [...packages].sort()) {
  const folder = path.join(here, 'node_modules', name);
  const { version, license } = JSON.parse(await readFile(path.join(folder, 'package.json'), 'utf8'));
  const entries = await readdir(folder, { withFileTypes: true });
  const files = entries
    .filter((e) => e.isFile() && /^(licen[cs]e|notice)/i.test(e.name))
    .map((e) => e.name)
    .sort();
  const bodies = await Promise.all(files.map((file) => readFile(path.join(folder, file), 'utf8')));
  texts.push(`${name} ${version} (${license})\n\n${bodies.map((text) => text.trim()).join('\n\n')}\n`);
}
await writeFile(path.join(out, 'LICENSES.txt'), texts.join(`\n${'-'.repeat(80)}\n\n`));
await writeFile(path.join(out, 'integrity.json'), `${JSON.stringify(hashes, null, 2)}\n`);

// what the browser tests check accessibility with; never served
await mkdir(tests, { recursive: true });
await copyFile(path.join(here, 'node_modules/axe-core/axe.min.js'), path.join(tests, 'axe.min.js'));
await copyFile(path.join(here, 'node_modules/axe-core/LICENSE'), path.join(tests, 'LICENSE'));
