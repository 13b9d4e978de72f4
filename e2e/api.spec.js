// Programs: a key is made in the settings, used by a program, and revoked.
import { expect, signUp, test } from "./journey.js";

test.use({ as: "stranger" });

test("make a key, copy it, use it, revoke it", async ({ page, request, context, watch }) => {
  watch.expects(/status of 422/);
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await signUp(page);
  await page.goto("/settings/api");
  await expect(page.getByText("No keys yet")).toBeVisible();

  await page.getByLabel("What it is for").fill("Weekly report");
  await page.getByRole("button", { name: "Make the key" }).click();
  await expect(page.getByText("Choose at least one thing that the key may do.")).toBeVisible();
  await expect(page.getByLabel("What it is for"), "what was typed stays").toHaveValue("Weekly report");

  await page.getByLabel("See members, roles and the organization").check();
  await page.getByRole("button", { name: "Make the key" }).click();
  const key = await page.locator("#key").textContent();
  expect(key).toMatch(/^allin_key_/);
  await page.getByRole("button", { name: "Copy" }).click();
  await expect(page.getByRole("button", { name: "Copied" })).toBeVisible();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(key);

  const headers = { Authorization: `Bearer ${key}` };
  const answer = await request.get("/api/v1/team/members", { headers });
  expect(answer.status()).toBe(200);
  expect((await answer.json()).items).toHaveLength(1);

  await page.goto("/settings/api");
  await expect(page.getByText(/last used/)).toBeVisible();
  await expect(page.getByText(key), "a key is shown once").toHaveCount(0);
  await page.getByRole("button", { name: "Revoke Weekly report" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
  await expect(page.getByText("The key is revoked.")).toBeVisible();
  expect((await request.get("/api/v1/team/members", { headers })).status()).toBe(401);
});

test("the page about the API leads to its description", async ({ page, request }) => {
  await page.goto("/api/v1/docs");
  await page.getByRole("link", { name: "List members" }).click();
  await expect(page).toHaveURL(/#list-members$/);
  await expect(page.getByText("GET /api/v1/team/members", { exact: true })).toBeVisible();
  const description = await request.get(await page.getByRole("link", { name: "openapi.json" }).getAttribute("href"));
  expect((await description.json()).openapi).toBe("3.1.0");
});
