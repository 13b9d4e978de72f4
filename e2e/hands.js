// How a person works a page: with a pointer, or with the keyboard alone. Journeys
// that use these steps can be walked both ways.
import { expect } from "@playwright/test";

const withoutPointer = new WeakSet();

// byKeyboard has a page worked by nothing but keys from now on.
export const byKeyboard = (page) => withoutPointer.add(page);

const keysOf = (target) => (withoutPointer.has(target.page()) ? target.page().keyboard : null);

// press presses a button or follows a link.
export async function press(target) {
  const keys = keysOf(target);
  if (!keys) return target.click();
  await tabTo(target.page(), target);
  await keys.press("Enter");
}

// tick ticks a box or chooses one of several.
export async function tick(target) {
  const keys = keysOf(target);
  if (!keys) return target.check();
  await tabTo(target.page(), target);
  if (!(await target.isChecked())) await keys.press("Space");
  await expect(target).toBeChecked();
}

// write replaces what a field says.
export async function write(target, text) {
  const keys = keysOf(target);
  if (!keys) return target.fill(text);
  await tabTo(target.page(), target);
  const spellings = spellingsOf[await target.getAttribute("type")];
  if (spellings) await writeParts(target, keys, spellings(text), text);
  else {
    await keys.press("ControlOrMeta+a");
    await keys.type(text);
  }
  await expect(target).toHaveValue(text);
}

// Parts of dates and times are typed one after another, in the order of the browser's
// own language, which no page can ask for.
const spellingsOf = {
  date: (text) => {
    const [year, month, day] = text.split("-");
    return [month + day + year, day + month + year, year + month + day];
  },
  time: (text) => {
    const [hour, minute] = text.split(":");
    return [String(hour % 12 || 12).padStart(2, "0") + minute + (hour < 12 ? "A" : "P"), hour + minute];
  },
};

async function writeParts(target, keys, spellings, wanted) {
  for (const spelling of spellings) {
    for (let part = 0; part < 3; part++) await keys.press("ArrowLeft");
    await keys.type(spelling);
    if ((await target.inputValue()) === wanted) return;
  }
}

// choose takes the choice with that label.
export async function choose(target, label) {
  const keys = keysOf(target);
  if (!keys) return target.selectOption({ label });
  await tabTo(target.page(), target);
  await keys.type(label);
  await expect(target.locator("option:checked")).toHaveText(label);
}

// visit opens the last of the addresses. Without a pointer each of them is a link to be
// found on the page before it, some in a menu.
export async function visit(page, ...addresses) {
  if (!withoutPointer.has(page)) return page.goto(addresses.at(-1));
  for (const address of addresses) {
    const links = page.locator(`a[href="${address}"]`);
    const shown = links.filter({ visible: true }).first();
    if ((await shown.count()) === 0) await press(page.locator("details[data-menu]", { has: links }).locator("summary").filter({ visible: true }).first());
    await press(shown);
    await page.waitForURL((url) => url.pathname + url.search === address);
  }
}

// tabTo walks by Tab, forwards or back, until the wanted element has the focus.
// On the way one always sees where the focus is.
export async function tabTo(page, wanted) {
  await expect(wanted).toHaveCount(1);
  expect(await page.evaluate(lost), "the focus is not lost").toBe(false);
  const key = (await wanted.evaluate(isBehind)) ? "Shift+Tab" : "Tab";
  for (let steps = 0; steps < 60; steps++) {
    if (await wanted.evaluate((element) => element === document.activeElement)) return page.evaluate(remember);
    await page.keyboard.press(key);
    expect(await page.evaluate(unseen), "the focus is seen").toBeNull();
  }
  throw new Error(`60 times ${key} did not lead to ${wanted}`);
}

// remember marks this document as one in which something had the focus, and lost tells
// whether nothing has it any more: then one would have to begin at the top again.
const remember = () => void (document.documentElement.focused = true);
const lost = () => Boolean(document.documentElement.focused) && document.activeElement === document.body;

// isBehind reports whether an element stands before the one that has the focus.
const isBehind = (element) => document.activeElement !== document.body && Boolean(document.activeElement.compareDocumentPosition(element) & Node.DOCUMENT_POSITION_PRECEDING);

// unseen tells what is wrong if nobody can see where the focus is: nothing shows it, neither
// the element itself nor what it stands in, or that is outside of the window or behind
// something, other than a note that goes by itself. The button inside of a date field is
// the browser's own: the field is active then without having the focus.
function unseen() {
  const focused = document.activeElement;
  if (!focused?.matches(":focus") || focused === document.body) return null;
  const drawn = ({ outlineStyle, outlineWidth, boxShadow }) => (outlineStyle !== "none" && parseFloat(outlineWidth) > 0) || boxShadow !== "none";
  const shows = (element) => element.offsetWidth > 1 && (drawn(getComputedStyle(element)) || drawn(getComputedStyle(element, "::after")));
  let ring = focused;
  for (let up = 0; ring && !shows(ring); up++) ring = up < 3 ? ring.parentElement : null;
  const name = focused.outerHTML.slice(0, 200);
  if (!ring) return `no ring: ${name}`;
  const { left, top, right, bottom, width, height } = ring.getBoundingClientRect();
  const within = (from, to, size, room) => (size > room ? to > 0 && from < room : from >= -1 && to <= room + 1);
  if (!within(left, right, width, innerWidth) || !within(top, bottom, height, innerHeight)) return `outside of the window: ${name}`;
  const points = [0.1, 0.5, 0.9].flatMap((x) => [0.1, 0.5, 0.9].map((y) => document.elementFromPoint(left + x * width, top + y * height)));
  return points.some((hit) => hit && (ring.contains(hit) || hit.closest(".toasts"))) ? null : `behind something: ${name}`;
}
