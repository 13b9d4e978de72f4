// The focus outlives a swap. What had it may be gone then: a button that has done its
// work, a row that left its list. It goes to what held that, so that the next Tab goes
// on from there and does not begin at the top of the page.
let trail = []; // what had the focus, and all that it stood in, from the inside out

document.addEventListener("htmx:beforeSwap", () => {
  trail = [];
  for (let at = document.activeElement; at && at !== document.body; at = at.parentElement) trail.push(at);
});

const now = (element) => (element.isConnected ? element : document.getElementById(element.getAttribute("id")));

document.addEventListener("htmx:afterSettle", () => {
  if (document.activeElement !== document.body) return;
  const held = trail.map(now).find((element) => element?.getClientRects().length > 0);
  if (!held) return;
  if (held.tabIndex < 0) held.tabIndex = -1;
  held.focus({ preventScroll: true });
});
