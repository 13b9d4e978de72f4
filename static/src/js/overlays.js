// Dialogs and the side panel.
//
//   data-open="id"    opens the <dialog> with that id (or unhides the panel)
//   data-close        closes the dialog or panel it stands in
//   data-panel        the side panel: shown when htmx puts something into it,
//                     emptied and hidden when it is closed
//   data-open-now     on a dialog: it is opened as soon as it arrives
//
// Both give the focus back to what opened them.
import { on } from "./page.js";

let opener = null;

export function openDialog(dialog, from = document.activeElement) {
  if (dialog.open) return;
  dialog.addEventListener("close", () => from?.isConnected && from.focus(), { once: true });
  dialog.showModal();
  if (!dialog.querySelector("[autofocus]")) dialog.querySelector(".dialog-body :is(input, textarea, select), h2")?.focus();
}

on("click", "[data-open]", (event, button) => {
  const wanted = document.getElementById(button.dataset.open);
  if (!wanted) return;
  event.preventDefault();
  if (wanted instanceof HTMLDialogElement) openDialog(wanted, button);
  else wanted.hidden = false;
});

on("click", "[data-close]", (event, button) => {
  const dialog = button.closest("dialog");
  const panel = button.closest("[data-panel]");
  if (!dialog && !panel) return;
  event.preventDefault();
  if (dialog) dialog.close();
  else closePanel(panel);
});

// A click on the backdrop is a click on the dialog itself, outside of its box.
on("mousedown", "dialog[open]", (event, dialog) => {
  if (event.target !== dialog) return;
  const box = dialog.getBoundingClientRect();
  const inside = event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
  if (!inside && !dialog.hasAttribute("data-stay")) dialog.close();
});

export function closePanel(panel) {
  if (!panel || panel.hidden) return;
  panel.hidden = true;
  panel.replaceChildren();
  document.querySelectorAll("[data-in-panel]").forEach((row) => row.removeAttribute("data-in-panel"));
  if (opener?.isConnected) opener.focus();
  opener = null;
}

document.addEventListener("htmx:beforeRequest", (event) => {
  const { target, elt } = event.detail;
  if (target?.hasAttribute?.("data-panel") && !target.contains(elt)) opener = elt;
});

document.addEventListener("htmx:afterSwap", (event) => {
  const panel = event.detail.target;
  if (!panel?.hasAttribute?.("data-panel") || !panel.firstElementChild) return;
  const fresh = panel.hidden;
  panel.hidden = false;
  if (fresh) panel.querySelector("h2, [autofocus]")?.focus();
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.defaultPrevented || document.querySelector("dialog[open], details[data-menu][open]")) return;
  const panel = document.querySelector("[data-panel]:not([hidden])");
  if (panel) closePanel(panel);
});

const openNow = (root) => root.querySelectorAll?.("dialog[data-open-now]").forEach((dialog) => openDialog(dialog));
document.addEventListener("htmx:load", (event) => openNow(event.detail.elt.parentElement ?? event.detail.elt));
