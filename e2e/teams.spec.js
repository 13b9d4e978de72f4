// A team: inviting people, what they may do, taking them out, handing over.
import { expect, signIn, signUp, test } from "./journey.js";
import { mailTo } from "./outbox.js";

test.use({ installation: "teams", as: "stranger" });

const people = (page) => page.getByRole("list").filter({ has: page.getByText("You", { exact: true }) });
const row = (page, name) => people(page).getByRole("listitem").filter({ hasText: name });

// invitationTo is the path that the newest invitation to the address leads to.
const invitationTo = async (address) => (await mailTo(address, "Invitation")).link;

async function join(page, path, name) {
  await page.goto(path);
  await expect(page.getByRole("heading", { name: "Join Nordlys" })).toBeVisible();
  await expect(page.getByLabel("Time zone"), "the browser's zone is chosen already").toHaveValue("Europe/Berlin");
  await page.getByLabel("Your name").fill(name);
  await page.getByLabel("Password", { exact: true }).fill("a long walk by the sea");
  await page.getByRole("button", { name: "Sign up and join Nordlys" }).click();
  await expect(page.getByText("Welcome to Nordlys.")).toBeVisible();
}

test("invite, accept, change a role, remove, hand over", async ({ page, visit, watch }) => {
  test.setTimeout(120_000);
  watch.expects(/status of 404/);
  const owner = await signUp(page);
  const [mia, jo] = [`mia-${process.pid}@example.com`, `jo-${process.pid}@example.com`];
  await page.goto("/settings/people");
  await expect(page.getByText("No invitation is waiting for an answer.")).toBeVisible();
  await page.getByLabel("E-mail addresses").fill(`${mia}, ${jo}`);
  await page.getByRole("button", { name: "Invite", exact: true }).click();
  await expect(page.getByText("2 invitations are on their way.")).toBeVisible();

  const link = await invitationTo(mia);
  const [hers, theirs] = [await visit(), await visit()];
  await join(hers, link, "Mia Koch");
  await join(theirs, await invitationTo(jo), "Jo Lind");
  await expect(hers.getByRole("link", { name: "New post" }).first(), "an editor writes").toBeVisible();
  const late = await visit();
  await late.goto(link);
  await expect(late.getByText("This invitation does not hold any more"), "a link opens once").toBeVisible();

  await page.reload();
  await row(page, "Mia Koch").getByLabel("Role of Mia Koch").selectOption("Viewer");
  await row(page, "Mia Koch").getByRole("button", { name: "Change" }).click();
  await expect(page.getByText("The role is changed.")).toBeVisible();
  await expect(hers.getByRole("link", { name: "New post" }), "her open page follows").toHaveCount(0, { timeout: 5_000 });

  await row(page, "Mia Koch").getByRole("button", { name: "Remove Mia Koch" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
  await expect(page.getByText("The person is no longer a member.")).toBeVisible();
  await expect(hers.getByRole("heading", { name: "You are in no organization" }), "her open page closes").toBeVisible({ timeout: 5_000 });
  await hers.goto("/posts");
  await expect(hers).toHaveURL(/\/organizations\/new$/);
  await hers.getByLabel("Organization").fill("Mia's own");
  await hers.getByRole("button", { name: "Make the organization" }).click();
  await expect(hers.getByText("Mia's own, with times in")).toBeVisible();

  await page.getByLabel("New owner").selectOption({ label: `Jo Lind (${jo})` });
  await page.getByRole("button", { name: "Go on" }).click();
  await expect(page.getByRole("heading", { name: "Hand Nordlys over to Jo Lind?" })).toBeVisible();
  await page.getByRole("button", { name: "Hand it over" }).click();
  await expect(page.getByText("Ownership is handed over. You are an admin now.")).toBeVisible();
  await expect(row(page, "Jo Lind").getByText("Owner", { exact: true })).toBeVisible();
  await expect(page.getByRole("heading", { name: "Ownership" }), "an admin has none to give").toHaveCount(0);

  await theirs.goto("/settings/audit");
  const log = theirs.locator("#audit");
  await expect(log.getByText("handed ownership over to Jo Lind")).toBeVisible();
  await expect(log.getByText("removed Mia Koch, who was Viewer")).toBeVisible();
  await expect(log.getByText(`invited ${mia} as Editor`)).toBeVisible();
  await log.getByLabel("What").selectOption({ label: "Member removed" });
  await log.getByRole("button", { name: "Filter" }).click();
  await expect(log.getByRole("listitem")).toHaveCount(1);

  // Somebody who is a member somewhere else joins with the account they have.
  await theirs.goto("/settings/people");
  await theirs.getByLabel("E-mail addresses").fill(mia);
  await theirs.getByRole("button", { name: "Invite", exact: true }).click();
  await expect(theirs.getByText("The invitation is on its way.")).toBeVisible();
  await hers.goto("/invitations");
  await hers.getByRole("button", { name: "Join Nordlys" }).click();
  await expect(hers.getByText("Welcome to Nordlys.")).toBeVisible();

  // Whoever is invited under another address is told so.
  const another = await visit();
  await theirs.getByLabel("E-mail addresses").fill(`ada-${process.pid}@example.com`);
  await theirs.getByRole("button", { name: "Invite", exact: true }).click();
  await expect(theirs.getByText("The invitation is on its way.")).toBeVisible();
  const other = await signUp(another, { name: "Ada Berg", organization: "Berg" });
  await another.goto(await invitationTo(`ada-${process.pid}@example.com`));
  await expect(another.getByText("The invitation is for another address.")).toBeVisible();
  await another.getByLabel(`Join with ${other.email} all the same`).check();
  await another.getByRole("button", { name: "Join Nordlys" }).click();
  await expect(another.getByText("Welcome to Nordlys.")).toBeVisible();

  await page.goto("/settings/people");
  await page.getByRole("button", { name: "Leave the organization" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Leave" }).click();
  await expect(page.getByRole("heading", { name: "You are in no organization" })).toBeVisible();
  await page.getByRole("button", { name: "Sign out" }).click();
  await signIn(page, owner);
  await expect(page, "who has no organization is offered one").toHaveURL(/\/organizations\/new$/);
});

test("the organization gets a name, a logo and defaults, and its usage is counted", async ({ page, watch }) => {
  watch.expects(/status of 422/);
  await signUp(page);
  await page.goto("/settings/organization");
  await page.getByLabel("Organization").fill("Nordlys Studio");
  await page.getByRole("button", { name: "Save the name" }).click();
  await expect(page.getByText("The name is saved.")).toBeVisible();
  await page.getByLabel("Picture").setInputFiles({ name: "note.png", mimeType: "image/png", buffer: Buffer.from("<svg/>") });
  await page.getByRole("button", { name: "Use this picture" }).click();
  await expect(page.getByLabel("Picture")).toHaveAccessibleDescription(/not a picture/);
  await page.getByLabel("Picture").setInputFiles({ name: "dot.png", mimeType: "image/png", buffer: dot });
  await page.getByRole("button", { name: "Use this picture" }).click();
  await expect(page.getByText("The logo is saved.")).toBeVisible();
  await expect(page.locator(".side summary").first().locator("img")).toBeVisible();
  await page.getByLabel("Default posting time").fill("08:15");
  await page.getByRole("button", { name: "Save time and defaults" }).click();
  await expect(page.getByText("Time and defaults are saved.")).toBeVisible();
  await page.goto("/posts/new?date=2031-05-01");
  await expect(page.getByLabel("Time", { exact: true })).toHaveValue("08:15");

  await page.goto("/settings/billing");
  await expect(page.getByText("AllIN takes no payments")).toBeVisible();
  await page.getByLabel("Company").fill("Nordlys Studio ApS");
  await page.getByRole("button", { name: "Save invoice details" }).click();
  await expect(page.getByText("The invoice details are saved.")).toBeVisible();
  const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "Export as CSV" }).click()]);
  expect(file.suggestedFilename()).toBe("usage.csv");
});

const dot = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==", "base64");
