// What opens an account beside a password: codes of an authenticator app,
// recovery codes and passkeys.
import { expect, openOwnMenu, signIn, signUp, test as plain } from "./journey.js";
import { outboxOf } from "./outbox.js";
import { start } from "./server.js";
import { code } from "./totp.js";

// Browsers make passkeys for names only, so this AllIN is reached as localhost.
const test = plain.extend({
  allin: [
    async ({ browser }, use) => {
      const allin = await start({ name: "localhost" });
      outboxOf(allin, browser);
      await use(allin);
      await allin.stop();
    },
    { scope: "worker", timeout: 90_000 },
  ],
});

test.use({ as: "stranger" });

async function signOut(page, name) {
  await page.goto("/calendar");
  const menu = await openOwnMenu(page, name);
  await menu.getByRole("button", { name: "Sign out" }).click();
  await expect(page).toHaveURL(/\/sign-in$/);
}

async function askedForFactor(page, person) {
  await signIn(page, person);
  await expect(page.getByRole("heading", { name: "One more step" })).toBeVisible();
}

test("an authenticator app is set up, asked for, and stood in for by a recovery code", async ({ page, watch }) => {
  watch.expects(/status of 422/);
  const person = await signUp(page);
  await page.goto("/settings/profile");
  await page.getByRole("link", { name: "Sign-in" }).click();
  await page.getByRole("link", { name: "Set up" }).click();
  await expect(page.getByRole("img", { name: /QR code/ })).toBeVisible();
  const secret = await page.locator("#secret").textContent();
  await page.getByLabel("Code").fill("123");
  await page.getByRole("button", { name: "Turn on" }).click();
  await expect(page.getByLabel("Code")).toHaveAccessibleDescription(/does not fit/);
  await expect(page.locator("#secret"), "the secret stays").toHaveText(secret);
  await page.getByLabel("Code").fill(code(secret, -1));
  await page.getByRole("button", { name: "Turn on" }).click();

  await expect(page.getByRole("heading", { name: "Your recovery codes" })).toBeVisible();
  const recovery = await page.locator("#codes li").allTextContents();
  expect(recovery).toHaveLength(10);
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Download" }).click();
  expect((await download).suggestedFilename()).toBe("allin-recovery-codes.txt");
  await page.getByRole("link", { name: "I have kept them" }).click();
  await expect(page.locator("#two-step").getByText("10 left")).toBeVisible();

  await signOut(page, person.name);
  await page.goto("/posts?tab=past");
  await askedForFactor(page, person);
  await page.getByLabel("Code").fill("000000");
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(page.getByLabel("Code")).toHaveAccessibleDescription(/wrong or was used already/);
  await page.getByLabel("Code").fill(code(secret));
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(page, "where they wanted to go").toHaveURL(/\/posts\?tab=past$/);

  await signOut(page, person.name);
  await askedForFactor(page, person);
  await page.getByLabel("Code").fill(recovery[3]);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(page).toHaveURL(/\/calendar/);
  await page.goto("/settings/security");
  await expect(page.locator("#two-step").getByText("9 left")).toBeVisible();

  await page.getByRole("button", { name: "Turn off" }).first().click();
  await page.getByRole("dialog").getByRole("button", { name: "Turn off" }).click();
  await expect(page.getByText("The authenticator app is off.")).toBeVisible();
  await signOut(page, person.name);
  await signIn(page, person);
  await expect(page).toHaveURL(/\/calendar/);
});

// authenticator gives the browser one that holds passkeys and says yes.
async function authenticator(page) {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("WebAuthn.enable");
  const { authenticatorId } = await devtools.send("WebAuthn.addVirtualAuthenticator", {
    options: { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true },
  });
  const says = (yes) => devtools.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified: yes });
  const present = (yes) => devtools.send("WebAuthn.setAutomaticPresenceSimulation", { authenticatorId, enabled: yes });
  return { says, present };
}

test("a passkey is made, signs in alone and as second factor, and is removed", async ({ page, watch }) => {
  watch.expects(/status of 422/);
  const { says, present } = await authenticator(page);
  const person = await signUp(page);
  await page.goto("/settings/security");
  await page.getByRole("link", { name: "Add a passkey" }).click();
  await page.getByLabel("Name").fill("Blue laptop");

  await says(false);
  await page.getByRole("button", { name: "Make the passkey" }).click();
  await expect(page.getByRole("alert")).toContainText(/cancelled|cannot keep/);
  await says(true);
  await page.getByRole("button", { name: "Make the passkey" }).click();
  await expect(page.getByRole("heading", { name: "Your recovery codes" })).toBeVisible();
  await page.getByRole("link", { name: "I have kept them" }).click();
  const row = page.locator("#passkeys li");
  await expect(row).toContainText("Blue laptop");
  await expect(row).toContainText("not used yet");

  // The browser offers the passkey by itself, to somebody who says yes at once.
  await page.goto("/calendar");
  const menu = await openOwnMenu(page, person.name);
  const offered = page.waitForResponse((response) => new URL(response.url()).pathname === "/sign-in/passkey");
  await menu.getByRole("button", { name: "Sign out" }).click();
  expect((await offered).headers().location).toBe("/");
  await expect(page).toHaveURL(/\/calendar/);
  // One that does not offer it has the button.
  await page.addInitScript(() => (PublicKeyCredential.isConditionalMediationAvailable = async () => false));
  await signOut(page, person.name);
  await page.getByRole("button", { name: "Sign in with a passkey" }).click();
  await expect(page).toHaveURL(/\/calendar/);
  await page.goto("/settings/security");
  await expect(row).toContainText("last used");

  await present(false);
  await signOut(page, person.name);
  await askedForFactor(page, person);
  await present(true);
  await page.getByRole("button", { name: "Use a passkey" }).click();
  await expect(page).toHaveURL(/\/calendar/);

  await page.goto("/settings/security");
  await row.getByText("Rename").click();
  await row.getByLabel("Name").fill("Old laptop");
  await row.getByRole("button", { name: "Save" }).click();
  await expect(row).toContainText("Old laptop");

  // An organization that asks for it is closed to those who have none.
  await page.getByRole("button", { name: "Turn on" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Ask for it" }).click();
  await expect(page.getByText("Nordlys asks everybody for a second factor now.")).toBeVisible();
  await row.getByRole("button", { name: "Remove Old laptop" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
  await expect(page.getByRole("heading", { name: "A second factor is needed" })).toBeVisible();
  await page.goto("/posts");
  await expect(page.getByText("Nordlys is open only to people whose account has a second factor")).toBeVisible();
  await page.getByRole("link", { name: "Make a passkey" }).click();
  await page.getByLabel("Name").fill("New laptop");
  await page.getByRole("button", { name: "Make the passkey" }).click();
  await page.getByRole("link", { name: "I have kept them" }).click();
  await expect(page, "on to what was asked for").toHaveURL(/\/posts$/);
});
