// People with an account of their own: signing up, in and out, their devices
// and what they like to see.
import { expect, openOwnMenu, signIn, signUp, test } from "./journey.js";

test.use({ as: "stranger" });

test("sign up, look around, sign out, sign in again", async ({ page }) => {
  await page.goto("/sign-in");
  await page.getByRole("link", { name: "Sign up" }).click();
  await expect(page.getByRole("button", { name: "Send me the link" })).toBeVisible();
  const person = await signUp(page);
  await expect(page.getByText("Nordlys, with times in Europe / Berlin")).toBeVisible();
  await page.getByRole("link", { name: "Look at the calendar first" }).click();
  await expect(page.getByText("No account is connected yet")).toBeVisible();

  const menu = await openOwnMenu(page, person.name);
  await expect(menu.getByText(person.email)).toBeVisible();
  await menu.getByRole("button", { name: "Sign out" }).click();
  await expect(page).toHaveURL(/\/sign-in$/);
  await page.goto("/calendar");
  await expect(page, "signed out is signed out").toHaveURL(/\/sign-in\?next=/);
  await page.goBack();

  await page.goto("/sign-in");
  await signIn(page, person);
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  await expect(page).toHaveURL(/\/calendar/);
});

test("a wrong password is told at its field, and the address stays", async ({ page, allin, watch }) => {
  watch.expects(/status of 422/);
  await page.goto("/sign-in");
  await page.getByLabel("E-mail").fill(allin.email);
  await page.getByLabel("Password", { exact: true }).fill("not the password");
  await page.getByRole("button", { name: "Sign in" }).click();
  const password = page.getByLabel("Password", { exact: true });
  await expect(password).toHaveAccessibleDescription(/The address or the password is wrong/);
  await expect(password).toBeFocused();
  await expect(page.getByLabel("E-mail")).toHaveValue(allin.email);
  await signIn(page, allin);
  await expect(page).toHaveURL(/\/calendar/);
});

test("a device is signed out from another one", async ({ page, visit }) => {
  const person = await signUp(page);
  const other = await visit();
  await other.goto("/sign-in");
  await signIn(other, person);
  await expect(other).toHaveURL(/\/calendar/);

  await page.goto("/settings/devices");
  const rows = page.locator("#devices li");
  await expect(rows).toHaveCount(2);
  await expect(rows.filter({ hasText: "This device" })).toHaveCount(1);
  await rows.filter({ hasNotText: "This device" }).getByRole("button", { name: "Sign out there" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Sign out there" }).click();
  await expect(page.getByText("You are signed out there.")).toBeVisible();
  await expect(rows).toHaveCount(1);

  await other.goto("/posts");
  await expect(other).toHaveURL(/\/sign-in\?next=/);
  await page.reload();
  await expect(rows, "this one stays").toHaveCount(1);
});

test("the theme that was chosen stays", async ({ page }) => {
  const person = await signUp(page);
  await page.goto("/calendar");
  const light = await surface(page);
  const menu = await openOwnMenu(page, person.name);
  await menu.getByRole("button", { name: "Dark" }).click();
  await expect.poll(() => surface(page)).not.toBe(light);
  const dark = await surface(page);
  await page.reload();
  expect(await surface(page)).toBe(dark);
  await page.goto("/accounts");
  expect(await surface(page)).toBe(dark);
});

const surface = (page) => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
