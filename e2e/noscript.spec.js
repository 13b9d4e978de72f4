// A browser that runs no script: everything that matters works all the same.
import { day, expect, signIn, test, wall } from "./journey.js";

test.use({ as: "stranger", javaScriptEnabled: false });

test("sign in, schedule a post, find it, cancel it", async ({ page, allin }) => {
  const words = "Written in a browser that runs no script.";
  const tomorrow = day(wall().date, 1);
  await page.goto("/");
  await signIn(page, allin);
  await page.goto("/posts/new");
  for (const network of ["X", "Bluesky"]) await page.getByRole("checkbox", { name: `${network},` }).check();
  await page.getByRole("textbox", { name: "Text 1" }).fill(words);
  await page.getByLabel("Date").fill(tomorrow);
  await page.getByLabel("Time", { exact: true }).fill("23:40");
  await page.getByRole("button", { name: "Schedule", exact: true }).click();
  await expect(page).toHaveURL(/\/posts\/[0-9a-f-]{36}$/);
  await expect(page.locator("#post")).toContainText(words);
  await expect(page.locator("#post")).toContainText("Tomorrow, 23:40");

  await page.goto("/posts");
  await expect(page.locator(".posts-row", { hasText: words })).toContainText("Scheduled");
  await page.goto(`/calendar?date=${tomorrow}`);
  await page.getByRole("searchbox", { name: "Search posts" }).fill("no script");
  await page.getByRole("button", { name: "Filter" }).click();
  const chip = page.locator(`[id="d-${tomorrow}"]`).getByRole("link", { name: new RegExp(words) });
  await expect(chip).toContainText("23:40");
  await chip.click();
  await expect(page).toHaveURL(/\/posts\/[0-9a-f-]{36}$/);
  await page.getByRole("button", { name: "Cancel", exact: true }).click();
  await expect(page.locator("#post")).toContainText("Canceled");
  await page.goto("/posts");
  await expect(page.locator(".posts-row", { hasText: words }).filter({ hasText: "Scheduled" })).toHaveCount(0);
});

test("what is wrong is told beside what was typed", async ({ page, allin, watch }) => {
  watch.expects(/status of 422/);
  await page.goto("/sign-in");
  await signIn(page, allin);
  await page.goto("/posts/new");
  await page.getByRole("checkbox", { name: "X," }).check();
  await page.getByRole("textbox", { name: "Text 1" }).fill("Too late for this one.");
  await page.getByLabel("Date").fill(day(wall().date, -1));
  await page.getByRole("button", { name: "Schedule", exact: true }).click();
  await expect(page.getByLabel("Time", { exact: true })).toHaveAccessibleDescription(/This time is past/);
  await expect(page.getByRole("textbox", { name: "Text 1" })).toHaveValue("Too late for this one.");
  await expect(page.getByRole("checkbox", { name: "X," })).toBeChecked();
});
