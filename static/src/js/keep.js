// Keeping what is shown once.
//
//   data-copy="id"    a button that copies the text of the element, a line for each item
import { on, say } from "./page.js";

on("click", "[data-copy]", async (_, button) => {
  const source = document.getElementById(button.dataset.copy);
  const lines = [...source.children].map((item) => item.textContent.trim());
  try {
    await navigator.clipboard.writeText((lines.length > 0 ? lines : [source.textContent.trim()]).join("\n"));
  } catch {
    return say("The browser does not allow copying here.");
  }
  button.dataset.done = "1";
  say("Copied.");
  button.lastChild.textContent = " Copied ";
});

if (navigator.clipboard) for (const button of document.querySelectorAll("[data-copy]")) button.hidden = false;
