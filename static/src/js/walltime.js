// Wall times without a zone, as datetime-local fields write them: "2026-11-24T14:00".
// They are counted as if the place were in UTC, so that no hour is missing or twice;
// the server knows the zone and has the last word.
const zero = (n) => String(n).padStart(2, "0");

export const minutesOf = (when) => Number(when.slice(11, 13)) * 60 + Number(when.slice(14, 16));

export function at(day, minutes) {
  const within = Math.max(0, Math.min(minutes, 24 * 60 - 1));
  return `${day}T${zero(Math.floor(within / 60))}:${zero(within % 60)}`;
}

export const shift = (when, minutes) => new Date(Date.parse(`${when}Z`) + minutes * 60_000).toISOString().slice(0, 16);

// words says a wall time as the server does: "Tue 24 Nov, 14:00".
export function words(when) {
  const said = new Intl.DateTimeFormat("en", { weekday: "short", day: "numeric", month: "short", timeZone: "UTC" });
  const part = Object.fromEntries(said.formatToParts(Date.parse(`${when}Z`)).map(({ type, value }) => [type, value]));
  return `${part.weekday} ${part.day} ${part.month}, ${when.slice(11, 16)}`;
}
