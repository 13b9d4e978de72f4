// What was written in the composer and could not be saved: the network was gone, or the
// session had ended. It is kept in this tab for its writer (the form's data-owner), and offered
// when they have the same composer open again: #unsaved, with data-unsaved-back and -drop.
import { on } from "./page.js";

const key = (form) => `unsaved:${form.dataset.owner}:${form.getAttribute("action")}`;
const lists = (form) => [...form.querySelectorAll("[data-parts]")].filter((list) => !list.closest("template"));
const texts = (list) => [...list.querySelectorAll("[data-part] textarea")].map((field) => field.value);
const said = (form) => Object.fromEntries(lists(form).map((list) => [list.id, texts(list)]));

export function keep(form) {
  try {
    sessionStorage.setItem(key(form), JSON.stringify(said(form)));
  } catch {
    // The browser keeps nothing: the text still stands in the page.
  }
}

export const drop = (form) => sessionStorage.removeItem(key(form));

function kept(form) {
  try {
    return JSON.parse(sessionStorage.getItem(key(form)) ?? "null");
  } catch {
    return null;
  }
}

const form = document.querySelector("form[data-composer]");
const offer = document.getElementById("unsaved");
const left = form && kept(form);
if (left && offer && JSON.stringify(left) !== JSON.stringify(said(form))) offer.hidden = false;

on("click", "[data-unsaved-back]", () => {
  const words = kept(form) ?? {};
  for (const list of lists(form)) {
    for (const [index, text] of (words[list.id] ?? []).entries()) {
      if (!list.querySelectorAll("[data-part]")[index]) form.querySelector(`[data-part-add="${list.id}"]`).click();
      const field = list.querySelectorAll("[data-part] textarea")[index];
      field.value = text;
      field.dispatchEvent(new Event("input", { bubbles: true }));
    }
  }
  offer.hidden = true;
  form.querySelector("textarea")?.focus();
});

on("click", "[data-unsaved-drop]", () => {
  drop(form);
  offer.hidden = true;
});
