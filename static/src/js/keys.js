// Keyboard shortcuts. data-key="c" on a link, button or field: the key follows,
// presses or focuses it. "?" opens the dialog #shortcuts. Keys are left alone
// while somebody types, with a modifier, and behind an open dialog.
import { openDialog } from "./overlays.js";

const typing = (element) => element?.closest?.("input:not([type=checkbox],[type=radio]), textarea, select, [contenteditable]");
const shown = (element) => element.getClientRects().length > 0;

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (typing(event.target) || document.querySelector("dialog[open]")) return;
  if (event.key === "?") {
    const dialog = document.getElementById("shortcuts");
    if (!dialog) return;
    event.preventDefault();
    return openDialog(dialog);
  }
  if (event.key.length !== 1) return;
  const found = [...document.querySelectorAll(`[data-key="${CSS.escape(event.key)}"]`)].find(shown);
  if (!found) return;
  event.preventDefault();
  if (typing(found)) found.focus();
  else found.click();
});
