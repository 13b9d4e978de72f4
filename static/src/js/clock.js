// Time that passes while the page is open.
//
//   data-countdown="2026-11-24T14:00:00Z"   its text becomes "in 12 s", "in 4 min", "now";
//     data-within="60"                      only in the last 60 s
//   data-now-line="838"                     minutes of the day when the page was made: moves
//                                           down its column as they pass
//
// The server's clock rules: the body says in data-now (milliseconds) when the page was made.
const began = Date.now();
const skew = Number(document.body.dataset.now || began) - began;
const now = () => Date.now() + skew;

// words says how far away a moment is, coarsely; "" when plain time says it better (over an hour off).
function words(milliseconds) {
  const seconds = Math.ceil(milliseconds / 1000);
  if (seconds <= 0) return seconds > -60 ? "now" : "";
  if (seconds < 90) return `in ${seconds} s`;
  if (seconds < 3600) return `in ${Math.round(seconds / 60)} min`;
  return "";
}

// lines remembers when each now-line was drawn, and with how many minutes.
const lines = new WeakMap();

function draw(line) {
  const { nowLine } = line.dataset;
  let drawn = lines.get(line);
  if (drawn?.nowLine !== nowLine) lines.set(line, (drawn = { nowLine, at: Date.now() }));
  const minutes = Number(nowLine) + (Date.now() - drawn.at) / 60_000;
  line.style.top = `${Math.min(minutes / 14.4, 100).toFixed(3)}%`;
}

function tick() {
  if (document.hidden) return;
  for (const element of document.querySelectorAll("[data-countdown]")) {
    const left = Date.parse(element.dataset.countdown) - now();
    const text = left > Number(element.dataset.within ?? 3600) * 1000 ? "" : words(left);
    if (element.textContent !== text) element.textContent = text;
  }
  document.querySelectorAll("[data-now-line]").forEach(draw);
}

tick();
setInterval(tick, 1000);
document.addEventListener("htmx:afterSettle", tick);
document.addEventListener("visibilitychange", tick);
