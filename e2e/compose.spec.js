// Writing a post with a picture, in words of its own for one network, and
// moving others about in the calendar.
import { Composer } from "./composer.js";
import { day, expect, isPhone, minutesAhead, test, wall } from "./journey.js";

const common = "Evening sail on Thursday: three boats, one kettle, no hurry.";
const forX = "Evening sail on Thursday. Three boats, one kettle.";
const alt = "Three small boats moored at a quay in the evening light";

// At a desk the post is scheduled for one of the next minutes; on the phone it goes out at once.
test("a post goes out as it was written for each network, and others move", async ({ page }) => {
  test.setTimeout(180_000);
  await test.step("write and adapt", () => write(page));
  const at = await test.step("say when", () => send(page));

  await test.step("it is in the calendar", async () => {
    await page.goto(`/calendar?date=${at.date}`);
    await search(page, "Evening sail");
    if (!isPhone(page)) await expect(sail(page)).toContainText(at.time);
    await expect(page.locator(`[id="d-${at.date}"]`).getByRole("link", { name: /Evening sail/ })).toBeVisible();
  });

  await test.step("others move while it waits", () => (isPhone(page) ? moveByForm(page) : moveInCalendar(page)));

  await test.step("it goes out without a reload", async () => {
    await page.goto(`/calendar?date=${at.date}`);
    await search(page, "Evening sail");
    await expect(sail(page)).toContainText("Published", { timeout: 120_000 });
    await sail(page).click();
    const panel = page.getByRole("complementary", { name: "Details" });
    for (const [network, words] of [["X", forX], ["Mastodon", common], ["Bluesky", common]]) {
      const opened = page.waitForEvent("popup");
      await panel.getByRole("link", { name: `See it on ${network}` }).click();
      const tab = await opened;
      await expect(tab.getByText(words, { exact: true }), `its words on ${network}`).toBeVisible();
      await expect(tab.getByAltText(alt), `its picture on ${network}`).toBeVisible();
      await tab.close();
    }
  });
});

test("a button that is pressed twice sends one post", async ({ page }) => {
  const composer = new Composer(page);
  const words = "Pressed twice by somebody in a hurry.";
  await composer.open();
  await composer.choose("Mastodon");
  await composer.write(words);
  await composer.at({ date: day(wall().date, 6), time: "08:05" });
  await composer.step("Schedule");
  await composer.foot.getByRole("button", { name: "Schedule", exact: true }).dblclick();
  await expect(page.getByText(/Scheduled for /)).toBeVisible();
  await page.goto("/posts");
  await search(page, "in a hurry");
  await expect(page.locator(".posts-row")).toHaveCount(1);
});

test("what was written is still there after the page was left", async ({ page }) => {
  const composer = new Composer(page);
  const words = "A thought that came between two orders.";
  await composer.open();
  await composer.choose("Bluesky");
  await composer.write(words);
  await expect(page.getByText(/Draft saved/)).toBeVisible();
  await expect(page).toHaveURL(/\/posts\/[0-9a-f-]{36}\/edit$/);
  await page.goto("/posts?tab=drafts");
  await page.getByRole("link", { name: words }).click();
  await expect(composer.text).toHaveValue(words);
  await composer.step("Accounts");
  await expect(composer.account("Bluesky")).toBeChecked();
});

async function write(page) {
  const composer = new Composer(page);
  await page.goto("/calendar");
  if (isPhone(page)) await page.getByRole("link", { name: "New", exact: true }).click();
  else await page.keyboard.press("c");
  await expect(page.getByRole("heading", { level: 1, name: "New post" })).toBeVisible();
  await composer.choose("X", "Mastodon", "Bluesky");
  await composer.write(common);
  await addPicture(page, composer);

  await composer.tab("X").click();
  await composer.panel.getByRole("button", { name: "Write differently for X" }).click();
  await composer.write("A very long evening sail. ".repeat(12));
  await expect(composer.panel.getByText(/The text is \d+ characters too long for X/)).toBeVisible();
  await expect(composer.panel.locator("[data-ring]")).toHaveAttribute("data-level", "over");
  await expect(composer.verdict).toHaveText("1 account would refuse it");
  await composer.step("Accounts");
  await expect(composer.account("X"), "the problem stands at the right account").toHaveAccessibleDescription(/1 problem/);
  await expect(composer.account("Mastodon")).toHaveAccessibleDescription("would take it");
  await composer.write(forX);
  await expect(composer.panel.getByText(/too long/)).toHaveCount(0);
  await expect(composer.verdict).toHaveText("Ready for 3 accounts");
}

