// Builds everything that the browser gets into static/dist: app.css, app.js,
// the fonts, the icon sprite and the favicon. "--watch" keeps at it.
import { spawn } from "node:child_process";
import { copyFile, mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import esbuild from "esbuild";
import { sprite } from "./icons/sprite.mjs";

const src = dirname(fileURLToPath(import.meta.url));
const root = join(src, "../..");
const dist = join(src, "../dist");
const modules = join(root, "node_modules");
const watch = process.argv.includes("--watch");

const scriptBudget = 60_000; // bytes, gzipped: htmx, its extensions and our own

await mkdir(dist, { recursive: true });
await Promise.all([styles(), scripts(), fonts(), icons()]);
if (!watch) await report();

// styles runs Tailwind on its own command line, from the project's root, where its config looks for templates.
function styles() {
  const cli = join(modules, "@tailwindcss/cli/dist/index.mjs");
  const args = [cli, "-i", join(src, "css/app.css"), "-o", join(dist, "app.css"), "--minify"];
  if (watch) args.push("--watch=always");
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: root, stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    child.stderr.on("data", (text) => (watch ? process.stderr.write(text) : (said += text)));
    child.on("error", reject);
    child.on("exit", (code) => (code === 0 ? resolve() : reject(new Error(`tailwindcss ended with ${code}:\n${said}`))));
  });
}

async function scripts() {
  const options = {
    entryPoints: [join(src, "js/app.js")],
    outfile: join(dist, "app.js"),
    bundle: true,
    minify: true,
    format: "iife",
    target: ["chrome111", "firefox128", "safari16.4"],
    legalComments: "none",
    logLevel: "warning",
  };
  if (!watch) return esbuild.build(options);
  const context = await esbuild.context(options);
  await context.watch();
}

async function fonts() {
  const files = join(modules, "@fontsource-variable/inter/files");
  for (const subset of ["latin", "latin-ext"]) {
    await copyFile(join(files, `inter-${subset}-wght-normal.woff2`), join(dist, `inter-${subset}.woff2`));
  }
}

async function icons() {
  const next = join(dist, ".sprite.svg");
  await writeFile(next, await sprite(modules, join(src, "icons")));
  await rename(next, join(dist, "sprite.svg"));
  await copyFile(join(src, "icons/favicon.svg"), join(dist, "favicon.svg"));
}

async function report() {
  for (const name of ["app.css", "app.js", "sprite.svg", "inter-latin.woff2", "inter-latin-ext.woff2"]) {
    const bytes = await readFile(join(dist, name));
    const zipped = gzipSync(bytes, { level: 9 }).length;
    const size = name.endsWith(".woff2") ? bytes.length : zipped;
    console.log(`static/dist/${name.padEnd(22)} ${String(bytes.length).padStart(7)} bytes, ${size} on the way`);
    if (name === "app.js" && zipped > scriptBudget) {
      throw new Error(`app.js is ${zipped} bytes on the way, its budget is ${scriptBudget}`);
    }
  }
}
