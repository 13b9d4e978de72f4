// Looking around in the calendar and in lists.
//
//   data-peek      on a link: its page opens in the side panel (#panel). With
//                  ctrl, ⌘ or shift it is a link like any other
//   data-new="/posts/new?date=2026-11-24"   on a day: a double click on its free
//                  place writes a post for it, in a column of hours for that time
//   data-scroll    a column of hours: shown from an hour before now, or from 7:00
//
// On a focused chip the arrow keys go to the chip before or after, and to the
// day before or after.
import htmx from "htmx.org";
import { on } from "./page.js";
import { at } from "./walltime.js";

on("click", "a[data-peek]", (event, link) => {
  if (event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  const panel = document.getElementById("panel");
  if (!panel) return;
  event.preventDefault();
  mark(link);
  htmx.ajax("GET", link.getAttribute("href"), { source: link, target: panel, swap: "innerHTML" });
});

function mark(link) {
  document.querySelectorAll("[data-in-panel]").forEach((other) => other.removeAttribute("data-in-panel"));
  if (!link.closest("#panel")) link.dataset.inPanel = "";
}

on("dblclick", "[data-new]", (event, day) => {
  if (event.target.closest("a, button")) return;
  let href = day.dataset.new;
  if (day.dataset.dropHours) {
    const box = day.getBoundingClientRect();
    const minutes = ((event.clientY - box.top) / box.height) * 24 * 60;
    href += `&time=${at(day.dataset.drop, Math.floor(minutes / 30) * 30).slice(11)}`;
  }
  location.assign(href);
});

on("keydown", "[data-calendar] .post-chip", (event, chip) => {
  if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
  const days = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!step && !days) return;
  event.preventDefault();
  if (step) {
    const all = [...chip.closest("[data-calendar]").querySelectorAll(".post-chip")];
    return all[all.indexOf(chip) + step]?.focus();
  }
  const all = [...chip.closest("[data-calendar]").querySelectorAll("section")];
  for (let i = all.indexOf(chip.closest("section")) + days; all[i]; i += days) {
    const there = [...all[i].querySelectorAll(".post-chip")];
    const place = [...chip.closest("section").querySelectorAll(".post-chip")].indexOf(chip);
    if (there.length > 0) return there[Math.min(place, there.length - 1)].focus();
  }
});

const shown = new WeakSet();

function scroll() {
  const hours = document.querySelector(".week[data-scroll]");
  if (!hours || shown.has(hours)) return;
  shown.add(hours);
  const line = hours.querySelector("[data-now-line]");
  const minutes = Math.min(line ? Number(line.dataset.nowLine) - 60 : 7 * 60, 16 * 60);
  const column = hours.querySelector(".week-slots");
  if (column) hours.scrollTop = (column.offsetHeight * Math.max(minutes, 0)) / (24 * 60);
  agenda();
}

// On a phone the month is a list: it begins where today is.
function agenda() {
  const today = document.querySelector(".month-day[data-today], .week-day[data-today]");
  if (today && matchMedia("(max-width: 639px)").matches && scrollY === 0) today.scrollIntoView({ block: "start" });
}

scroll();
if (document.querySelector(".month")) agenda();
document.addEventListener("htmx:afterSettle", scroll);
