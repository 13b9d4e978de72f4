// Somebody who has just started AllIN for the first time, at a desk and with a
// phone beside it.
import { expect, signIn, test } from "./journey.js";

test.use({ installation: "newcomer", as: "stranger" });

test("a newcomer signs in and watches a post go out", async ({ page, allin, visit }) => {
  test.setTimeout(150_000);
  await page.goto("/");
  await expect(page).toHaveURL(/\/sign-in$/);
  await page.goto("/calendar?view=week");
  await expect(page, "who is not signed in comes back to what they asked for").toHaveURL(/\/sign-in\?next=/);
  await signIn(page, allin);
  await expect(page).toHaveURL(/\/calendar\?view=week$/);
  await page.getByRole("link", { name: "Month", exact: true }).click();
  await expect(page.locator(".month .post-chip").nth(20), "the calendar is full of posts").toBeAttached();
  await expect(page.locator(".month .post-chip", { hasText: "Published" }).nth(5)).toBeAttached();

  const phone = await visit({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
  await phone.goto("/");
  await signIn(phone, allin);

  for (const screen of [page, phone]) {
    await expect(due(screen)).toContainText(/Scheduled|Publishing/);
    await screen.evaluate(() => (window.sameDocument = true));
  }
  for (const screen of [page, phone]) {
    await expect(due(screen), "it goes out while one watches").toContainText("Published", { timeout: 120_000 });
    expect(await screen.evaluate(() => window.sameDocument), "without a reload").toBe(true);
  }
  for (const screen of [page, phone]) await seeItOnTheNetworks(screen);
});

const due = (page) => page.locator("#calendar").getByRole("link", { name: /The kettle is on/ });

async function seeItOnTheNetworks(page) {
  await due(page).click();
  const panel = page.getByRole("complementary", { name: "Details" });
  await expect(panel.locator(".post-text")).toContainText("Good morning from the harbour.");
  for (const network of ["X", "Mastodon", "Bluesky"]) {
    const link = panel.getByRole("link", { name: `See it on ${network}` });
    const opened = page.waitForEvent("popup");
    await link.click();
    const tab = await opened;
    await expect(tab.getByText("The kettle is on and the window is steamed up."), `its text on ${network}`).toBeVisible();
    const picture = tab.getByAltText("A small boat on a calm sea under a pale morning sun");
    await expect(picture, `its picture on ${network}`).toBeVisible();
    await expect.poll(() => picture.evaluate((image) => image.naturalWidth)).toBeGreaterThan(100);
    await tab.close();
  }
  await page.keyboard.press("Escape");
  await expect(panel).toBeHidden();
}
