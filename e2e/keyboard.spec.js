// A person who uses no pointer.
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

// tabTo walks on by Tab until the wanted element has the focus. On the way one
// always sees where the focus is.
async function tabTo(page, wanted) {
  for (let steps = 0; steps < 60; steps++) {
    await page.keyboard.press("Tab");
    const hidden = await page.evaluate(unseen);
    expect(hidden, "the focus is seen").toBeNull();
    if (await wanted.evaluate((element) => element === document.activeElement)) return;
  }
  throw new Error(`60 times Tab did not lead to ${wanted}`);
}

// unseen returns the element that has the focus if nothing shows that it has:
// neither itself, nor what it stands in. The button inside of a date field is
// the browser's own: the field is active then without having the focus.
function unseen() {
  const focused = document.activeElement;
  if (!focused?.matches(":focus") || focused === document.body) return null;
  for (let element = focused, up = 0; element && up < 4; element = element.parentElement, up++) {
    const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(element);
    if ((outlineStyle !== "none" && parseFloat(outlineWidth) > 0) || boxShadow !== "none") return null;
  }
  return focused.outerHTML.slice(0, 200);
}
