// Accounts on the imitated networks: connecting them as one does on the real
// ones, losing them, and getting them back.
import { connect, connectMenu, consent, expect, signUp, test } from "./journey.js";

test.use({ as: "stranger" });

const row = (page, network) => page.locator("#accounts li", { hasText: `${network} ·` });

test("connect an account of each network, disconnect one, reconnect it", async ({ page, allin }) => {
  await signUp(page);
  await page.goto("/accounts");
  await expect(page.getByRole("heading", { name: "No accounts yet" })).toBeVisible();
  await connect(page, "X", "nordlys");
  await expect(row(page, "X")).toContainText("@nordlys");
  await connect(page, "Mastodon", "nordlys");
  await connectBluesky(page, await appPassword(page, allin, "nordlys"));
  for (const network of ["X", "Mastodon", "Bluesky"]) await expect(row(page, network)).toContainText("Connected");

  await row(page, "Mastodon").getByRole("button", { name: "Disconnect" }).click();
  const question = page.getByRole("dialog");
  await expect(question).toContainText("Disconnect Mastodon @nordlys");
  await question.getByRole("button", { name: "Disconnect" }).click();
  await expect(page.getByText(/Mastodon @nordlys\S* is disconnected/)).toBeVisible();
  await expect(row(page, "Mastodon")).toContainText("Disconnected");
  await expect(row(page, "X"), "the others stay").toContainText("Connected");

  await row(page, "Mastodon").getByRole("button", { name: "Reconnect" }).click();
  await consent(page, "nordlys");
  await expect(page).toHaveURL(/\/accounts$/);
  await expect(row(page, "Mastodon")).toHaveCount(1);
  await expect(row(page, "Mastodon")).not.toContainText("Disconnected");
});

test("what goes wrong while connecting is told where it went wrong", async ({ page, allin, watch }) => {
  watch.expects(/status of 422/);
  await signUp(page);
  await test.step("refusing at the network", async () => {
    await page.goto("/accounts");
    await connectMenu(page, "X");
    await page.getByRole("button", { name: "Go on to X" }).click();
    await page.getByRole("button", { name: "Cancel" }).click();
    await expect(page.getByRole("alert")).toHaveText(/You did not allow/);
    await expect(page.getByRole("button", { name: "Go on to X" }), "one can try again at once").toBeVisible();
  });
  const account = await appPassword(page, allin, "bothnia");
  await test.step("a wrong app password", async () => {
    await page.goto("/accounts");
    await expect(page.getByRole("heading", { name: "No accounts yet" })).toBeVisible();
    await connectMenu(page, "Bluesky");
    await page.getByLabel("Handle").fill(account.handle);
    await page.getByLabel("App password", { exact: true }).fill("abcd-efgh-ijkl-mnop");
    await page.getByRole("button", { name: "Connect", exact: true }).click();
    await expect(page.getByRole("alert")).toContainText(/password/i);
    await expect(page.getByLabel("Handle")).toHaveValue(account.handle);
  });
  await test.step("the network is down", async () => {
    await power(allin, "off");
    await page.getByLabel("App password", { exact: true }).fill(account.password);
    await page.getByRole("button", { name: "Connect", exact: true }).click();
    await expect(page.getByRole("alert")).toContainText("Bluesky");
    await expect(page.getByLabel("Handle")).toHaveValue(account.handle);
    await power(allin, "on");
    await page.getByLabel("App password", { exact: true }).fill(account.password);
    await page.getByRole("button", { name: "Connect", exact: true }).click();
    await expect(row(page, "Bluesky")).toContainText("Connected");
  });

  // power switches the imitated Bluesky off and on, on the sandbox's own page.
  async function power({ sandbox }, turn) {
    const control = await page.context().newPage();
    await control.goto(`${sandbox}/control`);
    await control.locator("section.plan.bluesky").getByRole("button", { name: `Switch ${turn}` }).click();
    await expect(control.locator("section.plan.bluesky").getByText("Switched off")).toHaveCount(turn === "off" ? 1 : 0);
    await control.close();
  }
});

async function connectBluesky(page, { handle, password }) {
  await connectMenu(page, "Bluesky");
  await page.getByLabel("Handle").fill(handle);
  await page.getByLabel("App password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Connect", exact: true }).click();
  await expect(page.getByText(/^Bluesky @\S+ is connected/)).toBeVisible();
}

// appPassword makes an account on the imitated Bluesky, and reads there what opens it.
async function appPassword(page, { sandbox }, handle) {
  const bluesky = await page.context().newPage();
  await bluesky.goto(sandbox);
  await bluesky.getByRole("link", { name: "make one here" }).click();
  await bluesky.getByRole("textbox", { name: "Handle", exact: true }).fill(handle);
  await bluesky.getByRole("button", { name: "Make it" }).click();
  const line = await bluesky.locator(".secret", { hasText: `@${handle}` }).textContent();
  await bluesky.close();
  const [, shown, password] = /@(\S+): app password (\S+)/.exec(line);
  return { handle: shown, password };
}
