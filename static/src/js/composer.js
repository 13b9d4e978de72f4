// The composer: what has to answer at once while somebody writes.
//
//   form[data-composer]       the form; its fields are the post
//   data-check                in it: htmx elements that send the form and swap in counts,
//                             warnings and previews; asked to ("check") 0.25 s after the last change
//   data-saver                in it: asked to save ("save") 1.5 s after the last change;
//                             the form's data-saved is then "changed", "saving", "saved", "failed", or
//                             "newer": somebody else has saved meanwhile. What is not saved is kept (unsaved.js)
//   data-save-again           a button that saves at once
//   data-ring="name"          a ring that counts the field of that name: data-length and
//                             data-max are the server's last word. Until the next one it moves
//                             by what was typed since, counted in characters as people see them
//   data-parts                an ordered list of thread parts (data-part), with
//     template[data-part-template]  a new part; __key__ in its attributes becomes a new key
//     data-part-add, data-part-remove, data-part-move="-1|1"   buttons
//   data-sortable             a list whose children (data-sort) change places by Alt and arrow
//                             keys, or with buttons data-sort-move="-1|1"
//   data-step-to="write"      on a phone: a button that shows the form's data-step-of="write"
//   data-narrow="id"          a search field that hides what does not match in the list with that
//                             id: its items' data-narrow-text
//
// A draft that is saved by itself goes where the field #compose-version says in data-action.
import htmx from "htmx.org";
import { clean, growAll } from "./forms.js";
import { clone, on, random, say } from "./page.js";
import { choose } from "./tabs.js";
import { toast } from "./toasts.js";
import { drop, keep } from "./unsaved.js";

const checkAfter = 250;
const saveAfter = 1500;
const timers = new WeakMap();
const letters = new Intl.Segmenter(undefined, { granularity: "grapheme" });
const count = (text) => [...letters.segment(text)].length;

function changed(form) {
  const own = timers.get(form) ?? {};
  clearTimeout(own.check);
  clearTimeout(own.save);
  const ask = (selector, name) => form.querySelectorAll(selector).forEach((element) => htmx.trigger(element, name));
  // Once somebody else has saved, nothing is saved by itself: the two are compared first.
  const newer = form.dataset.saved === "newer";
  if (newer) keep(form);
  else form.dataset.saved = "changed";
  timers.set(form, {
    check: setTimeout(() => ask("[data-check]", "check"), checkAfter),
    save: newer ? 0 : setTimeout(() => ask("[data-saver]", "save"), saveAfter),
  });
}

for (const type of ["input", "change", "media"]) {
  on(type, "form[data-composer]", (event, form) => event.target.matches("[data-narrow]") || changed(form));
}

// Saving by itself: only what somebody has begun to write, and to where the last answer said.
const begun = (form) => [...form.querySelectorAll("textarea")].some((field) => field.value.trim()) || form.querySelector("[data-upload-item] input");
const saverOf = (event) => (event.detail.elt.matches?.("[data-saver]") ? event.detail.elt : null);

document.addEventListener("htmx:configRequest", (event) => {
  const saver = saverOf(event);
  if (!saver) return;
  if (begun(saver.closest("form"))) event.detail.path = saver.closest("form").getAttribute("action");
  else event.preventDefault();
});
document.addEventListener("htmx:beforeRequest", (event) => {
  const saver = saverOf(event);
  if (saver) saver.closest("form").dataset.saved = "saving";
});
document.addEventListener("htmx:afterRequest", (event) => {
  const form = saverOf(event)?.closest("form");
  if (!form) return;
  const { action } = document.getElementById("compose-version").dataset;
  if (action) form.setAttribute("action", action);
  const newer = event.detail.xhr?.getResponseHeader("Newer-Version");
  if (!event.detail.successful) keep(form);
  else drop(form);
  if (form.dataset.saved === "saving") {
    form.dataset.saved = event.detail.successful ? "saved" : newer ? "newer" : "failed";
    if (event.detail.successful) clean(form);
  }
  const { submitter } = timers.get(form) ?? {};
  if (submitter) form.requestSubmit(submitter);
});

on("click", "[data-save-again]", () => {
  const form = document.querySelector("form[data-composer]");
  form.querySelectorAll("[data-saver]").forEach((saver) => htmx.trigger(saver, "save"));
});

// What is still on its way is waited for before the form is sent.
document.addEventListener(
  "submit",
  (event) => {
    const form = event.target;
    if (!form.matches("[data-composer]")) return;
    const own = timers.get(form) ?? {};
    clearTimeout(own.check);
    clearTimeout(own.save);
    if (form.querySelector("[data-upload-item]:not([data-failed]) progress")) {
      event.preventDefault();
      toast({ tone: "care", text: "A file is still being uploaded. Wait until it is there, then try again." });
    } else if (form.dataset.saved === "saving") {
      event.preventDefault();
      event.submitter?.setAttribute("aria-busy", "true");
      timers.set(form, { ...own, submitter: event.submitter });
    }
  },
  true,
);

// Rings.
const around = 2 * Math.PI * 8;

function draw(ring, length) {
  const max = Number(ring.dataset.max);
  const left = max - length;
  const part = Math.min(length / max, 1);
  ring.querySelector(".fill").setAttribute("stroke-dasharray", `${(part * around).toFixed(2)} ${around.toFixed(2)}`);
  ring.dataset.level = left < 0 ? "over" : left <= Math.max(10, max * 0.1) ? "near" : "fine";
  ring.querySelector("[data-ring-left]").textContent = left < 0 ? `${-left} over` : left;
}

