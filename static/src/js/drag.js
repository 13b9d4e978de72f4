// Dragging a chip (move.js says which attributes it has) to another time.
//
//   data-drop="2026-11-24"      a place for chips: this day, at the chip's own time
//   data-drop-hours="0 24"      it is a column of these hours: the height says the time, by the quarter
//   data-drop-list              inside of it: where a dropped chip is put at once
//   data-refuse="…"             chips may not be dropped here; says why, shortly ("In the past")
//   data-scroll                 what is scrolled when the pointer nears its edge (else the page)
//
// With the keyboard, on a focused chip: m opens the dialog; Alt and the arrow
// keys move it by a day, and by a week (data-calendar="days") or a quarter of
// an hour (data-calendar="hours"). With a finger: press and hold, then drag.
import { flush } from "./live.js";
import { move, openMove } from "./move.js";
import { on } from "./page.js";
import { at, minutesOf, shift, words } from "./walltime.js";

const slack = 5; // px that a click may wander
const hold = 320; // ms that a finger rests before it drags
const edge = 56; // px from an edge where scrolling begins

let drag = null;

on("pointerdown", "[data-draggable]", (event, chip) => {
  if (event.button !== 0 || event.ctrlKey || event.metaKey || event.target.closest("button")) return;
  const box = chip.getBoundingClientRect();
  drag = { chip, box, pointer: event.pointerId, x: event.clientX, y: event.clientY, dx: event.clientX - box.left, dy: event.clientY - box.top };
  if (event.pointerType === "touch") drag.timer = setTimeout(lift, hold);
});

document.addEventListener("pointermove", (event) => {
  if (!drag || event.pointerId !== drag.pointer) return;
  const far = Math.hypot(event.clientX - drag.x, event.clientY - drag.y) > slack;
  if (!drag.ghost) {
    if (!far) return;
    if (drag.timer) return drop(false); // the finger scrolls
    lift();
  }
  drag.x = event.clientX;
  drag.y = event.clientY;
  follow();
});

document.addEventListener("pointerup", (event) => drag && event.pointerId === drag.pointer && drop(true));
document.addEventListener("pointercancel", () => drag && drop(false));
document.addEventListener("dragstart", (event) => event.target.closest?.("[data-draggable]") && event.preventDefault());
document.addEventListener("contextmenu", (event) => drag?.timer && event.preventDefault());
document.addEventListener("touchmove", (event) => drag?.ghost && event.preventDefault(), { passive: false });
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !drag?.ghost) return;
  event.preventDefault();
  drop(false);
}, true);

function lift() {
  const { chip, box } = drag;
  const ghost = chip.cloneNode(true);
  ghost.removeAttribute("id");
  ghost.classList.add("drag-ghost");
  ghost.style.width = `${Math.min(box.width, 260)}px`;
  const label = document.createElement("div");
  label.className = "drag-time";
  document.body.append(ghost, label);
  document.documentElement.classList.add("dragging");
  chip.dataset.moving = "";
  Object.assign(drag, { ghost, label, dx: Math.min(drag.dx, 240) });
  follow();
  drag.frame = requestAnimationFrame(scroll);
}

function follow() {
  const { ghost, label, x, y, dx, dy } = drag;
  ghost.style.transform = `translate(${x - dx}px, ${y - dy}px)`;
  aim();
  const left = Math.min(x + 14, innerWidth - label.offsetWidth - 8);
  label.style.transform = `translate(${left}px, ${Math.min(y + 18, innerHeight - label.offsetHeight - 8)}px)`;
}

// aim finds the place under the pointer and the time that dropping there means.
function aim() {
  const zone = document.elementFromPoint(drag.x, drag.y)?.closest("[data-drop]");
  if (zone !== drag.zone) {
    drag.zone?.removeAttribute("data-over");
    drag.zone = zone;
  }
  const refused = zone?.dataset.refuse;
  drag.when = zone && !refused ? timeIn(zone) : null;
  if (drag.when) zone.dataset.over = "";
  drag.label.toggleAttribute("data-refused", Boolean(refused));
  drag.label.textContent = refused || words(drag.when ?? drag.chip.dataset.when);
}

function timeIn(zone) {
  const own = minutesOf(drag.chip.dataset.when);
  if (!zone.dataset.dropHours) return at(zone.dataset.drop, own);
  const [from, to] = zone.dataset.dropHours.split(" ").map((hour) => hour * 60);
  const box = zone.getBoundingClientRect();
  const minutes = from + ((drag.y - drag.dy - box.top) / box.height) * (to - from);
  return at(zone.dataset.drop, Math.max(from, Math.min(Math.round(minutes / 15) * 15, to - 15)));
}

function scroll() {
  if (!drag?.ghost) return;
  const inner = drag.chip.closest("[data-scroll]");
  const box = inner?.getBoundingClientRect() ?? { top: 0, bottom: innerHeight };
  const step = drag.y < box.top + edge ? -10 : drag.y > box.bottom - edge ? 10 : 0;
  if (step) {
    (inner ?? document.scrollingElement).scrollBy(0, step);
    aim();
  }
  drag.frame = requestAnimationFrame(scroll);
}

function drop(wanted) {
  const { chip, ghost, label, zone, when, timer, frame } = drag;
  clearTimeout(timer);
  cancelAnimationFrame(frame);
  drag = null;
  if (!ghost) return;
  ghost.remove();
  label.remove();
  zone?.removeAttribute("data-over");
  delete chip.dataset.moving;
  document.documentElement.classList.remove("dragging");
  swallowClick();
  if (wanted && when && when !== chip.dataset.when) {
    zone.querySelector("[data-drop-list]")?.append(chip);
    const time = chip.querySelector("time");
    if (time) time.textContent = when.slice(11, 16);
    if (chip.dataset.slot) Object.assign(chip.dataset, { slot: Math.floor(minutesOf(when) / 15), lane: "0/1" });
    move(chip, when);
  }
  flush();
}

// swallowClick keeps the click that ends a drag from opening the chip.
function swallowClick() {
  const stop = (event) => {
    event.preventDefault();
    event.stopPropagation();
  };
  addEventListener("click", stop, { capture: true, once: true });
  setTimeout(() => removeEventListener("click", stop, { capture: true }), 0);
}

on("keydown", "[data-draggable]", (event, chip) => {
  if (event.key === "m" && !event.altKey && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    return openMove(chip);
  }
  if (!event.altKey) return;
  const upDown = chip.closest("[data-calendar]")?.dataset.calendar === "hours" ? 15 : 7 * 24 * 60;
  const by = { ArrowLeft: -24 * 60, ArrowRight: 24 * 60, ArrowUp: -upDown, ArrowDown: upDown }[event.key];
  if (!by) return;
  event.preventDefault();
  move(chip, shift(chip.dataset.when, by));
});
