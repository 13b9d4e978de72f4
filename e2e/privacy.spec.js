// People take their data along, delete an organization and change their mind,
// and leave for good.
import { expect, signUp, test } from "./journey.js";

test.use({ as: "stranger" });

const password = (page, id) => page.locator(`#${id}`);
const sure = (page, word) => page.getByRole("dialog").getByRole("button", { name: word }).click();

test("an archive is made, told of and downloaded", async ({ page }) => {
  await signUp(page, { organization: "Fjord" });
  await page.goto("/settings/data");
  await page.getByRole("button", { name: "Make an archive of my data" }).click();
  await expect(page.getByText("The archive is being made.")).toBeVisible();
  const link = page.getByRole("link", { name: "Download the archive of Your data" });
  await expect(link, "the list looks again by itself").toBeVisible({ timeout: 20_000 });
  const coming = page.waitForEvent("download");
  await link.click();
  const download = await coming;
  expect(download.suggestedFilename()).toMatch(/^allin-my-data-\d{4}-\d\d-\d\d\.zip$/);
  expect(await download.failure()).toBeNull();
  await page.goto("/notifications");
  await expect(page.getByText("Your archive is ready")).toBeVisible();
});

test("a deleted organization is closed, and comes back when its owner wants it", async ({ page, watch }) => {
  watch.expects(/status of (422|403)/);
  const person = await signUp(page, { organization: "Skerry" });
  await page.goto("/settings/data");
  await page.getByLabel("Name of the organization").fill("skerry");
  await password(page, "organization_password").fill(person.password);
  await page.getByRole("button", { name: "Delete Skerry" }).click();
  await sure(page, "Delete");
  await expect(page.getByLabel("Name of the organization")).toHaveAccessibleDescription(/Type Skerry here, exactly as it is written/);

  await page.getByLabel("Name of the organization").fill("Skerry");
  await password(page, "organization_password").fill(person.password);
  await page.getByRole("button", { name: "Delete Skerry" }).click();
  await sure(page, "Delete");
  await expect(page.getByText("Skerry is deleted.", { exact: true })).toBeVisible();

  await page.goto("/calendar");
  await expect(page.getByRole("heading", { name: "You are in no organization" })).toBeVisible();
  await page.getByRole("link", { name: "your data" }).click();
  await page.getByRole("button", { name: "Restore Skerry" }).click();
  await expect(page).toHaveURL(/\/accounts$/);
  await page.goto("/calendar");
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
});

test("an account goes with what is only its own", async ({ page, watch }) => {
  watch.expects(/status of 422/);
  const person = await signUp(page, { organization: "Sund" });
  await page.goto("/settings/data");
  await expect(page.getByText("Sund, of which you are the only member")).toBeVisible();
  await password(page, "password").fill("not the password");
  await page.getByRole("button", { name: "Delete my account" }).click();
  await sure(page, "Delete my account");
  await expect(password(page, "password")).toHaveAccessibleDescription(/This is not your password/);
  await password(page, "password").fill(person.password);
  await page.getByRole("button", { name: "Delete my account" }).click();
  await sure(page, "Delete my account");
  await expect(page.getByRole("heading", { name: "Your account is deleted" })).toBeVisible();

  await page.getByRole("link", { name: "To the sign-in page" }).click();
  await page.getByLabel("E-mail").fill(person.email);
  await page.getByLabel("Password", { exact: true }).fill(person.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByText("The address or the password is wrong.")).toBeVisible();
});
