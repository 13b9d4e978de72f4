// One story from the first address to the published post: somebody signs up,
// sets up a second factor, invites a colleague, who proposes a post; it is sent
// back, approved by a client from a link, and goes out. At a desk and on a phone,
// with a pointer and with the keyboard alone.
import { colleague } from "./colleagues.js";
import { Composer } from "./composer.js";
import { byKeyboard, press, visit as go, write } from "./hands.js";
import { connect, expect, minutesAhead, newcomer, signUp, test, wall } from "./journey.js";
import { mailTo } from "./outbox.js";
import { code } from "./totp.js";

test.use({ installation: "whole", as: "stranger" });

const words = "Winter hours: we open at ten.";
const better = "Winter hours: we open at ten, on Sundays at eleven.";

test("from signing up to a post that a client approved", async ({ page, visit }) => {
  test.setTimeout(300_000);
  await story({ owner: page, member: await visit(), client: await visit(), handle: `ada${process.pid}` });
});

test("the same with the keyboard alone", async ({ page, visit }) => {
  test.setTimeout(300_000);
  const [member, client] = [await visit(), await visit()];
  for (const one of [page, member, client]) byKeyboard(one);
  await story({ owner: page, member, client, handle: `key${process.pid}` });
});

async function story({ owner, member, client, handle }) {
  await test.step("sign up", () => signUp(owner, { name: "Ada Owner", organization: "Nordlys" }));
  await test.step("set up a second factor", () => secondFactor(owner));
  await test.step("connect an account", async () => {
    await go(owner, "/accounts");
    await connect(owner, "Mastodon", handle);
  });
  await test.step("invite a colleague, who accepts", () => colleague(owner, member, "Ben Member", "Member"));
  await test.step("the colleague proposes", () => propose(member));
  await test.step("the owner asks for changes", () => sendBack(owner));
  await test.step("the colleague changes it and asks again", () => askAgain(member));
  await test.step("a client approves", () => byClient(owner, client));
  await test.step("it goes out", async () => {
    await expect(member.locator("#post")).toContainText("Published", { timeout: 200_000 });
    const opened = member.waitForEvent("popup");
    await press(member.getByRole("link", { name: "See it on Mastodon" }));
    await expect((await opened).getByText(better, { exact: true })).toBeVisible();
  });
}

async function secondFactor(page) {
  await go(page, "/calendar", "/settings/profile", "/settings/security");
  await press(page.getByRole("link", { name: "Set up" }));
  const secret = await page.locator("#secret").textContent();
  await write(page.getByLabel("Code"), code(secret));
  await press(page.getByRole("button", { name: "Turn on" }));
  await expect(page.getByRole("heading", { name: "Your recovery codes" })).toBeVisible();
  await press(page.getByRole("link", { name: "I have kept them" }));
  await expect(page.locator("#two-step").getByText("10 left")).toBeVisible();
}

async function propose(page) {
  const composer = new Composer(page);
  await composer.open();
  await composer.choose("Mastodon");
  await composer.write(words);
  await composer.at(wall(minutesAhead() + 1));
  await composer.press("Ask for approval");
  await expect(page.locator("#approval")).toContainText("In review");
}

async function sendBack(page) {
  await go(page, "/posts", "/posts?tab=review");
  const row = page.locator(".waiting-post", { hasText: words });
  await press(row.locator("summary", { hasText: "Ask for changes" }));
  await write(row.getByLabel("What should change?"), "What about Sundays?");
  await press(row.getByRole("button", { name: "Send back" }));
  await expect(row).toHaveCount(0);
}

async function askAgain(page) {
  await expect(page.locator("#approval"), "told without a reload").toContainText("What about Sundays?");
  const composer = new Composer(page);
  await composer.open(`${new URL(page.url()).pathname}/edit`);
  await composer.write(better);
  await composer.press("Ask again");
  await expect(page.locator("#approval")).toContainText("In review");
}

async function byClient(page, client) {
  await press(page.locator(".waiting-words", { hasText: better }));
  await press(page.locator("summary", { hasText: "Ask a client" }));
  const { email } = newcomer({ name: "Cleo Client" });
  await write(page.getByLabel("Client’s name"), "Cleo Client");
  await write(page.getByLabel("Client’s e-mail"), email);
  await press(page.getByRole("button", { name: "Send the link" }));
  await expect(page.locator("#new-link")).toBeVisible();
  await client.goto((await mailTo(email, "Review asked")).link);
  await press(client.getByRole("button", { name: "Approve this post" }));
  await expect(client.getByText("The post is approved and goes out at its time.")).toBeVisible();
}
