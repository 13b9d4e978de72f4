// People who work in the demo's organization besides its owner.
import { choose, press, visit, write } from "./hands.js";
import { expect, newcomer } from "./journey.js";
import { mailTo } from "./outbox.js";

// colleague has the owner invite somebody, who makes an account and so becomes a member.
export async function colleague(owner, page, name, role) {
  const person = newcomer({ name });
  await visit(owner, "/settings/profile", "/settings/people");
  await write(owner.getByLabel("E-mail addresses"), person.email);
  await choose(owner.getByLabel("Role", { exact: true }), role);
  await press(owner.getByRole("button", { name: "Invite", exact: true }));
  await expect(owner.getByText("The invitation is on its way.")).toBeVisible();
  await page.goto((await mailTo(person.email, "Invitation")).link);
  await write(page.getByLabel("Your name"), person.name);
  await write(page.getByLabel("Password", { exact: true }), person.password);
  await press(page.getByRole("button", { name: /^Sign up and join/ }));
  await expect(page.getByText(/^Welcome to /)).toBeVisible();
  return person;
}
