// A post that somebody else has to say yes to: a member proposes it, an editor wants it changed,
// a client without an account approves it, and it goes out.
import { colleague } from "./colleagues.js";
import { Composer } from "./composer.js";
import { tabTo } from "./hands.js";
import { expect, minutesAhead, test, wall } from "./journey.js";
import { mailTo } from "./outbox.js";

test.use({ installation: "approval" });

const words = "Ferry timetable for Advent: the last boat leaves at nine.";
const better = "Ferry timetable for Advent: the last boat leaves at nine in the evening.";

test("a member proposes, an editor wants changes, a client approves, it goes out", async ({ page, visit, watch }) => {
  test.setTimeout(300_000);
  watch.expects(/status of 404/);
  const [member, editor, client] = [await visit(), await visit(), await visit()];
  await colleague(page, member, "Mika Member", "Member");
  await colleague(page, editor, "Edda Editor", "Editor");

  const post = await test.step("the member proposes", () => propose(member));
  await test.step("the editor sends it back, with the keyboard alone", () => sendBack(editor));
  await test.step("the member is told, answers and asks again", () => askAgain(member, post));
  const link = await test.step("the editor asks a client", () => askClient(editor, post));
  await test.step("the client approves, without an account", () => approve(client, link));
  await test.step("it goes out as it was approved", async () => {
    await expect(member.locator("#post")).toContainText("Published", { timeout: 200_000 });
    const opened = member.waitForEvent("popup");
    await member.getByRole("link", { name: "See it on Mastodon" }).click();
    await expect((await opened).getByText(better, { exact: true })).toBeVisible();
    await member.goto(`${post}/history`);
    await expect(member.locator(".version")).toHaveCount(2);
    await expect(member.locator(".difference ins").first()).toContainText("in the evening");
  });
});

async function propose(page) {
  const composer = new Composer(page);
  await composer.open();
  await composer.choose("Mastodon");
  await composer.write(words);
  await expect(composer.foot.getByRole("button", { name: "Schedule" })).toHaveCount(0);
  await composer.at(wall(minutesAhead() + 2));
  await composer.press("Ask for approval");
  await expect(page.getByText("Somebody is asked now.")).toBeVisible();
  await expect(page.locator("#approval")).toContainText("In review");
  await expect(page.locator("#approval").getByRole("button", { name: /^Approve/ })).toHaveCount(0);
  return new URL(page.url()).pathname;
}

async function sendBack(page) {
  await page.goto("/posts?tab=review");
  const row = page.locator(".waiting-post", { hasText: words });
  await tabTo(page, row.locator("summary", { hasText: "Ask for changes" }));
  await page.keyboard.press("Enter");
  await tabTo(page, row.getByLabel("What should change?"));
  await page.keyboard.type("Say that it is in the evening.");
  await tabTo(page, row.getByRole("button", { name: "Send back" }));
  // The live update may be faster than the answer, and the form gone when it comes.
  await page.route("**/changes", async (route) => {
    const response = await route.fetch();
    await expect(row).toHaveCount(0);
    await route.fulfill({ response });
  });
  await page.keyboard.press("Enter");
  await expect(page.getByText("Sent back to its author.")).toBeVisible();
  await expect(row).toHaveCount(0);
}

async function askAgain(page, post) {
  await expect(page.locator("#approval"), "told without a reload").toContainText("Say that it is in the evening.");
  await page.getByRole("textbox", { name: "Comment" }).focus();
  await page.keyboard.type("Done, @edd");
  await expect(page.getByRole("option", { name: "Edda Editor" })).toBeVisible();
  await page.keyboard.press("Enter");
  await page.keyboard.type("thank you");
  await tabTo(page, page.getByRole("button", { name: "Comment", exact: true }));
  await page.keyboard.press("Enter");
  await expect(page.locator(".comment-text .mention")).toHaveText("@Edda Editor");
  await expect(page.getByRole("textbox", { name: "Comment" }), "what was sent is gone from its field").toHaveValue("");

  const composer = new Composer(page);
  await composer.open(`${post}/edit`);
  await expect(page.getByText("Say that it is in the evening.")).toBeVisible();
  await composer.write(better);
  await composer.press("Ask again");
  await expect(page.locator("#approval")).toContainText("In review");
}

