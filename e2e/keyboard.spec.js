// A person who uses no pointer.
import { tabTo } from "./hands.js";
import { expect, test } from "./journey.js";

test.describe("from signing in to a scheduled post", () => {
  test.use({ as: "stranger" });

  test("with the keyboard alone", async ({ page, allin }) => {
    await page.goto("/");
    await expect(page.getByLabel("E-mail")).toBeFocused();
    await page.keyboard.type(allin.email);
    await tabTo(page, page.getByLabel("Password", { exact: true }));
    await page.keyboard.type(allin.password);
    await page.keyboard.press("Enter");
    await expect(page).toHaveURL(/\/calendar/);

    await page.keyboard.press("Tab");
    const skip = page.getByRole("link", { name: "Skip to content" });
    await expect(skip).toBeFocused();
    await expect(skip).toBeInViewport();
    await page.keyboard.press("Enter");
    await expect(page.locator("#main")).toBeFocused();

    await page.keyboard.press("c");
    await expect(page.getByRole("heading", { level: 1, name: "New post" })).toBeVisible();
    for (const network of ["Bluesky", "Mastodon"]) {
      await tabTo(page, page.getByRole("checkbox", { name: `${network},` }));
      await page.keyboard.press("Space");
    }
    await tabTo(page, page.getByRole("textbox", { name: "Text 1" }));
    await page.keyboard.type("Written without a mouse, between two customers.");
    await expect(page.locator("#verdict")).toHaveText("Ready for 2 accounts");
    await tabTo(page, page.getByRole("button", { name: "Schedule", exact: true }));
    await page.keyboard.press("Enter");
    await expect(page.getByText(/Scheduled for /)).toBeVisible();
    await expect(page.locator("#post")).toContainText("Written without a mouse");
  });
});

test("a dialog keeps the focus, Escape closes it, and the focus returns", async ({ page }) => {
  await page.goto("/calendar");
  const chip = page.locator(".post-chip[data-draggable]").last();
  await chip.focus();
  await page.keyboard.press("m");
  const dialog = page.getByRole("dialog", { name: "Move post" });
  await expect(dialog.getByLabel("New time")).toBeFocused();
  for (const key of [...Array(12).fill("Tab"), ...Array(12).fill("Shift+Tab")]) {
    await page.keyboard.press(key);
    expect(await page.evaluate(() => document.activeElement === document.body || Boolean(document.activeElement.closest("dialog[open]")))).toBe(true);
  }
  await page.keyboard.press("Escape");
  await expect(dialog).toBeHidden();
  await expect(chip).toBeFocused();
});

test("the side panel takes the focus and gives it back", async ({ page }) => {
  await page.goto("/calendar");
  const chip = page.locator(".post-chip[data-draggable]").last();
  await chip.focus();
  await page.keyboard.press("Enter");
  const panel = page.getByRole("complementary", { name: "Details" });
  await expect(panel.locator(".panel-head h2")).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(panel).toBeHidden();
  await expect(chip).toBeFocused();
});