// redraw shows what a field's rings would say: the server's last count, and what was typed since.
function redraw(field) {
  const length = count(field.value);
  for (const ring of field.form.querySelectorAll("[data-ring]")) {
    if (ring.dataset.ring !== field.name) continue;
    const counted = Number(field.dataset.counted ?? count(field.defaultValue));
    draw(ring, Number(ring.dataset.length) + length - counted);
  }
}

on("input", "form[data-composer] textarea", (_, field) => redraw(field));

// A check counts the text as it was when the check was sent.
const fieldsOf = (check) => check.closest("form")?.querySelectorAll("textarea") ?? [];

document.addEventListener("htmx:beforeRequest", (event) => {
  if (!event.detail.elt.hasAttribute?.("data-check")) return;
  for (const field of fieldsOf(event.detail.elt)) field.dataset.sent = count(field.value);
});
document.addEventListener("htmx:afterOnLoad", (event) => {
  if (!event.detail.elt.hasAttribute?.("data-check")) return;
  for (const field of fieldsOf(event.detail.elt)) {
    field.dataset.counted = field.dataset.sent ?? count(field.value);
    redraw(field);
  }
});

// Thread parts.
const parts = (list) => [...list.querySelectorAll("[data-part]")];

function fill(element, key) {
  for (const each of [element, ...element.querySelectorAll("*")]) {
    for (const attribute of each.attributes) {
      if (attribute.value.includes("__key__")) attribute.value = attribute.value.replaceAll("__key__", key);
    }
    if (each instanceof HTMLTemplateElement) fill(each.content.firstElementChild, key);
  }
}

function renumber(list) {
  const all = parts(list);
  all.forEach((part, index) => part.querySelectorAll("[data-part-number]").forEach((number) => (number.textContent = index + 1)));
  list.toggleAttribute("data-thread", all.length > 1);
  list.dispatchEvent(new Event("change", { bubbles: true }));
}

on("click", "[data-part-add]", (event, button) => {
  const list = document.getElementById(button.dataset.partAdd);
  const part = clone("template[data-part-template]", list.parentElement);
  if (!part) return;
  event.preventDefault();
  fill(part, random().slice(0, 8));
  list.append(part);
  htmx.process(part);
  growAll(part);
  part.querySelector("textarea").focus();
  renumber(list);
});

on("click", "[data-part-remove]", (event, button) => {
  const part = button.closest("[data-part]");
  const list = part.closest("[data-parts]");
  event.preventDefault();
  const next = part.previousElementSibling ?? part.nextElementSibling;
  part.remove();
  next?.querySelector("textarea")?.focus();
  renumber(list);
});

on("click", "[data-part-move]", (event, button) => {
  event.preventDefault();
  const part = button.closest("[data-part]");
  if (swap(part, Number(button.dataset.partMove))) renumber(part.parentElement);
  button.focus();
});

// Changing places.
function swap(element, by) {
  const other = by < 0 ? element.previousElementSibling : element.nextElementSibling;
  if (!other) return false;
  if (by < 0) other.before(element);
  else other.after(element);
  const all = [...element.parentElement.children];
  say(`Place ${all.indexOf(element) + 1} of ${all.length}`);
  return true;
}

function sort(item, by, focus) {
  if (!swap(item, by)) return;
  focus.focus();
  item.dispatchEvent(new CustomEvent("media", { bubbles: true }));
}

on("keydown", "[data-sortable] [data-sort]", (event, item) => {
  const by = event.altKey && { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
  if (!by) return;
  event.preventDefault();
  sort(item, by, event.target);
});

on("click", "[data-sort-move]", (event, button) => {
  event.preventDefault();
  sort(button.closest("[data-sort]"), Number(button.dataset.sortMove), button);
});

on("click", "[data-step-to]", (_, button) => {
  const form = button.closest("form");
  form.dataset.step = button.dataset.stepTo;
  for (const each of form.querySelectorAll("[data-step-to][aria-pressed]")) each.setAttribute("aria-pressed", String(each.dataset.stepTo === form.dataset.step));
  growAll(form);
  scrollTo(0, 0);
});

on("input", "input[data-narrow]", (_, field) => {
  const wanted = field.value.trim().toLowerCase();
  for (const item of document.getElementById(field.dataset.narrow).children) {
    item.hidden = !item.dataset.narrowText.toLowerCase().includes(wanted);
  }
});

// An account that was taken out takes its tab along.
document.addEventListener("htmx:oobAfterSwap", (event) => {
  const list = document.querySelector("#compose-tabs [data-tabs]");
  if (event.detail.target.id !== "compose-panels" || !list) return;
  const chosen = list.querySelector("[aria-selected=true]") ?? list.querySelector("[role=tab]");
  choose(chosen, false);
  for (const panel of event.detail.target.children) panel.hidden = panel.id !== chosen.getAttribute("aria-controls");
});

// The preview of the account whose tab is chosen comes into view.
on("tab", "[data-composer]", (event) => {
  const look = document.getElementById(event.detail.panel.replace("panel-", "look-"));
  const column = look?.closest(".compose-previews");
  if (column && column.scrollHeight > column.clientHeight) column.scrollTop = look.offsetTop - column.offsetTop - 8;
});

// A network's own colour, which comes with the preview as data.
function colour() {
  for (const look of document.querySelectorAll("[data-accent]")) {
    if (CSS.supports("color", look.dataset.accent)) look.style.setProperty("--look", look.dataset.accent);
  }
}
colour();
document.addEventListener("htmx:oobAfterSwap", colour);
