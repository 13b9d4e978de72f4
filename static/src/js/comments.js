// Comments and what is decided about posts.
//
//   data-mentions="id"  on a textarea: after an @ it offers the names in the <template> with that
//                       id (its children's data-name). Arrow keys choose, Enter or Tab takes,
//                       Escape closes; without script names are typed
//   data-said           a form whose words are sent: once they are there, it is empty again
//   data-bulk           a form whose boxes (form="its id") are ticked one by one, or all at once
//                       by its data-bulk-all
//   data-sends          a select that sends its form when it changes
//   data-select         a field that is selected whole when it gets the focus
import { on, say } from "./page.js";

let list = null;

function close() {
  if (!list) return;
  list.field.removeAttribute("aria-activedescendant");
  list.field.setAttribute("aria-expanded", "false");
  list.box.remove();
  list = null;
}

// wanted is what stands between the last @ and the cursor, if a name may stand there.
function wanted(field) {
  const before = field.value.slice(0, field.selectionStart);
  const found = /(?:^|[\s(])@([^@\n]{0,40})$/u.exec(before);
  return found && { text: found[1], from: before.length - found[1].length };
}

function offer(field) {
  const names = [...(document.getElementById(field.dataset.mentions)?.content.children ?? [])].map((each) => each.dataset.name);
  const mention = wanted(field);
  const fits = mention ? names.filter((name) => name.toLowerCase().startsWith(mention.text.toLowerCase()) && name !== mention.text).slice(0, 6) : [];
  if (fits.length === 0) return close();
  close();
  const box = document.createElement("ul");
  box.className = "mention-list";
  box.id = `${field.id}-names`;
  box.setAttribute("role", "listbox");
  box.setAttribute("aria-label", "People");
  fits.forEach((name, index) => {
    const item = document.createElement("li");
    item.id = `${box.id}-${index}`;
    item.setAttribute("role", "option");
    item.textContent = name;
    item.addEventListener("mousedown", (event) => {
      event.preventDefault();
      take(index);
    });
    box.append(item);
  });
  field.after(box);
  field.setAttribute("aria-controls", box.id);
  field.setAttribute("aria-expanded", "true");
  list = { field, box, fits, from: mention.from, at: 0 };
  mark(0);
  say(`${fits.length} names. ${fits[0]}`);
}

function mark(index) {
  list.at = (index + list.fits.length) % list.fits.length;
  [...list.box.children].forEach((item, each) => item.setAttribute("aria-selected", String(each === list.at)));
  list.field.setAttribute("aria-activedescendant", list.box.children[list.at].id);
}

function take(index) {
  const { field, fits, from } = list;
  field.setRangeText(`${fits[index]} `, from, field.selectionStart, "end");
  close();
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

on("input", "textarea[data-mentions]", (_, field) => offer(field));
on("keydown", "textarea[data-mentions]", (event, field) => {
  if (!list || list.field !== field) return;
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step) mark(list.at + step);
  else if (event.key === "Enter" || event.key === "Tab") take(list.at);
  else if (event.key === "Escape") close();
  else return;
  event.preventDefault();
  event.stopPropagation();
}, true);
document.addEventListener("focusout", (event) => list && event.target === list.field && close());

document.addEventListener("htmx:afterRequest", (event) => {
  const form = event.detail.elt;
  if (!form.matches?.("form[data-said]") || !event.detail.successful) return;
  form.reset();
  form.querySelectorAll("textarea").forEach((field) => (field.value = ""));
  form.closest("details")?.removeAttribute("open");
});

const boxes = (form) => [...document.querySelectorAll(`input[type=checkbox][form="${form.id}"]:not(:disabled)`)];
on("change", "[data-bulk-all]", (_, all) => boxes(all.form).forEach((box) => (box.checked = all.checked)));

on("change", "select[data-sends]", (_, select) => select.form.requestSubmit());
on("focusin", "input[data-select]", (_, field) => field.select());
