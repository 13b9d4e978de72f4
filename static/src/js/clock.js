// Time that passes while the page is open.
//
//   data-countdown="2026-11-24T14:00:00Z"   its text becomes "in 12 s", "in 4 min", "now"
//
// The server's clock rules: the body says in data-now (milliseconds) when the page was made.
const skew = Number(document.body.dataset.now || Date.now()) - Date.now();
const now = () => Date.now() + skew;

// words says how far away a moment is, coarsely; "" when plain time says it better (over an hour off).
function words(milliseconds) {
  const seconds = Math.ceil(milliseconds / 1000);
  if (seconds <= 0) return seconds > -60 ? "now" : "";
  if (seconds < 90) return `in ${seconds} s`;
  if (seconds < 3600) return `in ${Math.round(seconds / 60)} min`;
  return "";
}

function tick() {
  if (document.hidden) return;
  for (const element of document.querySelectorAll("[data-countdown]")) {
    const text = words(Date.parse(element.dataset.countdown) - now());
    if (element.textContent !== text) element.textContent = text;
  }
}

tick();
setInterval(tick, 1000);
document.addEventListener("htmx:afterSettle", tick);
document.addEventListener("visibilitychange", tick);
