// People who work in the demo's organization besides its owner.
import { expect, newcomer } from "./journey.js";
import { mailTo } from "./outbox.js";

// colleague has the owner invite somebody, who makes an account and so becomes a member.
export async function colleague(owner, page, name, role) {
  const person = newcomer({ name });
  await owner.goto("/settings/people");
  await owner.getByLabel("E-mail addresses").fill(person.email);
  await owner.getByLabel("Role", { exact: true }).selectOption(role);
  await owner.getByRole("button", { name: "Invite", exact: true }).click();
  await expect(owner.getByText("The invitation is on its way.")).toBeVisible();
  await page.goto((await mailTo(person.email, "Invitation")).link);
  await page.getByLabel("Your name").fill(person.name);
  await page.getByLabel("Password", { exact: true }).fill(person.password);
  await page.getByRole("button", { name: /^Sign up and join/ }).click();
  await expect(page.getByText(/^Welcome to /)).toBeVisible();
  return person;
}
