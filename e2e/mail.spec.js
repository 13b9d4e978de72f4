// Mail and notifications: what people choose, and the console's outbox.
import { expect, test } from "./journey.js";
import { mailTo } from "./outbox.js";

test("what one is told is chosen and stays", async ({ page }) => {
  await page.goto("/settings/profile");
  await page.getByRole("link", { name: "Notifications", exact: true }).click();
  await page.getByLabel("Posts that were not sent").selectOption("App only");
  await page.getByRole("button", { name: "Save" }).first().click();
  await expect(page.getByText("What you are told is saved.")).toBeVisible();
  await expect(page.getByLabel("Posts that were not sent")).toHaveValue("app");
  await expect(page.getByLabel("Posts that may be live")).toHaveValue("mail");

  await page.getByLabel("Once a day", { exact: true }).check();
  await page.getByLabel("Once a day at").selectOption("17:00");
  await page.getByRole("button", { name: "Save" }).last().click();
  await expect(page.getByText("Mail comes once a day.")).toBeVisible();
  await page.reload();
  await expect(page.getByLabel("Once a day", { exact: true })).toBeChecked();
  await expect(page.getByLabel("Once a day at")).toHaveValue("17");

  await page.getByLabel("At once").check();
  await page.getByRole("button", { name: "Save" }).last().click();
  await expect(page.getByText("Mail comes at once.")).toBeVisible();
});

test("a mail that nothing sends is kept, and read in the console", async ({ page, allin }) => {
  await page.goto("/console");
  await page.getByRole("link", { name: "Mail", exact: true }).click();
  await expect(page.getByText("Nothing sends mail yet.")).toBeVisible();
  await page.getByRole("button", { name: "Send a test mail to me" }).click();
  const status = page.locator("#mail-state");
  await expect(status, "the state comes by itself").toContainText("Kept here");
  await expect(status.getByRole("button"), "nothing to send it by").toHaveCount(0);
  await expect(page.getByRole("region", { name: "The mail as text" })).toContainText("This is the test mail that you asked for.");
  const shown = page.frameLocator("iframe");
  await expect(shown.getByRole("heading", { name: "Mail from AllIN arrives" })).toBeVisible();

  await page.getByRole("link", { name: "Back to the outbox" }).click();
  await page.getByLabel("Search by recipient").fill(allin.email);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("row", { name: /Test.*Kept here/ }).first()).toBeVisible();
  expect((await mailTo(allin.email, "Test")).text).toContain("This is the test mail that you asked for.");
  await page.getByRole("link", { name: "Failed" }).click();
  await expect(page.getByText("No mail matches")).toBeVisible();
});

test("mail settings say what is wrong, and keep what was typed", async ({ page, watch }) => {
  watch.expects(/status of 422/);
  await page.goto("/console/mail/settings");
  const server = page.locator("section", { has: page.getByRole("heading", { name: "Mail server (SMTP)" }) }).last();
  await server.getByLabel("Sender").fill("nobody");
  await server.getByLabel("Server").fill("smtp.example.com");
  await server.getByRole("button", { name: "Send by this server" }).click();
  await expect(server.getByLabel("Sender")).toHaveAccessibleDescription(/Enter the sender/);
  await expect(server.getByLabel("Server")).toHaveValue("smtp.example.com");
});
