// Somebody with an account of their own: coming in by a link, losing the
// password, changing the address, and showing again who they are.
import { expect, openOwnMenu, signIn, signUp, test } from "./journey.js";
import { mailTo } from "./outbox.js";

test.use({ as: "stranger" });

test("sign up by link, sign out, reset, sign in, change the address", async ({ page, visit }) => {
  const person = await signUp(page);
  await page.goto("/calendar");
  const menu = await openOwnMenu(page, person.name);
  await menu.getByRole("button", { name: "Sign out" }).click();
  await expect(page).toHaveURL(/\/sign-in$/);

  const elsewhere = await visit();
  await elsewhere.goto("/sign-in");
  await signIn(elsewhere, person);

  await page.getByRole("link", { name: "Forgot your password?" }).click();
  await page.getByLabel("E-mail").fill(person.email);
  await page.getByRole("button", { name: "Send me the link" }).click();
  await expect(page.getByText(`We have sent a mail to ${person.email}`)).toBeVisible();
  const { link } = await mailTo(person.email, "Reset");
  await page.goto(link);
  person.password = "the kettle sings at dawn";
  await page.getByLabel("New password", { exact: true }).fill(person.password);
  await page.getByRole("button", { name: "Set the password" }).click();
  await expect(page).toHaveURL(/\/calendar/);
  await expect(page.getByText("Your new password is set.")).toBeVisible();
  await elsewhere.goto("/calendar");
  await expect(elsewhere, "everywhere else is signed out").toHaveURL(/\/sign-in/);
  await signIn(elsewhere, person);
  await expect(elsewhere).toHaveURL(/\/calendar/);

  await page.goto("/settings/profile");
  await page.getByRole("link", { name: "Change e-mail" }).click();
  const address = person.email.replace("@", "-new@");
  await page.getByLabel("New e-mail address").fill(address);
  await page.getByRole("button", { name: "Send the link" }).click();
  await expect(page.getByText(`We have sent a mail to ${address}`)).toBeVisible();
  await elsewhere.goto((await mailTo(address, "Confirm email")).link);
  await elsewhere.getByRole("button", { name: "Use this address" }).click();
  await expect(elsewhere.getByRole("heading", { name: "Your address is changed" })).toBeVisible();
  await page.reload();
  await expect(page.locator("#sign-in-with")).toContainText(address);

  await page.goto((await mailTo(person.email, "Email changed")).link);
  await page.getByRole("button", { name: "Take the change back" }).click();
  await expect(page.getByRole("heading", { name: "The change is taken back" })).toBeVisible();
  await page.goto("/calendar");
  await expect(page, "and everybody is signed out").toHaveURL(/\/sign-in/);
  await signIn(page, person);
  await expect(page).toHaveURL(/\/calendar/);
});

test("a link that was used opens nothing", async ({ page, watch }) => {
  watch.expects(/status of 404/);
  const person = await signUp(page);
  await page.context().clearCookies();
  await page.goto("/forgot");
  await page.getByLabel("E-mail").fill(person.email);
  await page.getByRole("button", { name: "Send me the link" }).click();
  const { link } = await mailTo(person.email, "Reset");
  await page.goto(link);
  await page.getByLabel("New password", { exact: true }).fill("the kettle sings at dawn");
  await page.getByRole("button", { name: "Set the password" }).click();
  await expect(page).toHaveURL(/\/calendar/);
  await page.goto(link);
  await expect(page.getByRole("heading", { name: "This link opens nothing" })).toBeVisible();
  await page.getByRole("link", { name: "Ask for a new one" }).click();
  await expect(page).toHaveURL(/\/forgot$/);
});
