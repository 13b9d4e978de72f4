// Toasts: short news at the foot of the page. The server sends them with an
// answer as a header,
//
//   HX-Trigger: {"toast": {"tone": "good", "text": "Moved to Tuesday, 09:00",
//                          "action": {"word": "Undo", "url": "/posts/1/undo", "method": "post"}}}
//
// (one, or a list), or already in the page as children of #toasts. Tones are
// good, info, care and bad; a bad one stays until it is closed.
import htmx from "htmx.org";
import { clone, on } from "./page.js";

const stay = { short: 6000, withAction: 10_000 };

export function toast({ tone = "info", text, action }) {
  const region = document.getElementById("toasts");
  const piece = region && clone(`template[data-toast="${tone}"]`);
  if (!piece) return;
  piece.querySelector("p").textContent = text;
  const button = piece.querySelector("[data-toast-action]");
  if (action) {
    button.textContent = action.word;
    button.hidden = false;
    button.addEventListener("click", () => {
      leave(piece);
      if (!action.method) location.assign(action.url);
      else htmx.ajax(action.method.toUpperCase(), action.url, { swap: "none", values: action.values });
    });
  }
  region.append(piece);
  watch(piece);
}

// lift shows the region above an open dialog: it is a popover of its own, and the last one shown is on top.
function lift() {
  const region = document.getElementById("toasts");
  if (!region?.showPopover) return;
  if (region.matches(":popover-open")) region.hidePopover();
  if (region.childElementCount > 0) region.showPopover();
}

function watch(piece) {
  lift();
  if (piece.dataset.tone === "bad") return;
  const time = piece.querySelector("[data-toast-action]:not([hidden])") ? stay.withAction : stay.short;
  let timer = setTimeout(() => leave(piece), time);
  const pause = () => clearTimeout(timer);
  const resume = () => (timer = setTimeout(() => leave(piece), time));
  piece.addEventListener("pointerenter", pause);
  piece.addEventListener("focusin", pause);
  piece.addEventListener("pointerleave", resume);
  piece.addEventListener("focusout", resume);
}

function leave(piece) {
  piece.dataset.leaving = "";
  setTimeout(() => {
    piece.remove();
    lift();
  }, 180);
}

on("click", "[data-toast-close]", (_, button) => leave(button.closest(".toast")));

document.addEventListener("toast", (event) => {
  const { value, ...one } = event.detail;
  for (const each of Array.isArray(value) ? value : [value ?? one]) toast(each);
});

// A live update may take a form off the page before the form's own answer is
// there. What htmx then says to the form, the page does not hear.
const asked = new WeakSet();
document.addEventListener("htmx:beforeRequest", ({ detail: { elt } }) => {
  if (asked.has(elt)) return;
  asked.add(elt);
  elt.addEventListener("htmx:beforeOnLoad", ({ detail }) => {
    const news = detail.elt === elt && !elt.isConnected && detail.xhr.getResponseHeader("HX-Trigger");
    const value = news && JSON.parse(news).toast;
    if (value) document.dispatchEvent(new CustomEvent("toast", { detail: { value } }));
  });
});

// An answer that could not be had, or that says no without a page of its own.
document.addEventListener("htmx:sendError", () => toast({ tone: "bad", text: "AllIN does not answer. Check your connection and try again." }));
document.addEventListener("htmx:responseError", (event) => {
  const { xhr } = event.detail;
  if (/"?toast"?/.test(xhr.getResponseHeader("HX-Trigger") ?? "")) return;
  const plain = xhr.getResponseHeader("Content-Type")?.startsWith("text/plain") && xhr.responseText.length < 300;
  toast({ tone: "bad", text: plain ? xhr.responseText.trim() : "That did not work. Nothing was changed; try again." });
});

document.querySelectorAll("#toasts > .toast").forEach(watch);
