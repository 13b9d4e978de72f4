// Live updates. The body connects to the server with htmx's WebSocket
// extension; messages are JSON, never markup:
//
//   {"changed": ["post:9f1c", "calendar"]}   something of these topics is new
//   {"resync": true}                         messages were lost
//
// An element with data-live="calendar post:9f1c" (topics, by spaces) gets the
// event "changed" when one of them is named, or on a resync, and fetches itself:
//
//   <div data-live="calendar" hx-get="…" hx-trigger="changed" hx-swap="morph">
//
// An element is asked to renew itself at most every 0.7 s, not while the page
// is hidden (then once when it is shown again), not while a chip is dragged, and
// not when it holds a data-live-off: the further rows of a list, which would be lost.
import htmx from "htmx.org";

const pause = 700;
const last = new WeakMap();
const waiting = new Map();
let lostAt = 0;
let opened = false;

function renew(element) {
  if (!element.isConnected) return void waiting.delete(element);
  if (waiting.has(element)) return;
  const since = Date.now() - (last.get(element) ?? 0);
  waiting.set(element, setTimeout(() => fire(element), Math.max(0, pause - since)));
}

function fire(element) {
  if (document.hidden || document.documentElement.classList.contains("dragging")) return waiting.set(element, null);
  waiting.delete(element);
  if (!element.isConnected) return;
  last.set(element, Date.now());
  htmx.trigger(element, "changed");
}

// flush renews what had to wait for the page to be seen, or for the chip to be let go.
export function flush() {
  for (const [element, timer] of waiting) if (timer === null) fire(element);
}

export function changed(topics) {
  for (const element of document.querySelectorAll("[data-live]")) {
    if (element.querySelector("[data-live-off]")) continue;
    const own = element.dataset.live.split(" ");
    if (!topics || topics.some((topic) => own.includes(topic))) renew(element);
  }
}

document.addEventListener("htmx:wsBeforeMessage", (event) => {
  event.preventDefault();
  const message = JSON.parse(event.detail.message);
  if (message.resync) changed(null);
  else if (message.changed) changed(message.changed);
});

document.addEventListener("htmx:wsOpen", () => {
  lostAt = 0;
  banner(false);
  if (opened) changed(null);
  opened = true;
});

// What the server ends for good, because the person is signed out, no member any more or has
// another role, shows a page that is not theirs now. One that holds what they wrote stays as it is.
const endedForGood = 1008;

document.addEventListener("htmx:wsClose", (event) => {
  if (event.detail.event?.code === endedForGood && !document.querySelector("form[data-dirty]")) return location.reload();
  lostAt ||= Date.now();
  setTimeout(() => lostAt && banner(true), 3000);
});

function banner(shown) {
  const element = document.getElementById("connection");
  if (element) element.hidden = !shown;
}

document.addEventListener("visibilitychange", () => !document.hidden && flush());
