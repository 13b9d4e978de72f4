// Looking around in the calendar, moving what stands in it, and the same
// calendar on another screen.
import { day, expect, test, wall } from "./journey.js";

const waffles = { in: 5, words: /Saturday means waffles/ };

test("filters narrow what is shown, and the back button goes back", async ({ page }) => {
  await page.goto("/calendar?view=month");
  const chips = page.locator("#calendar .post-chip");
  const all = await chips.count();
  await page.locator("#filter-states summary").click();
  await page.getByLabel("Scheduled").check();
  await expect(page).toHaveURL(/state=scheduled/);
  await expect.poll(() => chips.count()).toBeLessThan(all);
  await expect(chips.filter({ hasText: "Published" })).toHaveCount(0);
  await page.locator("#filter-states summary").click();
  await page.getByRole("checkbox", { name: /Harbour Coffee Mastodon/ }).check({ force: true });
  await expect(page).toHaveURL(/account=/);
  await page.getByRole("link", { name: "Week", exact: true }).click();
  await expect(page).toHaveURL(/view=week.*account=|account=.*view=week/);

  await page.goBack();
  await expect(page).toHaveURL(/view=month/);
  await expect(page.locator(".month")).toBeVisible();
  await page.getByRole("link", { name: "Show all" }).click();
  await expect.poll(() => chips.count()).toBe(all);
});

test("a move shows on another screen at once, and can be undone", async ({ page, context }) => {
  const from = day(wall().date, waffles.in);
  const to = day(from, 1);
  const other = await context.newPage();
  for (const screen of [page, other]) await screen.goto(`/calendar?date=${from}`);
  await page.bringToFront();
  await inDay(page, from).focus();
  await page.keyboard.press("m");
  const dialog = page.getByRole("dialog", { name: "Move post" });
  await dialog.getByLabel("New time").fill(`${to}T11:15`);
  await dialog.getByRole("button", { name: "Move" }).click();
  for (const screen of [page, other]) await expect(inDay(screen, to)).toContainText("11:15");

  await page.getByRole("button", { name: "Undo" }).click();
  for (const screen of [page, other]) await expect(inDay(screen, from)).toContainText("10:30");
});

test("what is past cannot be moved, and nothing can be moved into the past", async ({ page, watch }) => {
  watch.expects(/409/);
  const from = day(wall().date, waffles.in);
  await page.goto(`/calendar?date=${from}`);
  await expect(page.locator(".post-chip[data-draggable]", { hasText: "Published" })).toHaveCount(0);
  await inDay(page, from).focus();
  await page.keyboard.press("m");
  const dialog = page.getByRole("dialog", { name: "Move post" });
  await dialog.getByLabel("New time").fill(`${day(wall().date, -1)}T11:15`);
  await dialog.getByRole("button", { name: "Move" }).click();
  await expect(page.getByText(/This time is past/)).toBeVisible();
  await expect(inDay(page, from), "it stays where it was").toContainText("10:30");
});

test("a day's list renews itself, as a page and in the side panel", async ({ page, visit, demoState }) => {
  const date = day(wall().date, waffles.in);
  const other = await visit({ storageState: demoState });
  await other.goto(`/calendar/day?date=${date}`);
  await page.goto(`/calendar?date=${date}`);
  await page.locator(`[id="d-${date}"] .day-number`).click();
  await expect(page.locator("#panel #day")).toContainText("10:30");
  await page.locator("#panel").getByRole("link", { name: waffles.words }).click();
  await expect(page.locator("#panel #post")).toBeVisible();
  await page.getByText("Move to another time").click();
  await page.locator("#panel").getByLabel("Time", { exact: true }).fill("10:45");
  await page.locator("#panel").getByRole("button", { name: "Move", exact: true }).click();
  await expect(other.locator("#day")).toContainText("10:45");
  await expect(other.locator("#day")).toHaveCount(1);
  await expect(other.getByRole("heading", { level: 1 })).toHaveCount(1);
  await expect(other.locator("#day h2"), "it is the list alone that is renewed").toHaveCount(0);

  await page.locator("#panel").getByRole("button", { name: "Close" }).click();
  await page.locator(`[id="d-${date}"] .day-number`).click();
  await expect(page.locator("#panel #day")).toContainText("10:45");
  await other.getByRole("link", { name: waffles.words }).click();
  await other.getByText("Move to another time").click();
  await other.getByLabel("Time", { exact: true }).fill("10:30");
  await other.getByRole("button", { name: "Move", exact: true }).click();
  await expect(page.locator("#panel #day")).toContainText("10:30");
  await expect(page.locator("#panel h2"), "the panel's own title alone").toHaveCount(1);
});

const inDay = (page, date) => page.locator(`[id="d-${date}"]`).getByRole("link", { name: waffles.words });
