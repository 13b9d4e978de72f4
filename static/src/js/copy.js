// Keeping what is shown on the page, and perhaps only once.
//
//   data-copy="id"       a button that copies the text of the element or field, a line for each item
//   data-save="id"       a button that saves the same text as a file,
//   data-save-as="name"  of that name,
//   data-save-head="…"   below these words
//   data-print           a button that prints the page
import { on, say } from "./page.js";
import { toast } from "./toasts.js";

on("click", "[data-copy]", async (_, button) => {
  const source = document.getElementById(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(textOf(source));
  } catch {
    // Not over plain http, or forbidden by the browser.
    select(source);
    toast({ tone: "info", text: "Selected: copy it with the keyboard." });
    return;
  }
  button.lastChild.textContent = " Copied ";
  say("Copied.");
});

on("click", "[data-save]", (_, button) => {
  const { save, saveAs, saveHead } = button.dataset;
  const text = `${saveHead}\n\n${textOf(document.getElementById(save))}\n`;
  const href = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  Object.assign(document.createElement("a"), { href, download: saveAs }).click();
  setTimeout(() => URL.revokeObjectURL(href), 60_000); // some browsers read it only when they are told where to save
});

on("click", "[data-print]", () => window.print());

function textOf(source) {
  if (source.matches("input, textarea")) return source.value;
  const lines = [...source.children].map((item) => item.textContent.trim());
  return lines.length > 0 ? lines.join("\n") : source.textContent.trim();
}

function select(source) {
  if (source.select) source.select();
  else getSelection().selectAllChildren(source);
}
