// Menus are <details data-menu> with a <summary> and items of class menu-item;
// an item that is a label holds a box to tick, and leaves the menu open.
// Without script they open and close; this adds the keyboard, one at a time,
// and closing by a click elsewhere or by leaving it. An element with data-on-open inside of one
// gets the event "opened" each time, so that it can load what it shows.
import htmx from "htmx.org";
import { on } from "./page.js";

const items = (menu) => [...menu.querySelectorAll(".menu-item:not([aria-disabled=true])")].map((item) => item.control ?? item);

function shut(menu, refocus) {
  menu.open = false;
  if (refocus) menu.querySelector("summary").focus();
}

document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details[data-menu][open]")) {
    if (!menu.contains(event.target) || event.target.closest(".menu-item:not(label)")) shut(menu, false);
  }
});

on("keydown", "details[data-menu]", (event, menu) => {
  const all = items(menu);
  const at = all.indexOf(document.activeElement);
  const go = (index) => {
    event.preventDefault();
    all.at(index % all.length)?.focus();
  };
  switch (event.key) {
    case "Escape":
      if (!menu.open) return;
      event.preventDefault();
      event.stopPropagation();
      return shut(menu, true);
    case "ArrowDown":
      menu.open = true;
      return go(at + 1);
    case "ArrowUp":
      menu.open = true;
      return go(at < 0 ? -1 : at - 1);
    case "Home":
      return at >= 0 && go(0);
    case "End":
      return at >= 0 && go(-1);
  }
});

// Tab leads through all that a menu holds, switches and fields too, and out of it.
on("focusout", "details[data-menu][open]", (event, menu) => {
  if (event.relatedTarget && !menu.contains(event.relatedTarget)) shut(menu, false);
});

const opened = (event) => {
  const menu = event.target;
  if (!menu.matches?.("details[data-menu]") || !menu.open) return;
  menu.querySelectorAll("[data-on-open]").forEach((element) => htmx.trigger(element, "opened"));
};
document.addEventListener("toggle", opened, true); // it does not bubble