async function send(page) {
  const composer = new Composer(page);
  const at = wall(isPhone(page) ? 0 : minutesAhead());
  if (isPhone(page)) {
    await composer.now();
    await composer.press("Publish now");
    await expect(page.getByText("It goes out now.")).toBeVisible();
  } else {
    await composer.at(at);
    await composer.press("Schedule");
    await expect(page.getByText(/Scheduled for /)).toContainText(at.time);
  }
  await expect(page).toHaveURL(/\/posts\/[0-9a-f-]{36}$/);
  return at;
}

// addPicture holds the upload back until its progress is seen.
async function addPicture(page, composer) {
  const bar = composer.panel.getByRole("progressbar", { name: "Upload" });
  await page.route("**/media/uploads*", async (route) => {
    await expect(bar).toBeVisible();
    await route.continue();
  });
  await composer.attach({ name: "boats.png", mimeType: "image/png", buffer: await page.screenshot() });
  const describe = composer.panel.getByRole("button", { name: "Alt text of boats.png is missing: describe it" });
  await describe.click();
  const dialog = page.getByRole("dialog", { name: "Describe it" });
  await dialog.getByLabel("Alt text").fill(alt);
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(dialog).toBeHidden();
  await expect(composer.panel.getByRole("button", { name: `Alt text of boats.png: ${alt}` })).toBeVisible();
}

async function search(page, words) {
  await page.getByRole("searchbox", { name: "Search posts" }).fill(words);
  await expect(page).toHaveURL(new RegExp(`q=${encodeURIComponent(words).replaceAll("%20", "(\\+|%20)")}`));
}

const sail = (page) => page.locator("#calendar").getByRole("link", { name: /Evening sail/ });

// The demo's posts of the coming days. Which of them is moved and where to is
// chosen so that both days stand in the same week.
const coming = [
  { in: 2, words: "How a bag of coffee gets to our door" },
  { in: 3, words: "Film night again on Friday" },
];
const packed = { in: 4, words: "The Advent boxes are being packed" };

const weekday = (date) => new Date(`${date}T00:00:00Z`).getUTCDay();

async function moveInCalendar(page) {
  const today = wall().date;
  const dragged = coming.find((post) => weekday(day(today, post.in)) !== 1);
  const from = day(today, dragged.in);
  const to = day(from, -1);
  await page.goto(`/calendar?date=${from}`);
  const chip = page.locator("#calendar").getByRole("link", { name: new RegExp(dragged.words) });
  const time = await chip.locator("time").textContent();
  await drag(page, chip, page.locator(`[id="d-${to}"]`));
  await expect(page.getByText(/^Moved to /)).toContainText(time);
  await expect(inDay(page, to, dragged.words)).toBeVisible();

  const keyed = day(today, packed.in);
  const [key, by] = weekday(keyed) === 0 ? ["ArrowLeft", -1] : ["ArrowRight", 1];
  await page.goto(`/calendar?date=${keyed}`);
  await inDay(page, keyed, packed.words).focus();
  await page.keyboard.press(`Alt+${key}`);
  await expect(inDay(page, day(keyed, by), packed.words)).toBeVisible();
  await expect(inDay(page, day(keyed, by), packed.words), "the keyboard stays where it was").toBeFocused();
  await expect(page.getByText(/^Moved to /)).toBeVisible();

  await page.reload();
  await expect(inDay(page, day(keyed, by), packed.words), "moved by keyboard, kept").toBeVisible();
  await page.goto(`/calendar?date=${to}`);
  await expect(inDay(page, to, dragged.words), "dragged, kept").toBeVisible();
  await expect(inDay(page, from, dragged.words)).toHaveCount(0);
}

const inDay = (page, date, words) => page.locator(`[id="d-${date}"]`).getByRole("link", { name: new RegExp(words) });

async function drag(page, chip, cell) {
  const from = await chip.boundingBox();
  const to = await cell.boundingBox();
  await page.mouse.move(from.x + from.width / 2, from.y + from.height / 2);
  await page.mouse.down();
  await page.mouse.move(to.x + to.width / 2, to.y + to.height / 2, { steps: 12 });
  await expect(page.locator(".drag-time"), "the new time stands beside the pointer").toBeVisible();
  await page.mouse.up();
}

async function moveByForm(page) {
  const today = wall().date;
  await page.goto("/posts");
  await page.getByRole("link", { name: new RegExp(packed.words) }).click();
  const panel = page.getByRole("complementary", { name: "Details" });
  await panel.getByText("Move to another time").click();
  await panel.getByLabel("Date").fill(day(today, 1));
  await panel.getByLabel("Time", { exact: true }).fill("21:45");
  await panel.getByRole("button", { name: "Move", exact: true }).click();
  await expect(panel.getByRole("heading", { name: /Tomorrow, 21:45/ })).toBeVisible();
  await page.reload();
  await expect(page.locator(".posts-row", { hasText: packed.words })).toContainText("21:45");
}
