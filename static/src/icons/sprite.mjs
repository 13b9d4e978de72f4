// Builds the one SVG sprite out of Lucide's icons, the networks' marks and our own.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { lucide, marks } from "./icons.mjs";

// inner returns what stands inside a file's <svg>, on one line.
function inner(svg) {
  return svg
    .replace(/<!--[\s\S]*?-->/g, "")
    .replace(/^[\s\S]*?<svg[^>]*>/, "")
    .replace(/<\/svg>\s*$/, "")
    .replace(/<title>.*?<\/title>/, "")
    .replace(/\s*\n\s*/g, "");
}

async function symbol(id, file, attributes) {
  return `<symbol id="${id}" viewBox="0 0 24 24" ${attributes}>${inner(await readFile(file, "utf8"))}</symbol>`;
}

const line = 'fill="none" stroke="currentColor" stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round"';

// sprite returns the whole sprite; modules is the node_modules folder, own holds our drawings.
export async function sprite(modules, own) {
  const all = [
    ...lucide.map((entry) => {
      const [name, source] = Array.isArray(entry) ? entry : [entry, entry];
      return symbol(name, join(modules, "lucide-static/icons", `${source}.svg`), line);
    }),
    ...marks.map((name) => symbol(`net-${name}`, join(modules, "simple-icons/icons", `${name}.svg`), 'fill="currentColor"')),
    symbol("mark", join(own, "mark.svg"), 'fill="none" stroke="currentColor" stroke-width="2.25" stroke-linecap="round"'),
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg">\n${(await Promise.all(all)).join("\n")}\n</svg>\n`;
}
