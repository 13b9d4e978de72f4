// Forms.
//
//   data-dirty          the page asks before it is left with changes in this form
//   data-filters        its empty fields stay out of the address
//   data-reveal="id"    on a button in a password field: shows what is typed
//
// A form that is on its way shows it on its button and is not sent twice. When
// an answer marks fields as wrong, the first of them (or the summary) is focused.
import { on } from "./page.js";

const dirty = new Set();

on("input", "form[data-dirty]", (_, form) => dirty.add(form));
on("change", "form[data-dirty]", (_, form) => dirty.add(form));

export const clean = (form) => dirty.delete(form);

window.addEventListener("beforeunload", (event) => {
  for (const form of dirty) {
    if (form.isConnected) return event.preventDefault();
  }
});

document.addEventListener("submit", (event) => {
  if (event.defaultPrevented) return;
  const form = event.target;
  dirty.delete(form);
  if (form.method === "dialog" || form.hasAttribute("hx-post") || form.target) return;
  if (form.dataset.sent) return event.preventDefault();
  form.dataset.sent = "1";
  (event.submitter ?? form.querySelector("[type=submit]"))?.setAttribute("aria-busy", "true");
});

// The back button shows the page as it was left, busy button and all.
window.addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  document.querySelectorAll(".btn[aria-busy=true]").forEach((button) => button.removeAttribute("aria-busy"));
});

document.addEventListener("htmx:afterRequest", (event) => {
  const form = event.detail.elt.closest?.("form[data-dirty]");
  if (form && event.detail.successful && event.detail.requestConfig.verb !== "get" && event.detail.elt === form) dirty.delete(form);
});

document.addEventListener("htmx:configRequest", (event) => {
  if (!event.detail.elt.matches("form[data-filters]")) return;
  const values = event.detail.formData;
  for (const name of new Set(values.keys())) if (values.getAll(name).every((value) => value === "")) values.delete(name);
});

on("click", "[data-reveal]", (_, button) => {
  const field = document.getElementById(button.dataset.reveal);
  const show = field.type === "password";
  field.type = show ? "text" : "password";
  button.setAttribute("aria-pressed", String(show));
});

function focusWrong(root) {
  (root.querySelector("[data-form-errors]") ?? root.querySelector("[aria-invalid=true]"))?.focus();
}

document.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.xhr?.status === 422) focusWrong(event.detail.target);
});

focusWrong(document);

// The summary leads to the fields: also to one in a tab or step that is not shown.
on("click", "[data-form-errors] a[href^='#']", (event, link) => {
  const field = document.getElementById(link.hash.slice(1));
  if (!field) return;
  event.preventDefault();
  const step = field.closest("[data-step-of]")?.dataset.stepOf ?? "schedule";
  field.closest("form")?.querySelector(`[data-step-to="${step}"]`)?.click();
  if (field.matches("[role=tab]")) field.click();
  field.focus();
});

// Fields that grow with their text: data-grow.
const grow = (field) => {
  field.style.height = "auto";
  field.style.height = `${field.scrollHeight + 2}px`;
};

export const growAll = (root) => root.querySelectorAll?.("textarea[data-grow]").forEach((field) => field.offsetParent && grow(field));

on("input", "textarea[data-grow]", (_, field) => grow(field));
document.addEventListener("htmx:load", (event) => growAll(event.detail.elt));
window.addEventListener("resize", () => growAll(document));
