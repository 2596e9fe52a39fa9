// Bundles the page into infitalks/static/dist (hashed names, manifest.json, .gz beside each file),
// or, as `node build.mjs tests`, its unit tests for `node --test`. Not for: types; `npm run check` has those.
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, extname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import * as esbuild from "esbuild";
import { emojiData } from "./frontend/emojidata.mjs";

const DIST = "infitalks/static/dist";
const TESTS = "node_modules/.cache/infitalks";

const common = {
  bundle: true,
  format: "esm",
  logLevel: "warning",
  jsx: "automatic",
  jsxImportSource: "preact",
  plugins: [emojiData],
};

/**
 * Lets each part that the chat fetches later name all of its first view, which is there by then. Else what the one and
 * the other share of it would become a file of its own: two dozen small ones, in which little compresses.
 */
const oneFirstView = {
  name: "one first view",
  setup(build) {
    build.onResolve({ filter: /^\.\.?\// }, async ({ path, kind, resolveDir, importer, pluginData }) => {
      if (kind !== "dynamic-import" || pluginData === "asked" || importer.endsWith("frontend/settings.ts"))
        return;
      return {
        ...(await build.resolve(path, { kind, resolveDir, importer, pluginData: "asked" })),
        pluginData: "later",
      };
    });
    build.onLoad({ filter: /\.tsx?$/ }, async ({ path, pluginData }) => {
      if (pluginData !== "later") return;
      const contents = `import ${JSON.stringify(resolve("frontend/start.ts"))}; ${await readFile(path, "utf8")}`;
      return { contents, loader: extname(path).slice(1) };
    });
  },
};

async function buildPage() {
  await rm(DIST, { recursive: true, force: true });
  const { metafile } = await esbuild.build({
    ...common,
    entryPoints: [
      "frontend/app.ts",
      "frontend/settings.ts",
      "frontend/styles/app.css",
      "frontend/styles/plain.css",
    ],
    outdir: DIST,
    entryNames: "[name]-[hash]",
    chunkNames: "chunk-[name]-[hash]",
    plugins: [...common.plugins, oneFirstView],
    splitting: true,
    minify: true,
    sourcemap: true,
    metafile: true,
    target: ["es2022", "safari17.5", "firefox128", "chrome123"],
    // Its own minified build is smaller than what a bundler makes of the readable one.
    alias: { "pusher-js": "./node_modules/pusher-js/dist/web/pusher.min.js" },
  });
  const manifest = {};
  for (const [path, output] of Object.entries(metafile.outputs)) {
    if (!output.entryPoint?.startsWith("frontend/")) continue;
    const name = basename(output.entryPoint).replace(/\.tsx?$/, ".js");
    manifest[name] = [path, ...importedBy(path, metafile.outputs)].map((each) => basename(each));
  }
  await compress();
  // Last, so that a manifest always names files that are there.
  await writeFile(join(DIST, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
}

/** Every file that a browser needs before it can run this one. */
function importedBy(path, outputs, known = new Set()) {
  for (const { path: next, kind } of outputs[path].imports) {
    if (kind !== "import-statement" || known.has(next)) continue;
    importedBy(next, outputs, known.add(next));
  }
  return known;
}

async function compress() {
  for (const name of await readdir(DIST)) {
    if (!/\.(js|css)$/.test(name)) continue;
    const packed = await promisify(gzip)(await readFile(join(DIST, name)), { level: 9 });
    await writeFile(join(DIST, `${name}.gz`), packed);
    console.log(`${name} ${(packed.length / 1000).toFixed(1)} kB gzip`);
  }
}

async function buildTests() {
  await rm(TESTS, { recursive: true, force: true });
  await mkdir(TESTS, { recursive: true });
  const names = await readdir("frontend", { recursive: true });
  await esbuild.build({
    ...common,
    entryPoints: names.filter((name) => name.endsWith(".test.ts")).map((name) => join("frontend", name)),
    outdir: TESTS,
    entryNames: "[name]",
    outExtension: { ".js": ".mjs" },
    platform: "node",
    sourcemap: "inline",
  });
}

await (process.argv[2] === "tests" ? buildTests() : buildPage());