async function askClient(page, post) {
  await page.goto("/calendar");
  await page.locator("#bell summary").click();
  await expect(page.locator("#notifications").getByText("Mika Member mentioned you in a comment")).toBeVisible();
  await page.goto(post);
  await page.locator("summary", { hasText: "Ask a client" }).click();
  await page.getByLabel("Client’s name").fill("Cleo Client");
  await page.getByLabel("Client’s e-mail").fill("cleo@client.example");
  await page.getByRole("button", { name: "Send the link" }).click();
  const link = await page.locator("#new-link").inputValue();
  const mail = await mailTo("cleo@client.example", "Review asked");
  expect(link, "the mail brings the same link").toContain(mail.link);
  expect(mail.text.replace(/\s+/g, " "), "and the post's words").toContain(better);
  return link;
}

async function approve(page, link) {
  const { pathname } = new URL(link);
  await page.goto(`${pathname.slice(0, -1)}${pathname.endsWith("A") ? "B" : "A"}`);
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("This link opens nothing");
  await page.goto(pathname);
  await expect(page.getByRole("article", { name: "Preview on Mastodon" })).toContainText(better);
  await expect(page.getByRole("link"), "nothing leads anywhere else").toHaveCount(0);
  await page.getByRole("button", { name: "Approve this post" }).click();
  await expect(page.getByText("The post is approved and goes out at its time.")).toBeVisible();
}

test("two people write the same post, and neither is overwritten", async ({ page, visit, watch }) => {
  watch.expects(/(status of|Error Code) 409/);
  const other = await visit();
  await colleague(page, other, "Olga Other", "Editor");
  const [mine, theirs] = [new Composer(page), new Composer(other)];
  await mine.open();
  await mine.write("One sentence.");
  await expect(page.getByText(/Draft saved/)).toBeVisible();
  await expect(page).toHaveURL(/\/edit$/);
  const { pathname } = new URL(page.url());
  await mine.open(pathname);
  await theirs.open(pathname);
  await expect(page.getByText("Olga Other is editing this too")).toBeVisible({ timeout: 35_000 });

  await theirs.write("One sentence, and hers.");
  await expect(other.locator(".saved-state [data-if=saved]")).toBeVisible();
  await mine.write("One sentence, and mine.");
  await page.getByRole("button", { name: "Compare" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Two versions" })).toBeVisible();
  await expect(page.locator(".difference ins")).toContainText("hers");
  await page.getByRole("button", { name: "Merge by hand" }).click();
  await expect(page.locator(".newer-text")).toContainText("and hers");
  await mine.write("One sentence, hers and mine.");
  await mine.press("Save changes");
  await expect(page.getByText("The draft is saved.")).toBeVisible();
  await other.reload();
  await expect(theirs.text).toHaveValue("One sentence, hers and mine.");
});

test("what cannot be saved is kept", async ({ page, context, watch }) => {
  watch.expects(/ERR_INTERNET_DISCONNECTED|htmx:(sendError|afterRequest)/);
  const composer = new Composer(page);
  await composer.open();
  await composer.write("Begun on the quay.");
  await expect(page.getByText(/Draft saved/)).toBeVisible();
  await context.setOffline(true);
  await composer.write("Begun on the quay, finished in a tunnel.");
  await expect(page.getByRole("button", { name: "try again" })).toBeVisible();
  await context.setOffline(false);
  page.on("dialog", (dialog) => dialog.accept());
  await page.reload();
  await page.getByRole("button", { name: "Put it back" }).click();
  await expect(composer.text).toHaveValue("Begun on the quay, finished in a tunnel.");
  await expect(page.getByText(/Draft saved/)).toBeVisible();
});
