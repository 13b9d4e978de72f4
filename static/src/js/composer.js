// The composer: what has to answer at once while somebody writes.
//
//   form[data-composer]       the form; its fields are the post
//   data-check                in it: asked to check the post ("check") 0.25 s after the last
//                             change. It is an htmx element that sends the form and swaps
//                             in counts, warnings and previews
//   data-saver                in it: asked to save ("save") 1.5 s after the last change;
//                             the form's data-saved is then "changed", "saving", "saved" or "failed"
//   data-ring="name"          a ring that counts the field of that name: data-length and
//                             data-max are the server's last word. Until the next one it moves
//                             by what was typed since, counted in characters as people see them
//   data-parts                an ordered list of thread parts (data-part), with
//     template[data-part-template]  a new part; __key__ in its attributes becomes a new key
//     data-part-add, data-part-remove, data-part-move="-1|1"   buttons
//   data-sortable             a list whose children (data-sort) change places by Alt and arrow
//                             keys, or with buttons data-sort-move="-1|1"
//   data-insert="text"        on a button: puts text where the cursor was (data-insert-into="id")
import htmx from "htmx.org";
import { growAll } from "./forms.js";
import { clone, on, random, say } from "./page.js";

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
  form.dataset.saved = "changed";
  timers.set(form, {
    check: setTimeout(() => ask("[data-check]", "check"), checkAfter),
    save: setTimeout(() => ask("[data-saver]", "save"), saveAfter),
  });
}

for (const type of ["input", "change", "media"]) on(type, "form[data-composer]", (_, form) => changed(form));

document.addEventListener("htmx:beforeRequest", (event) => {
  const saver = event.detail.elt;
  if (saver.hasAttribute?.("data-saver")) saver.closest("form").dataset.saved = "saving";
});
document.addEventListener("htmx:afterRequest", (event) => {
  const saver = event.detail.elt;
  if (!saver.hasAttribute?.("data-saver")) return;
  const form = saver.closest("form");
  if (form.dataset.saved === "saving") form.dataset.saved = event.detail.successful ? "saved" : "failed";
});

// Rings.
const around = 2 * Math.PI * 8;

function draw(ring, length) {
  const max = Number(ring.dataset.max);
  const left = max - length;
  const part = Math.min(length / max, 1);
  ring.querySelector(".fill").setAttribute("stroke-dasharray", `${(part * around).toFixed(2)} ${around.toFixed(2)}`);
  ring.dataset.level = left < 0 ? "over" : left <= Math.max(10, max * 0.1) ? "near" : "fine";
  ring.querySelector("[data-ring-left]").textContent = left < 0 ? `−${-left}` : left;
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

on("click", "[data-insert]", (event, button) => {
  const field = document.getElementById(button.dataset.insertInto);
  if (!field) return;
  event.preventDefault();
  field.setRangeText(button.dataset.insert, field.selectionStart, field.selectionEnd, "end");
  field.dispatchEvent(new Event("input", { bubbles: true }));
  field.focus();
});
