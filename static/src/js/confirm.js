// Asking before something is lost. A form, link or htmx element with
//
//   data-confirm="Delete “Autumn menu”?"   the question, naming what goes
//   data-confirm-text="…"                  a sentence below it (optional)
//   data-confirm-action="Delete post"      the word on the button
//
// is held until the person says yes in the page's dialog #confirm.
import { openDialog } from "./overlays.js";

function ask(source) {
  const dialog = document.getElementById("confirm");
  const button = dialog.querySelector("[data-confirm-yes]");
  dialog.querySelector("[data-confirm-question]").textContent = source.dataset.confirm;
  const text = dialog.querySelector("[data-confirm-note]");
  text.textContent = source.dataset.confirmText ?? "";
  text.hidden = !source.dataset.confirmText;
  button.textContent = source.dataset.confirmAction ?? "Go on";
  dialog.returnValue = "";
  openDialog(dialog);
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

document.addEventListener("htmx:confirm", async (event) => {
  const source = event.detail.elt.closest("[data-confirm]");
  if (!source) return;
  event.preventDefault();
  if (await ask(source)) event.detail.issueRequest(true);
});

const asked = new WeakSet();
const byHtmx = (element) => element.matches("[hx-get],[hx-post],[hx-put],[hx-patch],[hx-delete]");

document.addEventListener("submit", async (event) => {
  const form = event.target;
  const source = event.submitter?.dataset.confirm ? event.submitter : form;
  if (!source.dataset.confirm || byHtmx(form) || (event.submitter && byHtmx(event.submitter))) return;
  if (asked.delete(form)) return;
  event.preventDefault();
  if (!(await ask(source))) return;
  asked.add(form);
  form.requestSubmit(event.submitter);
});
