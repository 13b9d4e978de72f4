// Looking after the installation: people, organizations, the networks' apps, and
// what was done, by whom.
import { readFile } from "node:fs/promises";
import { expect, signIn, signUp, test } from "./journey.js";

test.use({ installation: "console" });

const confirm = (page, word) => page.getByRole("dialog").getByRole("button", { name: word, exact: true }).click();

test("a person is suspended, and let in again", async ({ page, visit, watch }) => {
  watch.expects(/status of (401|422)/);
  const other = await visit();
  const person = await signUp(other, { name: "Noa Berg", organization: "Fjord" });

  await page.goto("/console/people");
  await page.getByRole("searchbox", { name: "Name or e-mail" }).fill("noa");
  await expect(page.getByRole("heading", { name: "1 person" })).toBeVisible();
  await page.getByRole("link", { name: "Noa Berg" }).click();
  await expect(page.getByRole("link", { name: "Fjord" })).toBeVisible();
  await page.getByRole("button", { name: "Suspend" }).click();
  await expect(page.getByRole("dialog").getByText("All their sessions end at once")).toBeVisible();
  await confirm(page, "Suspend");
  await expect(page.getByText("The person is suspended, and signed out everywhere.")).toBeVisible();

  await other.goto("/calendar");
  await expect(other, "the other browser is signed out").toHaveURL(/\/sign-in/);
  await other.getByLabel("E-mail").fill(person.email);
  await other.getByLabel("Password", { exact: true }).fill(person.password);
  await other.getByRole("button", { name: "Sign in" }).click();
  await expect(other.locator(".field-error")).toHaveText("The address or the password is wrong.");

  await page.getByRole("button", { name: "Let them sign in again" }).click();
  await expect(page.getByText("The person can sign in again.")).toBeVisible();
  await other.goto("/sign-in");
  await signIn(other, person);
  await expect(other.getByRole("heading", { level: 1 })).toBeVisible();
});

test("an organization is suspended, and its member is told", async ({ page, visit, watch }) => {
  watch.expects(/status of 403/);
  const other = await visit();
  await signUp(other, { name: "Ida Holm", organization: "Skagen" });
  await page.goto("/console/organizations?q=skagen");
  await page.getByRole("link", { name: "Skagen" }).click();
  await page.getByLabel("Reason").fill("A question about an invoice");
  await page.getByRole("button", { name: "Suspend" }).click();
  await confirm(page, "Suspend");
  await expect(page.getByText("A question about an invoice")).toBeVisible();

  await other.goto("/calendar");
  await expect(other.getByRole("heading", { name: "This organization is suspended" })).toBeVisible();
  await expect(other.getByText("Ask whoever runs this installation")).toBeVisible();

  await page.getByRole("button", { name: "Let Skagen go on" }).click();
  await expect(page.getByText("The organization goes on.")).toBeVisible();
  await other.goto("/calendar");
  await expect(other.getByRole("heading", { level: 1 })).toBeVisible();
  await expect(other).toHaveURL(/\/calendar/);
});

test("the app at X is entered, used and removed", async ({ page, watch }) => {
  watch.expects(/status of 422/);
  await page.goto("/accounts/connect/x");
  await expect(page.getByText("Not yet possible.")).toBeVisible();
  await page.goto("/console/networks");
  await expect(page.getByLabel("Callback address")).toHaveValue(/\/accounts\/callback\/x$/);
  await page.getByLabel("Client ID").fill("client-of-ours");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("Enter the client secret.")).toBeVisible();
  await expect(page.getByLabel("Client ID"), "what was typed stays").toHaveValue("client-of-ours");
  await page.getByLabel("Client secret", { exact: true }).fill("very secret");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText(/Set on .* by Robin Vale/)).toBeVisible();
  expect(await page.content()).not.toContain("very secret");

  await page.goto("/accounts/connect/x");
  await expect(page.getByText("Not yet possible.")).toHaveCount(0);
  await page.goto("/console/networks");
  await page.getByRole("button", { name: "Remove" }).click();
  await confirm(page, "Remove");
  await expect(page.getByText("The app is removed.")).toBeVisible();
});

test("what was done stands in the audit log, which holds together", async ({ page }) => {
  await page.goto("/console/settings");
  await page.getByLabel("By invitation").check();
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("Who may sign up is saved.")).toBeVisible();

  await page.goto("/console/audit");
  await page.getByRole("combobox", { name: "Act" }).selectOption("setting.changed");
  const row = page.locator("#audit tbody tr").first();
  await expect(row).toContainText("Robin Vale");
  await expect(row).toContainText("after: invite, before: open");
  const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "CSV" }).click()]);
  expect(await readFile(await file.path(), "utf8")).toContain("setting.changed");
  await page.getByRole("button", { name: "Verify the chain" }).click();
  await expect(page.getByText("The log holds together.")).toBeVisible();
});

test("health renews itself", async ({ page }) => {
  await page.goto("/console/health");
  const asOf = page.getByText(/^As of /);
  const before = await asOf.textContent();
  await expect(asOf).not.toHaveText(before, { timeout: 15_000 });
  await expect(page.getByText("Publish to Bluesky")).toBeVisible();
});
