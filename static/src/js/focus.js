// The focus outlives a swap. What had it may be gone then: a button that has done its
// work, a row that left its list. It goes to what held that, so that the next Tab goes
// on from there and does not begin at the top of the page.
import { on } from "./page.js";

let trail = []; // what had the focus, and all that it stood in, from the inside out

// A swap may begin while the one before it has taken the focus away and not yet given it back.
document.addEventListener("htmx:beforeSwap", () => {
  if (document.activeElement === document.body) return;
  trail = [];
  for (let at = document.activeElement; at && at !== document.body; at = at.parentElement) trail.push(at);
});

const now = (element) => (element.isConnected ? element : document.getElementById(element.getAttribute("id")));

document.addEventListener("htmx:afterSettle", () => {
  const held = document.activeElement === document.body && trail.map(now).find((element) => element?.getClientRects().length > 0);
  trail = [];
  if (!held) return;
  if (held.tabIndex < 0) held.tabIndex = -1;
  held.focus({ preventScroll: true });
});

// What has the focus is seen whole: browsers leave it cut off at the end of a row that is
// wider than a phone, and behind the bars at the edges of the window (scroll-padding).
on("focusin", "main", ({ target }) => {
  if (!target.matches(":focus-visible") || target.closest(".page-head, .compose-foot")) return;
  (target.closest("label") ?? target).scrollIntoView({ block: "nearest", inline: "nearest" });
});
